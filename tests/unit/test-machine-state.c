/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of whole machines: main() of the emulator builds one with every device that has state,
 * random guest accesses move it about, and what was saved comes back to the byte; whatever a stream
 * brings is refused by name or loaded, and nothing is read or written out of bounds (the sanitizers
 * look on). No CPU runs: the accelerator is "qtest". One machine a process: cases run in children.
 */
int emulator_main(int argc, char **argv);
#define main emulator_main
#include "system/main.c"
#undef main

#include "hw/intc/apic-bus.h"
#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"
#include "migration/savestate.h"
#include "target/i386/cpu.h"

enum { SEEDS = 60, STEPS = 300, MUTATIONS = 50000, APPLY_EVERY = 400 };

static bool long_run; /* TEST_LONG: every bit instead of one of every fourth byte, all lengths */

/* ---- The machine ----------------------------------------------------------------------------- */

static const char *const devices[] = {
    "-device", "pci-bridge,id=b1,chassis_nr=1",
    "-device", "virtio-rng-pci,id=rng,bus=b1,addr=3",
    "-device", "virtio-rng-pci,id=rng2,max-bytes=512,period=100",
    "-blockdev", "driver=null-co,node-name=disk,size=1048576",
    "-device", "virtio-blk-pci,id=blk,drive=disk,num-queues=2",
    "-device", "virtio-balloon-pci", "-device", "virtio-net-pci,id=nic",
    "-device", "virtio-serial-pci,id=vs",
    "-chardev", "null,id=c0", "-device", "virtconsole,chardev=c0,bus=vs.0",
    "-chardev", "null,id=c1", "-device", "virtserialport,chardev=c1,bus=vs.0,name=port",
    "-serial", "null", "-serial", "null",
};
static const char *const q35_devices[] = {
    "-device", "pcie-root-port,id=rp,chassis=1",
    "-blockdev", "driver=null-co,node-name=disk2,size=65536",
    "-device", "virtio-blk-pci,bus=rp,drive=disk2,packed=on",
};

static void start_machine(const char *type)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const char *fixed[] = { "test", "-M", type, "-accel", "qtest", "-cpu", "qemu64,x2apic=on",
                            "-smp", "2", "-m", "4", "-nodefaults", "-S" };
    Error *err = NULL;
    bool done;

    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        g_ptr_array_add(argv, (gpointer)fixed[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        g_ptr_array_add(argv, (gpointer)devices[i]);
    }
    for (size_t i = 0; strstr(type, "q35") && i < ARRAY_SIZE(q35_devices); i++) {
        g_ptr_array_add(argv, (gpointer)q35_devices[i]);
    }
    error_init("test");
    qemu_clock_set_manual();
    options_parse((int)argv->len, (char **)argv->pdata, &opts, &done, &err);
    if (!err) {
        start(&err);
    }
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, NULL);
}

/* ---- Guest accesses -------------------------------------------------------------------------- */

static const uint16_t ports[] = {
    0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x80, 0x92, 0xa0, 0xa1, 0xb2, 0xb3, 0xe0,
    0x2f8, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3ff, 0x4d0, 0x4d1, 0x600, 0x602, 0x604,
    0x620, 0x628, 0xcf8, 0xcfc, 0x2004, 0x200a, 0xafe0, 0xafe2,
};
static const uint64_t windows[] = { 0xfec00000, 0xfec00010, 0xfec00040, 0xfed00000, 0xfed00100,
                                    0xfee00000 };

static uint32_t pick(GRand *r, uint32_t n)
{
    return g_rand_int(r) % n;
}

