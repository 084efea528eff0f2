/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions and buses (PCI 3.0, PCI Express 4.0). A function has its configuration space with a
 * mask of what a guest can write, memory and I/O regions that its base address registers place, one
 * interrupt pin, and message signalled interrupts. BQL.
 *
 *   PCIHost (cf8/cfc, ECAM) ─ root PCIBus ─┬─ PCIDevice
 *                                          └─ PCIBridge ─ PCIBus ─ PCIDevice
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "hw/pci/pci-regs.h"
#include "migration/vmstate.h"
#include "system/memory.h"

typedef struct PCIBus PCIBus;
typedef struct PCIDevice PCIDevice;

#define PCI_MSIX_MAX_VECTORS 2048

/* A register that is not zero after reset. */
typedef struct PCIRegInit {
    uint16_t reg;
    uint8_t bytes; /* 0 ends a list */
    uint32_t value;
} PCIRegInit;

/* A register of a capability: its value after reset and which bits a guest sets, or clears by
 * writing ones. */
typedef struct PCIField {
    uint16_t reg; /* from the capability's start */
    uint8_t bytes; /* 0 ends a list */
    uint32_t value, wmask, w1cmask;
} PCIField;

/* The class of a function; `device` comes first. */
typedef struct PCIDeviceType {
    DeviceType device;
    uint16_t vendor, device_id;
    uint16_t subsystem_vendor, subsystem_id; /* both 0: 1af4:1100 */
    uint8_t revision;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    bool is_bridge;
    bool is_express; /* 4096 bytes of configuration space on a PCI Express bus */
    bool multifunction; /* by default */
    bool (*realize)(PCIDevice *d, Error **errp);
    void (*exit)(PCIDevice *d);
    void (*reset)(PCIDevice *d); /* after the common registers */
    /* After a write, which masks have been applied to. */
    void (*config_written)(PCIDevice *d, unsigned reg, unsigned size);
    /* Before a read: registers that change by themselves. */
    void (*config_reading)(PCIDevice *d, unsigned reg, unsigned size);
    /* The registers were loaded from a stream: what follows from them, without a change of
     * interrupt lines. After regions have been mapped. */
    void (*loaded)(PCIDevice *d);
} PCIDeviceType;

/* What one base address register places. */
typedef struct PCIRegion {
    MemoryRegion *mr; /* NULL: none */
    uint64_t size;
    uint8_t type;     /* PCI_BAR_* flags */
    uint64_t addr;    /* PCI_UNMAPPED: nowhere */
} PCIRegion;

#define PCI_UNMAPPED UINT64_MAX

/* An MSI-X vector that the kernel sends when an eventfd is signalled. */
typedef struct PCIIrqfd {
    int fd, gsi;  /* gsi 0: none yet */
    bool on;      /* PCIMsix.lock */
    bool routed;  /* addr and data are its route's */
    uint64_t addr;
    uint32_t data;
} PCIIrqfd;

/* State of the MSI-X capability; see msix.h. */
typedef struct PCIMsix {
    uint16_t cap;    /* offset of the capability, 0: none */
    uint16_t nr;
    GMutex lock;     /* leaf: the next three; interrupts come from any thread */
    bool masked;     /* function mask set, or not enabled */
    uint8_t *table;  /* 16 bytes a vector */
    uint8_t *pending;
    PCIIrqfd *irqfd; /* of each vector; NULL: the kernel has none */
    uint32_t table_bytes, pending_bytes;
    MemoryRegion bar, table_mr, pba_mr;
} PCIMsix;

struct PCIDevice {
    DeviceState dev;
    int32_t addr;       /* property: devfn, -1: the next free slot */
    bool multifunction; /* property */
    char *romfile;
    uint32_t romsize, rombar;
    uint32_t acpi_index;
    char *failover_pair_id;

    PCIBus *bus;
    uint8_t devfn;
    uint32_t config_bytes;
    uint8_t *config, *wmask, *w1cmask, *used; /* config_bytes each; used: by a capability */
    const PCIRegInit *reset_values;
    PCIRegion regions[PCI_NR_REGIONS];
    bool intx_level; /* as the device drives it */
    bool intx_sent;  /* as the bus sees it */
    uint16_t msi_cap, pcie_cap;
    PCIMsix msix;
};

/* How a root bus reaches the chipset. */
typedef struct PCIRootOps {
    /* The interrupt line of the chipset that pin @pin (0..3) of @devfn drives. */
    unsigned (*map_pin)(void *opaque, unsigned devfn, unsigned pin);
    void (*set_line)(void *opaque, unsigned line, bool level);
    /* A message into the interrupt window: not a memory access, which a vCPU's thread would make
     * to its own local APIC. */
    void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
} PCIRootOps;

#define PCI_ROOT_LINES 8

