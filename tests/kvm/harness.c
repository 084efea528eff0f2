/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bare virtual machine of the KVM tests; see harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_BYTES (2u << 20)
#define MAX_EXITS 400

extern const uint8_t guest_code[], guest_code_end[], guest_handler[], guest_exception[];

const char *const mode_names[NR_MODES] = { "quirked", "enabled", "disabled" };

/* --- What is there --------------------------------------------------------------------------- */

bool skip_without_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        g_test_skip("skipped: no /dev/kvm");
        return true;
    }
    close(fd);
    return false;
}

bool have_seoib_flags(void)
{
    Vm vm;
    bool have;

    vm_open(&vm);
    have = (x2apic_api(vm.kvm_fd) & (FLAG_ENABLE_SEOIB | FLAG_DISABLE_SEOIB)) ==
           (FLAG_ENABLE_SEOIB | FLAG_DISABLE_SEOIB);
    vm_close(&vm);
    return have;
}

bool skip_without_seoib(void)
{
    if (skip_without_kvm()) {
        return true;
    }
    if (!have_seoib_flags()) {
        g_test_skip("skipped: KVM_CAP_X2APIC_API has no Suppress EOI Broadcast flags here");
        return true;
    }
    return false;
}

bool kvm_auto_eoi(void)
{
    struct kvm_lapic_state l;
    Vm vm;

    vm_start(&vm, IRQCHIP_SPLIT, MODE_QUIRKED, true, SPIV_ON, false);
    signal_msi(&vm, TEST_VECTOR, false);
    run_to(&vm, EV_ENTERED);
    l = get_lapic(&vm);
    vm_close(&vm);
    return !(lapic_reg(&l, LAPIC_ISR_TEST) & TEST_VECTOR_BIT);
}

int x2apic_api(int fd)
{
    return ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API);
}

/* --- Making a VM ----------------------------------------------------------------------------- */

static int enable_cap(int fd, uint32_t cap, uint64_t arg)
{
    struct kvm_enable_cap e = { .cap = cap, .args = { arg } };

    return ioctl(fd, KVM_ENABLE_CAP, &e) < 0 ? -errno : 0;
}

static int vm_create(int kvm_fd)
{
    int fd;

    do {
        fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

void vm_open(Vm *vm)
{
    memset(vm, 0, sizeof(*vm));
    vm->vcpu_fd = vm->last_eoi = -1;
    vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(vm->kvm_fd, >=, 0);
    vm->fd = vm_create(vm->kvm_fd);
    g_assert_cmpint(vm->fd, >=, 0);
}

int vm_irqchip(Vm *vm, Irqchip irqchip)
{
    switch (irqchip) {
    case IRQCHIP_SPLIT:
        return enable_cap(vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24);
    case IRQCHIP_FULL:
        return ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0 ? -errno : 0;
    default:
        return 0;
    }
}

int vm_set_flags(Vm *vm, uint64_t flags)
{
    return enable_cap(vm->fd, KVM_CAP_X2APIC_API, flags);
}

void vm_set_mode(Vm *vm, Mode mode)
{
    static const uint64_t flags[NR_MODES] = { 0, FLAG_ENABLE_SEOIB, FLAG_DISABLE_SEOIB };

    if (flags[mode]) {
        g_assert_cmpint(vm_set_flags(vm, flags[mode]), ==, 0);
    }
}

void vm_add_vcpu(Vm *vm, uint8_t *mem)
{
    struct kvm_userspace_memory_region region = { .memory_size = MEM_BYTES };

    vm->owns_mem = !mem;
    vm->mem = mem ? mem : mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert_true(vm->mem != MAP_FAILED);
    region.userspace_addr = (uintptr_t)vm->mem;
    g_assert_cmpint(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region), ==, 0);
    vm->vcpu_fd = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
    g_assert_cmpint(vm->vcpu_fd, >=, 0);
    vm->run_bytes = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd, 0);
    g_assert_true((void *)vm->run != MAP_FAILED);
}

int vm_set_cpuid(Vm *vm, bool x2apic)
{
    enum { MAX_ENTRIES = 256 };
    g_autofree struct kvm_cpuid2 *c =
        g_malloc0(sizeof(*c) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2));

    c->nent = MAX_ENTRIES;
    g_assert_cmpint(ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, c), ==, 0);
    for (unsigned i = 0; i < c->nent; i++) {
        if (c->entries[i].function == 1) {
            c->entries[i].ecx &= ~(1u << 21);
            c->entries[i].ecx |= x2apic ? 1u << 21 : 0;
        }
    }
    return ioctl(vm->vcpu_fd, KVM_SET_CPUID2, c) < 0 ? -errno : 0;
}

