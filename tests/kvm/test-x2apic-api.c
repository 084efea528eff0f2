/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM_CAP_X2APIC_API and Suppress EOI Broadcast: what the kernel advertises, which flags it takes
 * when, and when the LAPIC version register follows. On kernels without the flags: that it has
 * none. What accel/kvm builds on; docs/system/x2apic-seoib.rst. */
#include "harness.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LVR_PLAIN 0x00050014u
#define LVR_WITH_SEOIB 0x01050014u

#define ALL_FLAGS 0xf
#define ALL_BUT_ENABLE 0xb
#define OLD_FLAGS 0x3

static int after_irqchip(Irqchip irqchip, int *system, int *before)
{
    int after;
    Vm vm;

    vm_open(&vm);
    *system = x2apic_api(vm.kvm_fd);
    *before = x2apic_api(vm.fd);
    g_assert_cmpint(vm_irqchip(&vm, irqchip), ==, 0);
    after = x2apic_api(vm.fd);
    vm_close(&vm);
    return after;
}

static void test_advertised(void)
{
    static const struct {
        Irqchip irqchip;
        int after;
    } rows[] = { { IRQCHIP_NONE, ALL_BUT_ENABLE }, { IRQCHIP_SPLIT, ALL_FLAGS },
                 { IRQCHIP_FULL, ALL_BUT_ENABLE } };
    int system, before;
    bool new_kernel;

    if (skip_without_kvm()) {
        return;
    }
    new_kernel = have_seoib_flags();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int after = after_irqchip(rows[i].irqchip, &system, &before);

        g_assert_cmpint(system, ==, new_kernel ? ALL_FLAGS : OLD_FLAGS);
        g_assert_cmpint(before, ==, new_kernel ? ALL_BUT_ENABLE : OLD_FLAGS);
        g_assert_cmpint(after, ==, new_kernel ? rows[i].after : OLD_FLAGS);
    }
}

static void test_old_kernel_refuses_flags(void)
{
    static const uint64_t refused[] = { 4, 8, 12, 0x10 };

    if (skip_without_kvm()) {
        return;
    }
    if (have_seoib_flags()) {
        g_test_skip("skipped: this kernel has the flags");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        Vm vm;

        vm_open(&vm);
        vm_irqchip(&vm, IRQCHIP_SPLIT);
        g_assert_cmpint(vm_set_flags(&vm, refused[i]), ==, -EINVAL);
        g_assert_cmpint(vm_set_flags(&vm, 3), ==, 0);
        vm_close(&vm);
    }
}

static void test_flag_values(void)
{
    static const struct {
        uint64_t flags;
        int none, split, full;
    } rows[] = {
        { 0, 0, 0, 0 },
        { 1, 0, 0, 0 },
        { 2, 0, 0, 0 },
        { 3, 0, 0, 0 },
        { 4, -EINVAL, 0, -EINVAL },
        { 5, -EINVAL, 0, -EINVAL },
        { 8, 0, 0, 0 },
        { 9, 0, 0, 0 },
        { 12, -EINVAL, -EINVAL, -EINVAL },
        { 0x10, -EINVAL, -EINVAL, -EINVAL },
        { 1ull << 63, -EINVAL, -EINVAL, -EINVAL },
    };

    if (skip_without_seoib()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int want[] = { rows[i].none, rows[i].split, rows[i].full };

        for (Irqchip irqchip = IRQCHIP_NONE; irqchip <= IRQCHIP_FULL; irqchip++) {
            Vm vm;

            vm_open(&vm);
            vm_irqchip(&vm, irqchip);
            g_assert_cmpint(vm_set_flags(&vm, rows[i].flags), ==, want[irqchip]);
            vm_close(&vm);
        }
    }
}

