/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The APIC bus: routing between LAPIC models, I/O APICs and a recording IrqChipOps. */
#include "qemu/osdep.h"

#include "hw/intc/apic-bus.h"
#include "qemu/main-loop.h"

#define NR_CPUS 4
#define LEVEL IOAPIC_RTE_LEVEL
#define MASKED IOAPIC_RTE_MASKED

/* What happened outside, as text: "kick 1", "gsi 5 1", "route 5 fee00000 31", ... */
static GString *events;
static LAPIC lapics[NR_CPUS];
static IOAPIC ioapic;

static void kick(void *opaque, unsigned cpu_index)
{
    g_string_append_printf(events, "kick %u\n", cpu_index);
}

static const ApicCpuOps cpu_ops = { .kick = kick };

static void route_update(void *opaque, unsigned gsi, const IrqRoute *route,
                         const IrqRoute *in_service)
{
    g_string_append_printf(events, "route %u %" PRIx64 " %x\n", gsi, route->addr, route->data);
    if (in_service->valid) {
        g_string_append_printf(events, "sent %u %" PRIx64 " %x\n", gsi, in_service->addr,
                               in_service->data);
    }
}

static void routes_commit(void *opaque)
{
    g_string_append(events, "commit\n");
}

static void set_gsi(void *opaque, unsigned gsi, bool level)
{
    g_string_append_printf(events, "gsi %u %d\n", gsi, level);
}

static bool send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    g_string_append_printf(events, "msi %" PRIx64 " %x\n", addr, data);
    return true;
}

static void set_intr(void *opaque, bool level)
{
    g_string_append_printf(events, "intr %d\n", level);
}

static int flying_vector; /* -1: none */
static bool suppressed;

static bool k_in_flight(void *opaque, uint8_t vector)
{
    return vector == flying_vector;
}

static bool k_suppressed(void *opaque)
{
    return suppressed;
}

static const IrqChipOps kernel_ops = {
    .name = "test", .route_update = route_update, .routes_commit = routes_commit,
    .set_gsi = set_gsi, .send_msi = send_msi, .set_intr = set_intr,
    .vector_in_flight = k_in_flight, .eoi_suppressed = k_suppressed,
};

static void notify(void *opaque, unsigned gsi)
{
    g_string_append_printf(events, "eoi %u\n", gsi);
}

static ApicBus *new_user_bus(SeoibMode seoib)
{
    ApicBusConfig cfg = { .mode = APIC_BUS_USER, .seoib = seoib, .max_cpus = NR_CPUS,
                          .cpu_ops = &cpu_ops };
    ApicBus *bus = apic_bus_new(&cfg);

    for (unsigned i = 0; i < NR_CPUS; i++) {
        LapicConfig lc = { .apic_id = i, .bsp = i == 0, .x2apic = true };

        lapic_init(&lapics[i], &lc);
        lapic_mmio_write(&lapics[i], 0xf0, 0x1ff, 4, 0);
        lapic_mmio_write(&lapics[i], 0xd0, 1u << (24 + i), 4, 0);
        apic_bus_add_lapic(bus, i, &lapics[i]);
    }
    ioapic_init(&ioapic, 0x20, false);
    apic_bus_add_ioapic(bus, &ioapic, 0, NULL, NULL);
    g_string_truncate(events, 0);
    return bus;
}

static ApicBus *new_kernel_bus(ApicBusMode mode, SeoibMode seoib)
{
    ApicBusConfig cfg = { .mode = mode, .seoib = seoib, .max_cpus = NR_CPUS,
                          .irqchip_ops = &kernel_ops };
    ApicBus *bus = apic_bus_new(&cfg);

    ioapic_init(&ioapic, 0x20, false);
    apic_bus_add_ioapic(bus, &ioapic, 0, NULL, NULL);
    g_string_truncate(events, 0);
    return bus;
}

static void set_rte(ApicBus *bus, unsigned pin, uint64_t rte)
{
    apic_bus_ioapic_write(bus, &ioapic, 0, 0x11 + 2 * pin, 4);
    apic_bus_ioapic_write(bus, &ioapic, 0x10, rte >> 32, 4);
    apic_bus_ioapic_write(bus, &ioapic, 0, 0x10 + 2 * pin, 4);
    apic_bus_ioapic_write(bus, &ioapic, 0x10, (uint32_t)rte, 4);
}

/* What has happened since the last call. */
static void expect(const char *text)
{
    g_assert_cmpstr(events->str, ==, text);
    g_string_truncate(events, 0);
}

