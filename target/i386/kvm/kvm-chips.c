/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel-irqchip=on: devices that stand in the machine for the kernel's 8259 pair, I/O APIC
 * (82093AA, version 0x11) and PIT, so that a reset reaches them. The kernel answers all guest
 * accesses. BQL.
 */
#include "qemu/osdep.h"
#include "hw/intc/ioapic.h"
#include "target/i386/kvm/kvm-x86.h"

static void set_chip(struct kvm_irqchip *chip)
{
    int ret = kvm_vm_ioctl(kvm_state(current_machine), KVM_SET_IRQCHIP, chip);

    if (ret < 0) {
        warn_report("KVM_SET_IRQCHIP failed: %s", strerror(-ret));
    }
}

/* Which inputs may be level-triggered: ELCR bits that are not wired to fixed edge sources. */
static void pic_reset(DeviceState *dev)
{
    static const struct {
        uint32_t id;
        uint8_t elcr_mask;
    } chips[] = { { KVM_IRQCHIP_PIC_MASTER, 0xf8 }, { KVM_IRQCHIP_PIC_SLAVE, 0xde } };

    for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
        struct kvm_irqchip c = { .chip_id = chips[i].id };

        c.chip.pic.elcr_mask = chips[i].elcr_mask;
        set_chip(&c);
    }
}

static void ioapic_reset_kernel(DeviceState *dev)
{
    struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

    c.chip.ioapic.base_address = IOAPIC_DEFAULT_BASE;
    for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
        c.chip.ioapic.redirtbl[i].bits = IOAPIC_RTE_MASKED;
    }
    set_chip(&c);
}

/* All counters as a PC's firmware finds them: mode 3, 65,536 ticks, gates 0 and 1 high. */
static void pit_reset(DeviceState *dev)
{
    struct kvm_pit_state2 pit = { .flags = 0 };
    int ret;

    for (unsigned i = 0; i < ARRAY_SIZE(pit.channels); i++) {
        pit.channels[i].mode = 3;
        pit.channels[i].gate = i != 2;
        pit.channels[i].count = 0x10000;
    }
    ret = kvm_vm_ioctl(kvm_state(current_machine), KVM_SET_PIT2, &pit);
    if (ret < 0) {
        warn_report("KVM_SET_PIT2 failed: %s", strerror(-ret));
    }
}

void kvm_pit_disconnect(void *opaque, bool disconnected)
{
    const KVMState *s = opaque;
    struct kvm_pit_state2 pit = { .flags = 0 };
    int ret;

    if (s->ms->pit == ON_OFF_AUTO_OFF) {
        return;
    }
    ret = kvm_vm_ioctl(s, KVM_GET_PIT2, &pit);
    if (ret >= 0) {
        pit.flags = disconnected ? pit.flags | KVM_PIT_FLAGS_HPET_LEGACY
                                 : pit.flags & ~KVM_PIT_FLAGS_HPET_LEGACY;
        ret = kvm_vm_ioctl(s, KVM_SET_PIT2, &pit);
    }
    if (ret < 0) {
        warn_report("KVM did not hand the timer interrupt over: %s", strerror(-ret));
    }
}

#define KERNEL_CHIP(_name, _description, _reset) \
    { .object = { .name = (_name), .parent = &type_device, .description = (_description), \
                  .instance_size = sizeof(DeviceState) }, \
      .reset = (_reset), \
      .migration = MIGRATION_BLOCKED("the kernel's interrupt controllers are not migrated yet") }

static const DeviceType chip_types[] = {
    KERNEL_CHIP("kvm-i8259", "8259 pair in the kernel", pic_reset),
    KERNEL_CHIP("kvm-ioapic", "I/O APIC in the kernel", ioapic_reset_kernel),
    KERNEL_CHIP("kvm-pit", "interval timer in the kernel", pit_reset),
};

bool kvm_chips_create(MachineState *ms, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(chip_types); i++) {
        bool wanted = chip_types[i].reset != pit_reset || ms->pit != ON_OFF_AUTO_OFF;

        if (wanted && !qdev_create(&chip_types[i], errp)) {
            return false;
        }
    }
    return true;
}