static void test_cap_flags_must_be_zero(void)
{
    struct kvm_enable_cap e = { .cap = KVM_CAP_X2APIC_API, .flags = 1 };
    Vm vm;

    if (skip_without_kvm()) {
        return;
    }
    vm_open(&vm);
    g_assert_cmpint(ioctl(vm.fd, KVM_ENABLE_CAP, &e), <, 0);
    g_assert_cmpint(errno, ==, EINVAL);
    vm_close(&vm);
}

/* LVR after the LAPIC was written back: the refresh a loaded state gives. */
static uint32_t refreshed_lvr(Vm *vm)
{
    struct kvm_lapic_state l = get_lapic(vm);

    set_lapic(vm, &l);
    return vm_lvr(vm);
}

static void test_transitions(void)
{
    static const struct {
        uint64_t first, second;
        int result;
        uint32_t lvr_first, lvr_second;
    } rows[] = {
        { 4, 8, 0, LVR_WITH_SEOIB, LVR_PLAIN },
        { 8, 4, 0, LVR_PLAIN, LVR_WITH_SEOIB },
        { 4, 0, 0, LVR_WITH_SEOIB, LVR_WITH_SEOIB },
        { 8, 0, 0, LVR_PLAIN, LVR_PLAIN },
        { 4, 4, 0, LVR_WITH_SEOIB, LVR_WITH_SEOIB },
        { 8, 8, 0, LVR_PLAIN, LVR_PLAIN },
        { 0, 4, 0, LVR_WITH_SEOIB, LVR_WITH_SEOIB },
        { 0, 8, 0, LVR_WITH_SEOIB, LVR_PLAIN },
        { 4, 12, -EINVAL, LVR_WITH_SEOIB, LVR_WITH_SEOIB },
        { 4, 3, 0, LVR_WITH_SEOIB, LVR_WITH_SEOIB },
    };

    if (skip_without_seoib()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Vm vm;

        vm_open(&vm);
        vm_irqchip(&vm, IRQCHIP_SPLIT);
        vm_add_vcpu(&vm, NULL);
        vm_set_cpuid(&vm, true);
        g_assert_cmpint(vm_set_flags(&vm, rows[i].first), ==, 0);
        g_assert_cmphex(refreshed_lvr(&vm), ==, rows[i].lvr_first);
        g_assert_cmpint(vm_set_flags(&vm, rows[i].second), ==, rows[i].result);
        g_assert_cmphex(vm_lvr(&vm), ==, rows[i].lvr_first); /* not before the LAPIC is written */
        g_assert_cmphex(refreshed_lvr(&vm), ==, rows[i].lvr_second);
        vm_close(&vm);
    }
}

static void test_order_against_irqchip(void)
{
    Vm vm;

    if (skip_without_seoib()) {
        return;
    }
    vm_open(&vm);
    g_assert_cmpint(vm_set_flags(&vm, FLAG_DISABLE_SEOIB), ==, 0);
    g_assert_cmpint(vm_irqchip(&vm, IRQCHIP_FULL), ==, 0);
    vm_close(&vm);

    vm_open(&vm);
    g_assert_cmpint(vm_set_flags(&vm, FLAG_DISABLE_SEOIB), ==, 0);
    g_assert_cmpint(vm_irqchip(&vm, IRQCHIP_SPLIT), ==, 0);
    g_assert_cmpint(vm_set_flags(&vm, FLAG_ENABLE_SEOIB), ==, 0);
    g_assert_cmpint(vm_irqchip(&vm, IRQCHIP_FULL), ==, -EEXIST);
    vm_close(&vm);

    vm_open(&vm);
    g_assert_cmpint(vm_irqchip(&vm, IRQCHIP_FULL), ==, 0);
    g_assert_cmpint(vm_irqchip(&vm, IRQCHIP_SPLIT), ==, -EEXIST);
    vm_close(&vm);
}

/* --- When the version register is computed --------------------------------------------------- */