void vm_close(Vm *vm)
{
    if (vm->run) {
        munmap(vm->run, vm->run_bytes);
    }
    if (vm->vcpu_fd >= 0) {
        close(vm->vcpu_fd);
    }
    close(vm->fd);
    close(vm->kvm_fd);
    if (vm->mem && vm->owns_mem) {
        munmap(vm->mem, MEM_BYTES);
    }
}

/* --- The guest ------------------------------------------------------------------------------- */

static void put64(Vm *vm, unsigned gpa, uint64_t value)
{
    memcpy(vm->mem + gpa, &value, sizeof(value));
}

static void put32(Vm *vm, unsigned gpa, uint32_t value)
{
    memcpy(vm->mem + gpa, &value, sizeof(value));
}

/* Identity map of 4 GiB by 2 MiB pages. */
static void build_page_tables(Vm *vm)
{
    unsigned pml4 = GUEST_TABLES, pdpt = pml4 + 0x1000, pd = pdpt + 0x1000;

    memset(vm->mem + pml4, 0, 0x2000);
    put64(vm, pml4, pdpt | 3);
    for (unsigned i = 0; i < 4; i++) {
        put64(vm, pdpt + 8 * i, (pd + 0x1000 * i) | 3);
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        put64(vm, pd + 8 * i, i << 21 | 0x83);
    }
}

static void build_idt(Vm *vm)
{
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t *target = i < 32 ? guest_exception : guest_handler;
        uint64_t addr = GUEST_CODE + (uint64_t)(target - guest_code);

        put64(vm, GUEST_IDT + 16 * i,
              (addr & 0xffff) | 8ull << 16 | 0x8e00ull << 32 | (addr >> 16 & 0xffff) << 48);
        put64(vm, GUEST_IDT + 16 * i + 8, addr >> 32);
    }
}

static void set_long_mode(Vm *vm)
{
    struct kvm_segment code = {
        .limit = ~0u, .selector = 8, .type = 11, .present = 1, .l = 1, .s = 1, .g = 1,
    };
    struct kvm_segment data = {
        .limit = ~0u, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
    };
    struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = 2, .rsp = GUEST_STACK };
    struct kvm_sregs s;

    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_SREGS, &s), ==, 0);
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.cr0 = 0x80000033;
    s.cr3 = GUEST_TABLES;
    s.cr4 = 0x20;
    s.efer = 0x500;
    s.gdt.base = GUEST_GDT;
    s.gdt.limit = 23;
    s.idt.base = GUEST_IDT;
    s.idt.limit = 0xfff;
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_SREGS, &s), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs), ==, 0);
}

void vm_load_guest(Vm *vm, bool x2apic, uint32_t spiv, bool eoi)
{
    memcpy(vm->mem + GUEST_CODE, guest_code, (size_t)(guest_code_end - guest_code));
    put64(vm, GUEST_GDT, 0);
    put64(vm, GUEST_GDT + 8, 0x00af9b000000ffffull);
    put64(vm, GUEST_GDT + 16, 0x00cf93000000ffffull);
    build_idt(vm);
    build_page_tables(vm);
    memset(vm->mem + GUEST_MAILBOX, 0, 64);
    put32(vm, GUEST_MAILBOX + MB_X2APIC, x2apic);
    put32(vm, GUEST_MAILBOX + MB_SPIV, spiv);
    put32(vm, GUEST_MAILBOX + MB_EOI, eoi);
    set_long_mode(vm);
}

void vm_start(Vm *vm, Irqchip irqchip, Mode mode, bool x2apic, uint32_t spiv, bool eoi)
{
    vm_open(vm);
    g_assert_cmpint(vm_irqchip(vm, irqchip), ==, 0);
    vm_set_mode(vm, mode);
    vm_add_vcpu(vm, NULL);
    g_assert_cmpint(vm_set_cpuid(vm, true), ==, 0);
    vm_load_guest(vm, x2apic, spiv, eoi);
    run_to(vm, EV_READY);
    run_to_idle(vm, 1);
}

/* --- Running --------------------------------------------------------------------------------- */

