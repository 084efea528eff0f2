/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs and interrupt controllers in the human monitor. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "hw/core/machine.h"
#include "hw/intc/apic-bus.h"
#include "hw/intc/i8259.h"
#include "hw/intc/irqchip.h"
#include "qemu/timer.h"
#include "target/i386/cpu.h"

/* --- Local APIC ------------------------------------------------------------------------------ */

/* On the vCPU's thread: where the kernel has the local APIC, a copy of it is shown. */
typedef struct LapicDump {
    GString *out;
} LapicDump;

static void dump_lapic(CPUState *cs, void *opaque)
{
    LapicDump *d = opaque;
    X86CPU *cpu = X86_CPU(cs);
    const AccelOps *accel = current_machine->accel;
    const X86AccelOps *ops = accel ? x86_accel_ops(accel) : NULL;
    int64_t now_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint8_t page[LAPIC_PAGE_BYTES];
    LAPIC *copy;

    if (!ops || !ops->get_lapic_page || !ops->get_lapic_page(cpu, page, NULL)) {
        lapic_dump(cpu->lapic, d->out, now_ns);
        return;
    }
    copy = g_new0(LAPIC, 1);
    lapic_init(copy, &cpu->lapic->cfg);
    copy->cfg.kernel_copy = true; /* LVR as the kernel made it */
    lapic_load_base(copy, cpu->env.apic_base);
    lapic_set_page(copy, page, true, now_ns);
    lapic_dump(copy, d->out, now_ns);
    g_free(copy);
}

static CPUState *cpu_by_apic_id(int64_t apic_id)
{
    CPUState *cs;

    CPU_FOREACH(cs) {
        if (X86_CPU(cs)->apic_id == apic_id) {
            return cs;
        }
    }
    return NULL;
}

void hmp_info_lapic(Monitor *mon, const HmpArg *args)
{
    CPUState *cs = args[0].present ? cpu_by_apic_id(args[0].i) : NULL;
    LapicDump d;

    if (args[0].present && !cs) {
        monitor_puts(mon, "No CPU available\n");
        return;
    }
    cs = cs ? cs : hmp_cpu(mon);
    if (!cs) {
        return;
    }
    if (!X86_CPU(cs)->lapic) {
        monitor_puts(mon, "Local APIC is not available\n");
        return;
    }
    cpu_synchronize_state(cs);
    d.out = g_string_new(NULL);
    g_string_append_printf(d.out, "dumping local APIC state for CPU %-2u\n\n",
                           X86_CPU(cs)->apic_id);
    run_on_cpu(cs, dump_lapic, &d);
    if (current_machine->apic_bus) {
        g_string_append_printf(d.out, "SEOIB %s\n",
                               seoib_mode_name(apic_bus_seoib(current_machine->apic_bus)));
    }
    monitor_puts(mon, d.out->str);
    g_string_free(d.out, TRUE);
}

/* --- I/O APIC and PIC ------------------------------------------------------------------------ */

/* The n-th I/O APIC model, or NULL. */
static IOAPIC *ioapic(unsigned n)
{
    return current_machine->apic_bus ? apic_bus_ioapic(current_machine->apic_bus, n) : NULL;
}

/* What the kernel has: with kernel-irqchip=on, texts for the three commands. */
typedef struct KernelChips {
    GString *ioapic, *pic, *irq; /* NULL: there are none */
} KernelChips;

static KernelChips kernel_chips(void)
{
    const IrqChipOps *ops = current_machine->irqchip;
    KernelChips k = { NULL, NULL, NULL };

    if (ops && ops->dump) {
        k = (KernelChips){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };
        ops->dump(current_machine->accel_state, k.ioapic, k.pic, k.irq);
    }
    return k;
}

static void kernel_chips_free(KernelChips *k)
{
    if (k->ioapic) {
        g_string_free(k->ioapic, TRUE);
        g_string_free(k->pic, TRUE);
        g_string_free(k->irq, TRUE);
    }
}

static void print_ioapics(Monitor *mon, const KernelChips *k)
{
    IOAPIC *s;

    if (k->ioapic) {
        monitor_puts(mon, "ioapic0: ");
        monitor_puts(mon, k->ioapic->str);
    }

    for (unsigned n = 0; (s = ioapic(n)); n++) {
        GString *out = g_string_new(NULL);

        g_string_append_printf(out, "ioapic%u: ", n);
        ioapic_dump(s, out);
        monitor_puts(mon, out->str);
        g_string_free(out, TRUE);
    }
}

static void print_pics(Monitor *mon, Object *obj)
{
    if (object_is_a(obj, &type_i8259.object)) {
        GString *out = g_string_new(NULL);

        i8259_dump(&((I8259Device *)obj)->pic, out);
        monitor_puts(mon, out->str);
        g_string_free(out, TRUE);
    }
    for (guint i = 0; obj->children && i < obj->children->len; i++) {
        print_pics(mon, g_ptr_array_index(obj->children, i));
    }
}

void hmp_info_pic(Monitor *mon, const HmpArg *args)
{
    KernelChips k = kernel_chips();

    print_ioapics(mon, &k);
    if (k.pic) {
        monitor_puts(mon, k.pic->str);
    }
    print_pics(mon, current_machine->root);
    kernel_chips_free(&k);
}

void hmp_info_ioapic(Monitor *mon, const HmpArg *args)
{
    KernelChips k = kernel_chips();

    print_ioapics(mon, &k);
    kernel_chips_free(&k);
}

void hmp_info_irq(Monitor *mon, const HmpArg *args)
{
    KernelChips k = kernel_chips();
    IOAPIC *s;

    if (k.irq) {
        monitor_puts(mon, "IRQ statistics for kvm-ioapic:\n");
        monitor_puts(mon, k.irq->str);
    }
    kernel_chips_free(&k);
    for (unsigned n = 0; (s = ioapic(n)); n++) {
        monitor_puts(mon, "IRQ statistics for ioapic:\n");
        for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
            if (s->count.per_pin[pin]) {
                monitor_printf(mon, "%2u: %" PRIu64 "\n", pin, s->count.per_pin[pin]);
            }
        }
    }
}

void hmp_nmi(Monitor *mon, const HmpArg *args)
{
    if (current_machine->apic_bus && cpus_count()) {
        apic_bus_nmi(current_machine->apic_bus);
    } else {
        monitor_puts(mon, "Error: machine does not provide NMIs\n");
    }
}

/* --- Registers ------------------------------------------------------------------------------- */

static void print_registers(Monitor *mon, CPUState *cs)
{
    GString *out = g_string_new(NULL);

    cpu_synchronize_state(cs);
    g_string_append_printf(out, "\nCPU#%d\n", cs->index);
    x86_cpu_dump_state(X86_CPU(cs), out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

void hmp_info_registers(Monitor *mon, const HmpArg *args)
{
    CPUState *cs;

    if (args[0].present) {
        CPU_FOREACH(cs) {
            print_registers(mon, cs);
        }
    } else if (args[1].present && (args[1].i < 0 || args[1].i >= cpus_count())) {
        monitor_printf(mon, "CPU#%" PRId64 " not available\n", args[1].i);
    } else {
        cs = args[1].present ? cpus_get((unsigned)args[1].i) : hmp_cpu(mon);
        if (cs) {
            print_registers(mon, cs);
        }
    }
}
