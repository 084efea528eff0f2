/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC model in a migration: registers, timer, and what other threads have posted. Also
 * the form in which the kernel's local APICs travel (lapic_get_page(), lapic_set_page()). The owner
 * calls, or who stopped it.
 */
#include "qemu/osdep.h"

#include "lapic-internal.h"
#include "migration/vmstate.h"

#define DEFAULT_PHYS_BITS 36
#define KNOWN_EVENTS (LAPIC_EV_SMI | LAPIC_EV_NMI | LAPIC_EV_INIT | LAPIC_EV_SIPI | \
                      LAPIC_EV_EXTINT | LAPIC_EV_ILLEGAL | 0xff00u)

static bool base_valid(const LAPIC *s)
{
    unsigned bits = s->cfg.phys_bits ? s->cfg.phys_bits : DEFAULT_PHYS_BITS;
    uint64_t flags = LAPIC_BASE_BSP | LAPIC_BASE_ENABLE | (s->cfg.x2apic ? LAPIC_BASE_X2APIC : 0);
    uint64_t address = ((1ull << bits) - 1) & ~0xfffull;

    return !(s->base & ~(flags | address)) &&
           (s->base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC)) != LAPIC_BASE_X2APIC;
}

static bool lapic_post_load(void *opaque, uint32_t version, Error **errp)
{
    LAPIC *s = opaque;

    if (!base_valid(s)) {
        error_setg(errp, "lapic/base: this processor cannot have 0x%" PRIx64, s->base);
        return false;
    }
    if (s->timer_deadline_ns < 0 || s->timer_deadline_ns > INT64_MAX / 2 || s->tsc_base_ns < 0) {
        error_setg(errp, "lapic/timer_deadline_ns: the timer cannot expire at %" PRId64 " ns",
                   s->timer_deadline_ns);
        return false;
    }
    if (s->events & ~KNOWN_EVENTS) {
        error_setg(errp, "lapic/events: 0x%x is not known", s->events);
        return false;
    }
    s->dfr |= 0x0fffffff;
    s->attention = 1; /* the owner looks again at what is pending */
    lapic_publish(s);
    return true;
}

static const VMStateField lapic_fields[] = {
    VMSTATE_UINT(LAPIC, base),
    VMSTATE_UINT(LAPIC, xapic_id),
    VMSTATE_UINT(LAPIC, tpr),
    VMSTATE_UINT(LAPIC, ldr),
    VMSTATE_UINT(LAPIC, dfr),
    VMSTATE_UINT_MAX(LAPIC, spiv, 0x1fff),
    VMSTATE_UINT_MAX(LAPIC, esr, 0xff),
    VMSTATE_UINT_MAX(LAPIC, esr_pending, 0xff),
    VMSTATE_UINT(LAPIC, icr),
    VMSTATE_UINT_ARRAY_MAX(LAPIC, lvt, 0x7ffff),
    VMSTATE_UINT_MAX(LAPIC, tdcr, 0xb),
    VMSTATE_UINT(LAPIC, tmict),
    VMSTATE_UINT_ARRAY(LAPIC, irr),
    VMSTATE_UINT_ARRAY(LAPIC, isr),
    VMSTATE_UINT_ARRAY(LAPIC, tmr),
    VMSTATE_BOOL(LAPIC, extint),
    VMSTATE_BOOL(LAPIC, timer_armed),
    VMSTATE_SINT(LAPIC, timer_deadline_ns),
    VMSTATE_UINT(LAPIC, tsc_deadline),
    VMSTATE_UINT(LAPIC, tsc_base),
    VMSTATE_SINT(LAPIC, tsc_base_ns),
    VMSTATE_UINT_ARRAY(LAPIC, pending),
    VMSTATE_UINT_ARRAY(LAPIC, pending_level),
    VMSTATE_UINT(LAPIC, events),
    VMSTATE_UINT_MAX(LAPIC, lint, 0x303),
    VMSTATE_END,
};
const VMStateDescription vmstate_lapic = {
    "lapic", .version = 1, .fields = lapic_fields, .post_load = lapic_post_load,
};
