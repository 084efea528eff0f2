/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads from a virtio-blk disk until each of many requests was answered with an interrupt: none may
 * get lost, none may stay up. virtio 1.2, 2.7 (split rings), 4.1 (PCI), 5.2 (block).
 *
 *   irq=intx|msix     the disk's pin through the I/O APIC, level-triggered; or a message
 *   directed=1        no EOI broadcast (SPIV bit 12): the I/O APIC's EOI register is written
 *   requests=N depth=N
 */
#include "cmdline.h"
#include "guest.h"
#include "idt.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "memory.h"
#include "report.h"

#define RING           64
#define MAX_DEPTH      16
#define PIN_FIRST      16
#define PIN_END        24
#define PIN_VECTOR     0x40    /* of pin 0 */
#define MSIX_VECTOR    0x70
#define TICK_VECTOR    0x80
#define TICK_COUNT     10000000
#define SILENT_TICKS   3000
#define LVT_TIMER      0x320
#define LVT_PERIODIC   0x20000
#define TIMER_COUNT    0x380
#define TIMER_DIVIDE   0x3e0
#define DIVIDE_BY_1    0xb
#define SPIV           0xf0
#define SPIV_NO_BROADCAST 0x1000
#define RTE_LEVEL_LOW  0xa000
#define MASK_EVERY     1000

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;

static struct Rings {
    Desc desc[RING];
    volatile uint16_t avail_flags, avail_idx, avail[RING], used_event;
    volatile uint16_t used_flags __attribute__((aligned(4096)));
    volatile uint16_t used_idx;
    volatile struct { uint32_t id, len; } used[RING];
} ring __attribute__((aligned(4096)));

static struct { uint32_t type, reserved; uint64_t sector; } header[MAX_DEPTH];
static uint8_t data[MAX_DEPTH][512] __attribute__((aligned(512)));
static volatile uint8_t status[MAX_DEPTH];

static uintptr_t common, notify, isr, msix_table;
static uint32_t devfn_addr;
static bool use_msix, directed;
static volatile uint32_t interrupts, spurious, ticks;
static volatile uint16_t seen;

static void put8(uintptr_t gpa, uint8_t v)
{
    __asm__ volatile("movb %0, (%1)" : : "q"(v), "r"(gpa) : "memory");
}

static void put16(uintptr_t gpa, uint16_t v)
{
    __asm__ volatile("movw %0, (%1)" : : "r"(v), "r"(gpa) : "memory");
}

static uint8_t get8(uintptr_t gpa)
{
    uint8_t v;

    __asm__ volatile("movb (%1), %0" : "=q"(v) : "r"(gpa) : "memory");
    return v;
}

static uint32_t cfg_read(uint32_t at, unsigned reg)
{
    outl(0xcf8, 0x80000000u | at | (reg & 0xfc));
    return inl(0xcfc);
}

