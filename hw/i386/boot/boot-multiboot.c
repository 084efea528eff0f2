/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot kernels (Multiboot specification 0.6.96), version 1: ELF32 files or files whose header
 * gives the load addresses. Pure functions.
 *
 *   0                 what a BIOS leaves: vectors that refuse every service, BIOS data area
 *   BOOT_INFO_GPA     multiboot information, memory map, boot loader name
 *   BOOT_CMDLINE_GPA  module list, command lines
 */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"
#include "hw/i386/elf-image.h"

#include <elf.h>

#define HEADER_MAGIC  0x1badb002u
#define LOADER_MAGIC  0x2badb002u
#define HEADER_SEARCH 8192u

enum {
    HDR_MAGIC = 0,
    HDR_FLAGS = 4,
    HDR_CHECKSUM = 8,
    HDR_HEADER_ADDR = 12,
    HDR_LOAD_ADDR = 16,
    HDR_LOAD_END_ADDR = 20,
    HDR_BSS_END_ADDR = 24,
    HDR_ENTRY_ADDR = 28,
    HDR_SHORT_BYTES = 12,
    HDR_ADDR_BYTES = 32,
    HDR_HAS_ADDR = 1 << 16,
};

enum {
    INFO_FLAGS = 0,
    INFO_MEM_LOWER = 4,
    INFO_MEM_UPPER = 8,
    INFO_BOOT_DEVICE = 12,
    INFO_CMDLINE = 16,
    INFO_MODS_COUNT = 20,
    INFO_MODS_ADDR = 24,
    INFO_MMAP_LENGTH = 44,
    INFO_MMAP_ADDR = 48,
    INFO_LOADER_NAME = 64,
    INFO_BYTES = 88,

    /* Valid: memory, boot device, command line, modules, memory map, loader name. */
    INFO_FLAG_BITS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9,

    MMAP_BYTES = 24,
    MOD_BYTES = 16,

    NAME_OFFSET = 96,  /* in the information page */
    MMAP_OFFSET = 128,
};

/* Of the BIOS data area, and a free place at its end. */
enum { BDA_EBDA_SEGMENT = 0x40e, BDA_BASE_KIB = 0x413, BIOS_STUB = 0x4f0, BIOS_AREA_BYTES = 0x500 };

#define LOADER_NAME "qemu"

/* Where the kernel ended up. */
typedef struct MbKernel {
    uint64_t end;
    uint64_t entry;
} MbKernel;

/* Offset of the header in the file, or -1. */
static int64_t find_header(const BootFile *f)
{
    uint64_t end = MIN(f->len, HEADER_SEARCH);

    for (uint64_t i = 0; i + HDR_SHORT_BYTES <= end; i += 4) {
        const uint8_t *h = f->data + i;

        if (boot_ld32(h + HDR_MAGIC) == HEADER_MAGIC &&
            boot_ld32(h + HDR_FLAGS) + boot_ld32(h + HDR_CHECKSUM) + HEADER_MAGIC == 0) {
            return (int64_t)i;
        }
    }
    return -1;
}

bool boot_multiboot_probe(const BootFile *f)
{
    return find_header(f) >= 0;
}

static bool bad_header(Error **errp, const char *field)
{
    error_setg(errp, "invalid %s address in multiboot header", field);
    return false;
}

static bool load_elf(const BootParams *p, BootPlan *plan, MbKernel *k, Error **errp)
{
    ElfImage elf;

    if (elf_image_machine(&p->kernel) == EM_X86_64) {
        error_setg(errp, "Cannot load x86-64 image, give a 32bit one.");
        return false;
    }
    if (!elf_image_parse(&p->kernel, &elf, errp)) {
        error_prepend(errp, "Error while loading elf kernel: ");
        return false;
    }
    k->end = elf.high;
    k->entry = elf.entry;
    return elf_image_add(&elf, p, plan, errp);
}

