/* SPDX-License-Identifier: GPL-2.0-or-later */
/* End of a test guest: isa-debug-exit, else ACPI power-off, else reset. */
#include "acpi.h"
#include "guest-exit.h"
#include "io.h"

#define DEBUG_EXIT_PORT 0xf4
#define PM1_SLP_EN      0x2000          /* with SLP_TYP 0, the S5 value of QEMU's boards */

/* The last resort: no machine goes on after this, at least not with this program. */
static void triple_fault(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } empty = { 0, 0 };

    __asm__ volatile("lidt %0\n"
                     "ud2" : : "m"(empty) : "memory");
}

void guest_exit(GuestExit status)
{
    static const uint16_t usual_pm1_control[] = { 0x604, 0xb004 };
    uint16_t pm1_control = acpi_pm1_control_port();

    irq_disable();
    outl(DEBUG_EXIT_PORT, status);
    if (pm1_control) {
        outw(pm1_control, PM1_SLP_EN);
    }
    for (unsigned i = 0; i < sizeof(usual_pm1_control) / sizeof(usual_pm1_control[0]); i++) {
        outw(usual_pm1_control[i], PM1_SLP_EN);
    }
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    outb(0x64, 0xfe);
    triple_fault();
    for (;;) {
        cpu_halt_forever();
    }
}
