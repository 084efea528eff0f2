/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux bzImage (Documentation/arch/x86/boot.rst). Kernels with a 64-bit entry point (protocol
 * 2.12, XLF_KERNEL_64) start there in long mode; older and 32-bit ones at the 32-bit entry point.
 * The real-mode part is never run: everything it would ask the BIOS for is in the zero page. Pure
 * function.
 */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"

/* Setup header, offsets in the file and in the zero page alike. */
enum {
    HDR_START = 0x1f1,
    HDR_SETUP_SECTS = 0x1f1,
    HDR_VID_MODE = 0x1fa,
    HDR_JUMP_LEN = 0x201, /* the header ends at 0x202 + this */
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER_TYPE = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_CODE32_START = 0x214,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMDLINE_PTR = 0x228,
    HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_RELOCATABLE = 0x234,
    HDR_XLOADFLAGS = 0x236,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_SETUP_DATA = 0x250,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END_MAX = 0x290, /* the zero page's space for the header */

    ZP_ACPI_RSDP = 0x70,
    ZP_E820_ENTRIES = 0x1e8,
    ZP_E820_TABLE = 0x2d0,
    ZP_E820_BYTES = 20,
    ZP_BYTES = 4096,

    LOADED_HIGH = 1 << 0,
    XLF_KERNEL_64 = 1 << 0,
    XLF_CAN_BE_LOADED_ABOVE_4G = 1 << 1,

    LOADER_QEMU = 0xb0,
    ENTRY64_OFFSET = 0x200,
};

#define MAGIC_HDRS 0x53726448u /* "HdrS" */

typedef struct BzHeader {
    unsigned version;
    uint64_t setup_bytes;  /* boot sector and setup code, not loaded */
    const uint8_t *code;   /* protected-mode part */
    uint64_t code_len;
    uint64_t load_addr;    /* preferred */
    uint64_t init_bytes;   /* memory the kernel uses from load_addr on before it reads the map */
    uint64_t initrd_max;   /* highest address the initrd may touch */
    uint64_t cmdline_max;  /* without the terminating zero */
    bool relocatable, entry64;
} BzHeader;

bool boot_bzimage_probe(const BootFile *f)
{
    return f->len >= HDR_VERSION + 2 && boot_ld32(f->data + HDR_MAGIC) == MAGIC_HDRS;
}

static bool bad_kernel(const BootParams *p, Error **errp, const char *why)
{
    error_setg(errp, "could not load kernel '%s': %s", p->kernel_name, why);
    return false;
}

/* The fields that came with later protocol versions. */
static void parse_optional(const uint8_t *d, BzHeader *h)
{
    unsigned xlf = h->version >= 0x20c ? boot_ld16(d + HDR_XLOADFLAGS) : 0;

    h->load_addr = BOOT_HIGH_RAM;
    h->initrd_max = 0x37ffffff;
    h->cmdline_max = 255;
    h->init_bytes = h->code_len;
    if (h->version >= 0x203) {
        h->initrd_max = boot_ld32(d + HDR_INITRD_ADDR_MAX);
    }
    if (h->version >= 0x205) {
        h->relocatable = d[HDR_RELOCATABLE];
    }
    if (h->version >= 0x206) {
        h->cmdline_max = boot_ld32(d + HDR_CMDLINE_SIZE);
    }
    if (h->version >= 0x20a) {
        h->load_addr = boot_ld64(d + HDR_PREF_ADDRESS);
        h->init_bytes = MAX(h->code_len, boot_ld32(d + HDR_INIT_SIZE));
    }
    if (xlf & XLF_CAN_BE_LOADED_ABOVE_4G) {
        h->initrd_max = UINT32_MAX;
    }
    h->entry64 = xlf & XLF_KERNEL_64;
}

static bool parse_header(const BootParams *p, BzHeader *h, Error **errp)
{
    const BootFile *f = &p->kernel;
    unsigned sects;

    h->version = boot_ld16(f->data + HDR_VERSION);
    if (f->len < HDR_END_MAX) {
        return bad_kernel(p, errp, "invalid kernel header");
    }
    sects = f->data[HDR_SETUP_SECTS];
    h->setup_bytes = ((sects ? sects : 4) + 1) * 512;
    if (h->setup_bytes >= f->len) {
        return bad_kernel(p, errp, "invalid kernel header");
    }
    if (h->version < 0x202 || !(f->data[HDR_LOADFLAGS] & LOADED_HIGH)) {
        return bad_kernel(p, errp, "kernels that load below 1 MiB need firmware");
    }
    h->code = f->data + h->setup_bytes;
    h->code_len = f->len - h->setup_bytes;
    parse_optional(f->data, h);
    if (h->entry64 && h->code_len <= ENTRY64_OFFSET) {
        return bad_kernel(p, errp, "invalid kernel header");
    }
    return true;
}

/* Where the protected-mode part goes: its preferred address, else the start of high memory. */
static bool place_kernel(const BootParams *p, BzHeader *h, Error **errp)
{
    if (!boot_range_ok(p, h->load_addr, h->code_len) && h->relocatable) {
        h->load_addr = BOOT_HIGH_RAM;
    }
    if (h->load_addr < BOOT_HIGH_RAM || !boot_range_ok(p, h->load_addr, h->code_len)) {
        return bad_kernel(p, errp, "it does not fit into RAM");
    }
    if (!boot_range_ok(p, h->load_addr, h->init_bytes)) {
        error_setg(errp, "could not load kernel '%s': it needs %" PRIu64 " MiB of RAM to start",
                   p->kernel_name, (uint64_t)((h->load_addr + h->init_bytes) / MiB + 1));
        return false;
    }
    return true;
}