static void test_lvr_latched(void)
{
    struct kvm_lapic_state l;
    Vm vm;

    if (skip_without_seoib()) {
        return;
    }
    vm_open(&vm);
    vm_irqchip(&vm, IRQCHIP_SPLIT);
    vm_add_vcpu(&vm, NULL);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_PLAIN); /* CPUID is still empty */
    vm_set_cpuid(&vm, true);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    vm_set_flags(&vm, FLAG_DISABLE_SEOIB);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    vm_set_cpuid(&vm, true);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_PLAIN);
    vm_set_flags(&vm, FLAG_ENABLE_SEOIB);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_PLAIN);
    l = get_lapic(&vm);
    lapic_set_reg(&l, LAPIC_VERSION, 0xdeadbeef); /* ignored: computed anew */
    set_lapic(&vm, &l);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    vm_close(&vm);
}

static void test_lvr_unchanged_by_the_rest(void)
{
    struct kvm_mp_state mp = { KVM_MP_STATE_INIT_RECEIVED };
    struct kvm_sregs sregs;
    Vm vm;

    if (skip_without_seoib()) {
        return;
    }
    vm_open(&vm);
    vm_irqchip(&vm, IRQCHIP_SPLIT);
    vm_set_flags(&vm, FLAG_ENABLE_SEOIB);
    vm_add_vcpu(&vm, NULL);
    vm_set_cpuid(&vm, true);
    vm_set_flags(&vm, FLAG_DISABLE_SEOIB);
    g_assert_cmpint(ioctl(vm.vcpu_fd, KVM_SET_MP_STATE, &mp), ==, 0);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    mp.mp_state = KVM_MP_STATE_RUNNABLE;
    g_assert_cmpint(ioctl(vm.vcpu_fd, KVM_SET_MP_STATE, &mp), ==, 0);
    g_assert_cmpint(ioctl(vm.vcpu_fd, KVM_GET_SREGS, &sregs), ==, 0);
    sregs.apic_base |= 0xc00;
    g_assert_cmpint(ioctl(vm.vcpu_fd, KVM_SET_SREGS, &sregs), ==, 0);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    set_route(&vm, TEST_VECTOR, true);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    vm_close(&vm);
}

static void test_lvr_needs_x2apic(void)
{
    if (skip_without_seoib()) {
        return;
    }
    for (Mode mode = 0; mode < NR_MODES; mode++) {
        Vm vm;

        vm_open(&vm);
        vm_irqchip(&vm, IRQCHIP_SPLIT);
        vm_set_mode(&vm, mode);
        vm_add_vcpu(&vm, NULL);
        vm_set_cpuid(&vm, false);
        g_assert_cmphex(vm_lvr(&vm), ==, LVR_PLAIN);
        vm_close(&vm);
    }
}

/* Why the flags go in before the first vCPU's CPUID. */
static void test_vcpu_order(void)
{
    int first, second;
    Vm vm;

    if (skip_without_seoib()) {
        return;
    }
    vm_open(&vm);
    vm_irqchip(&vm, IRQCHIP_SPLIT);
    vm_add_vcpu(&vm, NULL);
    vm_set_cpuid(&vm, true);
    vm_set_flags(&vm, FLAG_DISABLE_SEOIB);
    first = vm.vcpu_fd;
    second = vm.vcpu_fd = ioctl(vm.fd, KVM_CREATE_VCPU, 1);
    g_assert_cmpint(second, >=, 0);
    vm_set_cpuid(&vm, true);
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_PLAIN);
    vm.vcpu_fd = first;
    g_assert_cmphex(vm_lvr(&vm), ==, LVR_WITH_SEOIB);
    close(second);
    vm_close(&vm);
}

/* --- SPIV through KVM_SET_LAPIC -------------------------------------------------------------- */