static uint64_t any64(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

typedef struct Functions {
    PCIDevice *d[64];
    unsigned nr;
} Functions;

static void add_function(void *opaque, DeviceState *dev)
{
    Functions *f = opaque;

    if (object_is_a(&dev->object, &type_pci_device) && f->nr < ARRAY_SIZE(f->d)) {
        f->d[f->nr++] = PCI_DEVICE(dev);
    }
}

/* Registers of a function, or a place in one of its regions. */
static void access_function(GRand *r)
{
    Functions f = { .nr = 0 };
    PCIDevice *d;
    PCIRegion *region;

    qdev_foreach(add_function, &f);
    d = f.d[pick(r, f.nr)];
    region = &d->regions[pick(r, PCI_NR_REGIONS)];
    if (pick(r, 2) && region->mr && region->addr != PCI_UNMAPPED && !(region->type & PCI_BAR_IO)) {
        address_space_st(current_machine->memory,
                         region->addr + (pick(r, 4) << 12) % region->size + pick(r, 0x40),
                         pick(r, 4) ? pick(r, 16) : any64(r), 1 << pick(r, 3));
    } else if (pick(r, 4)) {
        pci_config_write(d, pick(r, d->config_bytes), g_rand_int(r), 1 << pick(r, 3));
    } else {
        pci_config_write(d, PCI_COMMAND, 7, 2);
    }
}

static void access_lapic(GRand *r)
{
    X86CPU *cpu = X86_CPU(cpus_get(pick(r, 2)));
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    switch (pick(r, 4)) {
    case 0:
        lapic_sync(cpu->lapic, now);
        lapic_ack(cpu->lapic);
        break;
    case 1:
        apic_bus_send_msi(current_machine->apic_bus, 0xfee00000 | pick(r, 2) << 12,
                          pick(r, 256) | pick(r, 2) << 15);
        break;
    default:
        lapic_mmio_write(cpu->lapic, pick(r, 64) << 4, g_rand_int(r) & 0x311ff, 4, now);
    }
    cpu->env.regs[pick(r, 16)] = any64(r);
    cpu->env.events.nmi_pending = pick(r, 2);
}

static void traffic(GRand *r, unsigned steps)
{
    while (steps--) {
        switch (pick(r, 8)) {
        case 0:
        case 1:
            address_space_st(current_machine->io, ports[pick(r, ARRAY_SIZE(ports))],
                             g_rand_int(r), 1 << pick(r, 3));
            break;
        case 2:
            address_space_ld(current_machine->io, ports[pick(r, ARRAY_SIZE(ports))], 1);
            break;
        case 3:
            address_space_st(current_machine->memory, windows[pick(r, ARRAY_SIZE(windows))] +
                             (pick(r, 2) ? pick(r, 64) * 4 : 0), g_rand_int(r), 4);
            break;
        case 4:
            access_lapic(r);
            break;
        case 5:
            qemu_clock_step_to(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + pick(r, 3000000));
            break;
        default:
            access_function(r);
        }
    }
}

/* ---- Requirements ---------------------------------------------------------------------------- */

static GByteArray *saved(void)
{
    GByteArray *out = g_byte_array_new();
    Error *err = NULL;

    device_states_save(out, &err);
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, NULL);
    return out;
}

static void loaded(const GByteArray *state)
{
    g_autoptr(GByteArray) again = NULL;
    Error *err = NULL;

    device_states_load(state->data, state->len, &err);
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, NULL);
    again = saved();
    g_assert_cmpmem(again->data, again->len, state->data, state->len);
}

static void check_comes_back(void)
{
    g_autoptr(GByteArray) first = saved();

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);
        g_autoptr(GByteArray) one = NULL, two = NULL;

        traffic(r, STEPS);
        one = saved();
        traffic(r, STEPS);
        two = saved();
        g_assert_true(one->len != two->len || memcmp(one->data, two->data, two->len));
        loaded(first); /* as the machine was when it was new */
        loaded(two);
        loaded(one);
    }
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* "DEVICE+OFFSET" where two states first differ; NULL: nowhere. */
static char *difference(const GByteArray *a, const GByteArray *b)
{
    const uint8_t *p = a->data + 4;
    uint32_t at = 0, start;

    while (at < a->len && at < b->len && a->data[at] == b->data[at]) {
        at++;
    }
    if (at == a->len && at == b->len) {
        return NULL;
    }
    for (;;) {
        start = (uint32_t)(p - a->data) + 1 + p[0] + 12;
        if (at < start + be32(p + 1 + p[0] + 8)) {
            return g_strdup_printf("%.*s+%d", p[0], p + 1, (int)(at - start));
        }
        p = a->data + start + be32(p + 1 + p[0] + 8);
    }
}

