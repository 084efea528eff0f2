/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * legacy-check: pieces of code in 32-bit protected mode (CPL 0 or 3) and in virtual-8086 mode, and
 * how they ended; tables of such cases. The 32-bit sibling of cpu-check/try.h.
 */
#ifndef LEGACY_CHECK_H
#define LEGACY_CHECK_H

#define SEL_KCODE   0x08
#define SEL_KDATA   0x10
#define SEL_UCODE   0x1b
#define SEL_UDATA   0x23
#define SEL_TSS     0x28
#define SEL_KCODE64 0x30
#define SEL_TEST    0x40        /* slots for tests */
#define NR_TEST_SEL 16
#define LA57_ADDRESS 0x0004000000001000

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#define DONE 0x81               /* all instructions ran */
#define IN_TASK 0x82            /* another task began */
#define SEL(slot) (SEL_TEST + (slot) * 8)

#define F_TF   0x100u
#define F_IF   0x200u
#define F_NT   0x4000u
#define F_VM   0x20000u
#define F_VIF  0x80000u
#define F_VIP  0x100000u
#define F_IOPL 0x3000u

typedef struct Frame {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags, old_esp, old_ss, vm_es, vm_ds, vm_fs, vm_gs;
} Frame;

typedef struct Try {
    const char *code;
    unsigned len;
    bool user;
    uint32_t eflags;            /* F_VM: virtual-8086 mode, code at VM_CS:0 */
    uint32_t eax, ebx, ecx, edx, esi, edi;
    uint32_t esp;               /* 0: a stack */
    uint16_t ds;                /* 0: SEL_UDATA at both levels, VM_CS in virtual-8086 mode */
} Try;

#define CODE(bytes) .code = bytes, .len = sizeof(bytes) - 1

#define VM_CS   0x2000          /* code, 4 KiB at 0x20000 */
#define VM_SS   0x3000
#define VM_SP   0x1000

typedef struct Outcome {
    unsigned vector;
    uint32_t error, cr2, at, tr;
    Frame regs;
} Outcome;

/* A 32-bit TSS with the interrupt redirection map and an I/O bitmap for all ports. */
typedef struct __attribute__((packed)) Tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp,
        esi, edi, es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
    uint8_t redirect[32];
    uint8_t io[8192 + 1];
} Tss;

void try_init(void);
Outcome try_run(const Try *t);
Tss *try_tss(void);
uint8_t *try_stack0(void);      /* where the stack of CPL 0 ends that CPL 3 enters by */
uint32_t try_code(void);        /* where tried code stands */
void try_set_desc(unsigned slot, uint64_t desc);
uint64_t try_get_desc(unsigned sel);
uint64_t make_desc(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);
uint64_t make_gate(uint16_t sel, uint32_t offset, uint8_t access);
uint64_t *try_idt(unsigned vector);
void expect(const char *name, const Try *t, unsigned vector, uint32_t error);
void task_entry(void);
uint32_t la57_probe(uint32_t cr3);

void check_limits(void);
void check_gates(void);
void check_tasks(void);
void check_vm86(void);
void check_paging(void);
#endif
#endif
