/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel-irqchip=on: devices that stand in the machine for the kernel's 8259 pair, I/O APIC
 * (82093AA, version 0x11) and PIT, so that a reset reaches them. The kernel answers all guest
 * accesses. BQL.
 */
#include "qemu/osdep.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "migration/vmstate.h"
#include "target/i386/kvm/kvm-x86.h"

/* The devices; what is in them is the kernel's state in a migration. */
typedef struct KernelPic {
    DeviceState dev;
    struct kvm_pic_state chip[2];
} KernelPic;

typedef struct KernelIoapic {
    DeviceState dev;
    struct kvm_ioapic_state chip;
    uint64_t rte[KVM_IOAPIC_NUM_PINS];
} KernelIoapic;

typedef struct KernelPit {
    DeviceState dev;
    struct kvm_pit_state2 pit;
} KernelPit;

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

/* --- info ioapic, info pic, info irq ---------------------------------------------------------- */

static bool get_chip(const KVMState *s, uint32_t id, struct kvm_irqchip *c, GString *out)
{
    int ret;

    *c = (struct kvm_irqchip){ .chip_id = id };
    ret = kvm_vm_ioctl(s, KVM_GET_IRQCHIP, c);
    if (ret < 0) {
        g_string_append_printf(out, "KVM_GET_IRQCHIP failed: %s\n", strerror(-ret));
    }
    return ret >= 0;
}

static void dump_ioapic(const KVMState *s, GString *out)
{
    struct kvm_irqchip c;
    IOAPIC model;

    if (!get_chip(s, KVM_IRQCHIP_IOAPIC, &c, out)) {
        return;
    }
    ioapic_init(&model, IOAPIC_VERSION_82093AA, false);
    model.id = (uint8_t)c.chip.ioapic.id;
    model.index = (uint8_t)c.chip.ioapic.ioregsel;
    model.line = c.chip.ioapic.irr;
    for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
        model.rte[i] = c.chip.ioapic.redirtbl[i].bits;
    }
    ioapic_dump_pins(&model, out);
}

static void dump_pics(const KVMState *s, GString *out)
{
    I8259Pair pair;

    i8259_init(&pair);
    for (unsigned i = 0; i < 2; i++) {
        I8259 *chip = &pair.chip[i];
        struct kvm_irqchip c;

        if (!get_chip(s, i ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER, &c, out)) {
            return;
        }
        chip->irr = c.chip.pic.irr;
        chip->imr = c.chip.pic.imr;
        chip->isr = c.chip.pic.isr;
        chip->top = c.chip.pic.priority_add;
        chip->base = c.chip.pic.irq_base;
        chip->read_isr = c.chip.pic.read_reg_select;
        chip->elcr = c.chip.pic.elcr;
        chip->fully_nested = c.chip.pic.special_fully_nested_mode;
    }
    i8259_dump(&pair, out);
}

void kvm_chips_dump(void *opaque, GString *ioapic, GString *pic, GString *irq)
{
    KVMState *s = opaque;

    dump_ioapic(s, ioapic);
    dump_pics(s, pic);
    for (unsigned i = 0; i < KVM_IOAPIC_PINS; i++) {
        uint64_t n = __atomic_load_n(&s->arch->raised[i], __ATOMIC_RELAXED);

        if (n) {
            g_string_append_printf(irq, "%2u: %" PRIu64 "\n", i, n);
        }
    }
}

/* --- State ----------------------------------------------------------------------------------- */

static bool chip_call(unsigned long request, uint32_t id, struct kvm_irqchip *c, Error **errp)
{
    int ret;

    c->chip_id = id;
    ret = kvm_vm_ioctl(kvm_state(current_machine), request, c);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM %s the state of interrupt controller %u",
                         request == KVM_GET_IRQCHIP ? "did not give" : "refused", id);
    }
    return ret >= 0;
}

static bool pic_prepare_save(void *opaque, Error **errp)
{
    KernelPic *s = opaque;

    for (unsigned i = 0; i < 2; i++) {
        struct kvm_irqchip c = { .chip_id = 0 };

        if (!chip_call(KVM_GET_IRQCHIP, KVM_IRQCHIP_PIC_MASTER + i, &c, errp)) {
            return false;
        }
        s->chip[i] = c.chip.pic;
    }
    return true;
}

static bool pic_applied(void *opaque, Error **errp)
{
    const KernelPic *s = opaque;

    for (unsigned i = 0; i < 2; i++) {
        struct kvm_irqchip c = { .chip.pic = s->chip[i] };

        if (!chip_call(KVM_SET_IRQCHIP, KVM_IRQCHIP_PIC_MASTER + i, &c, errp)) {
            return false;
        }
    }
    return true;
}