/* The real-time clock follows the host's: takes its state out. */
static void forget_rtc(GByteArray *state)
{
    static const char name[] = "mc146818rtc";
    uint8_t *at = memmem(state->data, state->len, name, strlen(name));
    uint32_t len;

    g_assert_nonnull(at);
    at += strlen(name) + 8;
    memcpy(&len, at, 4);
    memset(at + 4, 0, GUINT32_FROM_BE(len));
}

static GByteArray *state_after(const GByteArray *start, unsigned seed)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(seed);
    uint8_t *ram = address_space_map_ram(current_machine->memory, 0, 512 * KiB, true);
    GByteArray *after;

    g_assert_nonnull(ram);
    memset(ram, 0, 512 * KiB);
    loaded(start);
    traffic(r, STEPS);
    after = saved();
    forget_rtc(after);
    return after;
}

/* Whatever happened before a load, afterwards the same accesses lead to the same state: nothing
 * that counts is missing from the stream. */
static void check_goes_on_alike(void)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);
        g_autoptr(GByteArray) start = NULL, one = NULL, two = NULL;
        g_autofree char *where = NULL;

        traffic(r, STEPS);
        start = saved();
        one = state_after(start, seed + 1000);
        traffic(r, STEPS);
        two = state_after(start, seed + 1000);
        where = difference(one, two);
        g_assert_cmpstr(where, ==, NULL);
    }
}

static void refused(const GByteArray *state, size_t len)
{
    Error *err = NULL;
    g_autofree uint8_t *exact = g_memdup2(state->data, len);

    g_assert_false(device_states_check(exact, len, &err));
    g_assert_nonnull(err);
    error_free(err);
}

static void check_flips(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    g_autoptr(GByteArray) state = NULL;
    unsigned refusals = 0;

    traffic(r, STEPS);
    state = saved();
    for (size_t at = 0; at < state->len; at += long_run ? 1 : 4) {
        for (unsigned bit = 0; bit < 8; bit++) {
            Error *err = NULL;

            if (!long_run && bit != (at / 4 + state->len) % 8) {
                continue;
            }
            state->data[at] ^= 1 << bit;
            if (!device_states_check(state->data, state->len, &err)) {
                g_assert_cmpuint(strlen(error_get_pretty(err)), >, 8);
                error_free(err);
                refusals++;
            }
            state->data[at] ^= 1 << bit;
        }
    }
    for (size_t len = 0; len < state->len; len += long_run ? 1 : 29) {
        refused(state, len);
    }
    g_assert_cmpuint(refusals, >, 100);
    loaded(state); /* nothing of it has touched the machine */
}

static void check_mutations(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(2);
    g_autoptr(GByteArray) state = NULL;
    unsigned taken = 0;

    traffic(r, STEPS);
    state = saved();
    for (unsigned i = 0; i < MUTATIONS; i++) {
        g_autofree uint8_t *copy = g_memdup2(state->data, state->len);
        Error *err = NULL;

        for (unsigned n = 1 + pick(r, 6); n; n--) {
            copy[pick(r, state->len)] = g_rand_int(r);
        }
        if (i % APPLY_EVERY) {
            taken += device_states_check(copy, state->len, &err);
        } else if (device_states_load(copy, state->len, &err)) {
            traffic(r, 20);
        }
        error_free(err);
    }
    g_assert_cmpuint(taken, >, 0);
    loaded(state);
}

/* ---- A level interrupt under way ------------------------------------------------------------- */

enum { PIN = 20, VECTOR = 0x51 };
#define LEVEL_RTE (IOAPIC_RTE_LEVEL | VECTOR)

static ApicBus *bus(void)
{
    return current_machine->apic_bus;
}

static LAPIC *lapic(void)
{
    return X86_CPU(cpus_get(0))->lapic;
}

static uint64_t rte(void)
{
    return apic_bus_ioapic(bus(), 0)->rte[PIN];
}

