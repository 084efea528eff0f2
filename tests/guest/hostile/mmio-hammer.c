/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random accesses (count=N, seed=N) of all widths and alignments to the physical addresses where
 * a PC has devices or nothing: the PCI hole, ECAM, I/O APIC, HPET, local APIC, firmware.
 * Interrupts stay off; what may become an interrupt message always has delivery mode "fixed",
 * because an INIT would restart the firmware.
 */
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "hammer.h"

void guest_main(void)
{
    uint32_t count = cmdline_get_u32("count", 20000), seed = cmdline_get_u32("seed", 1);
    Prng prng;

    print("INFO: mmio-hammer: seed=%u count=%u\n", seed, count);
    for (unsigned v = 0; v < 32; v++) {
        idt_set_handler((uint8_t)v, hammer_skip);
    }
    prng_seed(&prng, seed);
    for (uint32_t i = 0; i < count; i++) {
        hammer_mmio(&prng);
    }
    print("PASS: mmio-hammer: accesses=%u exceptions=%u\n", count,
          hammer_exceptions);
    guest_exit(EXIT_PASS);
}
