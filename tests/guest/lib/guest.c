/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First C code of a test guest on the boot CPU. */
#include "acpi.h"
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "idt.h"
#include "io.h"

/* The 8259 pair stays masked: everything the guests test goes through the I/O APIC. */
static void mask_legacy_pic(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void guest_boot_cpu(uint32_t magic, uint32_t info_gpa)
{
    idt_init();
    console_init();
    cmdline_init(magic, info_gpa);
    acpi_scan();
    mask_legacy_pic();
    guest_main();
    guest_exit(EXIT_PASS);
}
