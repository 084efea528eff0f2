/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a few instructions at CPL 0 or 3 and tells how they ended: with an exception, or with the
 * INT 0x81 that is put behind them. Tables of such cases make up cpu-check. Boot CPU only.
 */
#ifndef CPU_CHECK_TRY_H
#define CPU_CHECK_TRY_H

#include <stdbool.h>
#include <stdint.h>
#include "idt.h"

#define SEL_UDATA   0x2b
#define SEL_UCODE32 0x33
#define SEL_UCODE64 0x3b
#define SEL_TSS     0x40
#define SEL_TEST    0x50        /* GDT slots for tests: SEL_TEST, +8 ... */
#define NR_TEST_SEL 8

#define DONE 0x81               /* Outcome.vector: all instructions ran */

#define RF_CF 0x1u
#define RF_TF 0x100u
#define RF_IF 0x200u
#define RF_RF 0x10000u
#define RF_AC 0x40000u

/* Where the window of try_map() stands: PML4 slot 2, one page table; CPL 3 may use it. */
#define WINDOW      (2ull << 39)
#define WINDOW_CODE (WINDOW + 0x1ff000) /* the tried code, for CPL 3 */
#define WINDOW_STACK (WINDOW + 0x1fe000)

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
#define PTE_NX (1ull << 63)

typedef struct Try {
    const char *code;           /* machine code, @len bytes */
    unsigned len;
    bool user;
    uint64_t rflags;            /* on top of bit 1 */
    uint64_t rax, rbx, rcx, rdx, rsi, rdi;
    uint64_t rsp;               /* 0: a stack */
    uint16_t cs, ss;            /* 0: those of CPL 0 or 3 */
} Try;

/* A Try's code and length. */
#define CODE(bytes) .code = bytes, .len = sizeof(bytes) - 1

typedef struct Outcome {
    unsigned vector;
    uint64_t error, cr2, dr6;
    uint64_t at;                /* RIP, from the first instruction */
    InterruptFrame regs;
} Outcome;

void try_init(void);
Outcome try_run(const Try *t);

/* Entry of page @n (0..509) of the window, and of the levels above. */
volatile uint64_t *try_pte(unsigned n);
volatile uint64_t *try_pml4e(void);
volatile uint64_t *try_pdpte(void);
volatile uint64_t *try_pde(void);
/* Maps page @n to @buffer with @flags; flushes it. Returns the linear address. */
uint64_t try_map(unsigned n, const void *buffer, uint64_t flags);
void try_set_desc(unsigned slot, uint64_t desc);
/* The gate of @vector, and the TSS, to be changed by a test. */
uint64_t *try_gate(unsigned vector);
uint8_t *try_tss(void);

static inline uint64_t read_cr0(void)
{
    uint64_t v;

    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}
static inline void write_cr0(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(v) : "memory");
}
static inline uint64_t read_cr3(void)
{
    uint64_t v;

    __asm__ volatile("movq %%cr3, %0" : "=r"(v));
    return v;
}
static inline void write_cr3(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(v) : "memory");
}
static inline uint64_t read_cr4(void)
{
    uint64_t v;

    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}
static inline void write_cr4(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr4" : : "r"(v) : "memory");
}
static inline void invlpg(uint64_t la)
{
    __asm__ volatile("invlpg (%0)" : : "r"(la) : "memory");
}

/* The groups. */
void check_paging(void);
void check_tlb(void);
void check_segments(void);
void check_debug(void);
void check_fpu(void);
void check_interrupts(void);
void check_smc(void);
void check_order(unsigned nr_cpus);
void check_cross_smc(unsigned nr_cpus);

#endif
