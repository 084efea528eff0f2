/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest address spaces: trees of MemoryRegions, rendered to flat views.
 *
 *   AddressSpace ── root MemoryRegion (container)
 *                     ├─ RAM / ROM   backed by a RAMBlock
 *                     ├─ IO          backed by MemoryRegionOps
 *                     ├─ alias       a window into another region
 *                     └─ container   ...
 *
 * Where siblings overlap the one of higher priority wins. Topology changes and accesses happen
 * under the BQL; RAM contents may be accessed by any thread. Each view has a leaf lock besides, for
 * threads without the BQL that look for RAM or events.
 */
#ifndef SYSTEM_MEMORY_H
#define SYSTEM_MEMORY_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef uint64_t hwaddr;

/* A piece of host memory that the guest sees as RAM or ROM. */
typedef struct RAMBlock {
    char *idstr; /* stable name: identifies the block in a migration stream */
    uint8_t *host;
    uint64_t size_bytes; /* of the mapping: whole pages */
    uint64_t page_bytes; /* of the host's pages behind it */
    int fd;      /* -1: anonymous */
    bool shared; /* others map the same memory */
    unsigned long *dirty; /* a bit a page, atomic; made with the first dirty_log_start() */
    struct RAMBlock *next; /* of ram_blocks() */
} RAMBlock;

/* How a block is mapped; zero but for .fd = -1 is private anonymous memory. */
typedef struct RAMBlockConfig {
    int fd;             /* -1: anonymous; else the block takes it over, failure included */
    uint64_t fd_offset;
    uint64_t page_bytes; /* of a file on a huge page file system; 0: the usual ones */
    uint64_t align;      /* of the host address; 0: a page */
    bool share, reserve, readonly;
} RAMBlockConfig;

/* Maps @size_bytes of zeroed anonymous memory (rounded up to pages). NULL with an error naming the
 * block when the host has not enough. */
RAMBlock *ram_block_new(const char *idstr, uint64_t size_bytes, Error **errp);
/* The same as @cfg says. */
RAMBlock *ram_block_map(const char *idstr, uint64_t size_bytes, const RAMBlockConfig *cfg,
                        Error **errp);
void ram_block_free(RAMBlock *rb);
/* Gives the whole pages in [@offset, @offset + @len) back to the host; they read as zeroes from
 * then on (private mappings of a file: as the file). Returns the bytes that went. Any thread. */
uint64_t ram_block_discard(RAMBlock *rb, uint64_t offset, uint64_t len);
/* The first of all blocks, oldest first; RAMBlock.next leads on. BQL. */
RAMBlock *ram_blocks(void);

/* Accesses arrive split to sizes between impl_min and impl_max (defaults 1 and 4; at most 8), with
 * @addr relative to the region; wider values are little endian. A device that does not answer a
 * size sees the access anyway unless valid_min/valid_max exclude it: then reads give all ones and
 * writes vanish. */
typedef struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr addr, unsigned size);
    void (*write)(void *opaque, hwaddr addr, uint64_t value, unsigned size);
    uint8_t impl_min, impl_max;
    uint8_t valid_min, valid_max; /* 0: any of 1..8 */
} MemoryRegionOps;

typedef enum MemoryRegionKind {
    MR_CONTAINER,
    MR_RAM,
    MR_ROM, /* RAM the guest cannot write */
    MR_IO,
    MR_ALIAS,
} MemoryRegionKind;

/* A write that wakes somebody instead of being handled by the region: what KVM calls an ioeventfd.
 * It stands for writes of the region's own handler and may be passed by at any time (another size,
 * an accelerator that does not know it): the handler does the same then. */
typedef struct IoEvent {
    hwaddr addr;   /* in the region */
    unsigned size; /* bytes; 0: any */
    bool match;    /* only writes of .data */
    uint64_t data;
    int fd;        /* an eventfd that the kernel may signal instead; -1: none */
    void (*fire)(void *opaque); /* any thread, with or without the BQL; does not block */
    void *opaque;
} IoEvent;

typedef struct MemoryRegion MemoryRegion;
struct MemoryRegion {
    const char *name; /* borrowed */
    uint64_t size;    /* UINT64_MAX stands for 2^64 */
    MemoryRegionKind kind;
    bool enabled;
    int priority;
    hwaddr addr; /* within the container */
    const MemoryRegionOps *ops;
    void *opaque;
    RAMBlock *ram;       /* MR_RAM, MR_ROM; borrowed */
    MemoryRegion *alias; /* MR_ALIAS */
    hwaddr alias_offset;
    MemoryRegion *container;
    GPtrArray *children; /* MR_CONTAINER, highest priority first, later added before earlier */
    GPtrArray *events;   /* MR_IO: of const IoEvent, borrowed; NULL: none */
};