static void write_rte(uint32_t low)
{
    address_space_st(current_machine->memory, IOAPIC_DEFAULT_BASE, 0x11 + 2 * PIN, 4);
    address_space_st(current_machine->memory, IOAPIC_DEFAULT_BASE + 0x10, 0, 4);
    address_space_st(current_machine->memory, IOAPIC_DEFAULT_BASE, 0x10 + 2 * PIN, 4);
    address_space_st(current_machine->memory, IOAPIC_DEFAULT_BASE + 0x10, low, 4);
}

static void write_lapic(unsigned reg, uint32_t value)
{
    LapicMsg msg = lapic_mmio_write(lapic(), reg, value, 4, 0);

    apic_bus_lapic_msg(bus(), 0, &msg);
}

/* The vector a processor would take now, and whether it takes it; -1: none. */
static int taken(void)
{
    lapic_sync(lapic(), 0);
    return lapic_pending(lapic()) < 0 ? -1 : lapic_ack(lapic());
}

/* A machine with the pin high and the local APIC on. */
static void raise_pin(SeoibMode mode, uint32_t spiv, uint32_t low)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        X86_CPU(cpu)->cfg.seoib.mode = mode;
    }
    qdev_reset_all();
    apic_bus_set_seoib(bus(), mode);
    write_lapic(0xf0, spiv);
    write_rte(low);
    apic_bus_set_gsi(bus(), PIN, true);
}

/* Saves; then another life of the machine; then loads and runs. */
static void move(void)
{
    g_autoptr(GByteArray) state = saved();
    g_autoptr(GRand) r = g_rand_new_with_seed(5);

    traffic(r, STEPS);
    loaded(state);
    vm_start(&error_abort);
    vm_stop(RUN_STATE_PAUSED);
}

static void check_pin_asserted(void)
{
    raise_pin(SEOIB_QUIRKED, 0x1ff, LEVEL_RTE | (uint32_t)IOAPIC_RTE_MASKED);
    move();
    g_assert_cmpint(taken(), ==, -1);
    write_rte(LEVEL_RTE);
    g_assert_cmpint(taken(), ==, VECTOR);
    g_assert_cmpint(taken(), ==, -1);
}

static void check_requested(void)
{
    raise_pin(SEOIB_QUIRKED, 0x1ff, LEVEL_RTE);
    move();
    g_assert_cmpint(taken(), ==, VECTOR);
    g_assert_cmpint(taken(), ==, -1);
}

static void check_in_service(void)
{
    raise_pin(SEOIB_QUIRKED, 0x1ff, LEVEL_RTE);
    g_assert_cmpint(taken(), ==, VECTOR);
    move();
    g_assert_cmpint(taken(), ==, -1);
    write_lapic(0xb0, 0); /* the pin is still high: once more */
    g_assert_cmpint(taken(), ==, VECTOR);
    apic_bus_set_gsi(bus(), PIN, false);
    write_lapic(0xb0, 0);
    g_assert_cmpint(taken(), ==, -1);
    g_assert_cmphex(rte() & IOAPIC_RTE_REMOTE_IRR, ==, 0);
}

static void check_directed_eoi_owed(void)
{
    uint32_t spiv = 0x1ff | LAPIC_SPIV_SEOIB;

    raise_pin(SEOIB_RESPECTED, spiv, LEVEL_RTE);
    g_assert_cmpint(taken(), ==, VECTOR);
    write_lapic(0xb0, 0);
    move();
    g_assert_cmphex(lapic()->spiv, ==, spiv);
    g_assert_cmphex(rte() & IOAPIC_RTE_REMOTE_IRR, !=, 0);
    g_assert_cmpint(taken(), ==, -1);
    address_space_st(current_machine->memory, IOAPIC_DEFAULT_BASE + 0x40, VECTOR, 4);
    g_assert_cmpint(taken(), ==, VECTOR);
    g_assert_cmpint(taken(), ==, -1);
}

