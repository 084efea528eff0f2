/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC model as a register page (layout of SDM volume 3 table 11-1, as KVM_GET_LAPIC
 * carries it) and as text. The owner calls.
 */
#include "qemu/osdep.h"

#include "lapic-internal.h"

static void put(uint8_t *page, unsigned offset, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        page[offset + i] = value >> (i * 8);
    }
}

static uint32_t get(const uint8_t *page, unsigned offset)
{
    return page[offset] | (uint32_t)page[offset + 1] << 8 | (uint32_t)page[offset + 2] << 16 |
           (uint32_t)page[offset + 3] << 24;
}

void lapic_get_page(const LAPIC *s, uint8_t page[LAPIC_PAGE_BYTES], bool x2apic_ids,
                    int64_t now_ns)
{
    bool wide_id = lapic_x2apic_mode(s) && x2apic_ids;

    memset(page, 0, LAPIC_PAGE_BYTES);
    put(page, 0x20, wide_id ? s->cfg.apic_id : (uint32_t)s->xapic_id << 24);
    put(page, 0x30, lapic_version_value(s));
    put(page, 0x80, s->tpr);
    put(page, 0xa0, lapic_get_ppr(s));
    put(page, 0xd0, lapic_ldr_value(s));
    put(page, 0xe0, s->dfr);
    put(page, 0xf0, s->spiv);
    for (unsigned i = 0; i < 8; i++) {
        put(page, 0x100 + i * 16, s->isr[i]);
        put(page, 0x180 + i * 16, s->tmr[i]);
        put(page, 0x200 + i * 16, s->irr[i]);
    }
    put(page, 0x280, s->esr);
    put(page, 0x300, (uint32_t)s->icr);
    put(page, 0x310, s->icr >> 32);
    for (unsigned i = 0; i < LAPIC_NR_LVT; i++) {
        put(page, 0x320 + i * 16, s->lvt[i]);
    }
    put(page, 0x380, s->tmict);
    put(page, 0x390, lapic_timer_count(s, now_ns));
    put(page, 0x3e0, s->tdcr);
}

static void restart_timer(LAPIC *s, uint32_t count, int64_t now_ns)
{
    if (lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE) {
        return; /* IA32_TSC_DEADLINE travels on its own */
    }
    if (!count && lapic_timer_mode(s) == LAPIC_TIMER_PERIODIC) {
        count = s->tmict;
    }
    lapic_timer_start(s, count, now_ns);
}

void lapic_set_page(LAPIC *s, const uint8_t page[LAPIC_PAGE_BYTES], bool x2apic_ids,
                    int64_t now_ns)
{
    if (lapic_x2apic_mode(s)) {
        s->kernel_id = x2apic_ids ? get(page, 0x20) : get(page, 0x20) >> 24;
    } else {
        s->xapic_id = get(page, 0x20) >> 24;
        s->ldr = get(page, 0xd0) & 0xff000000;
    }
    s->kernel_lvr = get(page, 0x30);
    s->tpr = get(page, 0x80);
    s->dfr = get(page, 0xe0) | 0x0fffffff;
    s->spiv = get(page, 0xf0);
    for (unsigned i = 0; i < 8; i++) {
        s->isr[i] = get(page, 0x100 + i * 16);
        s->tmr[i] = get(page, 0x180 + i * 16);
        s->irr[i] = get(page, 0x200 + i * 16);
    }
    s->esr = get(page, 0x280);
    s->icr = get(page, 0x300) | (uint64_t)get(page, 0x310) << 32;
    for (unsigned i = 0; i < LAPIC_NR_LVT; i++) {
        s->lvt[i] = get(page, 0x320 + i * 16);
    }
    s->tmict = get(page, 0x380);
    s->tdcr = get(page, 0x3e0) & 0xb;
    restart_timer(s, get(page, 0x390), now_ns);
    lapic_publish(s);
}

/* --- info lapic ----------------------------------------------------------------------------- */

static const char *const mode_names[] = { "Fixed", "LowPri", "SMI", "...",
                                          "NMI", "INIT", "SIPI", "ExtINT" };