/* The header's address fields: section 3.1.3 of the specification. */
static bool load_by_addresses(const BootParams *p, BootPlan *plan, uint64_t header_offset,
                              MbKernel *k, Error **errp)
{
    const uint8_t *h = p->kernel.data + header_offset;
    uint64_t header, load, load_end, bss_end, file_offset, len;

    if (p->kernel.len - header_offset < HDR_ADDR_BYTES) {
        return bad_header(errp, "header_addr");
    }
    header = boot_ld32(h + HDR_HEADER_ADDR);
    load = boot_ld32(h + HDR_LOAD_ADDR);
    load_end = boot_ld32(h + HDR_LOAD_END_ADDR);
    bss_end = boot_ld32(h + HDR_BSS_END_ADDR);
    if (header < load) {
        return bad_header(errp, "load_addr");
    }
    if (header - load > header_offset) {
        return bad_header(errp, "header_addr");
    }
    file_offset = header_offset - (header - load);
    len = p->kernel.len - file_offset;
    if (load_end) {
        if (load_end < load || load_end - load > len) {
            return bad_header(errp, "load_end_addr");
        }
        len = load_end - load;
    }
    bss_end = bss_end ? bss_end : load + len;
    if (bss_end < load + len) {
        return bad_header(errp, "bss_end_addr");
    }
    if (!boot_range_ok(p, load, bss_end - load)) {
        error_setg(errp, "kernel does not fit in address space");
        return false;
    }
    boot_plan_add(plan, load, p->kernel.data + file_offset, len);
    boot_plan_add(plan, load + len, NULL, bss_end - load - len);
    k->end = bss_end;
    k->entry = boot_ld32(h + HDR_ENTRY_ADDR);
    return true;
}

static bool add_modules(const BootParams *p, BootPlan *plan, uint64_t addr, uint8_t *list,
                        Error **errp)
{
    addr = MAX(addr, BOOT_HIGH_RAM);
    for (unsigned i = 0; i < p->nr_initrds; i++, list += MOD_BYTES) {
        const BootFile *f = &p->initrds[i];

        addr = ROUND_UP(addr, 4096ull);
        if (f->len && !boot_range_ok(p, addr, f->len)) {
            error_setg(errp, "multiboot module '%s' does not fit into RAM", f->args);
            return false;
        }
        boot_plan_add(plan, addr, f->data, f->len);
        boot_st32(list, (uint32_t)addr);
        addr += f->len;
        boot_st32(list + 4, (uint32_t)addr);
    }
    return true;
}

/* Appends @text and returns its guest address. */
static uint32_t put_string(uint8_t *area, size_t *pos, const char *text)
{
    uint32_t gpa = (uint32_t)(BOOT_CMDLINE_GPA + *pos);
    size_t len = strlen(text) + 1;

    memcpy(area + *pos, text, len);
    *pos += len;
    return gpa;
}

/* Module list and all strings; sets the fields of @info that point there. */
static bool add_strings(const BootParams *p, BootPlan *plan, uint64_t kernel_end, uint8_t *info,
                        Error **errp)
{
    g_autofree char *cmdline = g_strdup_printf("%s %s", p->kernel_name, p->cmdline);
    size_t pos = (size_t)p->nr_initrds * MOD_BYTES, bytes = pos + strlen(cmdline) + 1;
    uint8_t *area;

    for (unsigned i = 0; i < p->nr_initrds; i++) {
        bytes += strlen(p->initrds[i].args) + 1;
    }
    if (bytes > BOOT_CMDLINE_MAX) {
        error_setg(errp, "multiboot command lines are too long (%zu bytes, max: %llu)", bytes,
                   BOOT_CMDLINE_MAX);
        return false;
    }
    area = boot_plan_add_buffer(plan, BOOT_CMDLINE_GPA, bytes);
    boot_st32(info + INFO_CMDLINE, put_string(area, &pos, cmdline));
    boot_st32(info + INFO_MODS_COUNT, p->nr_initrds);
    boot_st32(info + INFO_MODS_ADDR, p->nr_initrds ? BOOT_CMDLINE_GPA : 0);
    for (unsigned i = 0; i < p->nr_initrds; i++) {
        boot_st32(area + i * MOD_BYTES + 8, put_string(area, &pos, p->initrds[i].args));
    }
    return add_modules(p, plan, kernel_end, area, errp);
}

/* KiB of RAM from @addr on, without holes. */
static uint32_t ram_kib_from(const E820Map *map, uint64_t addr)
{
    for (unsigned i = 0; i < map->nr; i++) {
        const E820Entry *e = &map->entry[i];

        if (e->type == E820_RAM && e->addr <= addr && addr - e->addr < e->len) {
            return (uint32_t)MIN((e->len - (addr - e->addr)) / KiB, UINT32_MAX);
        }
    }
    return 0;
}

