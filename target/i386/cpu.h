/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An x86 virtual CPU: architectural state (CPUX86State) and the device around it (X86CPU). */
#ifndef I386_CPU_H
#define I386_CPU_H

#include "system/accel.h"
#include "system/cpus.h"
#include "target/i386/cpu-config.h"

typedef struct LAPIC LAPIC;

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI };
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS };

/* CPUState.interrupt_request bits. */
enum {
    CPU_INTERRUPT_HARD = 1 << 0, /* the PIC's INTR, or a LAPIC that is ours */
    CPU_INTERRUPT_NMI = 1 << 1,
    CPU_INTERRUPT_SMI = 1 << 2,
    CPU_INTERRUPT_INIT = 1 << 3,
    CPU_INTERRUPT_SIPI = 1 << 4,
    CPU_INTERRUPT_POLL = 1 << 5, /* LAPIC messages wait to be taken in */
    CPU_INTERRUPT_MCE = 1 << 6,
};

#define CR0_PE_MASK (1u << 0)
#define CR0_MP_MASK (1u << 1)
#define CR0_EM_MASK (1u << 2)
#define CR0_TS_MASK (1u << 3)
#define CR0_ET_MASK (1u << 4)
#define CR0_NE_MASK (1u << 5)
#define CR0_WP_MASK (1u << 16)
#define CR0_AM_MASK (1u << 18)
#define CR0_NW_MASK (1u << 29)
#define CR0_CD_MASK (1u << 30)
#define CR0_PG_MASK (1u << 31)
#define CR4_PSE_MASK (1u << 4)
#define CR4_PAE_MASK (1u << 5)
#define CR4_OSFXSR_MASK (1u << 9)
#define CR4_OSXSAVE_MASK (1u << 18)
#define CR4_PKE_MASK (1u << 22)
#define CR4_LA57_MASK (1u << 12)

#define MSR_EFER_SCE (1u << 0)
#define MSR_EFER_LME (1u << 8)
#define MSR_EFER_LMA (1u << 10)
#define MSR_EFER_NXE (1u << 11)

#define RFLAGS_IF (1u << 9)
#define RFLAGS_VM (1u << 17)

#define MSR_IA32_APICBASE_BSP (1u << 8)
#define MSR_IA32_APICBASE_EXTD (1u << 10)
#define MSR_IA32_APICBASE_ENABLE (1u << 11)

/* Hidden part of a segment register. flags: attribute bits in the layout of the high descriptor
 * word (type 8..11, S 12, DPL 13..14, P 15, AVL 20, L 21, D/B 22, G 23). */
typedef struct SegmentCache {
    uint64_t base;
    uint32_t limit;
    uint32_t flags;
    uint16_t selector;
} SegmentCache;

#define DESC_TYPE_SHIFT 8
#define DESC_S_MASK (1u << 12)
#define DESC_DPL_SHIFT 13
#define DESC_P_MASK (1u << 15)
#define DESC_AVL_MASK (1u << 20)
#define DESC_L_MASK (1u << 21)
#define DESC_B_MASK (1u << 22)
#define DESC_G_MASK (1u << 23)

typedef enum X86MPState {
    X86_MP_RUNNABLE,
    X86_MP_UNINITIALIZED, /* waits for INIT */
    X86_MP_INIT_RECEIVED, /* waits for SIPI */
    X86_MP_HALTED,
    X86_MP_SIPI_RECEIVED,
} X86MPState;

/* Only what a real CPU has. */
typedef struct CPUX86State {
    uint64_t regs[16];
    uint64_t eip;
    uint64_t eflags;
    SegmentCache segs[6]; /* R_ES.. */
    SegmentCache ldt, tr, gdt, idt;
    uint64_t cr[5]; /* cr[1] unused; CR8 is the LAPIC's TPR */
    uint64_t cr8;
    uint64_t pdptrs[4]; /* PAE paging: the copy the processor uses; see pdptrs_valid */
    bool pdptrs_valid;  /* else loaded from memory at CR3 */
    uint64_t dr[8];
    uint64_t efer;
    uint64_t xcr0;

    /* x87, SSE, AVX...: the XSAVE area in standard format (SDM vol 1 ch. 13). */
    uint8_t *xsave_area;
    uint32_t xsave_len;

    /* MSRs that have a meaning of their own here; the rest are rows of the accelerator's table. */
    uint64_t apic_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t star, lstar, cstar, fmask, kernelgsbase;
    uint64_t tsc, tsc_aux, tsc_adjust, tsc_deadline;
    uint64_t pat, mtrr_deftype, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    uint64_t mcg_cap, mcg_status, mcg_ctl, mce_banks[4 * 10];
    uint64_t misc_enable, feature_control, spec_ctrl, virt_ssbd, smbase, smi_count;
    uint64_t xss, umwait, pkrs, tsx_ctrl, bndcfgs, arch_capabilities;
    uint64_t vm_hsave, xfd, xfd_err;
    uint64_t system_time_msr, wall_clock_msr, async_pf_en_msr, async_pf_int_msr, steal_time_msr,
        pv_eoi_en_msr, poll_control_msr;

    /* Events on their way in (KVM_GET_VCPU_EVENTS; the software CPU's pending exception). */
    struct {
        bool exception_pending, exception_injected, exception_has_error;
        uint8_t exception_nr;
        uint32_t exception_error;
        bool exception_has_payload;
        uint64_t exception_payload;
        bool interrupt_injected, interrupt_soft;
        uint8_t interrupt_nr, interrupt_shadow;
        bool nmi_injected, nmi_pending, nmi_masked;
        bool smm, smi_pending, smi_inside_nmi, latched_init;
        bool triple_fault_pending;
        uint32_t sipi_vector;
        uint32_t debug_hits; /* software CPU: DR6 bits of traps that come after the instruction */
    } events;
    X86MPState mp_state;
    bool tsc_loaded; /* tsc came from a stream: guest time goes on from there */
} CPUX86State;