/* As KVM leaves it: the processor is done, the I/O APIC has not heard of it. */
static void check_eoi_exit_pending(void)
{
    for (unsigned high = 0; high < 2; high++) {
        raise_pin(SEOIB_RESPECTED, 0x1ff, LEVEL_RTE);
        g_assert_cmpint(taken(), ==, VECTOR);
        apic_bus_set_gsi(bus(), PIN, high);
        memset(lapic()->isr, 0, sizeof(lapic()->isr));
        g_byte_array_unref(saved());
        g_assert_cmphex(rte() & IOAPIC_RTE_REMOTE_IRR, !=, 0); /* here the exit still comes */
        move();
        g_assert_cmpint(taken(), ==, high ? VECTOR : -1);
        g_assert_cmphex(!!(rte() & IOAPIC_RTE_REMOTE_IRR), ==, high);
    }
}

/* SPIV bit 12 where nobody could have set it: the guest would wait for ever. */
static void check_spiv(void)
{
    g_autoptr(GByteArray) state = NULL, before = NULL, after = NULL;
    Error *err = NULL;

    raise_pin(SEOIB_RESPECTED, 0x1ff | LAPIC_SPIV_SEOIB, LEVEL_RTE);
    state = saved();
    raise_pin(SEOIB_NOT_ADVERTISED, 0x1ff, LEVEL_RTE);
    before = saved();
    g_assert_false(device_states_load(state->data, state->len, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "cpu/lapic/spiv: 0x11ff suppresses EOI broadcasts, which this machine "
                    "(x2apic-seoib not-advertised) does not offer");
    error_free(err);
    after = saved();
    g_assert_cmpmem(after->data, after->len, before->data, before->len);
}

/* What a user reads when a field is wrong. */
static void check_names(void)
{
    static const struct {
        const char *device;
        unsigned at; /* of the first field */
        const char *message;
    } rows[] = {
        { "ioapic", 0, "ioapic/model/id: 255 is more than 15" },
        { "i8259", 7, "i8259/pic/chip[0]/init_step: 255 is more than 4" },
        { "0000:00:01.0/pci_bridge", 4, NULL },
    };
    g_autoptr(GByteArray) state = saved();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t *name = memmem(state->data, state->len, rows[i].device, strlen(rows[i].device));
        uint8_t *field, old;
        Error *err = NULL;

        if (!name) {
            continue;
        }
        field = name + strlen(rows[i].device) + 12 + rows[i].at;
        old = *field;
        *field = 0xff;
        g_assert_false(device_states_check(state->data, state->len, &err));
        if (rows[i].message) {
            g_assert_cmpstr(error_get_pretty(err), ==, rows[i].message);
        } else {
            g_assert_true(g_str_has_prefix(error_get_pretty(err), rows[i].device));
        }
        error_free(err);
        *field = old;
    }
}

/* Both machines, each in a process. */
typedef struct Case {
    const char *machine;
    void (*check)(void);
} Case;

static void run_case(gconstpointer data)
{
    const Case *c = data;

    if (g_test_subprocess()) {
        start_machine(c->machine);
        c->check();
        bql_unlock();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

#define BOTH(name, function)                                                                       \
    static const Case function##_q35 = { "q35", function }, function##_pc = { "pc", function };    \
    g_test_add_data_func("/machine-state/q35/" name, &function##_q35, run_case);                   \
    g_test_add_data_func("/machine-state/pc/" name, &function##_pc, run_case)

int main(int argc, char **argv)
{
    long_run = g_getenv("TEST_LONG") != NULL;
    g_test_init(&argc, &argv, NULL);
    BOTH("comes_back_after_random_traffic", check_comes_back);
    BOTH("goes_on_alike_after_a_load", check_goes_on_alike);
    BOTH("interrupt/pin_asserted", check_pin_asserted);
    BOTH("interrupt/requested", check_requested);
    BOTH("interrupt/in_service", check_in_service);
    BOTH("interrupt/directed_eoi_owed", check_directed_eoi_owed);
    BOTH("interrupt/eoi_exit_pending", check_eoi_exit_pending);
    BOTH("interrupt/suppressed_eoi_where_it_cannot_be", check_spiv);
    BOTH("errors_name_device_and_field", check_names);
    BOTH("flipped_bits_and_cut_streams_change_nothing", check_flips);
    BOTH("mutated_streams_are_harmless", check_mutations);
    return g_test_run();
}