static bool add_initrd(const BootParams *p, const BzHeader *h, BootPlan *plan, uint8_t *zp,
                       Error **errp)
{
    const BootFile *f = &p->initrds[0];
    uint64_t end = MIN(p->ram_end, h->initrd_max + 1), addr;

    if (f->len > end || (addr = ROUND_DOWN(end - f->len, 4096ull)) < h->load_addr + h->init_bytes ||
        !boot_range_ok(p, addr, f->len)) {
        error_setg(errp, "initrd is too large, cannot support.(max: %" PRIu64 ", need %" PRIu64 ")",
                   end - MIN(end, h->load_addr + h->init_bytes), f->len);
        return false;
    }
    boot_plan_add(plan, addr, f->data, f->len);
    boot_st32(zp + HDR_RAMDISK_IMAGE, (uint32_t)addr);
    boot_st32(zp + HDR_RAMDISK_SIZE, (uint32_t)f->len);
    return true;
}

static bool add_cmdline(const BootParams *p, const BzHeader *h, BootPlan *plan, uint8_t *zp,
                        Error **errp)
{
    uint64_t max = MIN(h->cmdline_max, BOOT_CMDLINE_MAX - 1);
    size_t len = strlen(p->cmdline);

    if (len > max) {
        error_setg(errp, "kernel command line is too long (max: %" PRIu64 ")", max);
        return false;
    }
    boot_plan_add(plan, BOOT_CMDLINE_GPA, (const uint8_t *)p->cmdline, len + 1);
    boot_st32(zp + HDR_CMDLINE_PTR, BOOT_CMDLINE_GPA);
    return true;
}

static void fill_zero_page(const BootParams *p, const BzHeader *h, uint8_t *zp)
{
    const uint8_t *d = p->kernel.data;
    unsigned end = MIN(HDR_MAGIC + d[HDR_JUMP_LEN], HDR_END_MAX);

    if (end > HDR_START) {
        memcpy(zp + HDR_START, d + HDR_START, end - HDR_START);
    }
    zp[HDR_LOADER_TYPE] = LOADER_QEMU;
    boot_st16(zp + HDR_VID_MODE, 0xffff); /* normal */
    boot_st32(zp + HDR_CODE32_START, (uint32_t)h->load_addr);
    boot_st32(zp + HDR_RAMDISK_IMAGE, 0);
    boot_st32(zp + HDR_RAMDISK_SIZE, 0);
    boot_st64(zp + HDR_SETUP_DATA, 0);
    boot_st64(zp + ZP_ACPI_RSDP, p->rsdp_gpa);
    zp[ZP_E820_ENTRIES] = (uint8_t)p->e820->nr;
    for (unsigned i = 0; i < p->e820->nr; i++) {
        uint8_t *e = zp + ZP_E820_TABLE + i * ZP_E820_BYTES;

        boot_st64(e, p->e820->entry[i].addr);
        boot_st64(e + 8, p->e820->entry[i].len);
        boot_st32(e + 16, p->e820->entry[i].type);
    }
}

/* Identity map of the first 4 GiB by 2 MiB pages: PML4, PDPT, four page directories. */
static void add_page_tables(BootPlan *plan)
{
    const uint64_t table = 0x3, page = 0x83; /* present, writable; page size */
    uint8_t *pt = boot_plan_add_buffer(plan, BOOT_PAGE_TABLES, 6 * 4096);

    boot_st64(pt, (BOOT_PAGE_TABLES + 4096) | table);
    for (unsigned i = 0; i < 4; i++) {
        boot_st64(pt + 4096 + i * 8, (BOOT_PAGE_TABLES + (2 + i) * 4096) | table);
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        boot_st64(pt + 2 * 4096 + i * 8, (i * 2 * MiB) | page);
    }
    plan->entry.cr3 = BOOT_PAGE_TABLES;
}

bool boot_bzimage(const BootParams *p, BootPlan *plan, Error **errp)
{
    BzHeader h = { 0 };
    uint8_t *zp;

    if (!parse_header(p, &h, errp) || !place_kernel(p, &h, errp)) {
        return false;
    }
    boot_plan_add(plan, h.load_addr, h.code, h.code_len);
    zp = boot_plan_add_buffer(plan, BOOT_ZERO_PAGE, ZP_BYTES);
    fill_zero_page(p, &h, zp);
    if (!add_cmdline(p, &h, plan, zp, errp) ||
        (p->nr_initrds && p->initrds[0].len && !add_initrd(p, &h, plan, zp, errp))) {
        return false;
    }
    plan->protocol = h.entry64 ? "Linux 64-bit" : "Linux 32-bit";
    plan->entry.mode = h.entry64 ? BOOT_LONG64 : BOOT_PROT32;
    plan->entry.rip = h.load_addr + (h.entry64 ? ENTRY64_OFFSET : 0);
    plan->entry.rsi = BOOT_ZERO_PAGE;
    if (h.entry64) {
        add_page_tables(plan);
    }
    boot_plan_add_gdt(plan);
    return true;
}