/* interrupt_shadow */
enum { X86_SHADOW_MOV_SS = 1, X86_SHADOW_STI = 2 };

typedef struct X86CPU {
    CPUState cpu; /* first: an X86CPU is a CPUState */
    CPUX86State env;
    X86CPUConfig cfg; /* const once realized */
    bool configured;  /* cfg holds the model's properties */
    uint32_t apic_id;
    LAPIC *lapic;        /* owned; the model, or the copy of the accelerator's */
    uint8_t *lapic_page; /* last kernel LAPIC page read, for `info lapic`; NULL: none */
    uint32_t saved_requests; /* for a migration: CPUState.interrupt_request */
} X86CPU;

static inline X86CPU *X86_CPU(CPUState *cpu)
{
    return container_of(cpu, X86CPU, cpu);
}

/* What target/i386 needs from an accelerator beyond AccelOps. */
typedef struct X86AccelOps {
    /* Fills @info: supported feature masks, host identification, irqchip facts. Works before vCPUs
     * exist and for machine "none". Pure after the first call (cached). */
    void (*get_info)(MachineState *ms, X86AccelInfo *info);
    /* The LAPIC of @cpu as a 1 KiB register page (SDM vol 3 table 11-1 layout); own thread or
     * stopped vCPU. In x2APIC mode the id register holds 32 bits. False when the model in
     * cpu->lapic is the truth already. */
    bool (*get_lapic_page)(X86CPU *cpu, uint8_t page[1024], Error **errp);
    bool (*set_lapic_page)(X86CPU *cpu, const uint8_t page[1024], Error **errp);
    /* Before a migration saves @cpu, whose registers are in env: what the accelerator keeps of the
     * local APIC goes into the model. Own thread. NULL: it is all there. */
    bool (*prepare_save)(X86CPU *cpu, Error **errp);
} X86AccelOps;

static inline const X86AccelOps *x86_accel_ops(const AccelOps *accel)
{
    return accel->target_ops;
}

extern const VMStateDescription vmstate_x86_cpu;
extern const ObjectType type_cpu;      /* abstract "cpu" */
extern const DeviceType type_x86_cpu; /* abstract "x86_64-cpu" */
extern const PropertyHooks x86_cpu_hooks;
/* The class of a model, version or alias: "MODEL-x86_64-cpu". Made when first asked for; lives
 * forever. */
const DeviceType *x86_cpu_type(const char *model);
/* The family of these classes, for object_type_families. */
void x86_cpu_object_types(ObjectTypeFn *fn, void *opaque);

/* What decides about the CPUs of @ms, for x86_cpu_config_*() and queries; what it points to stays
 * valid until the next call. False with the error of a bad -cpu. BQL. */
bool x86_cpu_get_context(MachineState *ms, X86CPUContext *ctx, Error **errp);
X86CPUTopo x86_cpu_topology(const MachineState *ms);
/* Creates, configures (ms->cpu_model), realizes and starts CPU @index of the machine. Interrupt
 * controllers must be there: the policy of end of interrupt depends on them. */
X86CPU *x86_cpu_create(MachineState *ms, unsigned index, uint32_t apic_id, Error **errp);
/* The state after power-on or INIT (SDM vol 3 table 10-1). @init keeps what INIT keeps. */
void x86_cpu_reset(X86CPU *cpu, bool init);
/* Sets CS:IP as a start-up IPI does and makes the CPU runnable. */
void x86_cpu_sipi(X86CPU *cpu, uint8_t vector);
bool x86_cpu_is_bsp(const X86CPU *cpu);
/* Text of -cpu help. */
void x86_cpu_print_help(FILE *f);
/* Text of `info registers`, without its "CPU#n" line. */
void x86_cpu_dump_state(X86CPU *cpu, GString *out);
/* Registers without the FPU as env has them; own thread or stopped. */
void x86_cpu_dump_integer_state(const X86CPU *cpu, GString *out);
/* Registers without the FPU, and the code around the program counter: for a CPU that failed. */
void x86_cpu_dump_code_state(X86CPU *cpu, GString *out);
/* Translates linear address @va as the guest's mode and tables say. False when not mapped. BQL. */
bool x86_cpu_translate(X86CPU *cpu, uint64_t va, uint64_t *gpa);
/* A page as the guest's tables map it. */
typedef struct X86Page {
    uint64_t va;    /* canonical */
    uint64_t gpa;
    uint64_t bytes;
    uint64_t entry; /* the table entry that maps it */
    uint64_t rights; /* bits 1 (W) and 2 (U): set at every level */
} X86Page;
/* Calls @fn for each page, in order of bits of the address. False when it stopped because the
 * tables are larger than any real one's (they may contain themselves). Paging must be on. BQL. */
bool x86_cpu_foreach_page(X86CPU *cpu, void (*fn)(const X86Page *page, void *opaque),
                          void *opaque);
/* Reads guest memory by linear address; false when some of it is not mapped or not there. BQL. */
bool x86_cpu_read_memory(X86CPU *cpu, uint64_t va, void *buf, size_t len);
/* Same, or writes as a debugger does: whatever the tables say about rights, and into ROM. */
bool x86_cpu_access_memory(X86CPU *cpu, uint64_t va, void *buf, size_t len, bool write);
/* Code size at CS: 16, 32 or 64. */
int x86_cpu_code_bits(const X86CPU *cpu);

#endif
