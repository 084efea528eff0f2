/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: what main() builds and everything else is reached from. */
#ifndef HW_CORE_MACHINE_H
#define HW_CORE_MACHINE_H

#include "hw/core/irq.h"
#include "hw/core/object.h"
#include "system/accel.h"
#include "system/memory.h"

typedef struct MachineVersion MachineVersion;
typedef struct ApicBus ApicBus;

typedef enum OnOffAuto { ON_OFF_AUTO_AUTO, ON_OFF_AUTO_ON, ON_OFF_AUTO_OFF } OnOffAuto;

/* -smp; every field at least 1 once the machine is created. */
typedef struct CpuTopology {
    unsigned cpus, max_cpus;
    unsigned drawers, books, sockets, dies, clusters, modules, cores, threads;
} CpuTopology;

/* One board; versions of it are MachineVersion rows. */
typedef struct MachineBoard {
    const char *family; /* "pc_q35": prefix in code and docs */
    /* Creates and wires everything. Straight-line code. */
    bool (*init)(MachineState *ms, Error **errp);
    /* After the devices of the command line exist; NULL: nothing to do. */
    bool (*finish)(MachineState *ms, Error **errp);
    /* NULL: nothing beyond resetting devices. */
    void (*reset)(MachineState *ms);
    const Property *props; /* of MachineState: -machine NAME,prop=value */
    bool dies, modules;    /* -smp levels it has */
    const char *default_ram_id; /* "pc.ram" */
} MachineBoard;

/* A compat property: "-global driver.name=value" that older versions imply. */
typedef struct GlobalProperty {
    const char *driver, *name, *value;
} GlobalProperty;

struct MachineVersion {
    const char *name;  /* "pc-q35-11.0" */
    const char *alias; /* "q35" for the newest */
    const char *desc;
    const MachineBoard *board;
    unsigned major, minor;
    unsigned max_cpus;
    bool is_default;
    const char *deprecation_reason;
    const char *default_cpu_type; /* "qemu64"; NULL: none */
    /* Lists of rows, each ending with .driver NULL, newest first; the list ends with NULL. */
    const GlobalProperty *const *compat;
};

struct MachineState {
    Object object;
    Object *root; /* of the object tree: machine, objects, chardevs */
    const MachineVersion *version;
    const AccelOps *accel;
    const IrqChipOps *irqchip; /* how interrupts reach vCPUs; set by accel or board */
    IrqChipMode irqchip_mode;  /* as asked; resolved by the accelerator's create_irqchip */
    CpuTopology smp;
    uint64_t ram_size_bytes;
    char *cpu_model;           /* the argument of -cpu */
    char *kernel_filename, *initrd_filename, *kernel_cmdline, *firmware;
    bool graphics, dump_guest_core, mem_merge, hpet, i8042, smbus, sata;
    OnOffAuto acpi, pit, pic, smm, vmport; /* as asked; auto means on, but for smm and vmport */
    uint64_t max_ram_below_4g;       /* 0: the board's own limit */
    char *memory_backend;            /* id of the -object that RAM is; NULL: none */
    char *oem_id, *oem_table_id;     /* of the ACPI tables */
    int smbios_type;                 /* SmbiosEntryPoint */
    struct SmbiosOptions *smbios;    /* what -smbios said */
    bool refused; /* properties that only take the value they have */
    MemoryRegion *system_memory;  /* root containers */
    MemoryRegion *system_io;
    AddressSpace *memory;
    AddressSpace *io;
    RAMBlock *ram;
    IRQLine gsi[48];           /* interrupt lines, set by the board */
    ApicBus *apic_bus;         /* made by the board, before vCPUs; NULL: "none" */
    Object *peripheral, *peripheral_anon, *unattached;
    void *board_state;         /* owned by the board */
    void *accel_state;         /* owned by the accelerator; the opaque of @irqchip */
    void *cpu_state;           /* owned by target/i386/cpu.c */
};

/* The machine of this process; made by main(), const after realize. */
extern MachineState *current_machine;
/* All machine versions; ends with NULL name. Defined by hw/i386. */
extern const MachineVersion machine_versions[];
/* By name or alias; NULL. */
const MachineVersion *machine_find(const char *name);
/* The default machine (alias "pc"), NULL when there is none. */
const MachineVersion *machine_default(void);
/* The class of a machine of version @v, "NAME-machine"; made when it is first asked for. */
const ObjectType *machine_object_type(const MachineVersion *v);
/* The family of these classes, for object_type_families. */
void machine_object_types(ObjectTypeFn *fn, void *opaque);
extern const ObjectType type_machine; /* abstract root "machine" */
/* Text of -M help. */
void machine_print_help(FILE *f);
/* -smp: keyval string to topology with QEMU's checks and error texts. */
bool machine_parse_smp(const MachineVersion *v, const char *arg, CpuTopology *t, Error **errp);

#endif