static int take(unsigned cpu)
{
    lapic_sync(&lapics[cpu], 0);
    return lapic_pending(&lapics[cpu]) < 0 ? -1 : lapic_ack(&lapics[cpu]);
}

static LapicMsg write_lapic(ApicBus *bus, unsigned cpu, unsigned reg, uint32_t value)
{
    LapicMsg msg = lapic_mmio_write(&lapics[cpu], reg, value, 4, 0);

    apic_bus_lapic_msg(bus, cpu, &msg);
    return msg;
}

/* --- Software LAPICs ------------------------------------------------------------------------ */

static void test_pin_reaches_its_processor(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    set_rte(bus, 5, 2ull << 56 | 0x41);
    apic_bus_set_gsi(bus, 5, true);
    expect("kick 2\n");
    g_assert_cmphex(take(2), ==, 0x41);
    g_assert_cmpint(take(1), ==, -1);
    apic_bus_free(bus);
}

static void test_gsi0_is_pin2(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    set_rte(bus, 2, 0x30);
    set_rte(bus, 0, 0x40);
    apic_bus_set_gsi(bus, 0, true);
    g_assert_cmphex(take(0), ==, 0x30);
    apic_bus_free(bus);
}

static void test_unknown_gsi_is_ignored(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    apic_bus_set_gsi(bus, 24, true);
    apic_bus_set_gsi(bus, 0xffffffff, true);
    expect("");
    apic_bus_free(bus);
}

static void test_logical_reaches_all_addressed(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    g_assert_true(apic_bus_send_msi(bus, 0xfee00004 | 0x0a << 12, 0x55));
    expect("kick 1\nkick 3\n");
    g_assert_cmphex(take(1), ==, 0x55);
    g_assert_cmphex(take(3), ==, 0x55);
    apic_bus_free(bus);
}

static void test_lowest_priority_takes_idlest(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    for (unsigned i = 0; i < NR_CPUS; i++) {
        lapic_mmio_write(&lapics[i], 0x80, i == 2 ? 0x10 : 0x20, 4, 0);
    }
    for (unsigned n = 0; n < 8; n++) {
        g_assert_true(apic_bus_send_msi(bus, 0xfee00004 | 0x0f << 12, 0x155));
        g_assert_cmphex(take(2), ==, 0x55);
        lapic_mmio_write(&lapics[2], 0xb0, 0, 4, 0);
    }
    apic_bus_free(bus);
}

static void test_lowest_priority_rotates_among_equals(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);
    unsigned hits[NR_CPUS] = { 0 };

    for (unsigned n = 0; n < 8; n++) {
        apic_bus_send_msi(bus, 0xfee0f004, 0x155);
        for (unsigned i = 0; i < NR_CPUS; i++) {
            if (take(i) >= 0) {
                hits[i]++;
                lapic_mmio_write(&lapics[i], 0xb0, 0, 4, 0);
            }
        }
    }
    for (unsigned i = 0; i < NR_CPUS; i++) {
        g_assert_cmpuint(hits[i], ==, 2);
    }
    apic_bus_free(bus);
}

static void test_lowest_priority_skips_disabled(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    for (unsigned i = 1; i < NR_CPUS; i++) {
        lapic_mmio_write(&lapics[i], 0xf0, 0xff, 4, 0);
    }
    for (unsigned n = 0; n < 4; n++) {
        apic_bus_send_msi(bus, 0xfee0f004, 0x155);
        g_assert_cmphex(take(0), ==, 0x55);
        lapic_mmio_write(&lapics[0], 0xb0, 0, 4, 0);
    }
    apic_bus_free(bus);
}

static void test_shorthands(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    write_lapic(bus, 1, 0x300, 0x40041);
    expect(""); /* the sender looks by itself */
    g_assert_cmphex(take(1), ==, 0x41);
    write_lapic(bus, 1, 0x300, 0xc0051);
    expect("kick 0\nkick 2\nkick 3\n");
    g_assert_cmpint(take(1), ==, -1);
    g_assert_cmphex(take(0), ==, 0x51);
    write_lapic(bus, 1, 0x300, 0x80061);
    g_assert_cmphex(take(1), ==, 0x61);
    g_assert_cmphex(take(3), ==, 0x61);
    apic_bus_free(bus);
}

