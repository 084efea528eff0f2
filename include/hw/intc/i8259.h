/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pair of 8259A interrupt controllers as on a PC: the slave's output is the master's IR2,
 * edge/level control registers at 4d0/4d1. Model: Intel 8259A data sheet; ELCR per ICH9 13.4. Big
 * lock.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/core/qdev.h"
#include "hw/intc/apic-bus.h"
#include "system/memory.h"

enum { I8259_MASTER, I8259_SLAVE };

/* One chip. */
typedef struct I8259 {
    uint8_t irr, imr, isr;
    uint8_t lines;     /* input levels */
    uint8_t elcr;      /* 1: level-triggered */
    uint8_t elcr_mask; /* writable bits of elcr */
    uint8_t base;      /* ICW2: vector of IR0 */
    uint8_t top;       /* input with the highest priority (rotation) */
    uint8_t init_step; /* 0: operational, else the ICW expected next (2..4) */
    bool icw4_needed, single;
    bool read_isr;      /* OCW3: A0 = 0 reads ISR, not IRR */
    bool poll;          /* OCW3: the next read is an acknowledge */
    bool special_mask;  /* OCW3 */
    bool auto_eoi;      /* ICW4 */
    bool rotate_auto;   /* OCW2: rotate in automatic EOI mode */
    bool fully_nested;  /* ICW4: special fully nested mode */
    bool all_level;     /* ICW1: LTIM */
} I8259;

typedef struct I8259Pair {
    I8259 chip[2];
} I8259Pair;

void i8259_init(I8259Pair *p);
/* Power-on state: ELCR cleared too. Lines keep their levels. */
void i8259_reset(I8259Pair *p);
/* Level of ISA interrupt @irq, 0..15 (2 is the cascade and ignored). */
void i8259_set_irq(I8259Pair *p, unsigned irq, bool level);
/* The INTR output. */
bool i8259_intr(const I8259Pair *p);
/* Interrupt acknowledge: the vector; the spurious one (IR7) when nothing is pending any more. */
uint8_t i8259_intack(I8259Pair *p);
/* Ports 20, 21 (master) and a0, a1 (slave): @a0 is address bit 0. */
uint8_t i8259_read(I8259Pair *p, unsigned chip, unsigned a0);
void i8259_write(I8259Pair *p, unsigned chip, unsigned a0, uint8_t value);
/* Ports 4d0 (master), 4d1 (slave). */
uint8_t i8259_elcr_read(const I8259Pair *p, unsigned chip);
void i8259_elcr_write(I8259Pair *p, unsigned chip, uint8_t value);
/* Appends the two lines of HMP "info pic". */
void i8259_dump(const I8259Pair *p, GString *out);

extern const VMStateDescription vmstate_i8259;

typedef struct I8259Device I8259Device;

/* The ports of one chip. */
typedef struct I8259Ports {
    I8259Device *owner;
    unsigned chip;
    MemoryRegion io, elcr;
} I8259Ports;

/* The device "isa-i8259": both chips at their ports, INTR to @bus. */
struct I8259Device {
    DeviceState dev;
    ApicBus *bus; /* set by i8259_device_create() */
    I8259Pair pic;
    bool intr;
    I8259Ports ports[2];
};

extern const DeviceType type_i8259;

/* Creates and realizes it. */
I8259Device *i8259_device_create(ApicBus *bus, Error **errp);
/* Level of ISA interrupt @irq. */
void i8259_device_set_irq(I8259Device *s, unsigned irq, bool level);

#endif
