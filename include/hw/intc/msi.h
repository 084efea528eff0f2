/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt messages: what travels between I/O APICs, PCI devices and local APICs, and how such a
 * message is coded in the address and data of an MSI (SDM volume 3, 11.11; "Message Signalled
 * Interrupts"). Pure functions, any thread.
 */
#ifndef HW_INTC_MSI_H
#define HW_INTC_MSI_H

#include "qemu/osdep.h"

/* Delivery modes: ICR, LVT, RTE bits 10:8 and MSI data bits 10:8. */
typedef enum ApicDeliveryMode {
    APIC_DM_FIXED = 0,
    APIC_DM_LOWEST = 1,
    APIC_DM_SMI = 2,
    APIC_DM_RESERVED = 3,
    APIC_DM_NMI = 4,
    APIC_DM_INIT = 5,
    APIC_DM_SIPI = 6,
    APIC_DM_EXTINT = 7,
} ApicDeliveryMode;

/* ICR bits 19:18. Messages that come from outside a local APIC have no shorthand. */
typedef enum ApicShorthand {
    APIC_SH_NONE = 0,
    APIC_SH_SELF = 1,
    APIC_SH_ALL = 2,
    APIC_SH_OTHERS = 3,
} ApicShorthand;

/* Physical destination that means every local APIC, whatever width the source could express. */
#define APIC_DEST_BROADCAST 0xffffffffu

/* One interrupt message. */
typedef struct ApicMessage {
    uint32_t dest;     /* APIC id or logical destination; APIC_DEST_BROADCAST */
    uint8_t vector;    /* SIPI: page number of the start address */
    uint8_t mode;      /* ApicDeliveryMode */
    uint8_t shorthand; /* ApicShorthand */
    bool logical;      /* @dest is a logical destination */
    bool level;        /* level-triggered: the target sets the vector's TMR bit */
    bool deassert;     /* INIT level de-assert, which processors since the Pentium 4 ignore */
    bool redir_hint;   /* MSI address bit 3: one processor of those addressed is enough */
} ApicMessage;

#define MSI_ADDR_BASE       0xfee00000u
#define MSI_ADDR_BASE_MASK  0xfff00000u
#define MSI_ADDR_LOGICAL    0x4u
#define MSI_ADDR_REDIR_HINT 0x8u
#define MSI_DATA_LEVEL      0x8000u /* trigger mode: level */
#define MSI_DATA_ASSERT     0x4000u

/* Is @addr inside the window where a write by a device is an interrupt message? */
static inline bool msi_addr_valid(uint64_t addr)
{
    return (addr & ~0xfffffull) == MSI_ADDR_BASE;
}

/*
 * Decodes address and data of an MSI. With @ext_dest address bits 11:5 are bits 14:8 of the
 * destination (the KVM and Hyper-V "extended destination id"); without it they are ignored and a
 * physical destination of 0xff becomes APIC_DEST_BROADCAST.
 */
ApicMessage msi_decode(uint64_t addr, uint32_t data, bool ext_dest);

/* The address and data that msi_decode() turns back into @msg (destinations above 14 bits cannot be
 * coded and are cut). @data gets the assert bit for level-triggered messages. */
void msi_encode(const ApicMessage *msg, uint64_t *addr, uint32_t *data);

#endif
