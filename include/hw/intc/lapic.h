/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APIC model: SDM volume 3 chapter 11 ("APIC"), x2APIC included; AMD APM volume 2 chapter 16.
 *
 * A plain state machine: it knows no bus, lock, accelerator or clock. Reads and writes return what
 * must happen outside (LapicMsg), time comes in as an argument and next deadlines go out.
 *
 * Threads: the state belongs to the thread of the vCPU (or to whoever stopped it). Any other thread
 * may call only the functions of the section "Any thread", which touch nothing but the atomic words
 * at the end of the struct; the owner moves what they hold into IRR by lapic_sync().
 *
 *      other threads            owner
 * lapic_post() -> pending[] -> lapic_sync() -> irr[] -> lapic_ack() -> isr[] -> EOI -> LapicMsg
 */
#ifndef HW_INTC_LAPIC_H
#define HW_INTC_LAPIC_H

#include "hw/intc/msi.h"
#include "hw/intc/seoib.h"

typedef struct VMStateDescription VMStateDescription;

#define LAPIC_PAGE_BYTES   1024 /* the part of the register page that KVM_GET_LAPIC carries */
#define LAPIC_DEFAULT_BASE 0xfee00000ull

#define LAPIC_BASE_BSP    (1ull << 8)
#define LAPIC_BASE_X2APIC (1ull << 10)
#define LAPIC_BASE_ENABLE (1ull << 11)

/* First MSR of the x2APIC range, and its length: MSR 0x800 + n is the register at n * 0x10. */
#define LAPIC_MSR_BASE  0x800u
#define LAPIC_MSR_COUNT 0x100u

/* LVR: version 0x14, six LVT entries; bit 24 where Suppress EOI Broadcast is supported. */
#define LAPIC_VERSION       0x00050014u
#define LAPIC_VERSION_SEOIB (1u << 24)
#define LAPIC_SPIV_ENABLE   (1u << 8)
#define LAPIC_SPIV_SEOIB    (1u << 12)

typedef enum LapicLvt {
    LAPIC_LVT_TIMER,
    LAPIC_LVT_THERMAL,
    LAPIC_LVT_PERF,
    LAPIC_LVT_LINT0,
    LAPIC_LVT_LINT1,
    LAPIC_LVT_ERROR,
    LAPIC_NR_LVT,
} LapicLvt;

/* What a register write asks of the outside. */
typedef enum LapicMsgKind {
    LAPIC_MSG_NONE,
    LAPIC_MSG_EOI, /* tell the I/O APICs: end of interrupt of @vector */
    LAPIC_MSG_IPI, /* deliver @ipi */
} LapicMsgKind;

typedef struct LapicMsg {
    LapicMsgKind kind;
    uint8_t vector;
    ApicMessage ipi;
} LapicMsg;

/* What lapic_sync() hands to the processor; bits 15:8 hold the SIPI vector with LAPIC_EV_SIPI. To
 * be handled in the order of the bits: an INIT that came with a SIPI came before it. */
typedef enum LapicEvents {
    LAPIC_EV_SMI = 1 << 0,
    LAPIC_EV_NMI = 1 << 1,
    LAPIC_EV_INIT = 1 << 2,
    LAPIC_EV_SIPI = 1 << 3,
    LAPIC_EV_SIPI_VECTOR_SHIFT = 8,
} LapicEvents;

/* Fixed properties of one local APIC. */
typedef struct LapicConfig {
    uint32_t apic_id;      /* 32-bit x2APIC id; the xAPIC id is its low 8 bits */
    bool bsp;              /* bootstrap processor: APIC base bit 8, LINT0 in ExtINT mode at reset */
    bool x2apic;           /* CPUID.1:ECX[21] */
    bool tsc_deadline;     /* CPUID.1:ECX[24] */
    SeoibMode seoib;       /* RESPECTED advertises LVR bit 24, and only with @x2apic */
    unsigned phys_bits;    /* MAXPHYADDR, bounds the base address; 0 means 36 */
    uint64_t tsc_khz;      /* 0: TSC deadlines never expire */
    bool kernel_copy;      /* a copy of KVM's: LVR is what the last lapic_set_page() brought */
} LapicConfig;

