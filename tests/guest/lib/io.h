/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions the test guests need: port and memory-mapped I/O, MSRs, CPUID, interrupt flag. */
#ifndef GUEST_IO_H
#define GUEST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFLAGS_IF 0x200u

static inline void outb(uint16_t port, uint8_t val)
{
    __asm__ volatile("outb %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t val)
{
    __asm__ volatile("outw %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t val)
{
    __asm__ volatile("outl %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t val;

    __asm__ volatile("inb %1, %0" : "=a"(val) : "Nd"(port) : "memory");
    return val;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t val;

    __asm__ volatile("inw %1, %0" : "=a"(val) : "Nd"(port) : "memory");
    return val;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t val;

    __asm__ volatile("inl %1, %0" : "=a"(val) : "Nd"(port) : "memory");
    return val;
}

/* Fixed instruction forms, so that emulating hosts meet only plain moves. */
static inline uint32_t mmio_read32(uintptr_t gpa)
{
    uint32_t val;

    __asm__ volatile("movl (%1), %0" : "=r"(val) : "r"(gpa) : "memory");
    return val;
}

static inline void mmio_write32(uintptr_t gpa, uint32_t val)
{
    __asm__ volatile("movl %0, (%1)" : : "r"(val), "r"(gpa) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t val)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32))
                     : "memory");
}

/* False when the write raised an exception (caught through the .fixup table of idt.c). */
static inline bool wrmsr_safe(uint32_t msr, uint64_t val)
{
    uint32_t fault = 1;

    __asm__ volatile("1: wrmsr\n"
                     "xorl %0, %0\n"
                     "2:\n"
                     ".pushsection .fixup, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection\n"
                     : "+r"(fault)
                     : "c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32))
                     : "memory", "cc");
    return !fault;
}

typedef struct CpuidResult {
    uint32_t eax, ebx, ecx, edx;
} CpuidResult;

static inline CpuidResult cpuid(uint32_t leaf, uint32_t subleaf)
{
    CpuidResult r;

    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return lo | (uint64_t)hi << 32;
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void cpu_halt_forever(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt" : : : "memory");
    }
}

#endif
