/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the local APIC model: SDM volume 3, 11.4 (registers), 11.12 (x2APIC). One table row
 * a register says who may read and write it in which mode; hooks do the rest. The thread that owns
 * the LAPIC calls. Left out: the CMCI LVT entry (LVR says six entries), the AMD extended space.
 */
#include "qemu/osdep.h"

#include "lapic-internal.h"

/* Indexes into the table: offset / 16, and MSR - 0x800. */
enum {
    R_ID = 0x02, R_LVR = 0x03, R_TPR = 0x08, R_APR = 0x09, R_PPR = 0x0a, R_EOI = 0x0b,
    R_RRD = 0x0c, R_LDR = 0x0d, R_DFR = 0x0e, R_SPIV = 0x0f, R_ISR = 0x10, R_TMR = 0x18,
    R_IRR = 0x20, R_ESR = 0x28, R_ICR = 0x30, R_ICR2 = 0x31, R_LVT_TIMER = 0x32,
    R_LVT_ERROR = 0x37, R_TMICT = 0x38, R_TMCCT = 0x39, R_TDCR = 0x3e, R_SELF_IPI = 0x3f,
    NR_REGS = 0x40,
};

/* Access rights: memory-mapped page and MSRs. */
enum { MR = 1, MW = 2, XR = 4, XW = 8 };

typedef struct LapicReg {
    const char *name;
    uint8_t access;
    uint32_t x2_valid; /* WRMSR of other bits is #GP */
    uint32_t (*read)(LAPIC *s, unsigned n, int64_t now_ns);
    void (*write)(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out);
} LapicReg;

uint32_t lapic_version_value(const LAPIC *s)
{
    bool seoib = s->cfg.seoib == SEOIB_RESPECTED && s->cfg.x2apic;

    if (s->cfg.kernel_copy && s->kernel_lvr) {
        return s->kernel_lvr;
    }
    return LAPIC_VERSION | (seoib ? LAPIC_VERSION_SEOIB : 0);
}

uint32_t lapic_id_value(const LAPIC *s)
{
    if (!lapic_x2apic_mode(s)) {
        return (uint32_t)s->xapic_id << 24;
    }
    return s->cfg.kernel_copy && s->kernel_lvr ? s->kernel_id : s->cfg.apic_id;
}

uint32_t lapic_ldr_value(const LAPIC *s)
{
    uint32_t id = lapic_id_value(s);

    return lapic_x2apic_mode(s) ? (id >> 4) << 16 | BIT(id & 15) : s->ldr;
}

/* --- Read hooks ----------------------------------------------------------------------------- */

static uint32_t read_zero(LAPIC *s, unsigned n, int64_t now_ns)
{
    return 0;
}

static uint32_t read_id(LAPIC *s, unsigned n, int64_t now_ns)
{
    return lapic_id_value(s);
}

static uint32_t read_version(LAPIC *s, unsigned n, int64_t now_ns)
{
    return lapic_version_value(s);
}

static uint32_t read_tpr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->tpr;
}

static uint32_t read_ppr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return lapic_get_ppr(s);
}

static uint32_t read_ldr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return lapic_ldr_value(s);
}

static uint32_t read_dfr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->dfr;
}

static uint32_t read_spiv(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->spiv;
}

static uint32_t read_isr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->isr[n - R_ISR];
}

static uint32_t read_tmr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->tmr[n - R_TMR];
}

static uint32_t read_irr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->irr[n - R_IRR];
}

static uint32_t read_esr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->esr;
}

static uint32_t read_icr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return (uint32_t)(n == R_ICR ? s->icr : s->icr >> 32);
}

static uint32_t read_lvt(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->lvt[n - R_LVT_TIMER];
}

static uint32_t read_tmict(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->tmict;
}

static uint32_t read_tmcct(LAPIC *s, unsigned n, int64_t now_ns)
{
    return lapic_timer_count(s, now_ns);
}

static uint32_t read_tdcr(LAPIC *s, unsigned n, int64_t now_ns)
{
    return s->tdcr;
}

/* --- Write hooks ---------------------------------------------------------------------------- */

static void write_id(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    s->xapic_id = value >> 24;
}

static void write_tpr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    s->tpr = value;
}

static void write_eoi(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    *out = lapic_eoi(s);
}

static void write_ldr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    s->ldr = value & 0xff000000;
}

static void write_dfr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    s->dfr = value | 0x0fffffff;
}

static void write_spiv(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    bool seoib = lapic_version_value(s) & LAPIC_VERSION_SEOIB;

    s->spiv = value & (0x1ff | (seoib ? LAPIC_SPIV_SEOIB : 0));
    if (!(s->spiv & LAPIC_SPIV_ENABLE)) {
        for (unsigned i = 0; i < LAPIC_NR_LVT; i++) {
            s->lvt[i] |= LVT_MASKED;
        }
    }
}

