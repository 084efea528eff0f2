/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads every I/O port once in each width (unless sweep=0) and then does count=N random accesses
 * (seed=N), string instructions included. all=1 also touches the ports that may legitimately end
 * the machine or garble this program's own output.
 */
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "hammer.h"
#include "io.h"

#define SWEEP_DENSE 0x1000
#define SWEEP_STEP  13

static void sweep(bool all)
{
    for (uint32_t port = 0; port <= UINT16_MAX; port += port < SWEEP_DENSE ? 1 : SWEEP_STEP) {
        if (all || !hammer_port_spared((uint16_t)port)) {
            inb((uint16_t)port);
            inw((uint16_t)port);
            inl((uint16_t)port);
        }
    }
}

void guest_main(void)
{
    uint32_t count = cmdline_get_u32("count", 20000), seed = cmdline_get_u32("seed", 1);
    bool all = cmdline_get_u32("all", 0) != 0;
    uint32_t accesses = 0;
    Prng prng;

    print("INFO: port-hammer: seed=%u count=%u all=%d\n", seed, count, all);
    prng_seed(&prng, seed);
    if (cmdline_get_u32("sweep", 1)) {
        sweep(all);
    }
    for (uint32_t i = 0; i < count; i++) {
        accesses += hammer_port(&prng, all);
    }
    print("PASS: port-hammer: accesses=%u\n", accesses);
    guest_exit(EXIT_PASS);
}
