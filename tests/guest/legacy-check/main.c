/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * legacy-check: what a CPU does in 32-bit protected and virtual-8086 mode beyond calculating.
 * Groups: limits, gates, tasks, vm86, paging; "only=GROUP" runs one.
 */
#include "acpi.h"
#include "cmdline.h"
#include "console.h"
#include "io.h"
#include "legacy.h"
#include "memory.h"
#include "report.h"

void legacy_boot(uint32_t magic, uint32_t info_gpa);

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    { "limits", check_limits }, { "gates", check_gates }, { "tasks", check_tasks },
    { "vm86", check_vm86 }, { "paging", check_paging },
};

void legacy_boot(uint32_t magic, uint32_t info_gpa)
{
    const char *only;

    console_init();
    cmdline_init(magic, info_gpa);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    try_init();
    only = cmdline_get("only", NULL);
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (!only || str_equal(only, groups[i].name)) {
            groups[i].run();
        }
    }
    report_prefix("");
    report_finish(false, "mode=32");
}