static void fill_info(const BootParams *p, uint8_t *info)
{
    boot_st32(info + INFO_FLAGS, INFO_FLAG_BITS);
    boot_st32(info + INFO_MEM_LOWER, ram_kib_from(p->e820, 0));
    boot_st32(info + INFO_MEM_UPPER, ram_kib_from(p->e820, BOOT_HIGH_RAM));
    boot_st32(info + INFO_BOOT_DEVICE, 0x8000ffff); /* first hard disk, no partition */
    boot_st32(info + INFO_LOADER_NAME, BOOT_INFO_GPA + NAME_OFFSET);
    memcpy(info + NAME_OFFSET, LOADER_NAME, sizeof(LOADER_NAME));
    boot_st32(info + INFO_MMAP_LENGTH, p->e820->nr * MMAP_BYTES);
    boot_st32(info + INFO_MMAP_ADDR, BOOT_INFO_GPA + MMAP_OFFSET);
    for (unsigned i = 0; i < p->e820->nr; i++) {
        uint8_t *e = info + MMAP_OFFSET + i * MMAP_BYTES;

        boot_st32(e, MMAP_BYTES - 4); /* the size field does not count itself */
        boot_st64(e + 4, p->e820->entry[i].addr);
        boot_st64(e + 12, p->e820->entry[i].len);
        boot_st32(e + 20, p->e820->entry[i].type);
    }
}

/*
 * Xen looks for the end of conventional memory in the BIOS data area and calls the BIOS from real
 * mode. Without firmware every service answers "not supported" (AH = 86h, CF), and Xen takes the
 * multiboot memory map.
 */
static void add_bios_area(BootPlan *plan)
{
    static const uint8_t refuse[] = {
        0x55,                   /* push bp */
        0x89, 0xe5,             /* mov bp, sp */
        0x80, 0x4e, 0x06, 0x01, /* or byte [bp + 6], 1: carry in the saved flags */
        0x5d,                   /* pop bp */
        0xb4, 0x86,             /* mov ah, 86h */
        0xcf,                   /* iret */
    };
    uint8_t *area = boot_plan_add_buffer(plan, 0, BIOS_AREA_BYTES);

    for (unsigned v = 0; v < 256; v++) {
        bool hardware = (v >= 0x08 && v < 0x10) || (v >= 0x70 && v < 0x78);

        /* 0000:offset; hardware interrupts only return */
        boot_st32(area + v * 4, BIOS_STUB + (hardware ? sizeof(refuse) - 1 : 0));
    }
    boot_st32(area + BDA_EBDA_SEGMENT, BOOT_LOW_RAM_END >> 4);
    boot_st32(area + BDA_BASE_KIB, BOOT_LOW_RAM_END / KiB);
    memcpy(area + BIOS_STUB, refuse, sizeof(refuse));
}

bool boot_multiboot(const BootParams *p, BootPlan *plan, Error **errp)
{
    int64_t offset = find_header(&p->kernel);
    MbKernel k = { 0 };
    uint8_t *info;
    bool loaded;

    if (offset < 0) {
        error_setg(errp, "could not load kernel '%s': no multiboot header", p->kernel_name);
        return false;
    }
    if (boot_ld32(p->kernel.data + offset + HDR_FLAGS) & HDR_HAS_ADDR) {
        loaded = load_by_addresses(p, plan, (uint64_t)offset, &k, errp);
    } else {
        loaded = load_elf(p, plan, &k, errp);
    }
    if (!loaded) {
        return false;
    }
    info = boot_plan_add_buffer(plan, BOOT_INFO_GPA, MMAP_OFFSET + p->e820->nr * MMAP_BYTES);
    fill_info(p, info);
    if (!add_strings(p, plan, k.end, info, errp)) {
        return false;
    }
    plan->protocol = "multiboot";
    plan->entry.mode = BOOT_PROT32;
    plan->entry.rip = (uint32_t)k.entry;
    plan->entry.rax = LOADER_MAGIC;
    plan->entry.rbx = BOOT_INFO_GPA;
    boot_plan_add_gdt(plan);
    add_bios_area(plan);
    return true;
}

char **boot_split_modules(const char *initrd)
{
    GPtrArray *mods = g_ptr_array_new();
    g_autoptr(GString) cur = g_string_new(NULL);

    for (const char *s = initrd;; s++) {
        if (*s == ',' && s[1] == ',') {
            g_string_append_c(cur, *s++);
        } else if (*s == ',' || !*s) {
            g_ptr_array_add(mods, g_strdup(cur->str));
            g_string_truncate(cur, 0);
            if (!*s) {
                break;
            }
        } else {
            g_string_append_c(cur, *s);
        }
    }
    g_ptr_array_add(mods, NULL);
    return (char **)g_ptr_array_free(mods, FALSE);
}