static void dump_lvt(const LAPIC *s, GString *out, const char *name, LapicLvt n)
{
    static const char *const timer_modes[] = { "one-shot", "periodic", "tsc-deadline", "..." };
    uint32_t lvt = s->lvt[n];
    unsigned mode = (lvt & LVT_MODE) >> LVT_MODE_SHIFT;
    bool has_vector = mode != APIC_DM_NMI && mode != APIC_DM_SMI && mode != APIC_DM_INIT;

    g_string_append_printf(out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s", name, lvt,
                           lvt & LVT_POLARITY ? "active-lo" : "active-hi",
                           lvt & LVT_LEVEL ? "level" : "edge", lvt & LVT_MASKED ? "masked" : "",
                           lvt & LVT_STATUS ? "pending" : "",
                           n == LAPIC_LVT_TIMER ? timer_modes[lapic_timer_mode(s)] : "",
                           mode_names[mode]);
    if (has_vector) {
        g_string_append_printf(out, " (vec %u)", lvt & LVT_VECTOR);
    }
    g_string_append_c(out, '\n');
}

/* "ISR\t 49(level) 238" */
static void dump_vectors(const LAPIC *s, GString *out, const char *name, const uint32_t v[8])
{
    bool any = false;

    g_string_append_printf(out, "%s\t ", name);
    for (unsigned n = 0; n < 256; n++) {
        if (vec_test(v, n)) {
            g_string_append_printf(out, "%u%s ", n, vec_test(s->tmr, n) ? "(level)" : "");
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : "(none)\n");
}

static void dump_icr(const LAPIC *s, GString *out)
{
    static const char *const shorthands[] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = (uint32_t)s->icr, high = s->icr >> 32;
    bool logical = low & BIT(11), x2apic = lapic_x2apic_mode(s);
    unsigned shorthand = (low >> 18) & 3;

    g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\n", low, logical ? "logical" : "physical",
                           low & BIT(15) ? "level" : "edge", low & BIT(14) ? "assert" : "de-assert",
                           shorthands[shorthand]);
    g_string_append_printf(out, "ICR2\t 0x%08x", high);
    if (shorthand == APIC_SH_NONE) {
        uint32_t dest = x2apic ? high : high >> 24;

        if (logical) {
            g_string_append_printf(out, " logical destination 0x%x", dest);
        } else {
            g_string_append_printf(out, " cpu %u (%s)", dest, x2apic ? "X2APIC ID" : "APIC ID");
        }
    }
    g_string_append_c(out, '\n');
}

static void dump_mode(const LAPIC *s, GString *out)
{
    const char *mode = !lapic_hw_enabled(s) ? "disabled"
                       : lapic_x2apic_mode(s) ? "x2apic" : "xapic";

    g_string_append_printf(out, "BASE\t 0x%016" PRIx64 " %s%s\n", s->base, mode,
                           s->base & LAPIC_BASE_BSP ? ", bsp" : "");
    g_string_append_printf(out, "ID\t 0x%08x\n", lapic_id_value(s));
    g_string_append_printf(out, "LVR\t 0x%08x\n", lapic_version_value(s));
}

void lapic_dump(const LAPIC *s, GString *out, int64_t now_ns)
{
    dump_lvt(s, out, "LVT0", LAPIC_LVT_LINT0);
    dump_lvt(s, out, "LVT1", LAPIC_LVT_LINT1);
    dump_lvt(s, out, "LVTPC", LAPIC_LVT_PERF);
    dump_lvt(s, out, "LVTERR", LAPIC_LVT_ERROR);
    dump_lvt(s, out, "LVTTHMR", LAPIC_LVT_THERMAL);
    dump_lvt(s, out, "LVTT", LAPIC_LVT_TIMER);
    g_string_append_printf(out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u "
                           "current_count = %u\n", s->tdcr, lapic_timer_divisor(s), s->tmict,
                           lapic_timer_count(s, now_ns));
    g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", s->spiv,
                           s->spiv & LAPIC_SPIV_ENABLE ? "enabled" : "disabled",
                           s->spiv & BIT(9) ? "on" : "off", s->spiv & 0xff);
    dump_icr(s, out);
    g_string_append_printf(out, "ESR\t 0x%08x\n", s->esr);
    dump_vectors(s, out, "ISR", s->isr);
    dump_vectors(s, out, "IRR", s->irr);
    g_string_append_printf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", 0,
                           s->tpr, s->dfr >> 28,
                           lapic_x2apic_mode(s) ? lapic_ldr_value(s) : s->ldr >> 24,
                           lapic_get_ppr(s));
    dump_mode(s, out);
}
