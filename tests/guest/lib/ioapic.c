/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC access (82093AA data sheet, chapter 3). One CPU at a time: the index register is
 * shared.
 */
#include "io.h"
#include "ioapic.h"

#define IOAPIC_DEFAULT_GPA 0xfec00000u
#define IOREGSEL           0x00
#define IOWIN              0x10
#define EOIR               0x40
#define REG_VERSION        0x01
#define REG_RTE            0x10

static uint32_t ioapic_gpa;

static uint32_t reg_read(uint32_t reg)
{
    mmio_write32(ioapic_gpa + IOREGSEL, reg);
    return mmio_read32(ioapic_gpa + IOWIN);
}

static void reg_write(uint32_t reg, uint32_t val)
{
    mmio_write32(ioapic_gpa + IOREGSEL, reg);
    mmio_write32(ioapic_gpa + IOWIN, val);
}

bool ioapic_init(uint32_t gpa)
{
    uint32_t version;

    ioapic_gpa = gpa ? gpa : IOAPIC_DEFAULT_GPA;
    version = reg_read(REG_VERSION);
    if (version == 0 || version == UINT32_MAX || (version & 0xff) < 0x10) {
        return false;
    }
    for (unsigned pin = 0; pin < ioapic_nr_pins(); pin++) {
        ioapic_set_low(pin, RTE_MASKED);
    }
    return true;
}

uint8_t ioapic_version(void)
{
    return (uint8_t)reg_read(REG_VERSION);
}

unsigned ioapic_nr_pins(void)
{
    return (reg_read(REG_VERSION) >> 16 & 0xff) + 1;
}

bool ioapic_has_eoi_register(void)
{
    return ioapic_version() >= 0x20;
}

void ioapic_set_low(unsigned pin, uint32_t rte)
{
    reg_write(REG_RTE + 2 * pin, rte);
}

void ioapic_set_pin(unsigned pin, uint32_t rte, uint8_t dest)
{
    ioapic_set_low(pin, rte | RTE_MASKED);
    reg_write(REG_RTE + 2 * pin + 1, (uint32_t)dest << 24);
    ioapic_set_low(pin, rte);
}

uint32_t ioapic_get_low(unsigned pin)
{
    return reg_read(REG_RTE + 2 * pin);
}

bool ioapic_remote_irr(unsigned pin)
{
    return ioapic_get_low(pin) & RTE_REMOTE_IRR;
}

void ioapic_eoi(uint8_t vector)
{
    mmio_write32(ioapic_gpa + EOIR, vector);
}

void ioapic_reset_pin(unsigned pin)
{
    uint32_t rte = (ioapic_get_low(pin) & ~RTE_REMOTE_IRR) | RTE_MASKED;

    ioapic_set_low(pin, rte);
    ioapic_set_low(pin, rte & ~RTE_LEVEL);
    ioapic_set_low(pin, rte);
}
