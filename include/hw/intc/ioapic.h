/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC model: Intel 82093AA data sheet (version 0x11); ICH9 data sheet 13.5 for version 0x20
 * with its EOI register. A plain state machine called under the big lock: it returns the interrupt
 * messages to send and knows neither processors nor clock.
 *
 * A redirection table entry (RTE):
 *   63..56 destination   55..49 extended destination   48 remappable format
 *   16 mask  15 trigger  14 remote IRR  13 polarity  12 delivery status  11 logical  10..8 mode
 *   7..0 vector
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/intc/msi.h"

typedef struct VMStateDescription VMStateDescription;

#define IOAPIC_NUM_PINS     24
#define IOAPIC_DEFAULT_BASE 0xfec00000ull
#define IOAPIC_WINDOW_BYTES 0x1000
#define IOAPIC_VERSION_82093AA 0x11
#define IOAPIC_VERSION_EOIR    0x20 /* has the EOI register at offset 0x40 */

#define IOAPIC_RTE_VECTOR     0xffull
#define IOAPIC_RTE_MODE_SHIFT 8
#define IOAPIC_RTE_LOGICAL    (1ull << 11)
#define IOAPIC_RTE_STATUS     (1ull << 12)
#define IOAPIC_RTE_POLARITY   (1ull << 13)
#define IOAPIC_RTE_REMOTE_IRR (1ull << 14)
#define IOAPIC_RTE_LEVEL      (1ull << 15)
#define IOAPIC_RTE_MASKED     (1ull << 16)

/* After this many EOIs in a row that found the line still high, a pin's next interrupt is held back
 * for IOAPIC_STORM_DELAY_NS so that the guest can make progress. */
#define IOAPIC_STORM_EOIS     10000
#define IOAPIC_STORM_DELAY_NS (10 * SCALE_MS)

/* An interrupt to deliver. */
typedef struct IoapicMsg {
    uint8_t pin;
    ApicMessage msg;
} IoapicMsg;

/* Bounded list of messages: one access can make every pin fire, but each only once. */
typedef struct IoapicMsgs {
    unsigned nr;
    uint32_t ended; /* pins whose remote IRR an EOI has cleared: resample notifications */
    IoapicMsg msg[IOAPIC_NUM_PINS];
} IoapicMsgs;

/* For "info ioapic" and for tests; not part of the guest-visible state. */
typedef struct IoapicCounters {
    uint64_t injections;
    uint64_t broadcast_eois;      /* EOI messages from local APICs or EOI exits */
    uint64_t directed_eois;       /* writes to the EOI register */
    uint64_t delayed_injections;  /* held back by the storm limiter */
    uint64_t per_pin[IOAPIC_NUM_PINS]; /* injections */
} IoapicCounters;

typedef struct IOAPIC {
    uint8_t version;
    bool ext_dest; /* RTE bits 55:49 are destination bits 14:8 */
    uint8_t id;
    uint8_t index; /* IOREGSEL */
    uint32_t line; /* input levels */
    uint64_t rte[IOAPIC_NUM_PINS];
    uint32_t dirty; /* pins whose RTE was written since ioapic_take_dirty() */
    uint64_t sent_rte[IOAPIC_NUM_PINS]; /* as it was at the last delivery */

    /* For a migration: pins whose end of interrupt the kernel has not told yet; the RTEs with these
     * ended. */
    uint32_t lost_eois;
    uint64_t saved_rte[IOAPIC_NUM_PINS];

    /* Storm limiter: not saved; restarts at 0 (SEOIB.md 5.1). */
    uint32_t eois_line_high[IOAPIC_NUM_PINS];
    int64_t held_until_ns[IOAPIC_NUM_PINS]; /* 0: not held back */

    IoapicCounters count;
} IOAPIC;

/* @version 0x11 or 0x20. */
void ioapic_init(IOAPIC *s, uint8_t version, bool ext_dest);
/* All pins masked, id 0. Input levels and counters stay. */
void ioapic_reset(IOAPIC *s);

/* Guest access to the 4 KiB window. Any offset, size and value is harmless. */
uint64_t ioapic_read(IOAPIC *s, uint64_t offset, unsigned size);
void ioapic_write(IOAPIC *s, uint64_t offset, uint64_t value, unsigned size, int64_t now_ns,
                  IoapicMsgs *out);

/* Sets the level of input @pin (asserted = true; polarity is the board's). Returns whether *out is
 * an interrupt to deliver; level-triggered pins then have remote IRR set. */
bool ioapic_set_pin(IOAPIC *s, unsigned pin, bool level, IoapicMsg *out);

/* A broadcast EOI of @vector: every level-triggered pin with that vector and remote IRR gets it
 * cleared; pins still high and unmasked are in *out again (or held back by the storm limiter). */
void ioapic_eoi(IOAPIC *s, uint8_t vector, int64_t now_ns, IoapicMsgs *out);

/* No local APIC accepted the message of level-triggered @pin: its remote IRR is cleared again, and
 * the next event at the pin tries once more. */
void ioapic_not_accepted(IOAPIC *s, unsigned pin);

/* When ioapic_timer() must run, or -1. */
int64_t ioapic_next_ns(const IOAPIC *s);
/* Delivers the interrupts held back until now. */
void ioapic_timer(IOAPIC *s, int64_t now_ns, IoapicMsgs *out);

/* Delivers what the lines and RTEs ask for: after a state load. */
void ioapic_service(IOAPIC *s, IoapicMsgs *out);

/* The caller then runs ioapic_service(). */
extern const VMStateDescription vmstate_ioapic;

/* The message of a pin as its RTE stands, masked or not. */
ApicMessage ioapic_message(const IOAPIC *s, unsigned pin);
/* Same as address and data of an MSI route; returns whether the pin is masked. RTE bit 48
 * (remappable format) is kept in the address, bit 4. */
bool ioapic_route(const IOAPIC *s, unsigned pin, uint64_t *addr, uint32_t *data);
/* Whether the interrupt in service (remote IRR set) was sent by another route than the RTE has by
 * now; which. */
bool ioapic_route_in_service(const IOAPIC *s, unsigned pin, uint64_t *addr, uint32_t *data);
/* Pins whose RTE was written since the last call. */
uint32_t ioapic_take_dirty(IOAPIC *s);

/* Appends the text of HMP "info ioapic" (and of the I/O APIC part of "info pic"). */
void ioapic_dump(const IOAPIC *s, GString *out);
/* Same without the counters. */
void ioapic_dump_pins(const IOAPIC *s, GString *out);

#endif
