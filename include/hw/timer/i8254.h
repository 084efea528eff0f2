/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 interval timer and port 0x61 (Intel 8254 data sheet; ICH9 13.6, 13.7.1 "NMI_SC"). The model
 * takes time as an argument and has no timer of its own. Big lock.
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"
#include "qemu/timer.h"
#include "system/memory.h"

#define PIT_HZ 1193182

typedef struct PITChannel {
    uint8_t mode;   /* 0..5 */
    uint8_t mode_bits; /* as written: 6 and 7 stand for modes 2 and 3 */
    uint8_t access; /* RW field: 1 low byte, 2 high byte, 3 low then high */
    bool bcd;
    bool gate;
    bool loaded;       /* a count has been written since the control word */
    bool triggered;    /* modes 1, 5: the gate has risen since */
    bool write_high;   /* access 3: the next write is the high byte */
    bool read_high;    /* access 3: the next read is the high byte */
    bool status_latched;
    uint8_t count_latched; /* bytes of `latch` still to be read */
    uint8_t status;
    uint8_t write_low;
    uint16_t latch;
    uint32_t count;      /* 1..65536 */
    uint32_t next_count; /* modes 2, 3: in force from the next period; 0: none */
    uint64_t start;      /* tick of the PIT clock at which counting (with the gate high) began */
    uint64_t elapsed;    /* ticks counted before `start` (modes 0, 4 with the gate low) */
} PITChannel;

typedef struct PIT {
    PITChannel ch[3];
    uint8_t port61; /* bits 3:0 as written */
} PIT;

/* Power-on: all channels in mode 3 with count 65536, gate 2 low. */
void pit_reset(PIT *s, int64_t now_ns);
/* Ports 0x40..0x43. */
uint8_t pit_read(PIT *s, unsigned port, int64_t now_ns);
void pit_write(PIT *s, unsigned port, uint8_t value, int64_t now_ns);
/* Port 0x61: gate and output of channel 2, refresh toggle. */
uint8_t pit_port61_read(PIT *s, int64_t now_ns);
void pit_port61_write(PIT *s, uint8_t value, int64_t now_ns);
void pit_set_gate(PIT *s, unsigned channel, bool level, int64_t now_ns);
/* The OUT pin. */
bool pit_out(const PIT *s, unsigned channel, int64_t now_ns);
/* When the OUT pin of channel 0 next changes, or -1. For the modes where it drops for one clock
 * only (pit_pulses()), when it rises again. */
int64_t pit_next_ns(const PIT *s, int64_t now_ns);
/* Channel 0 is in a mode whose interrupt is a one-clock low pulse (2, 4, 5). */
bool pit_pulses(const PIT *s);

extern const VMStateDescription vmstate_pit;

/* The device "isa-pit": ports 0x40..0x43 and 0x61, channel 0 to @irq. */
typedef struct PITDevice {
    DeviceState dev;
    IRQLine irq;       /* set before realize */
    PIT pit;
    QEMUTimer *timer;
    bool disconnected; /* the HPET replaces the interrupt */
    MemoryRegion io, port61;
} PITDevice;

extern const DeviceType type_pit;

PITDevice *pit_device_create(IRQLine irq, Error **errp);
/* HPET legacy replacement: channel 0 does not reach the interrupt line. */
void pit_device_disconnect(PITDevice *s, bool disconnected);

#endif