struct PCIBus {
    BusState bus;      /* of type "PCI" or "PCIE" */
    PCIDevice *bridge; /* NULL: a root bus */
    PCIDevice *devices[256];
    MemoryRegion *memory, *io; /* where base address registers place regions */
    uint8_t first_devfn;       /* for automatic placement */
    bool express, one_slot;    /* behind a root port: device 0 only */
    const PCIRootOps *root_ops;
    void *root_opaque;
    unsigned line_count[PCI_ROOT_LINES];
};

extern const ObjectType type_pci_device; /* abstract "pci-device", parent of all functions */
extern const Property pci_device_props[];

/* For DeviceType: the life cycle of every function. */
bool pci_device_realize(DeviceState *dev, Error **errp);
void pci_device_reset(DeviceState *dev);
void pci_device_unrealize(DeviceState *dev);

static inline PCIDevice *PCI_DEVICE(DeviceState *dev)
{
    return container_of(dev, PCIDevice, dev);
}

static inline const PCIDeviceType *pci_type(const PCIDevice *d)
{
    return (const PCIDeviceType *)d->dev.object.type;
}

/* A device of the board at @devfn, realized. */
PCIDevice *pci_create(PCIBus *bus, unsigned devfn, const PCIDeviceType *type, Error **errp);

/* --- Configuration space ---------------------------------------------------------------------- */

uint32_t pci_get(const PCIDevice *d, unsigned reg, unsigned bytes);
void pci_set(PCIDevice *d, unsigned reg, uint32_t value, unsigned bytes);
/* Sets bytes of the mask of what guests can write. */
void pci_set_wmask(PCIDevice *d, unsigned reg, uint32_t mask, unsigned bytes);
/* Accesses by the guest; @size 1, 2 or 4; what lies outside reads as ones. */
uint32_t pci_config_read(PCIDevice *d, unsigned reg, unsigned size);
void pci_config_write(PCIDevice *d, unsigned reg, uint32_t value, unsigned size);

/* Room for a capability of @bytes, linked at the head of the list; read-only. Offset 0: where there
 * is room. 0 when there is none. */
unsigned pci_add_capability(PCIDevice *d, uint8_t id, unsigned offset, unsigned bytes);
unsigned pci_find_capability(const PCIDevice *d, uint8_t id);
void pci_set_fields(PCIDevice *d, unsigned base, const PCIField *fields);
/* PCI Express extended capability at @offset; each call continues the list. */
void pcie_add_ext_capability(PCIDevice *d, uint16_t id, uint8_t version, unsigned offset,
                             unsigned bytes);

/* Base address register @n places @mr, whose size is a power of two; @type: PCI_BAR_*. */
void pci_register_bar(PCIDevice *d, unsigned n, uint8_t type, MemoryRegion *mr);
/* Maps and unmaps regions as the registers say; called after every write to them. */
void pci_update_mappings(PCIDevice *d);

/* --- Interrupts ------------------------------------------------------------------------------- */

/* The level of the function's INTx pin. */
void pci_set_intx(PCIDevice *d, bool level);
static inline bool pci_may_master(const PCIDevice *d)
{
    return d->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}
/* Whether a message to @addr is an interrupt: those can be sent from any thread. */
bool pci_msi_is_interrupt(uint64_t addr);
/* Sends a message unless bus mastering is off. BQL, unless it is an interrupt. */
void pci_send_msi(PCIDevice *d, uint64_t addr, uint32_t data);

/* MSI with @vectors (a power of two up to 32), 64-bit address, per-vector masks. */
bool msi_init(PCIDevice *d, unsigned offset, unsigned vectors, Error **errp);
bool msi_enabled(const PCIDevice *d);
void msi_notify(PCIDevice *d, unsigned vector);
void msi_config_written(PCIDevice *d, unsigned reg, unsigned size);
void msi_reset(PCIDevice *d);

/* MSI-X with @vectors in a region of its own that base address register @bar places: table at 0,
 * pending bits at half of the size. */
bool msix_init(PCIDevice *d, unsigned bar, unsigned vectors, Error **errp);
void msix_uninit(PCIDevice *d);
static inline bool msix_present(const PCIDevice *d)
{
    return d->msix.cap != 0;
}
bool msix_enabled(const PCIDevice *d);
/* Sends vector @vector, or marks it pending while it is masked. Out of range: ignored. Any thread;
 * false: the message is no interrupt but a write to RAM, which only the BQL's holder can do:
 * msix_send_pending() will. */
bool msix_notify(PCIDevice *d, unsigned vector);
void msix_send_pending(PCIDevice *d);
void msix_config_written(PCIDevice *d, unsigned reg, unsigned size);
void msix_reset(PCIDevice *d);
/* What follows from the loaded configuration space. */
void msix_post_load(PCIDevice *d);
/* What the kernel must know of the loaded table. */
void msix_applied(PCIDevice *d);

/* --- Buses ------------------------------------------------------------------------------------ */