static void write_esr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    s->esr = s->esr_pending;
    s->esr_pending = 0;
}

/* Sends what s->icr says (SDM 11.6.1). */
static void send_ipi(LAPIC *s, LapicMsg *out)
{
    uint32_t low = (uint32_t)s->icr;
    uint32_t dest = s->icr >> 32;
    ApicMessage ipi = {
        .vector = low & 0xff,
        .mode = (low >> 8) & 7,
        .logical = low & BIT(11),
        .shorthand = (low >> 18) & 3,
    };
    bool carries_vector = ipi.mode == APIC_DM_FIXED || ipi.mode == APIC_DM_LOWEST;

    if (carries_vector && ipi.vector < 16) {
        lapic_error(s, ESR_SEND_ILLEGAL_VECTOR);
        return;
    }
    if (ipi.mode == APIC_DM_RESERVED || ipi.mode == APIC_DM_EXTINT) {
        return;
    }
    if (!lapic_x2apic_mode(s)) {
        dest >>= 24;
        if (dest == 0xff && !ipi.logical) {
            dest = APIC_DEST_BROADCAST;
        }
    }
    ipi.dest = dest;
    /* Only INIT knows level de-assert; all else is sent as an edge (SDM 11.6.1, trigger mode). */
    ipi.deassert = ipi.mode == APIC_DM_INIT && (low & (BIT(15) | BIT(14))) == BIT(15);
    out->kind = LAPIC_MSG_IPI;
    out->ipi = ipi;
}

static void write_icr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    if (n == R_ICR2) {
        s->icr = (uint32_t)s->icr | (uint64_t)(value & 0xff000000) << 32;
        return;
    }
    s->icr = (s->icr & ~0xffffffffull) | (value & 0x000ccfff & ~LVT_STATUS);
    send_ipi(s, out);
}

static void write_self_ipi(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    if (value < 16) {
        lapic_error(s, ESR_SEND_ILLEGAL_VECTOR);
        return;
    }
    out->kind = LAPIC_MSG_IPI;
    out->ipi = (ApicMessage){ .vector = value, .mode = APIC_DM_FIXED, .shorthand = APIC_SH_SELF };
}

static const uint32_t lvt_writable[LAPIC_NR_LVT] = {
    [LAPIC_LVT_TIMER] = 0x300ff,
    [LAPIC_LVT_THERMAL] = 0x107ff,
    [LAPIC_LVT_PERF] = 0x107ff,
    [LAPIC_LVT_LINT0] = 0x1a7ff,
    [LAPIC_LVT_LINT1] = 0x1a7ff,
    [LAPIC_LVT_ERROR] = 0x100ff,
};

static void write_lvt_timer(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    uint32_t *lvt = &s->lvt[LAPIC_LVT_TIMER];
    bool was_deadline = lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE;

    *lvt = value & (lvt_writable[LAPIC_LVT_TIMER] | (s->cfg.tsc_deadline ? BIT(18) : 0));
    if (was_deadline != (lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE)) {
        s->timer_armed = false; /* a change to or from TSC-deadline disarms (SDM 11.5.4.1) */
        s->tmict = 0;
        s->tsc_deadline = 0;
    }
}

static void write_lvt(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    unsigned i = n - R_LVT_TIMER;

    if (!(s->spiv & LAPIC_SPIV_ENABLE)) {
        value |= LVT_MASKED;
    }
    if (i == LAPIC_LVT_TIMER) {
        write_lvt_timer(s, n, value, now_ns, out);
        return;
    }
    s->lvt[i] = (s->lvt[i] & LVT_REMOTE_IRR) | (value & lvt_writable[i]);
    if (!(s->lvt[i] & LVT_LEVEL)) {
        s->lvt[i] &= ~LVT_REMOTE_IRR;
    }
    lapic_lint_levels(s);
}

static void write_tmict(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    if (lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE) {
        return; /* SDM 11.5.4.1 */
    }
    s->tmict = value;
    lapic_timer_start(s, value, now_ns);
}

static void write_tdcr(LAPIC *s, unsigned n, uint32_t value, int64_t now_ns, LapicMsg *out)
{
    lapic_timer_set_divide(s, value & 0xb, now_ns);
}

/* --- The table ------------------------------------------------------------------------------ */

#define ANY 0xffffffffu

