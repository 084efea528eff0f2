/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page tables in the human monitor: info tlb, info mem. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "target/i386/cpu.h"

#define MAX_OUTPUT_BYTES (16 * MiB)

/* The chosen CPU with paging on; NULL after saying why not. */
static X86CPU *paging_cpu(Monitor *mon)
{
    CPUState *cs = hmp_cpu(mon);

    if (!cs) {
        return NULL;
    }
    cpu_synchronize_state(cs);
    if (!(X86_CPU(cs)->env.cr[0] & CR0_PG_MASK)) {
        monitor_puts(mon, "PG disabled\n");
        return NULL;
    }
    return X86_CPU(cs);
}

static void finish(Monitor *mon, GString *out, bool complete)
{
    monitor_puts(mon, out->str);
    if (!complete) {
        monitor_puts(mon, "(the tables go on; too much to show)\n");
    }
    g_string_free(out, TRUE);
}

/* --- info tlb -------------------------------------------------------------------------------- */

static void print_page(const X86Page *page, void *opaque)
{
    static const struct {
        char letter;
        uint8_t bit;
    } flags[] = { { 'X', 63 }, { 'G', 8 }, { 'P', 7 }, { 'D', 6 }, { 'A', 5 }, { 'C', 4 },
                  { 'T', 3 }, { 'U', 2 }, { 'W', 1 } };
    GString *out = opaque;

    if (out->len > MAX_OUTPUT_BYTES) {
        return;
    }
    g_string_append_printf(out, "%016" PRIx64 ": %016" PRIx64 " ", page->va, page->gpa);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        /* Bit 7 of a 4 KiB page's entry is another flag. */
        bool set = page->entry >> flags[i].bit & 1 && (flags[i].bit != 7 || page->bytes > 4096);

        g_string_append_c(out, set ? flags[i].letter : '-');
    }
    g_string_append_c(out, '\n');
}

void hmp_info_tlb(Monitor *mon, const HmpArg *args)
{
    X86CPU *cpu = paging_cpu(mon);
    GString *out;
    bool complete;

    if (cpu) {
        out = g_string_new(NULL);
        complete = x86_cpu_foreach_page(cpu, print_page, out);
        finish(mon, out, complete && out->len <= MAX_OUTPUT_BYTES);
    }
}

/* --- info mem -------------------------------------------------------------------------------- */

/* Neighbouring pages with the same rights. */
typedef struct Range {
    GString *out;
    uint64_t start, bytes; /* bytes 0: none yet */
    uint64_t rights;
} Range;

static void print_range(Range *r)
{
    if (r->bytes && r->out->len <= MAX_OUTPUT_BYTES) {
        g_string_append_printf(r->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                               r->start, r->start + r->bytes, r->bytes,
                               r->rights & 4 ? 'u' : '-', r->rights & 2 ? 'w' : '-');
    }
    r->bytes = 0;
}

static void add_page(const X86Page *page, void *opaque)
{
    Range *r = opaque;

    if (!r->bytes || page->va != r->start + r->bytes || page->rights != r->rights) {
        print_range(r);
        r->start = page->va;
        r->rights = page->rights;
    }
    r->bytes += page->bytes;
}

void hmp_info_mem(Monitor *mon, const HmpArg *args)
{
    X86CPU *cpu = paging_cpu(mon);
    Range r = { 0 };
    bool complete;

    if (cpu) {
        r.out = g_string_new(NULL);
        complete = x86_cpu_foreach_page(cpu, add_page, &r);
        print_range(&r);
        finish(mon, r.out, complete && r.out->len <= MAX_OUTPUT_BYTES);
    }
}
