/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Triple fault: an empty IDT makes the first exception unserviceable, so the machine resets. */
#include "console.h"
#include "guest.h"

void guest_main(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } empty = { 0, 0 };

    print("INFO: triple-fault: now\n");
    __asm__ volatile("lidt %0\n"
                     "ud2" : : "m"(empty) : "memory");
}