typedef struct LAPIC {
    LapicConfig cfg;

    /* Owner only. */
    uint64_t base; /* IA32_APIC_BASE */
    uint8_t xapic_id;
    uint8_t tpr;
    uint32_t kernel_lvr; /* cfg.kernel_copy; 0: no page yet */
    uint32_t kernel_id;  /* the same, in x2APIC mode */
    uint32_t ldr; /* xAPIC format, bits 31:24 */
    uint32_t dfr;
    uint32_t spiv;
    uint32_t esr;         /* as the guest reads it */
    uint32_t esr_pending; /* errors since the last write to ESR */
    uint64_t icr;         /* x2APIC format: destination in 63:32 */
    uint32_t lvt[LAPIC_NR_LVT];
    uint32_t tdcr;
    uint32_t tmict;
    uint32_t irr[8];
    uint32_t isr[8];
    uint32_t tmr[8];
    bool extint; /* an ExtINT message waits for lapic_ack_extint() */

    bool timer_armed;
    int64_t timer_deadline_ns; /* when timer_armed */
    uint64_t tsc_deadline;     /* IA32_TSC_DEADLINE as written; 0 disarmed */
    uint64_t tsc_base;         /* guest TSC at tsc_base_ns */
    int64_t tsc_base_ns;

    /* Any thread, atomic; drained by the owner in lapic_sync(). */
    uint32_t attention;        /* something below changed since the owner looked */
    uint32_t pending[8];       /* vectors accepted and not yet in IRR */
    uint32_t pending_level[8]; /* trigger mode of those */
    uint32_t events;           /* LapicEvents plus ExtINT and received-illegal-vector */
    uint32_t lint;             /* level of pin LINTn in bit n, rising edge in bit n + 8 */
    /* Written by the owner, read by any: who this APIC is to senders; see lapic_publish(). */
    uint64_t identity;
} LAPIC;

/* Power-up state. Not for a LAPIC other threads already know; see lapic_reset(). */
void lapic_init(LAPIC *s, const LapicConfig *cfg);
/* RESET: everything to the power-up state, IA32_APIC_BASE included. */
void lapic_reset(LAPIC *s);
/* INIT: as RESET, but IA32_APIC_BASE and the mode stay (SDM 11.4.7.3). Drops what was pending. */
void lapic_init_ipi(LAPIC *s);
/* Changes the policy of a running LAPIC (loadvm). LVR follows at once, SPIV is left alone. */
void lapic_set_seoib(LAPIC *s, SeoibMode mode);

/* --- Register access (owner) ---------------------------------------------------------------- */

/* Does the memory-mapped page answer (enabled and not in x2APIC mode)? */
bool lapic_mmio_enabled(const LAPIC *s);
/* Guest access to the 4 KiB page. Any offset, size and value is harmless; reads that hit no
 * register give 0, writes other than aligned 32-bit ones do nothing. Illegal register addresses set
 * ESR bit 7. @now_ns is the time of the timer clock. */
uint64_t lapic_mmio_read(LAPIC *s, uint64_t offset, unsigned size, int64_t now_ns);
LapicMsg lapic_mmio_write(LAPIC *s, uint64_t offset, uint64_t value, unsigned size,
                          int64_t now_ns);
/* RDMSR, WRMSR of 0x800..0x8ff. False: #GP(0), nothing changed. */
bool lapic_msr_read(LAPIC *s, uint32_t msr, uint64_t *value, int64_t now_ns);
bool lapic_msr_write(LAPIC *s, uint32_t msr, uint64_t value, int64_t now_ns, LapicMsg *out);
/* WRMSR of IA32_APIC_BASE. False: #GP(0) (reserved bits, an illegal mode transition). */
bool lapic_set_base(LAPIC *s, uint64_t value);
/* Sets the base without transition checks: for state that comes from KVM or from a stream. */
void lapic_load_base(LAPIC *s, uint64_t value);
/* CR8 is bits 7:4 of the TPR. */
uint8_t lapic_get_cr8(const LAPIC *s);
void lapic_set_cr8(LAPIC *s, uint8_t cr8);
/* IA32_TSC_DEADLINE (MSR 0x6e0): reads 0 and ignores writes unless the timer is in that mode. */
uint64_t lapic_get_tsc_deadline(const LAPIC *s);
void lapic_set_tsc_deadline(LAPIC *s, uint64_t value, int64_t now_ns);
/* The guest TSC is @tsc at @now_ns: call whenever the guest sets its TSC. */
void lapic_set_tsc(LAPIC *s, uint64_t tsc, int64_t now_ns);

