/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder: bytes -> a record of 32 bytes. Table-driven from insn.def (SDM vol 2
 * chapter 2 and appendix A). Pure functions on const tables; any thread.
 */
#ifndef I386_TCG_DECODE_H
#define I386_TCG_DECODE_H

#include "qemu/osdep.h"
#include "target/i386/cpu-features.h"

enum { X86_INSN_MAX_BYTES = 15 };

/* Letters of insn.def operands, then the implied operands. */
typedef enum X86OperandKind {
    X86_OPK_none,
    X86_OPK_E, X86_OPK_G, X86_OPK_M, X86_OPK_R, X86_OPK_B, X86_OPK_V, X86_OPK_W, X86_OPK_U,
    X86_OPK_H, X86_OPK_L, X86_OPK_P, X86_OPK_Q, X86_OPK_N, X86_OPK_I, X86_OPK_J, X86_OPK_A,
    X86_OPK_O, X86_OPK_S, X86_OPK_C, X86_OPK_D, X86_OPK_Z, X86_OPK_X, X86_OPK_Y,
    X86_OPK_AL, X86_OPK_CL, X86_OPK_rAX, X86_OPK_zAX, X86_OPK_AX, X86_OPK_DX, X86_OPK_ONE,
    X86_OPK_ST, X86_OPK_STi, X86_OPK_XMM0,
    X86_OPK_ES, X86_OPK_CS, X86_OPK_SS, X86_OPK_DS, X86_OPK_FS, X86_OPK_GS,
} X86OperandKind;

typedef enum X86OperandSize {
    X86_OPS_none, X86_OPS_b, X86_OPS_w, X86_OPS_d, X86_OPS_q, X86_OPS_v, X86_OPS_z, X86_OPS_y,
    X86_OPS_p, X86_OPS_s, X86_OPS_a, X86_OPS_n, X86_OPS_dq, X86_OPS_qq, X86_OPS_x, X86_OPS_h,
    X86_OPS_o, X86_OPS_e, X86_OPS_t, X86_OPS_ss, X86_OPS_sd, X86_OPS_ps, X86_OPS_pd,
} X86OperandSize;

/* Attributes of insn.def. */
enum {
    X86_A_i64 = 1 << 0, X86_A_o64 = 1 << 1, X86_A_d64 = 1 << 2, X86_A_d64s = 1 << 3,
    X86_A_f64 = 1 << 4, X86_A_lock = 1 << 5, X86_A_rep = 1 << 6, X86_A_cpl0 = 1 << 7,
    X86_A_end = 1 << 8, X86_A_u = 1 << 9, X86_A_al = 1 << 10, X86_A_np = 1 << 11,
    X86_A_ro = 1 << 12, X86_A_io = 1 << 13, X86_A_nf = 1 << 14, X86_A_vsib = 1 << 15,
    X86_A_crdr = 1 << 16, X86_A_r32 = 1 << 17,
};

enum { X86_MAX_OPERANDS = 5 };

/* A row of insn.def, or the VEX form made from one. */
typedef struct X86InsnRow {
    const char *name;     /* mnemonic */
    const char *operands; /* as in insn.def */
    uint16_t handler;     /* X86_H_* */
    uint8_t nr_ops;
    uint8_t op_kind[X86_MAX_OPERANDS]; /* X86OperandKind */
    uint8_t op_size[X86_MAX_OPERANDS]; /* X86OperandSize */
    uint32_t attrs;                    /* X86_A_* */
    uint16_t flags_read, flags_written, flags_undef; /* EFLAGS masks */
    uint16_t gate, gate2; /* X86Feature; X86_FEATURE_END: always there */
    /* What selects the row. */
    uint8_t map;    /* 0: one byte, 1: 0F, 2: 0F38, 3: 0F3A */
    uint8_t opcode;
    uint8_t prefix; /* 0: any, 1: none of 66/F3/F2, 2: 66, 3: F3, 4: F2, 5: neither F3 nor F2 */
    uint8_t vex;
    uint8_t w, l;   /* 0: any, 1: W0/128, 2: W1/256 */
    uint8_t mod;    /* 0: any, 1: memory, 2: register */
    uint8_t reg;    /* of ModRM; 8: any */
    uint8_t modrm;  /* the whole byte, 0: any */
    uint8_t plus_r; /* a register in the opcode's low bits */
    uint8_t has_modrm;
} X86InsnRow;

typedef struct X86Bucket {
    uint16_t first, count;
    uint8_t has_modrm;
} X86Bucket;

/* X86Insn.flags */
enum {
    X86_I_LOCK = 1 << 0,
    X86_I_REPE = 1 << 1,  /* F3 */
    X86_I_REPNE = 1 << 2, /* F2 */
    X86_I_OPSIZE = 1 << 3,
    X86_I_REX = 1 << 4, /* a REX prefix: SPL.. instead of AH.. */
    X86_I_VEX = 1 << 5,
    X86_I_W = 1 << 6, /* REX.W or VEX.W */
    X86_I_MEM = 1 << 7, /* ModRM names memory */
};

enum {
    X86_BASE_NONE = 16, /* base or index that is absent: reads as zero */
    X86_BASE_RIP = 17,  /* base: address of the next instruction */
};

/* A decoded instruction. Registers are numbers 0..15; which file they mean is in the row. */
typedef struct X86Insn {
    uint16_t row;
    uint8_t len;
    uint8_t flags;    /* X86_I_* */
    uint8_t opsize;   /* bytes: 2, 4, 8 */
    uint8_t addrsize; /* bytes: 2, 4, 8 */
    uint8_t seg;      /* R_ES.. of the memory or string source operand */
    uint8_t modrm;
    uint8_t reg, rm;  /* rm: register of mod 3, or of the opcode's low bits */
    uint8_t base, index, scale; /* of the memory operand; scale is a shift */
    uint8_t vvvv;
    uint8_t vexl;     /* 0: 128 or none, 1: 256 */
    uint8_t mem_bytes; /* size of the memory operand; 0: not fixed by the instruction */
    int32_t disp;
    uint32_t user;    /* for the interpreter */
    uint64_t imm;     /* immediate, sign-extended; offset of O; ENTER: second one << 16;
                         far pointer: offset | selector << 32 */
} X86Insn;

G_STATIC_ASSERT(sizeof(X86Insn) == 32);

typedef struct X86DecodeMode {
    uint8_t code_bits; /* 16, 32, 64: CS.L and CS.D */
    bool no_vex;       /* real or virtual-8086 mode */
    const uint64_t *features; /* feature words; NULL: every row counts */
} X86DecodeMode;

typedef enum X86DecodeResult {
    X86_DECODE_OK,
    X86_DECODE_MORE,     /* @avail bytes are not enough */
    X86_DECODE_INVALID,  /* #UD; insn->len bytes were looked at */
    X86_DECODE_TOO_LONG, /* more than 15 bytes: #GP(0) */
} X86DecodeResult;

/* Decodes the instruction at @bytes, of which @avail may be read. Does not look at CPL, CR0, CR4
 * or operand values. */
X86DecodeResult x86_decode(X86Insn *insn, const uint8_t *bytes, unsigned avail,
                           const X86DecodeMode *mode);

unsigned x86_nr_insn_rows(void);
const X86InsnRow *x86_insn_row(unsigned row);
/* Feature words of the host CPU, as CPUID tells them; all 0 on other architectures. */
void tcg_host_features(uint64_t words[FEATURE_WORDS]);
/* Size in bytes of operand @n; 0 when the instruction does not fix it. */
unsigned x86_operand_bytes(const X86Insn *insn, unsigned n, bool code64);

#endif
