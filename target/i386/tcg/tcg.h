/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter of the software CPU. A block is a run of decoded instructions (TcgOp) at a
 * guest-physical address; each op's handler runs it and goes to the next one.
 *
 *   tcg_run() -> block by {linear address, mode} in the jump cache, by {physical address, mode} in
 *   the block table, else decoded -> ops[0].fn(c, ops) -> ... -> NULL: c->rip says where to go on
 *
 * Everything here belongs to one vCPU thread, except what is marked otherwise.
 */
#ifndef I386_TCG_TCG_H
#define I386_TCG_TCG_H

#include "qemu/osdep.h"
#include <setjmp.h>
#include "target/i386/cpu.h"
#include "target/i386/tcg/decode.h"

typedef struct TcgCPU TcgCPU;
typedef struct TcgOp TcgOp;
typedef struct TcgBlock TcgBlock;
typedef struct TcgShared TcgShared;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Runs one op. Returns NULL at the end of a block (c->rip is set), or what the next op returned. */
typedef const TcgOp *TcgHandler(TcgCPU *c, const TcgOp *op);

struct TcgOp {
    TcgHandler *fn;
    X86Insn i;  /* i.user: offset of the instruction in the block */
    void *aux;  /* the native stub */
};

/* Handlers end with NEXT or END. With optimisation the next handler is a jump away. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define NEXT return op[1].fn(c, op + 1)
#else
#define NEXT return op + 1
#endif
#define END return NULL
/* A near jump to @rip: straight into the block there when it is at hand. */
#define GOTO(rip) return tcg_goto(c, op, rip)
#define HANDLER(name) const TcgOp *name(TcgCPU *c, const TcgOp *op)

/* ---- Memory ---------------------------------------------------------------------------------- */

enum { TCG_TLB_BITS = 10, TCG_TLB_ENTRIES = 1 << TCG_TLB_BITS };
#define TCG_PAGE_MASK (~0xfffull)

/* Which accesses hit without a walk: the page's address, or TCG_NO_TAG. */
typedef struct TcgTlbEntry {
    uint64_t read, write;
    uintptr_t addend; /* host address minus linear address */
    uint64_t gpa;     /* of the page, and TCG_TLB_* */
} TcgTlbEntry;

/* Where code of a page is fetched. */
typedef struct TcgCodeTlb {
    uint64_t tag; /* linear page | TCG_MMU_* | 8; 0: empty */
    uint64_t gpa; /* of the page; bit 0: global */
    uint8_t *host;
} TcgCodeTlb;
#define TCG_NO_TAG 1ull
#define TCG_TLB_GLOBAL 1ull
#define TCG_TLB_CODE 2ull /* may be written but for the code on the page */

typedef enum TcgAccess { TCG_READ, TCG_WRITE, TCG_EXEC } TcgAccess;

/* Sets of TLB entries: what the page tables say depends on who asks. */
enum {
    TCG_MMU_KERNEL,      /* supervisor, may not touch user pages (SMAP) */
    TCG_MMU_USER,
    TCG_MMU_KERNEL_USER, /* supervisor, may touch user pages */
    TCG_MMU_SETS,
};

/* The guest's physical memory and ports. Called on the vCPU's thread without locks. */
typedef struct TcgMemOps {
    /* Host address of the page at @gpa, NULL: not RAM. *readonly: writes go to write(). */
    uint8_t *(*page)(void *opaque, uint64_t gpa, bool *readonly);
    uint64_t (*read)(void *opaque, uint64_t gpa, unsigned size);
    void (*write)(void *opaque, uint64_t gpa, uint64_t value, unsigned size);
    uint64_t (*in)(void *opaque, uint16_t port, unsigned size);
    void (*out)(void *opaque, uint16_t port, uint64_t value, unsigned size);
    /* The page of RAM at @gpa is about to be written; called while c->dirty_log is set, the first
     * time after tcg_dirty_log(). */
    void (*dirty)(void *opaque, uint64_t gpa);
} TcgMemOps;

