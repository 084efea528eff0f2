/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APIC access of the test guests, xAPIC and x2APIC alike (SDM vol. 3, chapter 11).
 * Registers are named by their xAPIC offset. The mode is one for all CPUs; every function acts on
 * the calling CPU.
 */
#ifndef GUEST_LAPIC_H
#define GUEST_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define LAPIC_ID        0x020
#define LAPIC_VERSION   0x030
#define LAPIC_TPR       0x080
#define LAPIC_EOI       0x0b0
#define LAPIC_LDR       0x0d0
#define LAPIC_DFR       0x0e0
#define LAPIC_SPIV      0x0f0
#define LAPIC_ISR       0x100
#define LAPIC_TMR       0x180
#define LAPIC_IRR       0x200
#define LAPIC_ESR       0x280
#define LAPIC_ICR       0x300
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_LVT_LINT1 0x360

#define LVR_SEOIB       (1u << 24)      /* EOI-broadcast suppression is supported */
#define SPIV_SUPPRESS   (1u << 12)      /* ... and switched on */
#define SPIV_ENABLE     (1u << 8)
#define SPIV_VECTOR     0xffu

#define ICR_FIXED       0x00000u
#define ICR_INIT        0x00500u
#define ICR_STARTUP     0x00600u
#define ICR_ASSERT      0x04000u
#define ICR_SELF        0x40000u

/* False without a local APIC. Otherwise: enabled, SPIV 0x1ff, TPR 0, LINT0 and LINT1 masked. */
bool lapic_init(void);

bool lapic_has_x2apic(void);
bool lapic_in_x2apic(void);

/* Switches the calling CPU to x2APIC mode, for good. All CPUs must do it before the next access. */
void lapic_enter_x2apic(void);

uint32_t lapic_read(uint32_t reg);
void lapic_write(uint32_t reg, uint32_t val);

/* False when an x2APIC write raised #GP, as real hardware does for reserved bits. */
bool lapic_write_safe(uint32_t reg, uint32_t val);

void lapic_eoi(void);

/* State of one vector in the 256-bit registers LAPIC_ISR, LAPIC_TMR, LAPIC_IRR. */
bool lapic_vector_bit(uint32_t reg, uint8_t vector);
bool lapic_any_vector(uint32_t reg);

uint32_t lapic_id(void);

/* Destination id for logical mode that an 8-bit I/O APIC field can hold; 0: there is none. */
uint32_t lapic_logical_id(void);

void lapic_send_ipi(uint32_t dest, uint32_t icr);
void lapic_self_ipi(uint8_t vector);

#endif