static void test_init_sipi_reach_target(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    write_lapic(bus, 0, 0x310, 3u << 24);
    write_lapic(bus, 0, 0x300, 0x4500);
    expect("kick 3\n");
    g_assert_cmphex(lapic_sync(&lapics[3], 0), ==, LAPIC_EV_INIT);
    write_lapic(bus, 0, 0x300, 0x4699);
    expect("kick 3\n");
    g_assert_cmphex(lapic_sync(&lapics[3], 0), ==, LAPIC_EV_SIPI | 0x9900);
    apic_bus_free(bus);
}

static void test_level_eoi_round_trip(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    apic_bus_set_eoi_notify(bus, notify, NULL);
    set_rte(bus, 9, LEVEL | 0x41);
    apic_bus_set_gsi(bus, 9, true);
    expect("kick 0\n");
    g_assert_cmphex(take(0), ==, 0x41);
    write_lapic(bus, 0, 0xb0, 0); /* EOI before the line drops: a second delivery */
    expect("eoi 9\nkick 0\n");
    g_assert_cmphex(take(0), ==, 0x41);
    apic_bus_set_gsi(bus, 9, false);
    write_lapic(bus, 0, 0xb0, 0);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmphex(ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR, ==, 0);
    apic_bus_free(bus);
}

static void test_suppressed_eoi_needs_directed_eoi(void)
{
    ApicBus *bus = new_user_bus(SEOIB_RESPECTED);

    g_assert_cmphex(lapic_mmio_read(&lapics[0], 0x30, 4, 0), ==, 0x01050014);
    write_lapic(bus, 0, 0xf0, 0x11ff);
    set_rte(bus, 9, LEVEL | 0x41);
    apic_bus_set_gsi(bus, 9, true);
    g_assert_cmphex(take(0), ==, 0x41);
    write_lapic(bus, 0, 0xb0, 0); /* the Credential Guard order: no second delivery */
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmphex(ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR, !=, 0);
    apic_bus_set_gsi(bus, 9, false);
    apic_bus_ioapic_write(bus, &ioapic, 0x40, 0x41, 4);
    g_assert_cmphex(ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR, ==, 0);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpuint(ioapic.count.broadcast_eois, ==, 0);
    g_assert_cmpuint(ioapic.count.directed_eois, ==, 1);
    apic_bus_free(bus);
}

static void test_not_accepted_level_is_tried_again(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    lapic_mmio_write(&lapics[0], 0xf0, 0xff, 4, 0);
    set_rte(bus, 9, LEVEL | 0x41);
    apic_bus_set_gsi(bus, 9, true);
    g_assert_cmphex(ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR, ==, 0);
    lapic_mmio_write(&lapics[0], 0xf0, 0x1ff, 4, 0);
    set_rte(bus, 9, LEVEL | 0x41);
    g_assert_cmphex(take(0), ==, 0x41);
    apic_bus_free(bus);
}

static int intack(void *opaque)
{
    return 0x77;
}

static void test_intr_goes_to_lint0_of_all(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    g_assert_cmpint(apic_bus_intack(bus), ==, -1);
    apic_bus_set_pic(bus, intack, NULL);
    lapic_mmio_write(&lapics[0], 0x350, 0x700, 4, 0);
    apic_bus_set_intr(bus, true);
    expect("kick 0\nkick 1\nkick 2\nkick 3\n");
    g_assert_true(apic_bus_intr(bus));
    g_assert_true(lapic_extint_pending(&lapics[0]));
    g_assert_false(lapic_extint_pending(&lapics[1]));
    g_assert_cmphex(apic_bus_intack(bus), ==, 0x77);
    apic_bus_set_intr(bus, false);
    g_assert_false(lapic_extint_pending(&lapics[0]));
    apic_bus_free(bus);
}

static void test_nmi_goes_through_lint1(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    lapic_mmio_write(&lapics[2], 0x360, 0x400, 4, 0);
    apic_bus_nmi(bus);
    g_assert_cmphex(lapic_sync(&lapics[2], 0), ==, LAPIC_EV_NMI);
    g_assert_cmphex(lapic_sync(&lapics[1], 0), ==, 0);
    apic_bus_free(bus);
}

static void test_removed_lapic_is_gone(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    apic_bus_remove_lapic(bus, 2);
    g_assert_null(apic_bus_lapic(bus, 2));
    g_assert_false(apic_bus_send_msi(bus, 0xfee02000, 0x55));
    apic_bus_send_msi(bus, 0xfeeff000, 0x55);
    expect("kick 0\nkick 1\nkick 3\n");
    apic_bus_free(bus);
}

