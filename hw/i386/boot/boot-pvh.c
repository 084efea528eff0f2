/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PVH direct boot: an ELF kernel with a XEN_ELFNOTE_PHYS32_ENTRY note, started in 32-bit protected
 * mode with the address of hvm_start_info in EBX (Xen docs/misc/pvh.pandoc). Pure function.
 */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"
#include "hw/i386/elf-image.h"

#define START_MAGIC   0x336ec578u
#define START_VERSION 1u

/* Offsets in hvm_start_info, hvm_modlist_entry and hvm_memmap_table_entry. */
enum {
    INFO_MAGIC = 0,
    INFO_VERSION = 4,
    INFO_NR_MODULES = 12,
    INFO_MODLIST = 16,
    INFO_CMDLINE = 24,
    INFO_RSDP = 32,
    INFO_MEMMAP = 40,
    INFO_MEMMAP_ENTRIES = 48,
    INFO_BYTES = 56,

    MOD_ADDR = 0,
    MOD_SIZE = 8,
    MOD_BYTES = 32,

    MAP_ADDR = 0,
    MAP_SIZE = 8,
    MAP_TYPE = 16,
    MAP_BYTES = 24,

    MODLIST_OFFSET = 64, /* from the start of the information page */
    MEMMAP_OFFSET = MODLIST_OFFSET + MOD_BYTES,
};

static bool add_initrd(const BootParams *p, BootPlan *plan, uint64_t kernel_end, uint8_t *module,
                       Error **errp)
{
    const BootFile *f = &p->initrds[0];
    uint64_t addr = f->len <= p->ram_end ? ROUND_DOWN(p->ram_end - f->len, 4096ull) : 0;

    if (addr < kernel_end || !boot_range_ok(p, addr, f->len)) {
        error_setg(errp, "could not load initial ram disk: %" PRIu64 " bytes do not fit into RAM",
                   f->len);
        return false;
    }
    boot_plan_add(plan, addr, f->data, f->len);
    boot_st64(module + MOD_ADDR, addr);
    boot_st64(module + MOD_SIZE, f->len);
    return true;
}

static void fill_memmap(const E820Map *map, uint8_t *p)
{
    for (unsigned i = 0; i < map->nr; i++, p += MAP_BYTES) {
        boot_st64(p + MAP_ADDR, map->entry[i].addr);
        boot_st64(p + MAP_SIZE, map->entry[i].len);
        boot_st32(p + MAP_TYPE, map->entry[i].type);
    }
}

static bool add_start_info(const BootParams *p, BootPlan *plan, uint64_t kernel_end, Error **errp)
{
    size_t cmdline_bytes = strlen(p->cmdline) + 1;
    uint8_t *info;

    if (cmdline_bytes > BOOT_CMDLINE_MAX) {
        error_setg(errp, "kernel command line is too long (max: %llu)", BOOT_CMDLINE_MAX - 1);
        return false;
    }
    boot_plan_add(plan, BOOT_CMDLINE_GPA, (const uint8_t *)p->cmdline, cmdline_bytes);
    info = boot_plan_add_buffer(plan, BOOT_INFO_GPA, MEMMAP_OFFSET + p->e820->nr * MAP_BYTES);
    boot_st32(info + INFO_MAGIC, START_MAGIC);
    boot_st32(info + INFO_VERSION, START_VERSION);
    boot_st64(info + INFO_CMDLINE, BOOT_CMDLINE_GPA);
    boot_st64(info + INFO_RSDP, p->rsdp_gpa);
    boot_st64(info + INFO_MEMMAP, BOOT_INFO_GPA + MEMMAP_OFFSET);
    boot_st32(info + INFO_MEMMAP_ENTRIES, p->e820->nr);
    fill_memmap(p->e820, info + MEMMAP_OFFSET);
    if (p->nr_initrds && p->initrds[0].len) {
        boot_st32(info + INFO_NR_MODULES, 1);
        boot_st64(info + INFO_MODLIST, BOOT_INFO_GPA + MODLIST_OFFSET);
        return add_initrd(p, plan, kernel_end, info + MODLIST_OFFSET, errp);
    }
    return true;
}

bool boot_pvh(const BootParams *p, BootPlan *plan, Error **errp)
{
    ElfImage elf;

    if (!elf_image_parse(&p->kernel, &elf, errp)) {
        error_prepend(errp, "could not load kernel '%s': ", p->kernel_name);
        return false;
    }
    if (!elf.has_pvh_entry) {
        error_setg(errp, "Error loading uncompressed kernel without PVH ELF Note");
        return false;
    }
    if (elf.pvh_entry > UINT32_MAX) {
        error_setg(errp, "could not load kernel '%s': PVH entry point is above 4 GiB",
                   p->kernel_name);
        return false;
    }
    if (!elf_image_add(&elf, p, plan, errp) || !add_start_info(p, plan, elf.high, errp)) {
        return false;
    }
    plan->protocol = "PVH";
    plan->entry.mode = BOOT_PROT32;
    plan->entry.rip = elf.pvh_entry;
    plan->entry.rbx = BOOT_INFO_GPA;
    boot_plan_add_gdt(plan);
    return true;
}
