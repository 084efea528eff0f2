/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single random accesses, for the hammers and the storm. */
#ifndef HOSTILE_HAMMER_H
#define HOSTILE_HAMMER_H

#include <stdbool.h>
#include <stdint.h>
#include "idt.h"
#include "prng.h"

/* Runs one instruction that may fault: hammer_skip() goes on after it, at the address in RBX.
 * @val: RAX before and after. */
#define HAMMER_ACCESS(insn, address, val)                                             \
    __asm__ volatile("leaq 1f(%%rip), %%rbx\n" insn "\n1:\n"                          \
                     : "+a"(val) : "r"(address) : "rbx", "memory", "cc")

/* The handler of exceptions 0..31. */
void hammer_skip(InterruptFrame *frame);
extern volatile uint32_t hammer_exceptions;

/* A load, store or read-modify-write of 1 to 8 bytes. */
void hammer_memory(uint64_t la, uint32_t kind, uint64_t val);
/* One at a physical address where a PC has devices or nothing. Messages that may become interrupts
 * have delivery mode "fixed". */
void hammer_mmio(Prng *prng);

/* Must an access of up to 4 bytes be left out: it may end the machine or garble our output? */
bool hammer_port_spared(uint16_t port);
/* A random port and access, string instructions included. False: a spared port, nothing done. */
bool hammer_port(Prng *prng, bool all);

#endif
