/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare KVM virtual machine of one vCPU for tests of the kernel's interrupt behaviour: no
 * emulator, only ioctls. The guest (guest.S) runs in long mode; it asks for commands at one
 * port and reports events at others.
 *
 *   guest                              test
 *   set APIC mode, write SPIV
 *   OUT EV_READY                 ->    run_to(EV_READY)
 *   loop: IN PORT_COMMAND        ->    run_to_idle() answers CMD_NONE; vm_command() something else
 *   handler: OUT EV_ENTERED, EOI (if asked), OUT EV_LEAVING, IRETQ
 */
#ifndef TESTS_KVM_HARNESS_H
#define TESTS_KVM_HARNESS_H

/* Ports; guest.S includes this part. */
#define PORT_COMMAND 0x500
#define EV_READY     0x501
#define EV_ENTERED   0x502
#define EV_LEAVING   0x503
#define EV_EXCEPTION 0x504

/* What IN PORT_COMMAND returns. */
#define CMD_NONE 0
#define CMD_EOI  1

/* Guest physical addresses. */
#define GUEST_CODE    0x10000
#define GUEST_GDT     0x5000
#define GUEST_IDT     0x4000
#define GUEST_MAILBOX 0x7000
#define GUEST_STACK   0x9000
#define GUEST_TABLES  0x20000

/* Offsets in the mailbox, 32 bits each. */
#define MB_X2APIC  0x00 /* in: use the x2APIC MSRs */
#define MB_SPIV    0x04 /* in: value to write */
#define MB_EOI     0x08 /* in: the handler ends the interrupt */
#define MB_COUNT   0x0c /* out: handler entries */
#define MB_LVR     0x10 /* out: LAPIC version register as read */
#define MB_SPIV_RB 0x14 /* out: SPIV read back */

#ifndef __ASSEMBLER__

#include <glib.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define FLAG_32BIT_IDS 1ull
#define FLAG_NO_BROADCAST_QUIRK 2ull
#define FLAG_ENABLE_SEOIB 4ull
#define FLAG_DISABLE_SEOIB 8ull

#define TEST_GSI 5
#define TEST_VECTOR 0x50
#define OTHER_VECTOR 0x60

/* Registers in a LAPIC page. */
#define LAPIC_VERSION 0x30
#define LAPIC_SPIV 0xf0
#define LAPIC_ISR_TEST 0x120 /* the word of TEST_VECTOR */
#define LAPIC_TMR_TEST 0x1a0
#define TEST_VECTOR_BIT (1u << (TEST_VECTOR % 32))
#define LVR_SEOIB (1u << 24)
#define SPIV_SEOIB (1u << 12)
#define SPIV_ON 0x1ffu

typedef enum Irqchip { IRQCHIP_NONE, IRQCHIP_SPLIT, IRQCHIP_FULL } Irqchip;
typedef enum Mode { MODE_QUIRKED, MODE_ENABLED, MODE_DISABLED, NR_MODES } Mode;
extern const char *const mode_names[NR_MODES];

typedef struct Vm {
    int kvm_fd, fd, vcpu_fd;
    struct kvm_run *run;
    size_t run_bytes;
    uint8_t *mem;
    bool owns_mem;
    unsigned eoi_exits; /* KVM_EXIT_IOAPIC_EOI seen */
    int last_eoi;       /* vector of the last one, -1: none */
    /* Called for each EOI exit; may raise lines. NULL: only counted. */
    void (*on_eoi)(struct Vm *vm, uint8_t vector, void *opaque);
    void *opaque;
} Vm;

/* g_test_skip() with "no /dev/kvm", or when the kernel lacks the two flags. True: skipped. */
bool skip_without_kvm(void);
bool skip_without_seoib(void);
bool have_seoib_flags(void);
/* Whether this KVM ends interrupts by itself at injection (a software KVM that keeps no ISR). */
bool kvm_auto_eoi(void);

/* KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) on a file descriptor. */
int x2apic_api(int fd);

/* Steps of making a VM; each but the ioctls whose result is returned must work. */
void vm_open(Vm *vm);
int vm_irqchip(Vm *vm, Irqchip irqchip);
int vm_set_flags(Vm *vm, uint64_t flags);
void vm_add_vcpu(Vm *vm, uint8_t *mem);
int vm_set_cpuid(Vm *vm, bool x2apic);
void vm_close(Vm *vm);
/* All of them; the guest has run to its command loop with @spiv written. */
void vm_start(Vm *vm, Irqchip irqchip, Mode mode, bool x2apic, uint32_t spiv, bool eoi);
void vm_set_mode(Vm *vm, Mode mode);
/* Puts the guest's program and registers in place. */
void vm_load_guest(Vm *vm, bool x2apic, uint32_t spiv, bool eoi);

/* Runs the guest until it writes to @port. */
void run_to(Vm *vm, int port);
/* Runs until the guest asks for a command, answers CMD_NONE, and lets it do that @rounds times. */
void run_to_idle(Vm *vm, unsigned rounds);
/* The guest does @command and comes back to its loop. */
void vm_command(Vm *vm, uint8_t command);

struct kvm_lapic_state get_lapic(Vm *vm);
void set_lapic(Vm *vm, const struct kvm_lapic_state *l);
uint32_t lapic_reg(const struct kvm_lapic_state *l, unsigned offset);
void lapic_set_reg(struct kvm_lapic_state *l, unsigned offset, uint32_t value);
uint32_t vm_lvr(Vm *vm);
uint32_t vm_spiv(Vm *vm);
/* Puts TEST_VECTOR into service as a level interrupt (@tmr), through KVM_SET_LAPIC. */
void preset_in_service(Vm *vm, bool tmr);
uint32_t mailbox(const Vm *vm, unsigned offset);

/* One MSI route for TEST_GSI; @vector 0: an empty table. */
void set_route(Vm *vm, uint8_t vector, bool level);
void irq_line(Vm *vm, unsigned gsi, bool level);
void signal_msi(Vm *vm, uint8_t vector, bool level);

#endif
#endif