static void test_write_outside_msi_window_is_no_msi(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    g_assert_false(apic_bus_send_msi(bus, 0x1000, 0x55));
    expect("");
    apic_bus_free(bus);
}

/* --- KVM split ------------------------------------------------------------------------------ */

static void test_split_routes_before_interrupts(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    set_rte(bus, 9, MASKED | LEVEL | 0x41);
    expect("commit\ncommit\n");
    apic_bus_set_gsi(bus, 9, true);
    expect("");
    apic_bus_ioapic_write(bus, &ioapic, 0x10, LEVEL | 0x42, 4);
    expect("route 9 fee00000 c042\ncommit\ngsi 9 1\n");
    apic_bus_free(bus);
}

static void test_split_edge_is_a_pulse(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    set_rte(bus, 4, 0x41);
    g_string_truncate(events, 0);
    apic_bus_set_gsi(bus, 4, true);
    apic_bus_set_gsi(bus, 4, false);
    expect("gsi 4 1\ngsi 4 0\n");
    apic_bus_free(bus);
}

static void test_split_eoi_exit_redelivers(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    set_rte(bus, 9, LEVEL | 0x41);
    apic_bus_set_gsi(bus, 9, true);
    g_string_truncate(events, 0);
    apic_bus_eoi(bus, 0x41);
    expect("gsi 9 1\n");
    apic_bus_set_gsi(bus, 9, false);
    apic_bus_eoi(bus, 0x41);
    expect("");
    apic_bus_free(bus);
}

/* Linux 6.1 asks only the CPUs that the routes name at that time. */
static void test_split_route_of_interrupt_in_service_is_kept(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    set_rte(bus, 9, LEVEL | 0x41);
    apic_bus_set_gsi(bus, 9, true);
    g_string_truncate(events, 0);
    apic_bus_ioapic_write(bus, &ioapic, 0, 0x10 + 2 * 9 + 1, 4);
    apic_bus_ioapic_write(bus, &ioapic, 0x10, 0x01000000, 4);
    expect("route 9 fee01000 c041\nsent 9 fee00000 c041\ncommit\n");
    apic_bus_ioapic_write(bus, &ioapic, 0x10, 0x02000000, 4);
    expect("route 9 fee02000 c041\nsent 9 fee00000 c041\ncommit\n");
    apic_bus_set_gsi(bus, 9, false);
    apic_bus_eoi(bus, 0x41);
    g_string_truncate(events, 0);
    apic_bus_ioapic_write(bus, &ioapic, 0x10, 0x03000000, 4);
    expect("route 9 fee03000 c041\ncommit\n");
    apic_bus_free(bus);
}

static void test_split_selecting_a_register_commits_nothing(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    apic_bus_ioapic_write(bus, &ioapic, 0, 0x10, 4);
    apic_bus_ioapic_read(bus, &ioapic, 0x10, 4);
    apic_bus_ioapic_write(bus, &ioapic, 0x40, 0x41, 4);
    expect("");
    apic_bus_free(bus);
}

static void test_split_refresh_is_one_batch(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);
    unsigned commits = 0;

    ioapic.rte[23] = LEVEL | 0x41;
    apic_bus_ioapic_refresh(bus, &ioapic);
    for (const char *p = events->str; (p = strstr(p, "commit")); p++) {
        commits++;
    }
    g_assert_cmpuint(commits, ==, 1);
    g_assert_nonnull(strstr(events->str, "route 23 "));
    apic_bus_free(bus);
}

static void test_split_msi_and_intr_go_to_kernel(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, SEOIB_QUIRKED);

    g_assert_true(apic_bus_send_msi(bus, 0xfee01000, 0x55));
    apic_bus_set_intr(bus, true);
    expect("msi fee01000 55\nintr 1\n");
    apic_bus_free(bus);
}

static void test_full_pins_go_to_kernel(void)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_FULL, SEOIB_QUIRKED);

    apic_bus_set_gsi(bus, 9, true);
    apic_bus_set_gsi(bus, 0, true);
    expect("gsi 9 1\ngsi 0 1\n");
    apic_bus_free(bus);
}

/* --- Reconcile ------------------------------------------------------------------------------ */

static ApicBus *new_reconcile_bus(SeoibMode seoib)
{
    ApicBus *bus = new_kernel_bus(APIC_BUS_KVM_SPLIT, seoib);

    set_rte(bus, 9, LEVEL | 0x41);
    set_rte(bus, 10, LEVEL | 0x51);
    apic_bus_set_gsi(bus, 9, true);
    apic_bus_set_gsi(bus, 10, true);
    g_string_truncate(events, 0);
    return bus;
}