/* --- Interrupt flow (owner) ----------------------------------------------------------------- */

/* Takes over what other threads posted and lets the timer expire. Returns LapicEvents. */
uint32_t lapic_sync(LAPIC *s, int64_t now_ns);
/* Did another thread post anything since? Does not look at the timer. Cheap; any thread. */
bool lapic_sync_needed(const LAPIC *s);
/* Highest vector that may be delivered now (above PPR), or -1. Does not move it to ISR; see
 * lapic_ack(). Does not sync. */
int lapic_pending(const LAPIC *s);
/* Interrupt acknowledge: moves the highest deliverable vector from IRR to ISR and returns it, or
 * the spurious vector when there is none (any more). */
uint8_t lapic_ack(LAPIC *s);
/* Is @vector requested or in service, or on its way? */
bool lapic_has_vector(const LAPIC *s, uint8_t vector);
/* Must the processor ask the 8259 for a vector: LINT0 is high and its LVT entry lets an ExtINT
 * through, the APIC is off, or an ExtINT message came? lapic_ack_extint() ends the last case. */
bool lapic_extint_pending(const LAPIC *s);
void lapic_ack_extint(LAPIC *s);
uint8_t lapic_get_ppr(const LAPIC *s);
/* An LVT source fires (performance counter, thermal sensor). Returns LapicEvents (NMI, SMI). */
uint32_t lapic_local_interrupt(LAPIC *s, LapicLvt source);
/* When lapic_sync() must run next for the timer's sake, or -1. */
int64_t lapic_timer_next_ns(const LAPIC *s);

/* --- Any thread ----------------------------------------------------------------------------- */

/* Does a message for this destination address this APIC? Shorthands are the caller's. */
bool lapic_match(const LAPIC *s, uint32_t dest, bool logical);
/* Would a fixed or lowest-priority message be accepted (hardware and software enabled)? */
bool lapic_accepts_fixed(const LAPIC *s);
/* Arbitration priority for lowest-priority delivery: the lower wins (the PPR as last published). */
uint8_t lapic_arb_priority(const LAPIC *s);
typedef enum LapicPost {
    LAPIC_POST_DROPPED, /* fixed to a disabled APIC, reserved mode, INIT de-assert */
    LAPIC_POST_TAKEN,   /* the vCPU has been kicked already for an earlier one */
    LAPIC_POST_KICK,    /* taken; the caller kicks the vCPU */
} LapicPost;

/* Puts a message that matched into the pending words. */
LapicPost lapic_post(LAPIC *s, const ApicMessage *msg);
/* Level of a local interrupt pin (0 or 1). Returns whether the vCPU needs a kick. */
bool lapic_set_lint(LAPIC *s, unsigned pin, bool level);

/* Gives back events that lapic_sync() returned and nobody has handled: the next one does again. */
void lapic_return_events(LAPIC *s, uint32_t events);
/* All of the state but identity and policy. Whoever loads it calls apic_cpu_rearm(), or hands the
 * page to the kernel. */
extern const VMStateDescription vmstate_lapic;

/* --- Save, load, show (owner) --------------------------------------------------------------- */

/*
 * The register page as KVM_GET_LAPIC / KVM_SET_LAPIC lay it out. @x2apic_ids: in x2APIC mode the id
 * register holds 32 bits (KVM_X2APIC_API_USE_32BIT_IDS), not 8 at bits 31:24. Setting takes SPIV
 * unmasked in every policy (as KVM does), recomputes LVR, ignores the id when it does not fit the
 * mode, and restarts the timer from the page's current count.
 */
void lapic_get_page(const LAPIC *s, uint8_t page[LAPIC_PAGE_BYTES], bool x2apic_ids,
                    int64_t now_ns);
void lapic_set_page(LAPIC *s, const uint8_t page[LAPIC_PAGE_BYTES], bool x2apic_ids,
                    int64_t now_ns);
/* Appends the text of HMP "info lapic". */
void lapic_dump(const LAPIC *s, GString *out, int64_t now_ns);

#endif