static void test_set_lapic_keeps_spiv(void)
{
    if (skip_without_seoib()) {
        return;
    }
    for (Irqchip irqchip = IRQCHIP_SPLIT; irqchip <= IRQCHIP_FULL; irqchip++) {
        for (int i = 0; i < NR_MODES * 2; i++) {
            struct kvm_lapic_state l;
            Mode mode = i / 2;
            bool x2apic = i & 1;
            Vm vm;

            if (irqchip == IRQCHIP_FULL && mode == MODE_ENABLED) {
                continue;
            }
            vm_open(&vm);
            vm_irqchip(&vm, irqchip);
            vm_set_mode(&vm, mode);
            vm_add_vcpu(&vm, NULL);
            vm_set_cpuid(&vm, x2apic);
            l = get_lapic(&vm);
            lapic_set_reg(&l, LAPIC_SPIV, SPIV_ON | SPIV_SEOIB);
            set_lapic(&vm, &l);
            g_assert_cmphex(vm_spiv(&vm), ==, SPIV_ON | SPIV_SEOIB);
            g_assert_cmphex(vm_lvr(&vm), ==,
                            irqchip == IRQCHIP_SPLIT && x2apic && mode != MODE_DISABLED
                                ? LVR_WITH_SEOIB : LVR_PLAIN);
            vm_close(&vm);
        }
    }
}

/* The guest's own write, by contrast, loses the bit where it is not advertised. */
static void test_guest_write_of_spiv(void)
{
    if (skip_without_seoib()) {
        return;
    }
    for (int i = 0; i < NR_MODES * 2; i++) {
        Mode mode = i / 2;
        Vm vm;

        vm_start(&vm, IRQCHIP_SPLIT, mode, i & 1, SPIV_ON | SPIV_SEOIB, false);
        g_assert_cmphex(mailbox(&vm, MB_LVR), ==,
                        mode == MODE_DISABLED ? LVR_PLAIN : LVR_WITH_SEOIB);
        g_assert_cmphex(mailbox(&vm, MB_SPIV_RB), ==,
                        SPIV_ON | (mode == MODE_DISABLED ? 0 : SPIV_SEOIB));
        vm_close(&vm);
    }
}

static void test_full_irqchip_never_advertises(void)
{
    static const Mode modes[] = { MODE_QUIRKED, MODE_DISABLED };

    if (skip_without_kvm()) {
        return;
    }
    for (size_t i = 0; i < (have_seoib_flags() ? 2 : 1); i++) {
        Vm vm;

        vm_start(&vm, IRQCHIP_FULL, modes[i], true, SPIV_ON | SPIV_SEOIB, false);
        g_assert_cmphex(mailbox(&vm, MB_LVR), ==, LVR_PLAIN);
        g_assert_cmphex(mailbox(&vm, MB_SPIV_RB), ==, SPIV_ON);
        vm_close(&vm);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x2apic-api/advertised_by_fd_and_irqchip", test_advertised);
    g_test_add_func("/x2apic-api/old_kernel_refuses_the_flags", test_old_kernel_refuses_flags);
    g_test_add_func("/x2apic-api/enable_needs_split_irqchip", test_flag_values);
    g_test_add_func("/x2apic-api/cap_flags_must_be_zero", test_cap_flags_must_be_zero);
    g_test_add_func("/x2apic-api/modes_change_freely_but_not_back_to_quirked", test_transitions);
    g_test_add_func("/x2apic-api/order_against_irqchip_creation", test_order_against_irqchip);
    g_test_add_func("/x2apic-api/lvr/latched_at_cpuid_and_lapic_writes", test_lvr_latched);
    g_test_add_func("/x2apic-api/lvr/not_touched_by_other_ioctls", test_lvr_unchanged_by_the_rest);
    g_test_add_func("/x2apic-api/lvr/needs_x2apic_in_cpuid", test_lvr_needs_x2apic);
    g_test_add_func("/x2apic-api/lvr/differs_between_vcpus_when_set_late", test_vcpu_order);
    g_test_add_func("/x2apic-api/spiv/set_lapic_keeps_bit_12", test_set_lapic_keeps_spiv);
    g_test_add_func("/x2apic-api/spiv/guest_write_needs_advertisement", test_guest_write_of_spiv);
    g_test_add_func("/x2apic-api/full_irqchip_never_advertises",
                    test_full_irqchip_never_advertises);
    return g_test_run();
}
