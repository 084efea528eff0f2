/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC access (SDM vol. 3, chapter 11): MMIO in xAPIC mode, MSR 0x800.. in x2APIC mode. */
#include "io.h"
#include "lapic.h"

#define XAPIC_GPA         0xfee00000u
#define MSR_APIC_BASE     0x1b
#define APIC_BASE_EXTD    (1u << 10)
#define APIC_BASE_ENABLE  (1u << 11)
#define MSR_X2APIC        0x800
#define MSR_X2APIC_ICR    0x830
#define LVT_MASKED        0x10000
#define ICR_PENDING       0x1000
#define MAX_ICR_POLLS     1000000

static volatile bool x2apic_mode;

static uint32_t x2apic_msr(uint32_t reg)
{
    return MSR_X2APIC + (reg >> 4);
}

uint32_t lapic_read(uint32_t reg)
{
    return x2apic_mode ? (uint32_t)rdmsr(x2apic_msr(reg)) : mmio_read32(XAPIC_GPA + reg);
}

void lapic_write(uint32_t reg, uint32_t val)
{
    if (x2apic_mode) {
        wrmsr(x2apic_msr(reg), val);
    } else {
        mmio_write32(XAPIC_GPA + reg, val);
    }
}

bool lapic_write_safe(uint32_t reg, uint32_t val)
{
    if (x2apic_mode) {
        return wrmsr_safe(x2apic_msr(reg), val);
    }
    mmio_write32(XAPIC_GPA + reg, val);
    return true;
}

void lapic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

bool lapic_has_x2apic(void)
{
    return cpuid(1, 0).ecx & (1u << 21);
}

bool lapic_in_x2apic(void)
{
    return x2apic_mode;
}

bool lapic_init(void)
{
    uint64_t base;

    if (!(cpuid(1, 0).edx & (1u << 9))) {
        return false;
    }
    base = rdmsr(MSR_APIC_BASE);
    if (x2apic_mode && !(base & APIC_BASE_EXTD)) {
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_EXTD);
    } else if (base & APIC_BASE_EXTD) {
        x2apic_mode = true;
    } else if (!(base & APIC_BASE_ENABLE)) {
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    }
    lapic_write(LAPIC_SPIV, SPIV_ENABLE | SPIV_VECTOR);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_MASKED);
    if (!x2apic_mode) {
        lapic_write(LAPIC_DFR, 0xffffffff);
        lapic_write(LAPIC_LDR, 0x01000000u << (lapic_id() & 7));
    }
    return true;
}

void lapic_enter_x2apic(void)
{
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_EXTD);
    x2apic_mode = true;
}

bool lapic_vector_bit(uint32_t reg, uint8_t vector)
{
    return lapic_read(reg + (vector >> 5) * 0x10) >> (vector & 31) & 1;
}

bool lapic_any_vector(uint32_t reg)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 8; i++) {
        bits |= lapic_read(reg + i * 0x10);
    }
    return bits != 0;
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);

    return x2apic_mode ? id : id >> 24;
}

uint32_t lapic_logical_id(void)
{
    uint32_t ldr = lapic_read(LAPIC_LDR);

    if (!x2apic_mode) {
        return ldr >> 24;
    }
    return ldr <= 0xff ? ldr : 0;
}

void lapic_send_ipi(uint32_t dest, uint32_t icr)
{
    if (x2apic_mode) {
        wrmsr(MSR_X2APIC_ICR, (uint64_t)dest << 32 | icr);
        return;
    }
    lapic_write(LAPIC_ICR + 0x10, dest << 24);
    lapic_write(LAPIC_ICR, icr);
    for (unsigned i = 0; i < MAX_ICR_POLLS && (lapic_read(LAPIC_ICR) & ICR_PENDING); i++) {
        cpu_relax();
    }
}

void lapic_self_ipi(uint8_t vector)
{
    lapic_send_ipi(0, ICR_SELF | ICR_ASSERT | ICR_FIXED | vector);
}
