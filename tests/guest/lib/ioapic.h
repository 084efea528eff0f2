/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O APIC access of the test guests (82093AA; EOI register of version 0x20 parts). */
#ifndef GUEST_IOAPIC_H
#define GUEST_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define RTE_LOGICAL     (1u << 11)
#define RTE_ACTIVE_LOW  (1u << 13)
#define RTE_REMOTE_IRR  (1u << 14)
#define RTE_LEVEL       (1u << 15)
#define RTE_MASKED      (1u << 16)

/* gpa 0 means the usual 0xfec00000. False when nothing answers. All pins are masked. */
bool ioapic_init(uint32_t gpa);

uint8_t ioapic_version(void);
unsigned ioapic_nr_pins(void);

/* Version 0x20 and later parts have the EOI register. */
bool ioapic_has_eoi_register(void);

/* Low half of a redirection entry; dest goes to bits 31:24 of the high half. */
void ioapic_set_pin(unsigned pin, uint32_t rte, uint8_t dest);
void ioapic_set_low(unsigned pin, uint32_t rte);
uint32_t ioapic_get_low(unsigned pin);
bool ioapic_remote_irr(unsigned pin);

/* Directed EOI: writes the EOI register whatever the version. */
void ioapic_eoi(uint8_t vector);

/* Clears a stuck remote IRR by turning the (masked) pin edge-triggered. */
void ioapic_reset_pin(unsigned pin);

#endif