/* The caller owns the structure, which must outlive its place in a tree. */
void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size);
void memory_region_init_ram(MemoryRegion *mr, const char *name, RAMBlock *rb);
void memory_region_init_rom(MemoryRegion *mr, const char *name, RAMBlock *rb);
void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops, void *opaque,
                           const char *name, uint64_t size);
void memory_region_init_alias(MemoryRegion *mr, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size);
/* Frees what the init functions allocated; the region must not be in a tree. */
void memory_region_fini(MemoryRegion *mr);

/* These change topology: views are rendered again and listeners called before they return (or at
 * the end of the outermost transaction). */
void memory_region_add_subregion(MemoryRegion *mr, hwaddr addr, MemoryRegion *sub);
void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr addr, MemoryRegion *sub,
                                         int priority);
void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
/* @ev is borrowed until it is removed or the region ends. */
void memory_region_add_event(MemoryRegion *mr, const IoEvent *ev);
void memory_region_del_event(MemoryRegion *mr, const IoEvent *ev);
void memory_region_transaction_begin(void);
void memory_region_transaction_commit(void);

/* One contiguous piece of a flat view. */
typedef struct FlatRange {
    hwaddr addr;
    uint64_t size;
    MemoryRegion *mr; /* never a container or alias */
    uint64_t offset;  /* into mr */
    bool readonly;
} FlatRange;

typedef struct FlatView {
    FlatRange *ranges; /* sorted, disjoint */
    unsigned nr;
} FlatView;

typedef struct AddressSpace AddressSpace;

/* Told about the RAM and ROM ranges that come and go (accelerators: memory slots). del calls of a
 * change precede its add calls. */
typedef struct MemoryListener {
    void (*region_add)(struct MemoryListener *l, const FlatRange *range);
    void (*region_del)(struct MemoryListener *l, const FlatRange *range);
    /* RAM was written by somebody who is no vCPU. Any thread. NULL: never mind. */
    void (*ram_written)(struct MemoryListener *l, hwaddr addr, uint64_t len);
    /* An event is at @addr from now on, or not any more. NULL: never mind. */
    void (*event_add)(struct MemoryListener *l, hwaddr addr, const IoEvent *ev);
    void (*event_del)(struct MemoryListener *l, hwaddr addr, const IoEvent *ev);
    /* Dirty logging (system/ram-dirty.h): from .log_start on to .log_stop writes of vCPUs are
     * recorded in RAMBlock.dirty, at the latest when .log_sync returns. After .log_harvest, which
     * follows when the bits have been taken, a vCPU that writes to a page sets its bit again. BQL.
     * NULL: the accelerator has no vCPUs that write. */
    bool (*log_start)(struct MemoryListener *l, Error **errp);
    void (*log_stop)(struct MemoryListener *l);
    bool (*log_sync)(struct MemoryListener *l, Error **errp);
    void (*log_harvest)(struct MemoryListener *l);
} MemoryListener;

AddressSpace *address_space_new(const char *name, MemoryRegion *root);
void address_space_free(AddressSpace *as);
const FlatView *address_space_view(const AddressSpace *as);
/* @l is called for the present ranges before this returns. One listener an address space. */
void address_space_set_listener(AddressSpace *as, MemoryListener *l);
MemoryListener *address_space_listener(const AddressSpace *as);

/* Copies between @buf and guest memory, device regions included. Unassigned parts read as ones and
 * ignore writes; false when there were any. BQL. */
bool address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool is_write);
/* Same for a debugger: ROM can be written, and what executes RAM learns of it. BQL. */
bool address_space_debug_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool is_write);
/* A single access of 1, 2, 4 or 8 bytes. BQL. */
uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size);
void address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size);
/* Host address of @len bytes of RAM (ROM too when !@is_write) at @addr, NULL when not all of them
 * are RAM and contiguous. Valid until the topology changes. BQL. */
void *address_space_map_ram(AddressSpace *as, hwaddr addr, uint64_t len, bool is_write);
/* The same for as much of the *len bytes as is contiguous RAM; shortens *len. Any thread. */
void *address_space_map_ram_part(AddressSpace *as, hwaddr addr, uint64_t *len, bool is_write);
/* Fires the event that a write of @size bytes of @value to @addr stands for; false: there is none.
 * Any thread, without the BQL. */
bool address_space_fire_event(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size);
/* A device has written through a mapping: whoever keeps something made from the old contents
 * (translated code) hears of it. address_space_rw() does it by itself. */
void address_space_mark_written(AddressSpace *as, hwaddr addr, uint64_t len);
/* ram_block_discard() for what is RAM there, the rest is left alone. Returns bytes that went. */
uint64_t address_space_discard(AddressSpace *as, hwaddr addr, uint64_t len);
/* Text of `info mtree`. */
void address_space_print(AddressSpace *as, GString *out);

#endif
