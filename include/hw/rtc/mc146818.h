/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real-time clock and CMOS memory (Motorola MC146818A data sheet; ICH9 13.6). The model takes time
 * as an argument: nanoseconds of a clock that may jump (the host's). It computes registers and
 * flags from the time when they are looked at, so that an idle clock costs nothing. Big lock.
 */
#ifndef HW_RTC_MC146818_H
#define HW_RTC_MC146818_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"
#include "qemu/timer.h"
#include "system/memory.h"

#define RTC_CMOS_BYTES 128

typedef struct RTC {
    uint8_t cmos[RTC_CMOS_BYTES]; /* time registers: valid while the clock does not run */
    uint8_t index;
    /* Guest calendar time - now, while the clock runs. 64 bits of nanoseconds would not reach all
     * years that the registers can hold. */
    int64_t offset_s, offset_frac_ns;
    int64_t fraction_ns; /* part of the second at which it was stopped */
    int64_t synced_ns;   /* flags of register C are up to date to here */
} RTC;

/* Power-on contents; guest time is @now_ns + @offset_ns, nanoseconds since 1970. */
void rtc_init(RTC *s, int64_t now_ns, int64_t offset_ns);
/* RESET pin: interrupts off; time and memory stay. */
void rtc_reset(RTC *s, int64_t now_ns);
/* Ports 0x70 (index; reads 0xff) and 0x71 (data). */
uint8_t rtc_read(RTC *s, unsigned port, int64_t now_ns);
void rtc_write(RTC *s, unsigned port, uint8_t value, int64_t now_ns);
/* Level of the interrupt output. */
bool rtc_irq(RTC *s, int64_t now_ns);
/* When rtc_irq() may rise by itself, or -1. */
int64_t rtc_next_ns(RTC *s, int64_t now_ns);
/* What firmware looks up: memory below and above 4 GiB, number of processors. */
void rtc_set_pc_config(RTC *s, uint64_t below_4g_bytes, uint64_t above_4g_bytes,
                       unsigned nr_cpus);

extern const VMStateDescription vmstate_rtc;

/* The device "mc146818rtc" on QEMU_CLOCK_HOST. */
typedef struct RTCDevice {
    DeviceState dev;
    IRQLine irq;       /* this and the next: set by rtc_device_create() */
    int64_t offset_ns; /* -rtc base=: guest time - host time (UTC) */
    RTC rtc;
    QEMUTimer *timer;
    bool disconnected; /* the HPET replaces the interrupt */
    MemoryRegion io;
} RTCDevice;

extern const DeviceType type_mc146818;

RTCDevice *rtc_device_create(IRQLine irq, int64_t offset_ns, Error **errp);
/* HPET legacy replacement: the clock does not reach the interrupt line. */
void rtc_device_disconnect(RTCDevice *s, bool disconnected);

#endif