/* clang-format off */
static const LapicReg lapic_regs[NR_REGS] = {
    /*                name     access             x2_valid  read          write */
    [R_ID]        = { "id",    MR | MW | XR,      0,        read_id,      write_id },
    [R_LVR]       = { "lvr",   MR | XR,           0,        read_version, NULL },
    [R_TPR]       = { "tpr",   MR | MW | XR | XW, 0xff,     read_tpr,     write_tpr },
    [R_APR]       = { "apr",   MR,                0,        read_zero,    NULL },
    [R_PPR]       = { "ppr",   MR | XR,           0,        read_ppr,     NULL },
    [R_EOI]       = { "eoi",   MR | MW | XW,      0,        read_zero,    write_eoi },
    [R_RRD]       = { "rrd",   MR,                0,        read_zero,    NULL },
    [R_LDR]       = { "ldr",   MR | MW | XR,      0,        read_ldr,     write_ldr },
    [R_DFR]       = { "dfr",   MR | MW,           0,        read_dfr,     write_dfr },
    [R_SPIV]      = { "spiv",  MR | MW | XR | XW, ANY,      read_spiv,    write_spiv },
    [R_ISR ... R_ISR + 7] = { "isr", MR | XR,     0,        read_isr,     NULL },
    [R_TMR ... R_TMR + 7] = { "tmr", MR | XR,     0,        read_tmr,     NULL },
    [R_IRR ... R_IRR + 7] = { "irr", MR | XR,     0,        read_irr,     NULL },
    [R_ESR]       = { "esr",   MR | MW | XR | XW, 0,        read_esr,     write_esr },
    [R_ICR]       = { "icr",   MR | MW | XR | XW, ANY,      read_icr,     write_icr },
    [R_ICR2]      = { "icr2",  MR | MW,           0,        read_icr,     write_icr },
    [R_LVT_TIMER ... R_LVT_ERROR] =
                    { "lvt",   MR | MW | XR | XW, ANY,      read_lvt,     write_lvt },
    [R_TMICT]     = { "tmict", MR | MW | XR | XW, ANY,      read_tmict,   write_tmict },
    [R_TMCCT]     = { "tmcct", MR | XR,           0,        read_tmcct,   NULL },
    [R_TDCR]      = { "tdcr",  MR | MW | XR | XW, ANY,      read_tdcr,    write_tdcr },
    [R_SELF_IPI]  = { "self",  XW,                0xff,     NULL,         write_self_ipi },
};
/* clang-format on */

static const LapicReg *find_reg(unsigned n, unsigned access)
{
    return n < NR_REGS && (lapic_regs[n].access & access) ? &lapic_regs[n] : NULL;
}

static uint32_t reg_read(LAPIC *s, const LapicReg *reg, unsigned n, int64_t now_ns)
{
    lapic_timer_catch_up(s, now_ns);
    return reg->read(s, n, now_ns);
}

static void reg_write(LAPIC *s, const LapicReg *reg, unsigned n, uint32_t value, int64_t now_ns,
                      LapicMsg *out)
{
    lapic_timer_catch_up(s, now_ns);
    reg->write(s, n, value, now_ns, out);
    lapic_publish(s);
}

/* --- Entry points --------------------------------------------------------------------------- */

bool lapic_mmio_enabled(const LAPIC *s)
{
    return lapic_hw_enabled(s) && !lapic_x2apic_mode(s);
}

uint64_t lapic_mmio_read(LAPIC *s, uint64_t offset, unsigned size, int64_t now_ns)
{
    unsigned n = (offset & 0xfff) >> 4, byte = offset & 0xf;
    const LapicReg *reg = find_reg(n, MR);
    uint64_t value;

    if (!reg) {
        lapic_error(s, ESR_ILLEGAL_REGISTER);
        return 0;
    }
    if (byte > 3) {
        return 0;
    }
    value = reg_read(s, reg, n, now_ns) >> (byte * 8);
    return size < 4 ? value & ((1ull << (size * 8)) - 1) : value;
}

LapicMsg lapic_mmio_write(LAPIC *s, uint64_t offset, uint64_t value, unsigned size,
                          int64_t now_ns)
{
    LapicMsg msg = { .kind = LAPIC_MSG_NONE };
    unsigned n = (offset & 0xfff) >> 4;
    const LapicReg *reg = find_reg(n, MW);

    if (size != 4 || (offset & 0xf)) {
        return msg;
    }
    if (reg) {
        reg_write(s, reg, n, (uint32_t)value, now_ns, &msg);
    } else if (!find_reg(n, MR)) {
        lapic_error(s, ESR_ILLEGAL_REGISTER);
    }
    return msg;
}

bool lapic_msr_read(LAPIC *s, uint32_t msr, uint64_t *value, int64_t now_ns)
{
    unsigned n = msr - LAPIC_MSR_BASE;
    const LapicReg *reg = find_reg(n, XR);

    if (!reg || !lapic_x2apic_mode(s)) {
        return false;
    }
    *value = n == R_ICR ? s->icr : reg_read(s, reg, n, now_ns);
    return true;
}

