/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an accelerator implements. See docs/devel/architecture.rst. */
#ifndef SYSTEM_ACCEL_H
#define SYSTEM_ACCEL_H

#include "qemu/keyval.h"
#include "system/cpus.h"

typedef struct MachineState MachineState;
typedef struct IrqChipOps IrqChipOps;
typedef struct AccelDebugOps AccelDebugOps;
typedef struct VMStateDescription VMStateDescription;

/* kernel-irqchip=on|split|off */
typedef enum IrqChipMode {
    IRQCHIP_DEFAULT, /* not given on the command line */
    IRQCHIP_OFF,     /* LAPIC, I/O APIC and PIC are ours */
    IRQCHIP_SPLIT,   /* LAPIC in the kernel */
    IRQCHIP_ON,      /* all in the kernel */
} IrqChipMode;

typedef struct AccelOps {
    const char *name;       /* "kvm" */
    const char *type_name;  /* "kvm-accel" */
    /* Opens the accelerator for a machine ("none" too: it then has no memory and no vCPUs).
     * @opts: what stood in -accel kvm,... */
    bool (*init_machine)(MachineState *ms, const Keyval *opts, Error **errp);
    /* Creates what the machine's interrupt controllers need; after init_machine, before vCPUs. */
    bool (*create_irqchip)(MachineState *ms, Error **errp);
    /* On the new vCPU thread, BQL held. */
    bool (*vcpu_init)(CPUState *cpu, Error **errp);
    void (*vcpu_destroy)(CPUState *cpu);
    /* Runs the guest until something needs the common loop: a kick, halt, an error. Called and
     * returns with the BQL held; drops it around guest code. */
    void (*vcpu_exec)(CPUState *cpu);
    /* Interrupts vcpu_exec; any thread. */
    void (*vcpu_kick)(CPUState *cpu);
    /* True when a halted vCPU should wait in the common loop rather than in vcpu_exec. */
    bool (*vcpu_idle)(CPUState *cpu);
    /* Registers between accelerator and env; own thread, BQL. False with an error that has been
     * made as clear as the kernel allows; the vCPU stops then. */
    bool (*get_state)(CPUState *cpu, Error **errp);
    bool (*put_state)(CPUState *cpu, bool full, Error **errp);
    /* After vm_stop / before vm_start: clocks. NULL: nothing. */
    void (*vm_state_change)(MachineState *ms, bool running);
    /* Whether writes can be turned into signals of file descriptors (IoEvent.fd). NULL: no. */
    bool (*has_ioeventfd)(MachineState *ms);
    /* State of the machine that the accelerator has (clocks): what vm_state() gives, *bytes long.
     * NULL: none. */
    const VMStateDescription *vmsd;
    void *(*vm_state)(MachineState *ms, size_t *bytes);
    /* Break- and watchpoints, single step (system/debug.h). NULL: there are none. */
    const AccelDebugOps *debug;
    /* Target-specific operations; X86AccelOps for target/i386. */
    const void *target_ops;
} AccelOps;

/* The accelerators built in, in QEMU's order of preference; ends with NULL. */
extern const AccelOps *const accel_table[];
const AccelOps *accel_find(const char *name);

#endif