/* A root bus below @host. Its regions go to @memory and @io. */
PCIBus *pci_root_bus_new(DeviceState *host, const char *name, bool express, MemoryRegion *memory,
                         MemoryRegion *io, const PCIRootOps *ops, void *opaque);
void pci_bus_free(PCIBus *bus);
/* The number of the bus, as the registers of its bridge say; 0: a root bus. */
unsigned pci_bus_number(const PCIBus *bus);
bool pci_bus_is_root(const PCIBus *bus);
/* The bus numbered @nr below root bus @root, or NULL. */
PCIBus *pci_find_bus(PCIBus *root, unsigned nr);
/* Configuration access to bus @nr; what is not there reads as ones. */
uint32_t pci_bus_config_read(PCIBus *root, unsigned nr, unsigned devfn, unsigned reg,
                             unsigned size);
void pci_bus_config_write(PCIBus *root, unsigned nr, unsigned devfn, unsigned reg, uint32_t value,
                          unsigned size);
/* A place for a function: checks and fills d->bus and d->devfn. */
bool pci_bus_attach(PCIBus *bus, PCIDevice *d, Error **errp);
void pci_bus_detach(PCIDevice *d);
/* The level of pin @pin (0..3) of the function at @devfn changed. */
void pci_bus_set_intx(PCIBus *bus, unsigned devfn, unsigned pin, bool level);
/* The level of line @line of a root bus: how many functions drive it. */
static inline bool pci_root_line(const PCIBus *bus, unsigned line)
{
    return bus->line_count[line] != 0;
}
/* Asserted lines move when the chipset's routing of pins changes: call before and after. */
void pci_root_reroute(PCIBus *root, bool begin);
/* Counts anew which lines are driven, telling nobody: after a state load. */
void pci_root_recount(PCIBus *root);
/* "0000:00:1c.0:00.0": the places of a function and of the bridges before it. New string. */
char *pci_dev_path(const DeviceState *dev);
/* Resets every function on the bus and below. */
void pci_bus_reset(PCIBus *bus);
/* The root bus of the machine, NULL: none. */
PCIBus *pci_machine_bus(void);

/* --- State (pci-state.c) ---------------------------------------------------------------------- */

/* Configuration space, interrupt pin and MSI-X; a PCIDevice inside another structure. */
extern const VMStateDescription vmstate_pci_device;
/* The same rows and functions for the description of a function that has nothing else. */
extern const VMStateField vmstate_pci_fields[];
bool pci_post_load(void *opaque, uint32_t version, Error **errp);
/* VMStateDescription.applied of every function. */
bool pci_applied(void *opaque, Error **errp);

#define PCI_VMSTATE(_name)                                                                      \
    { _name, .version = 1, .fields = vmstate_pci_fields, .post_load = pci_post_load,            \
      .applied = pci_applied }

/* --- Bridges (pci-bridge.c) ------------------------------------------------------------------- */

#define PCI_BRIDGE_WINDOWS 3 /* I/O, memory, prefetchable memory */

typedef struct PCIBridge {
    PCIDevice pci;
    PCIBus sec;
    MemoryRegion memory, io;            /* the address spaces behind it */
    MemoryRegion window[PCI_BRIDGE_WINDOWS];
    bool mapped[PCI_BRIDGE_WINDOWS];
    bool sec_in_tree;
} PCIBridge;

/* Steps of a bridge's realize and the other callbacks. @bus_name NULL: the id. */
void pci_bridge_init(PCIBridge *b, const char *bus_type, bool express);
void pci_bridge_exit(PCIBridge *b);
void pci_bridge_reset(PCIBridge *b);
void pci_bridge_config_written(PCIBridge *b, unsigned reg, unsigned size);
/* PCIDeviceType.loaded: maps the windows as the registers say. */
void pci_bridge_loaded(PCIDevice *d);
/* The window @n as the registers say; false: closed. */
bool pci_bridge_window(const PCIDevice *d, unsigned n, uint64_t *base, uint64_t *limit);

/* --- PCI Express (pcie.c) --------------------------------------------------------------------- */

/* The capability (version 2) of an end point, with function level reset; and its effect. */
bool pcie_endpoint_init(PCIDevice *d, Error **errp);
void pcie_endpoint_config_written(PCIDevice *d, unsigned reg, unsigned size);
/* Power management (PCI Power Management 1.2): the state is stored, nothing sleeps. */
bool pci_pm_init(PCIDevice *d, Error **errp);

extern const PCIDeviceType type_pcie_root_port, type_pci_bridge;

/* --- Text (pci-info.c) ------------------------------------------------------------------------ */

/* "SATA controller", or NULL. */
const char *pci_class_name(uint16_t class_code);
/* Lines about the function in `info qtree`. */
void pci_print_qtree(const DeviceState *dev, GString *out, int indent);

#endif