/* The one 64-bit register. Bit 12, delivery status, is gone in x2APIC mode and ignored. */
static bool write_x2apic_icr(LAPIC *s, uint64_t value, LapicMsg *out)
{
    if (value & 0xfff32000) {
        return false;
    }
    s->icr = value & ~(uint64_t)LVT_STATUS;
    send_ipi(s, out);
    lapic_publish(s);
    return true;
}

bool lapic_msr_write(LAPIC *s, uint32_t msr, uint64_t value, int64_t now_ns, LapicMsg *out)
{
    unsigned n = msr - LAPIC_MSR_BASE;
    const LapicReg *reg = find_reg(n, XW);

    *out = (LapicMsg){ .kind = LAPIC_MSG_NONE };
    if (!reg || !lapic_x2apic_mode(s)) {
        return false;
    }
    if (n == R_ICR) {
        lapic_timer_catch_up(s, now_ns);
        return write_x2apic_icr(s, value, out);
    }
    if (value & ~(uint64_t)reg->x2_valid) {
        return false;
    }
    reg_write(s, reg, n, (uint32_t)value, now_ns, out);
    return true;
}

uint8_t lapic_get_cr8(const LAPIC *s)
{
    return s->tpr >> 4;
}

void lapic_set_cr8(LAPIC *s, uint8_t cr8)
{
    s->tpr = cr8 << 4;
    lapic_publish(s);
}

/* --- Modes and reset ------------------------------------------------------------------------ */

void lapic_reset_registers(LAPIC *s)
{
    s->xapic_id = s->cfg.apic_id;
    s->tpr = 0;
    s->ldr = 0;
    s->dfr = 0xffffffff;
    s->spiv = 0xff;
    s->esr = 0;
    s->esr_pending = 0;
    s->icr = 0;
    for (unsigned i = 0; i < LAPIC_NR_LVT; i++) {
        s->lvt[i] = LVT_MASKED;
    }
    if (s->base & LAPIC_BASE_BSP) {
        /* What firmware does first (virtual wire mode): a directly booted kernel relies on it, and
         * KVM resets its local APICs to the same. */
        s->lvt[LAPIC_LVT_LINT0] = APIC_DM_EXTINT << LVT_MODE_SHIFT;
    }
    s->tdcr = 0;
    s->tmict = 0;
    memset(s->irr, 0, sizeof(s->irr));
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    s->extint = false;
    s->timer_armed = false;
    s->tsc_deadline = 0;
    lapic_publish(s);
}

void lapic_init_ipi(LAPIC *s)
{
    for (unsigned i = 0; i < 8; i++) {
        __atomic_store_n(&s->pending[i], 0, __ATOMIC_RELEASE);
    }
    lapic_reset_registers(s);
}

void lapic_reset(LAPIC *s)
{
    s->base = LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE | (s->cfg.bsp ? LAPIC_BASE_BSP : 0);
    __atomic_store_n(&s->events, 0, __ATOMIC_RELEASE);
    __atomic_fetch_and(&s->lint, 0xff, __ATOMIC_ACQ_REL);
    lapic_init_ipi(s);
}

void lapic_init(LAPIC *s, const LapicConfig *cfg)
{
    memset(s, 0, sizeof(*s));
    s->cfg = *cfg;
    if (!s->cfg.phys_bits) {
        s->cfg.phys_bits = 36;
    }
    lapic_reset(s);
}

void lapic_set_seoib(LAPIC *s, SeoibMode mode)
{
    s->cfg.seoib = mode;
}

bool lapic_set_base(LAPIC *s, uint64_t value)
{
    uint64_t valid = LAPIC_BASE_BSP | LAPIC_BASE_ENABLE |
                     (((1ull << s->cfg.phys_bits) - 1) & ~0xfffull);
    bool enable = value & LAPIC_BASE_ENABLE, x2apic = value & LAPIC_BASE_X2APIC;

    if (s->cfg.x2apic) {
        valid |= LAPIC_BASE_X2APIC;
    }
    /* SDM figure 11-27: from x2APIC only to disabled, and there only by way of xAPIC. */
    if ((value & ~valid) || (x2apic && !enable) || (x2apic && !lapic_hw_enabled(s)) ||
        (!x2apic && enable && lapic_x2apic_mode(s))) {
        return false;
    }
    if (!enable && lapic_hw_enabled(s)) {
        s->base = value;
        lapic_reset_registers(s);
        return true;
    }
    if (x2apic && !lapic_x2apic_mode(s)) {
        s->icr &= 0xffffffff; /* SDM 11.12.5.1 */
    }
    s->base = value;
    lapic_publish(s);
    return true;
}

void lapic_load_base(LAPIC *s, uint64_t value)
{
    s->base = value;
    lapic_publish(s);
}
