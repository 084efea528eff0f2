/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of a PC's two 8259A interrupt controllers (Intel 8259A data sheet; ELCR per ICH9 13.4). Big
 * lock. 8080 mode (three-byte CALL) and buffered mode do not exist on PCs and are left out.
 */
#include "qemu/osdep.h"

#include "hw/intc/i8259.h"
#include "migration/vmstate.h"

#define CASCADE_IR 2

static void chip_soft_reset(I8259 *s)
{
    s->imr = 0;
    s->isr = 0;
    s->irr &= s->elcr; /* edges must rise anew */
    s->base = 0;
    s->top = 0;
    s->read_isr = false;
    s->poll = false;
    s->special_mask = false;
    s->auto_eoi = false;
    s->rotate_auto = false;
    s->fully_nested = false;
    s->all_level = false;
    s->icw4_needed = false;
    s->single = false;
    s->init_step = 0;
}

static uint8_t level_mask(const I8259 *s)
{
    return s->all_level ? 0xff : s->elcr;
}

static void chip_set_line(I8259 *s, unsigned ir, bool level)
{
    uint8_t bit = 1u << ir;
    bool rose = level && !(s->lines & bit);

    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (level_mask(s) & bit) {
        s->irr = level ? s->irr | bit : s->irr & ~bit;
    } else if (rose) {
        s->irr |= bit;
    }
}

/* Distance from the top priority of the most urgent bit in @mask; 8: none. */
static unsigned urgency(const I8259 *s, uint8_t mask)
{
    unsigned n = 0;

    while (n < 8 && !(mask & (1u << ((s->top + n) & 7)))) {
        n++;
    }
    return n;
}

/* The input to serve next, or -1. */
static int chip_pending(const I8259 *s, bool master)
{
    uint8_t in_service = s->isr;
    unsigned wanted = urgency(s, s->irr & ~s->imr);

    if (s->special_mask) {
        in_service &= ~s->imr;
    }
    if (s->fully_nested && master) {
        in_service &= ~(1u << CASCADE_IR); /* more urgent slave inputs may interrupt the slave */
    }
    return wanted < 8 && wanted < urgency(s, in_service) ? (int)((s->top + wanted) & 7) : -1;
}

static void chip_ack(I8259 *s, unsigned ir)
{
    if (s->auto_eoi) {
        if (s->rotate_auto) {
            s->top = (ir + 1) & 7;
        }
    } else {
        s->isr |= 1u << ir;
    }
    if (!(level_mask(s) & (1u << ir))) {
        s->irr &= ~(1u << ir);
    }
}

/* The slave's output is an input of the master. */
static void cascade(I8259Pair *p)
{
    chip_set_line(&p->chip[I8259_MASTER], CASCADE_IR,
                  chip_pending(&p->chip[I8259_SLAVE], false) >= 0);
}

/* An acknowledge that leaves the slave with more work makes its output fall and rise. */
static void ack(I8259Pair *p, unsigned chip, unsigned ir)
{
    chip_ack(&p->chip[chip], ir);
    if (chip == I8259_SLAVE) {
        chip_set_line(&p->chip[I8259_MASTER], CASCADE_IR, false);
    }
    cascade(p);
}

void i8259_reset(I8259Pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        p->chip[i].elcr = 0;
        p->chip[i].irr = 0;
        chip_soft_reset(&p->chip[i]);
    }
}

void i8259_init(I8259Pair *p)
{
    memset(p, 0, sizeof(*p));
    p->chip[I8259_MASTER].elcr_mask = 0xf8; /* not 0, 1, 2 */
    p->chip[I8259_SLAVE].elcr_mask = 0xde;  /* not 8, 13 */
    i8259_reset(p);
}

void i8259_set_irq(I8259Pair *p, unsigned irq, bool level)
{
    assert(irq < 16);
    if (irq == CASCADE_IR) {
        return;
    }
    chip_set_line(&p->chip[irq >> 3], irq & 7, level);
    cascade(p);
}

bool i8259_intr(const I8259Pair *p)
{
    return chip_pending(&p->chip[I8259_MASTER], true) >= 0;
}

uint8_t i8259_intack(I8259Pair *p)
{
    I8259 *master = &p->chip[I8259_MASTER], *slave = &p->chip[I8259_SLAVE];
    int ir = chip_pending(master, true);

    if (ir < 0) {
        return master->base + 7;
    }
    if (ir == CASCADE_IR && !master->single) {
        int slave_ir = chip_pending(slave, false);

        chip_ack(master, ir);
        if (slave_ir < 0) {
            return slave->base + 7;
        }
        ack(p, I8259_SLAVE, slave_ir);
        return slave->base + slave_ir;
    }
    ack(p, I8259_MASTER, ir);
    return master->base + ir;
}

/* --- Ports ---------------------------------------------------------------------------------- */

static void write_icw1(I8259 *s, uint8_t value)
{
    chip_soft_reset(s);
    s->icw4_needed = value & 1;
    s->single = value & 2;
    s->all_level = value & 8;
    s->init_step = 2;
}

