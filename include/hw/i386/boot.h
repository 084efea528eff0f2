/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct boot: what -kernel, -initrd and -append mean without firmware.
 *
 * Each protocol has one file with one pure function: it reads the images and fills a BootPlan,
 * which says what to put where in guest memory and how the first CPU starts. The board carries the
 * plan out at every system reset, since a guest may have overwritten all of it. Images are hostile:
 * every offset is checked against the file, every address against the guest's memory.
 *
 *   file ──► boot_{bzimage,pvh,multiboot}() ──► BootPlan ──► boot_plan_load() + CPU state at reset
 */
#ifndef HW_I386_BOOT_H
#define HW_I386_BOOT_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* ---- Memory map ------------------------------------------------------------------------------ */

/* Types of the BIOS call E820, ACPI 6.5 section 15. */
enum {
    E820_RAM = 1,
    E820_RESERVED = 2,
    E820_ACPI = 3,
    E820_NVS = 4,
};

typedef struct E820Entry {
    uint64_t addr, len;
    uint32_t type;
} E820Entry;

#define E820_MAX_ENTRIES 64

typedef struct E820Map {
    unsigned nr;
    E820Entry entry[E820_MAX_ENTRIES];
} E820Map;

/* Appends a range; empty ones are left out. The board adds them in rising order. */
void e820_add(E820Map *map, uint64_t addr, uint64_t len, uint32_t type);
/* Whether the whole range lies in one RAM entry. */
bool e820_is_ram(const E820Map *map, uint64_t addr, uint64_t len);

/* ---- Plan ------------------------------------------------------------------------------------ */

/* A piece of guest memory to write. */
typedef struct BootSegment {
    uint64_t gpa, len;
    const uint8_t *data; /* borrowed from an image or from the plan; NULL: zeroes */
} BootSegment;

typedef enum BootMode {
    BOOT_PROT32, /* flat 32-bit protected mode, no paging */
    BOOT_LONG64, /* flat 64-bit mode, identity map in cr3 */
} BootMode;

/* Registers of the first CPU; the rest is zero, segments are flat. */
typedef struct BootEntry {
    BootMode mode;
    uint64_t rip, rax, rbx, rsi;
    uint64_t cr3;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t cs, ds, tr; /* selectors; ds for all data segments */
} BootEntry;

typedef struct BootPlan {
    GArray *segments;  /* of BootSegment, written in order */
    GPtrArray *owned;  /* buffers the plan made */
    BootEntry entry;
    const char *protocol; /* for messages: "Linux 64-bit", "PVH", "multiboot" */
} BootPlan;

BootPlan *boot_plan_new(void);
void boot_plan_free(BootPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BootPlan, boot_plan_free)

/* Adds a segment with borrowed @data (NULL: zeroes). */
void boot_plan_add(BootPlan *plan, uint64_t gpa, const uint8_t *data, uint64_t len);
/* Same with a zeroed buffer that the plan owns and the caller fills. */
uint8_t *boot_plan_add_buffer(BootPlan *plan, uint64_t gpa, uint64_t len);
/* A GDT with flat segments at BOOT_GDT_GPA, and the entry's selectors for it. */
void boot_plan_add_gdt(BootPlan *plan);

/* ---- Inputs ---------------------------------------------------------------------------------- */

/* An image file, whole. */
typedef struct BootFile {
    const uint8_t *data;
    uint64_t len;
    const char *args; /* multiboot modules: the file's name and arguments */
} BootFile;

typedef struct BootParams {
    const char *kernel_name;  /* for messages */
    BootFile kernel;
    const char *cmdline;      /* never NULL */
    const BootFile *initrds;  /* Linux and PVH take one, multiboot any number */
    unsigned nr_initrds;
    const E820Map *e820;
    uint64_t ram_end; /* end of the RAM below 4 GiB that images may fill */
    uint64_t rsdp_gpa;        /* 0: no ACPI */
} BootParams;

/* Guest memory below 1 MiB that direct boot uses; images must lie above it. */
#define BOOT_GDT_GPA      0x500ull
#define BOOT_INFO_GPA     0x6000ull  /* PVH or multiboot information */
#define BOOT_ZERO_PAGE    0x7000ull  /* Linux boot_params */
#define BOOT_PAGE_TABLES  0x9000ull  /* six pages */
#define BOOT_CMDLINE_GPA  0x20000ull
#define BOOT_CMDLINE_MAX  0x10000ull
#define BOOT_IMAGES_MIN   (BOOT_CMDLINE_GPA + BOOT_CMDLINE_MAX)
#define BOOT_LOW_RAM_END  0x9fc00ull /* the EBDA begins */
#define BOOT_HIGH_RAM     0x100000ull

/* ---- Protocols ------------------------------------------------------------------------------- */

/* Whether the file carries the protocol's magic. */
bool boot_bzimage_probe(const BootFile *f);
bool boot_multiboot_probe(const BootFile *f);
bool boot_elf_probe(const BootFile *f);

/* The protocols; false with QEMU's error text where it has one. On failure the plan is garbage. */
/* Linux x86 boot protocol 2.12 and later, 64-bit entry (Documentation/arch/x86/boot.rst). */
bool boot_bzimage(const BootParams *p, BootPlan *plan, Error **errp);
/* ELF with a XEN_ELFNOTE_PHYS32_ENTRY note (xen/include/public/arch-x86/hvm/start_info.h). */
bool boot_pvh(const BootParams *p, BootPlan *plan, Error **errp);
/* Multiboot specification 0.6.96: ELF32 or address fields ("a.out kludge"). */
bool boot_multiboot(const BootParams *p, BootPlan *plan, Error **errp);
/* Chooses by magic, in QEMU's order. */
bool boot_kernel(const BootParams *p, BootPlan *plan, Error **errp);

/* Splits the -initrd argument of a multiboot kernel: "file args,file2 args"; ",," is a comma.
 * A NULL-terminated vector of strings, the caller frees with g_strfreev(). */
char **boot_split_modules(const char *initrd);

/* ---- Helpers for the protocols --------------------------------------------------------------- */

/* Whether [addr, addr + len) is usable RAM for an image of @p. */
bool boot_range_ok(const BootParams *p, uint64_t addr, uint64_t len);

/* Little-endian fields of an image that was checked to be long enough. */
static inline uint16_t boot_ld16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t boot_ld32(const uint8_t *p)
{
    return boot_ld16(p) | (uint32_t)boot_ld16(p + 2) << 16;
}

static inline uint64_t boot_ld64(const uint8_t *p)
{
    return boot_ld32(p) | (uint64_t)boot_ld32(p + 4) << 32;
}

static inline void boot_st16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void boot_st32(uint8_t *p, uint32_t v)
{
    boot_st16(p, (uint16_t)v);
    boot_st16(p + 2, (uint16_t)(v >> 16));
}

static inline void boot_st64(uint8_t *p, uint64_t v)
{
    boot_st32(p, (uint32_t)v);
    boot_st32(p + 4, (uint32_t)(v >> 32));
}

#endif