#define PIC(_name) VMSTATE_UINT(struct kvm_pic_state, _name)
static const VMStateField pic_chip_fields[] = {
    PIC(last_irr), PIC(irr), PIC(imr), PIC(isr), PIC(priority_add), PIC(irq_base),
    PIC(read_reg_select), PIC(poll), PIC(special_mask), PIC(init_state), PIC(auto_eoi),
    PIC(rotate_on_auto_eoi), PIC(special_fully_nested_mode), PIC(init4), PIC(elcr),
    PIC(elcr_mask), VMSTATE_END,
};
static const VMStateDescription vmstate_pic_chip = {
    "chip", .version = 1, .fields = pic_chip_fields,
};
static const VMStateField pic_fields[] = {
    VMSTATE_STRUCT_ARRAY(KernelPic, chip, &vmstate_pic_chip), VMSTATE_END,
};
static const VMStateDescription vmstate_pic = {
    "kvm-i8259", .version = 1, .fields = pic_fields, .order = VMS_ORDER_INTC,
    .prepare_save = pic_prepare_save, .applied = pic_applied,
};

static bool ioapic_prepare_save(void *opaque, Error **errp)
{
    KernelIoapic *s = opaque;
    struct kvm_irqchip c = { .chip_id = 0 };

    if (!chip_call(KVM_GET_IRQCHIP, KVM_IRQCHIP_IOAPIC, &c, errp)) {
        return false;
    }
    s->chip = c.chip.ioapic;
    for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
        s->rte[i] = s->chip.redirtbl[i].bits;
    }
    return true;
}

static bool ioapic_applied(void *opaque, Error **errp)
{
    const KernelIoapic *s = opaque;
    struct kvm_irqchip c = { .chip.ioapic = s->chip };

    c.chip.ioapic.base_address = IOAPIC_DEFAULT_BASE;
    for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
        c.chip.ioapic.redirtbl[i].bits = s->rte[i];
    }
    return chip_call(KVM_SET_IRQCHIP, KVM_IRQCHIP_IOAPIC, &c, errp);
}

static const VMStateField ioapic_fields[] = {
    VMSTATE_UINT_MAX(KernelIoapic, chip.ioregsel, 0xff),
    VMSTATE_UINT_MAX(KernelIoapic, chip.id, 0xf),
    VMSTATE_UINT_MAX(KernelIoapic, chip.irr, (1u << KVM_IOAPIC_PINS) - 1),
    VMSTATE_UINT_ARRAY(KernelIoapic, rte),
    VMSTATE_END,
};
static const VMStateDescription vmstate_ioapic_kernel = {
    "kvm-ioapic", .version = 1, .fields = ioapic_fields, .order = VMS_ORDER_INTC,
    .prepare_save = ioapic_prepare_save, .applied = ioapic_applied,
};

static bool pit_call(unsigned long request, struct kvm_pit_state2 *pit, Error **errp)
{
    int ret = kvm_vm_ioctl(kvm_state(current_machine), request, pit);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM %s the state of the interval timer",
                         request == KVM_GET_PIT2 ? "did not give" : "refused");
    }
    return ret >= 0;
}

static bool pit_prepare_save(void *opaque, Error **errp)
{
    KernelPit *s = opaque;

    return pit_call(KVM_GET_PIT2, &s->pit, errp);
}

static bool pit_applied(void *opaque, Error **errp)
{
    KernelPit *s = opaque;

    return pit_call(KVM_SET_PIT2, &s->pit, errp);
}

/* The time of the last load is the source's; the kernel starts the count anew. */
#define PIT(_name, _max) VMSTATE_UINT_MAX(struct kvm_pit_channel_state, _name, _max)
static const VMStateField pit_channel_fields[] = {
    PIT(count, 0x10000), PIT(latched_count, 0), PIT(count_latched, 3), PIT(status_latched, 1),
    PIT(status, 0), PIT(read_state, 4), PIT(write_state, 4), PIT(write_latch, 0), PIT(rw_mode, 3),
    PIT(mode, 7), PIT(bcd, 1), PIT(gate, 1), VMSTATE_END,
};
static const VMStateDescription vmstate_pit_channel = {
    "channel", .version = 1, .fields = pit_channel_fields,
};
static const VMStateField pit_fields[] = {
    VMSTATE_STRUCT_ARRAY(KernelPit, pit.channels, &vmstate_pit_channel),
    VMSTATE_UINT_MAX(KernelPit, pit.flags, KVM_PIT_FLAGS_HPET_LEGACY | 2),
    VMSTATE_END,
};
static const VMStateDescription vmstate_pit_kernel = {
    "kvm-pit", .version = 1, .fields = pit_fields, .order = VMS_ORDER_INTC,
    .prepare_save = pit_prepare_save, .applied = pit_applied,
};

/* --- Types ----------------------------------------------------------------------------------- */

#define KERNEL_CHIP(_name, _description, _type, _reset, _vmsd) \
    { .object = { .name = (_name), .parent = &type_device, .description = (_description), \
                  .instance_size = sizeof(_type) }, \
      .reset = (_reset), \
      .migration = MIGRATION_VMSD(_vmsd) }

static const DeviceType chip_types[] = {
    KERNEL_CHIP("kvm-i8259", "8259 pair in the kernel", KernelPic, pic_reset, &vmstate_pic),
    KERNEL_CHIP("kvm-ioapic", "I/O APIC in the kernel", KernelIoapic, ioapic_reset_kernel,
                &vmstate_ioapic_kernel),
    KERNEL_CHIP("kvm-pit", "interval timer in the kernel", KernelPit, pit_reset,
                &vmstate_pit_kernel),
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