static void test_reconcile_ends_what_no_lapic_has(void)
{
    ApicBus *bus = new_reconcile_bus(SEOIB_QUIRKED);

    flying_vector = 0x41;
    suppressed = true; /* without meaning in this mode */
    g_assert_cmphex(apic_bus_lost_eois(bus, &ioapic), ==, BIT(10));
    g_assert_cmphex(ioapic.rte[10] & IOAPIC_RTE_REMOTE_IRR, !=, 0); /* here the exit still comes */
    expect("");
    apic_bus_free(bus);
}

static void test_reconcile_leaves_directed_eoi_to_the_guest(void)
{
    ApicBus *bus = new_reconcile_bus(SEOIB_RESPECTED);

    flying_vector = -1;
    suppressed = true;
    g_assert_cmphex(apic_bus_lost_eois(bus, &ioapic), ==, 0);
    suppressed = false;
    g_assert_cmphex(apic_bus_lost_eois(bus, &ioapic), ==, BIT(9) | BIT(10));
    apic_bus_free(bus);
}

static void test_policy_reaches_lapics(void)
{
    ApicBus *bus = new_user_bus(SEOIB_QUIRKED);

    g_assert_cmphex(lapic_mmio_read(&lapics[3], 0x30, 4, 0), ==, 0x00050014);
    apic_bus_set_seoib(bus, SEOIB_RESPECTED);
    g_assert_cmpint(apic_bus_seoib(bus), ==, SEOIB_RESPECTED);
    g_assert_cmphex(lapic_mmio_read(&lapics[3], 0x30, 4, 0), ==, 0x01050014);
    apic_bus_free(bus);
}

#define T(path, fn) { "/apic-bus/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("user/pin_reaches_its_processor", test_pin_reaches_its_processor),
    T("user/gsi0_is_pin2", test_gsi0_is_pin2),
    T("user/unknown_gsi_is_ignored", test_unknown_gsi_is_ignored),
    T("user/logical_reaches_all_addressed", test_logical_reaches_all_addressed),
    T("user/lowest_priority_takes_idlest", test_lowest_priority_takes_idlest),
    T("user/lowest_priority_rotates_among_equals", test_lowest_priority_rotates_among_equals),
    T("user/lowest_priority_skips_disabled", test_lowest_priority_skips_disabled),
    T("user/shorthands", test_shorthands),
    T("user/init_sipi_reach_target", test_init_sipi_reach_target),
    T("user/level_eoi_round_trip", test_level_eoi_round_trip),
    T("user/suppressed_eoi_needs_directed_eoi", test_suppressed_eoi_needs_directed_eoi),
    T("user/not_accepted_level_is_tried_again", test_not_accepted_level_is_tried_again),
    T("user/intr_goes_to_lint0_of_all", test_intr_goes_to_lint0_of_all),
    T("user/nmi_goes_through_lint1", test_nmi_goes_through_lint1),
    T("user/removed_lapic_is_gone", test_removed_lapic_is_gone),
    T("user/write_outside_window_is_no_msi", test_write_outside_msi_window_is_no_msi),
    T("user/policy_reaches_lapics", test_policy_reaches_lapics),
    T("split/routes_before_interrupts", test_split_routes_before_interrupts),
    T("split/edge_is_a_pulse", test_split_edge_is_a_pulse),
    T("split/eoi_exit_redelivers", test_split_eoi_exit_redelivers),
    T("split/route_of_interrupt_in_service_is_kept",
      test_split_route_of_interrupt_in_service_is_kept),
    T("split/selecting_a_register_commits_nothing",
      test_split_selecting_a_register_commits_nothing),
    T("split/refresh_is_one_batch", test_split_refresh_is_one_batch),
    T("split/msi_and_intr_go_to_kernel", test_split_msi_and_intr_go_to_kernel),
    T("full/pins_go_to_kernel", test_full_pins_go_to_kernel),
    T("reconcile/ends_what_no_lapic_has", test_reconcile_ends_what_no_lapic_has),
    T("reconcile/leaves_directed_eoi_to_the_guest",
      test_reconcile_leaves_directed_eoi_to_the_guest),
};

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    events = g_string_new(NULL);
    bql_lock();
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    ret = g_test_run();
    bql_unlock();
    g_string_free(events, TRUE);
    return ret;
}