static void write_ocw3(I8259 *s, uint8_t value)
{
    if (value & 0x04) {
        s->poll = true;
    }
    if (value & 0x02) {
        s->read_isr = value & 1;
    }
    if (value & 0x40) {
        s->special_mask = value & 0x20;
    }
}

static void end_of_interrupt(I8259 *s, bool specific, bool rotate, unsigned ir)
{
    if (!specific) {
        unsigned n = urgency(s, s->special_mask ? s->isr & ~s->imr : s->isr);

        if (n == 8) {
            return;
        }
        ir = (s->top + n) & 7;
    }
    s->isr &= ~(1u << ir);
    if (rotate) {
        s->top = (ir + 1) & 7;
    }
}

static void write_ocw2(I8259 *s, uint8_t value)
{
    unsigned ir = value & 7;

    switch (value >> 5) {
    case 0: /* rotate in automatic EOI mode: clear, set */
    case 4:
        s->rotate_auto = value & 0x80;
        break;
    case 1: /* EOI: non-specific, specific; with rotation */
    case 3:
    case 5:
    case 7:
        end_of_interrupt(s, value & 0x40, value & 0x80, ir);
        break;
    case 6: /* set priority: @ir becomes the lowest */
        s->top = (ir + 1) & 7;
        break;
    }
}

static void write_icw(I8259 *s, uint8_t value)
{
    switch (s->init_step) {
    case 2:
        s->base = value & 0xf8;
        s->init_step = s->single ? (s->icw4_needed ? 4 : 0) : 3;
        break;
    case 3: /* the wiring of a PC is fixed */
        s->init_step = s->icw4_needed ? 4 : 0;
        break;
    case 4:
        s->fully_nested = value & 0x10;
        s->auto_eoi = value & 0x02;
        s->init_step = 0;
        break;
    }
}

void i8259_write(I8259Pair *p, unsigned chip, unsigned a0, uint8_t value)
{
    I8259 *s = &p->chip[chip & 1];

    if (a0) {
        if (s->init_step) {
            write_icw(s, value);
        } else {
            s->imr = value;
        }
    } else if (value & 0x10) {
        write_icw1(s, value);
    } else if (value & 0x08) {
        write_ocw3(s, value);
    } else {
        write_ocw2(s, value);
    }
    cascade(p);
}

static uint8_t read_poll(I8259Pair *p, unsigned chip)
{
    int ir = chip_pending(&p->chip[chip], chip == I8259_MASTER);

    p->chip[chip].poll = false;
    if (ir < 0) {
        return 0;
    }
    ack(p, chip, ir);
    return 0x80 | ir;
}

uint8_t i8259_read(I8259Pair *p, unsigned chip, unsigned a0)
{
    I8259 *s = &p->chip[chip & 1];

    if (s->poll) {
        return read_poll(p, chip & 1);
    }
    if (a0) {
        return s->imr;
    }
    return s->read_isr ? s->isr : s->irr;
}

uint8_t i8259_elcr_read(const I8259Pair *p, unsigned chip)
{
    return p->chip[chip & 1].elcr;
}

void i8259_elcr_write(I8259Pair *p, unsigned chip, uint8_t value)
{
    I8259 *s = &p->chip[chip & 1];

    s->elcr = value & s->elcr_mask;
}

void i8259_dump(const I8259Pair *p, GString *out)
{
    for (int i = 1; i >= 0; i--) {
        const I8259 *s = &p->chip[i];

        g_string_append_printf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x "
                               "rr_sel=%d elcr=%02x fnm=%d\n", i, s->irr, s->imr, s->isr, s->top,
                               s->base, s->read_isr, s->elcr, s->fully_nested);
    }
}

/* --- State ----------------------------------------------------------------------------------- */

static const VMStateField chip_fields[] = {
    VMSTATE_UINT(I8259, irr),
    VMSTATE_UINT(I8259, imr),
    VMSTATE_UINT(I8259, isr),
    VMSTATE_UINT(I8259, lines),
    VMSTATE_UINT(I8259, elcr),
    VMSTATE_UINT(I8259, base),
    VMSTATE_UINT_MAX(I8259, top, 7),
    VMSTATE_UINT_MAX(I8259, init_step, 4),
    VMSTATE_BOOL(I8259, icw4_needed),
    VMSTATE_BOOL(I8259, single),
    VMSTATE_BOOL(I8259, read_isr),
    VMSTATE_BOOL(I8259, poll),
    VMSTATE_BOOL(I8259, special_mask),
    VMSTATE_BOOL(I8259, auto_eoi),
    VMSTATE_BOOL(I8259, rotate_auto),
    VMSTATE_BOOL(I8259, fully_nested),
    VMSTATE_BOOL(I8259, all_level),
    VMSTATE_END,
};
static const VMStateDescription vmstate_chip = { "chip", .version = 1, .fields = chip_fields };
static const VMStateField pair_fields[] = {
    VMSTATE_STRUCT_ARRAY(I8259Pair, chip, &vmstate_chip),
    VMSTATE_END,
};
const VMStateDescription vmstate_i8259 = { "i8259", .version = 1, .fields = pair_fields };