static void cfg_write(uint32_t at, unsigned reg, uint32_t v)
{
    outl(0xcf8, 0x80000000u | at | (reg & 0xfc));
    outl(0xcfc, v);
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static void on_tick(InterruptFrame *frame)
{
    ticks++;
    lapic_eoi();
}

static void on_pin(InterruptFrame *frame)
{
    if (get8(isr) & 1) {
        interrupts++;
        seen = ring.used_idx;
    } else {
        spurious++;
    }
    lapic_eoi();
    if (directed) {
        ioapic_eoi((uint8_t)frame->vector);
    }
}

static void on_message(InterruptFrame *frame)
{
    interrupts++;
    seen = ring.used_idx;
    lapic_eoi();
}

static void set_up_interrupts(void)
{
    idt_set_handler(TICK_VECTOR, on_tick);
    idt_set_handler(MSIX_VECTOR, on_message);
    lapic_write(TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LVT_TIMER, LVT_PERIODIC | TICK_VECTOR);
    lapic_write(TIMER_COUNT, TICK_COUNT);
    if (directed) {
        lapic_write(SPIV, lapic_read(SPIV) | SPIV_NO_BROADCAST);
    }
    for (unsigned pin = PIN_FIRST; !use_msix && pin < PIN_END; pin++) {
        idt_set_handler((uint8_t)(PIN_VECTOR + pin), on_pin);
        ioapic_set_pin(pin, RTE_LEVEL_LOW | (PIN_VECTOR + pin), (uint8_t)lapic_id());
    }
}

static void msix_mask(bool masked)
{
    mmio_write32(msix_table + 16 + 12, masked);
}

static void set_up_msix(unsigned cap)
{
    mmio_write32(msix_table + 16, 0xfee00000u | (lapic_id() & 0xff) << 12);
    mmio_write32(msix_table + 20, 0);
    mmio_write32(msix_table + 24, MSIX_VECTOR);
    msix_mask(false);
    cfg_write(devfn_addr, cap, cfg_read(devfn_addr, cap) | 0x80000000u);
}

/* --- The disk -------------------------------------------------------------------------------- */

static uintptr_t bar(unsigned n)
{
    return cfg_read(devfn_addr, 0x10 + 4 * n) & ~0xfu;
}

/* Finds the disk and its parts. */
static bool find_disk(unsigned *msix_cap)
{
    for (uint32_t slot = 0; slot < 32; slot++) {
        uint32_t id = cfg_read(slot << 11, 0);

        if (id != 0x10011af4 && id != 0x10421af4) {
            continue;
        }
        devfn_addr = slot << 11;
        cfg_write(devfn_addr, 4, 6);
        for (unsigned cap = cfg_read(devfn_addr, 0x34) & 0xfc; cap;
             cap = cfg_read(devfn_addr, cap) >> 8 & 0xfc) {
            uint32_t head = cfg_read(devfn_addr, cap);
            uint32_t offset = cfg_read(devfn_addr, cap + 8);

            if ((head & 0xff) == 0x11) {
                *msix_cap = cap;
                msix_table = bar(cfg_read(devfn_addr, cap + 4) & 7);
            } else if ((head & 0xff) == 9) {
                uintptr_t at = bar(cfg_read(devfn_addr, cap + 4) & 7) + offset;

                switch (head >> 24) {
                case 1: common = at; break;
                case 2: notify = at; break;
                case 3: isr = at; break;
                }
            }
        }
        return common && notify && isr && msix_table;
    }
    return false;
}

static void put_address(unsigned reg, const volatile void *p)
{
    mmio_write32(common + reg, (uint32_t)(uintptr_t)p);
    mmio_write32(common + reg + 4, 0);
}

static void start_disk(void)
{
    put8(common + 0x14, 0);
    put8(common + 0x14, 3);
    mmio_write32(common + 8, 1);
    mmio_write32(common + 0xc, 1); /* VERSION_1 */
    put8(common + 0x14, 0xb);
    put16(common + 0x16, 0);
    put16(common + 0x18, RING);
    put16(common + 0x1a, use_msix ? 1 : 0xffff);
    put_address(0x20, ring.desc);
    put_address(0x28, &ring.avail_flags);
    put_address(0x30, &ring.used_flags);
    put16(common + 0x1c, 1);
    put8(common + 0x14, 0xf);
}

static void offer(unsigned slot, uint32_t n)
{
    Desc *d = &ring.desc[3 * slot];

    header[slot].type = 0;
    header[slot].sector = n % 1000;
    status[slot] = 0xff;
    d[0] = (Desc){ (uintptr_t)&header[slot], 16, 1, (uint16_t)(3 * slot + 1) };
    d[1] = (Desc){ (uintptr_t)data[slot], 512, 3, (uint16_t)(3 * slot + 2) };
    d[2] = (Desc){ (uintptr_t)&status[slot], 1, 2, 0 };
    ring.avail[ring.avail_idx % RING] = (uint16_t)(3 * slot);
    __asm__ volatile("mfence" : : : "memory");
    ring.avail_idx++;
}

/* Sleeps until the handler has seen all; false when nothing came for half a minute. */
static bool wait_for(uint16_t idx)
{
    uint32_t since = ticks;

    while (seen != idx) {
        __asm__ volatile("sti\n"
                         "hlt\n"
                         "cli" : : : "memory");
        if (ticks - since > SILENT_TICKS) {
            return report(false, "interrupt", "used=%u seen=%u wanted=%u interrupts=%u",
                          ring.used_idx, seen, idx, interrupts);
        }
    }
    return true;
}

/* A masked vector's interrupt waits for the unmasking. */
static bool masked_request(uint32_t n)
{
    uint32_t before = interrupts;

    msix_mask(true);
    offer(0, n);
    mmio_write32(notify, 0);
    while (ring.used_idx != ring.avail_idx) {
        cpu_relax();
    }
    irq_enable();
    for (unsigned i = 0; i < 1000; i++) {
        cpu_relax();
    }
    irq_disable();
    if (interrupts != before) {
        return report(false, "masked", "an interrupt of a masked vector");
    }
    msix_mask(false);
    return wait_for(ring.avail_idx);
}

static bool load(uint32_t requests, unsigned depth)
{
    uint32_t n = 0;

    while (n < requests) {
        unsigned batch = requests - n < depth ? requests - n : depth;

        for (unsigned slot = 0; slot < batch; slot++) {
            offer(slot, n + slot);
        }
        mmio_write32(notify, 0);
        if (!wait_for(ring.avail_idx)) {
            return false;
        }
        for (unsigned slot = 0; slot < batch; slot++) {
            if (status[slot]) {
                return report(false, "status", "%u of request %u", status[slot], n + slot);
            }
        }
        n += batch;
        if (use_msix && n % MASK_EVERY < batch && !masked_request(n)) {
            return false;
        }
    }
    return true;
}

void guest_main(void)
{
    uint32_t requests = cmdline_get_u32("requests", 1000);
    unsigned depth = cmdline_get_u32("depth", 1), cap = 0;
    bool ok;

    use_msix = str_equal(cmdline_get("irq", "intx"), "msix");
    directed = cmdline_get_u32("directed", 0);
    depth = depth < 1 ? 1 : depth > MAX_DEPTH ? MAX_DEPTH : depth;
    lapic_init();
    if (directed && lapic_has_x2apic()) {
        lapic_enter_x2apic();
    }
    if (!find_disk(&cap) || !ioapic_init(0)) {
        report(false, "disk", "not found");
        report_finish(false, "interrupts=0");
    }
    set_up_interrupts();
    if (use_msix) {
        set_up_msix(cap);
    }
    start_disk();
    ok = load(requests, depth);
    report(ok, "load", "requests=%u interrupts=%u spurious=%u", requests,
           interrupts, spurious);
    report_finish(false, "interrupts=%u spurious=%u", interrupts, spurious);
}