/* One KVM_RUN; the port accessed, or -1 for other exits. */
static int run_once(Vm *vm)
{
    if (ioctl(vm->vcpu_fd, KVM_RUN, 0) < 0) {
        g_assert_cmpint(errno, ==, EINTR);
        return -1;
    }
    if (vm->run->exit_reason == KVM_EXIT_IOAPIC_EOI) {
        vm->eoi_exits++;
        vm->last_eoi = vm->run->eoi.vector;
        if (vm->on_eoi) {
            vm->on_eoi(vm, vm->run->eoi.vector, vm->opaque);
        }
        return -1;
    }
    g_assert_cmpint(vm->run->exit_reason, ==, KVM_EXIT_IO);
    g_assert_cmpint(vm->run->io.port, !=, EV_EXCEPTION);
    return vm->run->io.port;
}

static void answer(Vm *vm, uint8_t command)
{
    *((uint8_t *)vm->run + vm->run->io.data_offset) = command;
}

void run_to(Vm *vm, int port)
{
    for (unsigned i = 0; i < MAX_EXITS; i++) {
        int at = run_once(vm);

        if (at == PORT_COMMAND) {
            answer(vm, CMD_NONE);
        }
        if (at == port) {
            return;
        }
    }
    g_error("the guest did not reach port 0x%x in %d exits", port, MAX_EXITS);
}

void run_to_idle(Vm *vm, unsigned rounds)
{
    while (rounds--) {
        run_to(vm, PORT_COMMAND);
    }
}

void vm_command(Vm *vm, uint8_t command)
{
    run_to(vm, PORT_COMMAND);
    answer(vm, command);
    run_to_idle(vm, 2);
}

uint32_t mailbox(const Vm *vm, unsigned offset)
{
    uint32_t value;

    memcpy(&value, vm->mem + GUEST_MAILBOX + offset, sizeof(value));
    return value;
}

/* --- The LAPIC ------------------------------------------------------------------------------- */

struct kvm_lapic_state get_lapic(Vm *vm)
{
    struct kvm_lapic_state l;

    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_LAPIC, &l), ==, 0);
    return l;
}

void set_lapic(Vm *vm, const struct kvm_lapic_state *l)
{
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_LAPIC, l), ==, 0);
}

uint32_t lapic_reg(const struct kvm_lapic_state *l, unsigned offset)
{
    uint32_t value;

    memcpy(&value, l->regs + offset, sizeof(value));
    return value;
}

void lapic_set_reg(struct kvm_lapic_state *l, unsigned offset, uint32_t value)
{
    memcpy(l->regs + offset, &value, sizeof(value));
}

uint32_t vm_lvr(Vm *vm)
{
    struct kvm_lapic_state l = get_lapic(vm);

    return lapic_reg(&l, LAPIC_VERSION);
}

uint32_t vm_spiv(Vm *vm)
{
    struct kvm_lapic_state l = get_lapic(vm);

    return lapic_reg(&l, LAPIC_SPIV);
}

void preset_in_service(Vm *vm, bool tmr)
{
    struct kvm_lapic_state l = get_lapic(vm);

    lapic_set_reg(&l, LAPIC_ISR_TEST, TEST_VECTOR_BIT);
    lapic_set_reg(&l, LAPIC_TMR_TEST, tmr ? TEST_VECTOR_BIT : 0);
    set_lapic(vm, &l);
}

/* --- Interrupt sources ----------------------------------------------------------------------- */

static uint32_t msi_data(uint8_t vector, bool level)
{
    return vector | (level ? 0xc000u : 0);
}

void set_route(Vm *vm, uint8_t vector, bool level)
{
    struct {
        struct kvm_irq_routing head;
        struct kvm_irq_routing_entry entry;
    } t = {
        .head.nr = vector ? 1 : 0,
        .entry = { .gsi = TEST_GSI, .type = KVM_IRQ_ROUTING_MSI,
                   .u.msi = { .address_lo = 0xfee00000, .data = msi_data(vector, level) } },
    };

    g_assert_cmpint(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t), ==, 0);
}

void irq_line(Vm *vm, unsigned gsi, bool level)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    g_assert_cmpint(ioctl(vm->fd, KVM_IRQ_LINE, &line), ==, 0);
}

void signal_msi(Vm *vm, uint8_t vector, bool level)
{
    struct kvm_msi msi = { .address_lo = 0xfee00000, .data = msi_data(vector, level) };

    g_assert_cmpint(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), ==, 1);
}