/* What the machine does for the CPU. NULL members: nothing there. */
typedef struct TcgSysOps {
    bool (*rdmsr)(void *opaque, uint32_t msr, uint64_t *value);
    bool (*wrmsr)(void *opaque, uint32_t msr, uint64_t value);
    uint64_t (*get_cr8)(void *opaque);
    void (*set_cr8)(void *opaque, uint64_t value);
    void (*cpuid)(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
    /* Highest interrupt that can be taken now, acknowledged; -1: none. */
    int (*intack)(void *opaque);
    /* Looks for events (INIT, NMI, ...) when c->attention was set. True: leave tcg_run(). */
    bool (*attention)(void *opaque);
    uint64_t (*tsc)(void *opaque);
    /* The guest wrote its TSC: it is @now now. */
    void (*tsc_moved)(void *opaque, uint64_t now);
    /* -d: the items of qemu_loglevel that the next two write; a block before it runs; an exception
     * or interrupt before its delivery. */
    int (*log_items)(void *opaque);
    void (*log_block)(void *opaque, TcgBlock *b);
    void (*log_event)(void *opaque, unsigned vector, bool software, uint32_t error);
} TcgSysOps;

/* Register files that CR0, CR4 and XCR0 can withhold. */
typedef enum TcgFpuKind {
    TCG_FPU_X87 = 1,
    TCG_FPU_MMX = 2,
    TCG_FPU_SSE = 4,
    TCG_FPU_AVX = 8,
} TcgFpuKind;

/* ---- The CPU --------------------------------------------------------------------------------- */

enum { TCG_JMP_CACHE_BITS = 13, TCG_NR_CROSS = 128, TCG_CODE_TLB_ENTRIES = 512 };

/* A decoded instruction that lies in two pages, with the bytes it was made from. */
typedef struct TcgCross {
    uint64_t la, mode;
    const uint8_t *host[2];
    uint8_t len[2];
    uint8_t bytes[16];
    TcgBlock *block;
} TcgCross;

typedef struct TcgJmp {
    uint64_t pc;   /* linear */
    uint64_t mode; /* and jmp_gen */
    TcgBlock *block;
} TcgJmp;

typedef struct TcgException {
    uint8_t vector;
    bool has_error, software; /* software: INT n, INT3, INTO */
    uint32_t error;
} TcgException;

/* Breakpoints in use (debug-regs.h). */
enum { TCG_DEBUG_CODE = 1, TCG_DEBUG_DATA = 2, TCG_DEBUG_IO = 4 };

/* Of a debugger outside of the guest (gdb-points.h). */
enum { TCG_GDB_CODE = 1, TCG_GDB_DATA = 2, TCG_GDB_STEP = 4, TCG_GDB_NO_IRQ = 8 };
enum { TCG_GDB_NO_HIT, TCG_GDB_HIT_STEP, TCG_GDB_HIT_POINT };
/* After STI interrupts, after a load of SS also debug traps wait for one instruction. */
enum { TCG_SHADOW_STI = 1, TCG_SHADOW_SS = 2 };

enum { TCG_XS_BYTES = 4096 };
/* Offsets in the XSAVE area. */
enum { XS_FCW = 0, XS_FSW = 2, XS_FTW = 4, XS_FOP = 6, XS_FIP = 8, XS_FDP = 16, XS_MXCSR = 24,
       XS_ST = 32, XS_XMM = 160, XS_BV = 512, XS_YMMH = 576 };

struct TcgCPU {
    uint64_t r[18];   /* registers; [16] stays zero, see X86_BASE_NONE */
    uint64_t rip;     /* valid between blocks and in exceptions */
    uint64_t block_rip; /* of the first instruction of the running block */

    /* Arithmetic flags, see flags below; the others, DF included, stand in eflags. */
    uint64_t f_res, f_delta, f_carry;
    uint8_t f_af;
    uint64_t eflags;

    uint64_t seg_base[6]; /* as added to addresses: zero where 64-bit mode ignores them */
    uint32_t seg_check;   /* bit n: accesses by segment n need check_segment() */
    uint64_t sp_mask;     /* how much of RSP counts: 16, 32 or 64 bits */
    bool code64;
    uint8_t cpl, mmu_set;
    uint8_t fpu_trap;     /* bits of TcgFpuKind: instructions of that kind raise #UD or #NM */
    uint64_t mode;        /* key of blocks: everything decoding depends on, and CPL class */
    uint64_t jmp_key;     /* mode and jmp_gen: what jmp entries must have */
    uint32_t attention;   /* atomic: tcg_run() must look up from the guest */
    int log;              /* items of -d in use */
    uint32_t no_chain;    /* blocks must return to tcg_run(): bits of TCG_NO_CHAIN_* */
    uint32_t tlb_flush, code_pages; /* atomic: requests of other vCPUs */
    uint32_t running;     /* atomic: inside tcg_run() */
    uint64_t code_seq;    /* atomic: the last code page whose writes this vCPU will notice */
    uint32_t parked;      /* atomic: waits for another one's exclusive access */
    bool exclusive;       /* between tcg_exclusive_begin() and _end() */
    bool dirty_log;       /* writes are told to mem->dirty(): tcg_dirty_log() */
    uint64_t late_gpa;    /* code was written at [late_gpa, + late_len), after it was dropped */
    uint32_t late_len;

    TcgTlbEntry tlb[TCG_MMU_SETS][TCG_TLB_ENTRIES];
    TcgJmp jmp[1 << TCG_JMP_CACHE_BITS];
    TcgCodeTlb code_tlb[TCG_CODE_TLB_ENTRIES];
    uint64_t code_pages_seen[64];  /* hashed linear pages that jmp may know since the last flush */
    uint64_t large_seen[64];       /* hashed 4 MiB with pages of 2 or 4 MiB */
    uint64_t huge_seen;            /* hashed gigabytes with pages of that size */

    CPUX86State *env; /* all but r, rip, eflags and xs lives there */
    uint64_t features[FEATURE_WORDS];
    bool intel;
    uint64_t phys_mask;
    uint8_t xs[TCG_XS_BYTES] __attribute__((aligned(64)));
    uint64_t native_flags; /* EFLAGS of the last stub that sets them */

    const TcgMemOps *mem;
    const TcgSysOps *sys;
    void *opaque;
    TcgShared *shared;
    uint32_t epoch; /* atomic: last flush of all blocks this vCPU knows of */

    TcgException exc;
    sigjmp_buf jmp_exc;
    uint8_t shadow;   /* TCG_SHADOW_* */
    uint8_t debug_armed;  /* TCG_DEBUG_* */
    uint8_t gdb;          /* TCG_GDB_*: what a debugger outside of the guest wants */
    bool gdb_started;     /* its single step is under way */
    uint8_t gdb_hit, gdb_hit_kind; /* TCG_GDB_*HIT*; DebugPointKind */
    uint64_t gdb_hit_la, gdb_pages;
    const struct DebugPoint *gdb_points;
    unsigned gdb_nr;
    uint32_t debug_hits;  /* DR6 bits to be raised after the running instruction */
    bool tf;          /* EFLAGS.TF when the running instruction began */
    bool single;      /* the running block is one instruction, one round of REP */
    bool halted, shutdown;
    unsigned stub_slot; /* of tcg_native_slot() */
    bool guest_fp;    /* between tcg_native_enter() and _leave() */
    bool x87_live;    /* the host's x87 registers are the guest's, see x87.c */
    uint64_t x87_ip, x87_dp; /* then: the last instruction and its operand */
    bool irq_pending; /* an interrupt may be there: ask intack() when IF allows */
    bool ext_event;   /* what is being delivered came from outside the program */
    bool undo;        /* a fault puts back undo_ss: SS changes before the last check */
    SegmentCache undo_ss;
    bool ac_check;    /* CPL 3 with alignment checks on */
    uint64_t pdptr[4]; /* PAE paging: as CR3 was loaded */
    int delivering;   /* vector of the exception being delivered, -1: none */
    uint64_t tsc_offset;
    uint64_t nr_blocks_run, nr_tlb_miss, nr_pauses;
    uint64_t jmp_gen;        /* part of jmp_key: bumped to forget jmp and cross */
    TcgBlock *scratch_block; /* for an instruction that is not in RAM */
    TcgCross *cross;         /* instructions that cross a page */
};

/* ---- Flags ----------------------------------------------------------------------------------- */

enum { F_C = 1, F_P = 4, F_A = 0x10, F_Z = 0x40, F_S = 0x80, F_TF = 0x100, F_IF = 0x200,
       F_D = 0x400, F_O = 0x800, F_IOPL = 0x3000, F_NT = 0x4000, F_RF = 0x10000, F_VM = 0x20000,
       F_AC = 0x40000, F_VIF = 0x80000, F_VIP = 0x100000, F_ID = 0x200000,
       F_ARITH = F_C | F_P | F_A | F_Z | F_S | F_O };

/*
 * ZF: f_res == 0. SF: sign of f_res ^ f_delta. PF: parity of the low byte of f_res ^ f_delta >> 8.
 * CF: bit 63 of f_carry, OF: bits 63 and 62 differ. AF: bit 3 of f_af.
 */
static inline bool f_cf(const TcgCPU *c)
{
    return c->f_carry >> 63;
}
static inline bool f_of(const TcgCPU *c)
{
    return (c->f_carry ^ c->f_carry << 1) >> 63;
}
static inline bool f_zf(const TcgCPU *c)
{
    return c->f_res == 0;
}
static inline bool f_sf(const TcgCPU *c)
{
    return (c->f_res ^ c->f_delta) >> 63;
}
static inline bool f_pf(const TcgCPU *c)
{
    return !__builtin_parity((uint8_t)(c->f_res ^ c->f_delta >> 8));
}

static inline uint32_t tcg_get_arith(const TcgCPU *c)
{
    return (f_cf(c) ? F_C : 0) | (f_pf(c) ? F_P : 0) | (c->f_af & 8 ? F_A : 0) |
           (f_zf(c) ? F_Z : 0) | (f_sf(c) ? F_S : 0) | (f_of(c) ? F_O : 0);
}

static inline void tcg_set_carry(TcgCPU *c, bool cf, bool of)
{
    c->f_carry = (uint64_t)cf << 63 | (uint64_t)(cf ^ of) << 62;
}

static inline void tcg_set_arith(TcgCPU *c, uint32_t f)
{
    /* f_res says only Z; its sign and parity are corrected by the delta. */
    uint8_t want_odd = f & F_P ? 0 : 1;

    c->f_res = f & F_Z ? 0 : 1;
    c->f_delta = (f & F_S ? 1ull << 63 : 0) | (uint64_t)(want_odd ^ (f & F_Z ? 0 : 1)) << 8;
    c->f_af = f & F_A ? 8 : 0;
    tcg_set_carry(c, f & F_C, f & F_O);
}

static inline uint64_t tcg_get_eflags(const TcgCPU *c)
{
    return (c->eflags & ~(uint64_t)F_ARITH) | tcg_get_arith(c) | 2;
}

/* @v of @bits bits, sign-extended */
static inline uint64_t sext(uint64_t v, unsigned bits)
{
    return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

static inline void flags_add(TcgCPU *c, uint64_t a, uint64_t b, uint64_t res, unsigned bits)
{
    uint64_t cv = (a & b) | ((a | b) & ~res);

    c->f_res = sext(res, bits);
    c->f_delta = 0;
    c->f_carry = cv << (64 - bits);
    c->f_af = cv;
}

static inline void flags_sub(TcgCPU *c, uint64_t a, uint64_t b, uint64_t res, unsigned bits)
{
    uint64_t cv = (~a & b) | ((~a | b) & res);

    c->f_res = sext(res, bits);
    c->f_delta = 0;
    c->f_carry = cv << (64 - bits);
    c->f_af = cv;
}

static inline void flags_logic(TcgCPU *c, uint64_t res, unsigned bits)
{
    c->f_res = sext(res, bits);
    c->f_delta = 0;
    c->f_carry = 0;
    c->f_af = 0;
}

/* Condition code @cc of Jcc, SETcc, CMOVcc (SDM vol 1 appendix B). */
static inline bool tcg_cond(const TcgCPU *c, unsigned cc)
{
    bool r;

    switch (cc >> 1) {
    case 0:
        r = f_of(c);
        break;
    case 1:
        r = f_cf(c);
        break;
    case 2:
        r = f_zf(c);
        break;
    case 3:
        r = f_cf(c) || f_zf(c);
        break;
    case 4:
        r = f_sf(c);
        break;
    case 5:
        r = f_pf(c);
        break;
    case 6:
        r = f_sf(c) != f_of(c);
        break;
    default:
        r = f_zf(c) || f_sf(c) != f_of(c);
        break;
    }
    return r ^ (cc & 1);
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

enum { EXC_DE = 0, EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_BR = 5, EXC_UD = 6,
       EXC_NM = 7, EXC_DF = 8, EXC_TS = 10, EXC_NP = 11, EXC_SS = 12, EXC_GP = 13, EXC_PF = 14,
       EXC_MF = 16, EXC_AC = 17, EXC_XM = 19 };

/* Both leave the handler. @op NULL: c->rip is right already. */
void G_GNUC_NORETURN tcg_raise(TcgCPU *c, const TcgOp *op, unsigned vector);
void G_GNUC_NORETURN tcg_raise_err(TcgCPU *c, const TcgOp *op, unsigned vector, uint32_t error);
/* After a fault of the running instruction: c->rip of @op. */
static inline uint64_t op_rip(const TcgCPU *c, const TcgOp *op)
{
    return c->block_rip + op->i.user;
}
static inline uint64_t op_next_rip(const TcgCPU *c, const TcgOp *op)
{
    return c->block_rip + op->i.user + op->i.len;
}

/* ---- Registers ------------------------------------------------------------------------------- */

/* Eight-bit registers carry 0x10 in their number when they mean AH..BH. */
static inline uint8_t *tcg_reg8(TcgCPU *c, unsigned n)
{
    return (uint8_t *)&c->r[n & 15] + (n >> 4);
}
static inline uint64_t get_reg(TcgCPU *c, unsigned n, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return *tcg_reg8(c, n);
    case 2:
        return (uint16_t)c->r[n];
    case 4:
        return (uint32_t)c->r[n];
    default:
        return c->r[n];
    }
}
static inline void set_reg(TcgCPU *c, unsigned n, unsigned bytes, uint64_t v)
{
    switch (bytes) {
    case 1:
        *tcg_reg8(c, n) = v;
        break;
    case 2:
        *(uint16_t *)&c->r[n] = v;
        break;
    case 4:
        c->r[n] = (uint32_t)v;
        break;
    default:
        c->r[n] = v;
        break;
    }
}

/* ---- Memory access by linear address --------------------------------------------------------- */

static inline TcgTlbEntry *tcg_tlb_entry(TcgCPU *c, uint64_t la)
{
    uint64_t p = la >> 12;

    return &c->tlb[c->mmu_set][(p ^ p >> TCG_TLB_BITS) & (TCG_TLB_ENTRIES - 1)];
}

/* The general cases: TLB miss, page crossing, devices, code pages. Little endian values. */
uint64_t tcg_load_slow(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned bytes);
void tcg_store_slow(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t v, unsigned bytes);

static inline uint64_t tcg_load(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned bytes)
{
    TcgTlbEntry *e = tcg_tlb_entry(c, la);
    uint64_t v = 0;

    if (likely(e->read == (la & TCG_PAGE_MASK) && (la & 0xfff) <= 0x1000 - bytes)) {
        memcpy(&v, (void *)(la + e->addend), bytes);
        return v;
    }
    return tcg_load_slow(c, op, la, bytes);
}

static inline void tcg_store(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t v, unsigned bytes)
{
    TcgTlbEntry *e = tcg_tlb_entry(c, la);

    if (likely(e->write == (la & TCG_PAGE_MASK) && (la & 0xfff) <= 0x1000 - bytes)) {
        memcpy((void *)(la + e->addend), &v, bytes);
        return;
    }
    tcg_store_slow(c, op, la, v, bytes);
}

/* Faults unless all @len bytes can be accessed so. */
void tcg_probe(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned len, TcgAccess access);
/* Host address of @len bytes, or NULL when they are not in one page of plain RAM (then use the
 * calls below). Faults as the access would. */
void *tcg_host(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned len, TcgAccess access);
/* Any length; a write happens whole or faults before the first byte. */
void tcg_read(TcgCPU *c, const TcgOp *op, uint64_t la, void *buf, unsigned len);
void tcg_write(TcgCPU *c, const TcgOp *op, uint64_t la, const void *buf, unsigned len);
/* As supervisor whatever CPL is: descriptor tables, TSS. */
uint64_t tcg_load_sys(TcgCPU *c, uint64_t la, unsigned bytes);
void tcg_store_sys(TcgCPU *c, uint64_t la, uint64_t v, unsigned bytes);

/* ---- Addresses ------------------------------------------------------------------------------- */

/* #GP or #SS when [ea, ea + len) is outside segment @seg or not accessible so. */
void tcg_check_segment(TcgCPU *c, const TcgOp *op, unsigned seg, uint64_t ea, unsigned len,
                       bool write);

static inline uint64_t tcg_ea(const TcgCPU *c, const X86Insn *i, const TcgOp *op)
{
    uint64_t base = i->base == X86_BASE_RIP ? op_next_rip(c, op) : c->r[i->base];
    uint64_t ea = base + (c->r[i->index] << i->scale) + (int64_t)i->disp;

    if (unlikely(i->addrsize != 8)) {
        ea = i->addrsize == 4 ? (uint32_t)ea : (uint16_t)ea;
    }
    return ea;
}

static inline uint64_t tcg_linear(TcgCPU *c, const TcgOp *op, unsigned seg, uint64_t ea,
                                  unsigned len, bool write)
{
    if (unlikely(c->seg_check >> seg & 1)) {
        tcg_check_segment(c, op, seg, ea, len, write);
    }
    ea += c->seg_base[seg];
    return c->code64 ? ea : (uint32_t)ea;
}

/* Linear address of the ModRM operand. */
static inline uint64_t op_la(TcgCPU *c, const TcgOp *op, unsigned len, bool write)
{
    return tcg_linear(c, op, op->i.seg, tcg_ea(c, &op->i, op), len, write);
}

/* ---- Stack ----------------------------------------------------------------------------------- */

static inline void tcg_set_sp(TcgCPU *c, uint64_t sp)
{
    c->r[R_ESP] = c->sp_mask == 0xffff ? (c->r[R_ESP] & ~0xffffull) | (sp & 0xffff)
                                       : sp & c->sp_mask;
}
static inline uint64_t tcg_stack_la(TcgCPU *c, const TcgOp *op, uint64_t sp, unsigned bytes,
                                    bool write)
{
    return tcg_linear(c, op, R_SS, sp & c->sp_mask, bytes, write);
}
static inline void tcg_push(TcgCPU *c, const TcgOp *op, uint64_t v, unsigned bytes)
{
    uint64_t sp = c->r[R_ESP] - bytes;

    tcg_store(c, op, tcg_stack_la(c, op, sp, bytes, true), v, bytes);
    tcg_set_sp(c, sp);
}
/* The value @offset bytes above the top; RSP stays. */
static inline uint64_t tcg_peek(TcgCPU *c, const TcgOp *op, unsigned offset, unsigned bytes)
{
    return tcg_load(c, op, tcg_stack_la(c, op, c->r[R_ESP] + offset, bytes, false), bytes);
}

/* A near jump target as RIP holds it. */
static inline uint64_t tcg_mask_rip(const TcgCPU *c, uint64_t rip, unsigned opsize)
{
    return opsize == 8 ? rip : opsize == 4 ? (uint32_t)rip : (uint16_t)rip;
}

/* ---- mmu.c ----------------------------------------------------------------------------------- */

void tcg_tlb_flush(TcgCPU *c);
/* All but global pages. */
void tcg_tlb_flush_local(TcgCPU *c);
/* Pages that got code may no longer be written without notice. */
void tcg_tlb_protect_code(TcgCPU *c);
/* From now on the first write to each page (or no write) goes to mem->dirty(). While it is on, call
 * it again to hear of each page again. Owner thread, not inside tcg_run(). */
void tcg_dirty_log(TcgCPU *c, bool on);
/* PKRU changed: entries say what it allowed. */
static inline void tcg_tlb_flush_pkru(TcgCPU *c, bool changed)
{
    if (changed && c->env->cr[4] & CR4_PKE_MASK) {
        tcg_tlb_flush(c);
    }
}
void tcg_tlb_flush_page(TcgCPU *c, uint64_t la);
/* Physical address of @la for fetching; faults. */
uint64_t tcg_fetch_gpa(TcgCPU *c, uint64_t la);
/* The same with the host address of the byte, NULL: not RAM. */
uint64_t tcg_fetch_page(TcgCPU *c, uint64_t la, uint8_t **host);
/* PAE paging without long mode: reads the four entries at @cr3. False: reserved bits are set. */
bool tcg_load_pdptrs(TcgCPU *c, uint64_t cr3);
/* Recomputes what hot paths keep of CRs, segments and CPL: mmu_set, code64, seg_base, mode. */
void tcg_update_mode(TcgCPU *c);

/* ---- block.c --------------------------------------------------------------------------------- */

struct TcgBlock {
    uint64_t gpa, mode;
    TcgBlock *next;      /* in the hash chain */
    TcgBlock *page_next; /* in the code page's list */
    uint16_t bytes, nr_ops;
    bool valid, in_table, logged;
    TcgOp ops[];
};

enum { TCG_BLOCK_MAX_OPS = 64 };
/* Bits of TcgCPU.no_chain. */
enum { TCG_NO_CHAIN_STEP = 1, TCG_NO_CHAIN_DEBUG = 2, TCG_NO_CHAIN_LOG = 4 };

/* c->mode: block ends after one instruction (TF, interrupt shadow). */
#define TCG_MODE_SINGLE (1ull << 12)
/* c->mode: accesses are checked for alignment (c->ac_check). */
#define TCG_MODE_ALIGN (1ull << 10)

/* What the vCPUs of a machine share: the block table and the pages that have code. Own lock. */
TcgShared *tcg_shared_new(void);
void tcg_shared_free(TcgShared *s); /* after all its vCPUs */
void tcg_shared_add(TcgShared *s, TcgCPU *c);
void tcg_shared_remove(TcgShared *s, TcgCPU *c);

/* Room for the code of runs, and a place for it; NULL: there is none now. Whoever runs it is in a
 * block of this epoch. */
bool tcg_shared_has_room(TcgShared *s);
void *tcg_shared_publish(TcgShared *s, const uint8_t *code, unsigned len);
/* The block at c->rip; faults when it cannot be fetched. Not from within a block. */
TcgBlock *tcg_block_find(TcgCPU *c);
/* @len bytes at @gpa were written: drops the blocks made from them. Any thread. */
void tcg_code_written(TcgCPU *c, uint64_t gpa, unsigned len);
/* Same, at most a page; for who is no vCPU. */
void tcg_shared_written(TcgShared *s, uint64_t gpa, unsigned len);
/* May say yes for a page without code. */
bool tcg_page_has_code(TcgCPU *c, uint64_t gpa);
void tcg_jmp_flush(TcgCPU *c);
/* As tcg_jmp_flush(), but only if there may be a block of the page at @la. */
void tcg_jmp_flush_page(TcgCPU *c, uint64_t la);
/* A handler got a host pointer for writing to a page with code: look again after it wrote. */
void tcg_code_write_pending(TcgCPU *c, uint64_t gpa, unsigned len);
/* Entering and leaving tcg_run(), and answering requests in it. */
void tcg_blocks_enter(TcgCPU *c);
void tcg_blocks_leave(TcgCPU *c);
void tcg_blocks_look_up(TcgCPU *c);

/* Locked accesses that no host instruction can do: all other vCPUs stand still between blocks. An
 * exception ends it. */
void tcg_exclusive_begin(TcgCPU *c);
void tcg_exclusive_end(TcgCPU *c);

/* Around a locked access that tcg_host() has refused: it crosses a page, or is a device's. */
static inline void tcg_split_begin(TcgCPU *c, uint64_t la, unsigned bytes)
{
    if ((la & 0xfff) + bytes > 0x1000) {
        tcg_exclusive_begin(c);
    }
}
static inline void tcg_split_end(TcgCPU *c)
{
    if (c->exclusive) {
        tcg_exclusive_end(c);
    }
}

static inline uint64_t tcg_linear_pc(const TcgCPU *c, uint64_t rip)
{
    return c->code64 ? rip : (uint32_t)(rip + c->env->segs[R_CS].base);
}
static inline TcgJmp *tcg_jmp_entry(TcgCPU *c, uint64_t la)
{
    return &c->jmp[(la ^ la >> TCG_JMP_CACHE_BITS) & ((1 << TCG_JMP_CACHE_BITS) - 1)];
}
static inline bool tcg_must_leave(const TcgCPU *c)
{
    return __atomic_load_n(&c->attention, __ATOMIC_RELAXED) | c->no_chain;
}

/* The block at c->rip = @rip when the jump cache knows it, else back to tcg_run(). */
static inline const TcgOp *tcg_goto(TcgCPU *c, const TcgOp *op, uint64_t rip)
{
    uint64_t la = tcg_linear_pc(c, rip);
    TcgJmp *j = tcg_jmp_entry(c, la);

    c->rip = rip;
    if (likely(j->pc == la && j->mode == c->jmp_key && !tcg_must_leave(c) &&
               __atomic_load_n(&j->block->valid, __ATOMIC_ACQUIRE))) {
        c->block_rip = rip;
        return j->block->ops;
    }
    return NULL;
}

/* The same for a direct jump in 64-bit mode: a target in the same page is remembered in op->aux. */
static inline const TcgOp *tcg_goto_direct(TcgCPU *c, const TcgOp *op, uint64_t rip)
{
    TcgBlock *b = __atomic_load_n(&op->aux, __ATOMIC_ACQUIRE);
    uint64_t here = op_rip(c, op);
    const TcgOp *next;

    if (likely(b && !tcg_must_leave(c) && __atomic_load_n(&b->valid, __ATOMIC_ACQUIRE))) {
        c->block_rip = rip;
        return b->ops;
    }
    next = tcg_goto(c, op, rip);
    if (next && !((rip ^ here) & TCG_PAGE_MASK)) {
        __atomic_store_n((void **)&op->aux, (void *)tcg_jmp_entry(c, rip)->block,
                         __ATOMIC_RELEASE);
    }
    return next;
}
/* Forgets all blocks and makes all vCPUs flush their TLBs: the memory map changed. Any thread.
 * @replaced: what handlers may still be reading of the old map, g_free()d once every vCPU has been
 * seen between two blocks or outside of tcg_run(). */
void tcg_shared_flush(TcgShared *s, void *replaced);

/* ---- select.c, native.c ---------------------------------------------------------------------- */

/* The handler for a decoded instruction; also fixes up op->i and makes op->aux. */
TcgHandler *tcg_select(const TcgCPU *c, TcgOp *op);
/* Copies @nr ops and the one after them, with an op for each run (native-run.c) before it; @out has
 * room for 3 / 2 of it. Returns their new number. */
unsigned tcg_add_runs(const TcgCPU *c, const TcgOp *ops, unsigned nr, TcgOp *out);
/* The last op of a block that ends without a jump. */
HANDLER(tcg_op_end_block);
/* #UD. */
HANDLER(tcg_op_ud);
/* #UD or #NM: c->fpu_trap has @kind. */
void G_GNUC_NORETURN tcg_fpu_trap(TcgCPU *c, const TcgOp *op, TcgFpuKind kind);
static inline void tcg_check_fpu(TcgCPU *c, const TcgOp *op, TcgFpuKind kind)
{
    if (unlikely(c->fpu_trap & kind)) {
        tcg_fpu_trap(c, op, kind);
    }
}
/* Prepares running guest instructions on the host; false when this host cannot. */
bool tcg_native_init(void);
/* A number for a vCPU, by which it finds room for stubs of its own. */
unsigned tcg_native_slot(void);
/* XSTATE_BV bits of what a handler wrote behind the stubs' back. */
static inline void tcg_xs_touch(TcgCPU *c, uint8_t bits)
{
    c->xs[XS_BV] |= bits;
}
/* The guest's MXCSR in the host's register while the guest runs, and back around everything that
 * may calculate: library calls, devices. Any number of times in a row. */
void tcg_native_enter(TcgCPU *c);
void tcg_native_leave(TcgCPU *c);
/* Enter after c->xs got another MXCSR. */
void tcg_native_reload(TcgCPU *c);

/* ---- run.c ----------------------------------------------------------------------------------- */

/* Allocates; everything is borrowed. */
TcgCPU *tcg_cpu_new(CPUX86State *env, TcgShared *shared, const TcgMemOps *mem,
                    const TcgSysOps *sys, void *opaque);
void tcg_cpu_free(TcgCPU *c);
/* env -> c and c -> env: registers, flags, XSAVE area. */
void tcg_load_env(TcgCPU *c);
void tcg_store_env(TcgCPU *c);

typedef enum TcgExit { TCG_EXIT_REQUEST, TCG_EXIT_HALT, TCG_EXIT_SHUTDOWN, TCG_EXIT_DEBUG } TcgExit;
/* Runs the guest until c->sys->attention() says so, HLT, or a triple fault. */
TcgExit tcg_run(TcgCPU *c);
/* Runs one instruction; exceptions are not delivered but left in c->exc. True: it completed. */
bool tcg_step_raw(TcgCPU *c);
/* The same for a block and those it goes on to. */
bool tcg_block_raw(TcgCPU *c);

/* ---- sys.c ----------------------------------------------------------------------------------- */

/* #MF when an unmasked x87 exception is pending. */
void tcg_check_x87_pending(TcgCPU *c, const TcgOp *op);
/* The x87 part of c->xs becomes true, and what is written there counts. */
void tcg_x87_end_live(TcgCPU *c);
static inline void tcg_x87_sync(TcgCPU *c)
{
    if (unlikely(c->x87_live)) {
        tcg_x87_end_live(c);
    }
}
/* Changes FSW.TOP and keeps each register where it is. */
void tcg_x87_set_top(TcgCPU *c, unsigned top);
/* After an image was loaded: reserved bits of FCW, and FSW.ES. */
void tcg_x87_sanitize(TcgCPU *c);
void tcg_mmx_begin(TcgCPU *c, const TcgOp *op);
uint64_t tcg_port_in(TcgCPU *c, uint16_t port, unsigned bytes);
void tcg_port_out(TcgCPU *c, uint16_t port, uint64_t v, unsigned bytes);
/* #GP(0) unless IOPL or the TSS's bitmap allow the port. */
void tcg_check_io(TcgCPU *c, const TcgOp *op, uint16_t port, unsigned bytes);

/* ---- excp.c, seg.c --------------------------------------------------------------------------- */

/* Delivers c->exc, or interrupt @vector; changes CS:RIP and stack. May itself raise. */
void tcg_deliver(TcgCPU *c, unsigned vector, bool software, bool hardware, bool has_error,
                 uint32_t error, uint64_t return_rip);
/* Between these two a fault restores SS. */
static inline void tcg_guard_ss(TcgCPU *c)
{
    c->undo_ss = c->env->segs[R_SS];
    c->undo = true;
}
static inline void tcg_keep_ss(TcgCPU *c)
{
    c->undo = false;
}

#endif
