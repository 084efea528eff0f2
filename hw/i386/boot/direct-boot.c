/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direct boot: files, memory map, tables, reset. BQL. */
#include "qemu/osdep.h"
#include "hw/i386/direct-boot.h"
#include "target/i386/cpu.h"

#include <sys/stat.h>

/* Where guests look for the RSDP (ACPI 6.5, 5.2.5.1). */
#define RSDP_GPA      0xf0000ull
#define RSDP_AREA     0x10000ull
#define SMBIOS_ANCHOR_GPA (RSDP_GPA + 0x40)
#define SMBIOS_TABLES_GPA (RSDP_GPA + 0x80)
#define LOW_RAM_END   0xa0000ull
#define KVM_AREA      0xfeffc000ull /* KVM keeps its TSS and identity map page there */
#define KVM_AREA_LEN  0x4000ull
#define BIOS_AREA     0xfffc0000ull
#define MAX_MODULES   256

/* An image file, mapped, or read when it cannot be mapped (a pipe). */
typedef struct ImageFile {
    GMappedFile *mapped;
    char *read;
} ImageFile;

struct DirectBoot {
    MachineState *ms;
    DirectBootConfig cfg;
    GArray *files;      /* of ImageFile */
    char **module_args; /* of multiboot modules */
    BootFile *initrds;
    AcpiTables *acpi;
    E820Map map;
    BootPlan *plan;
    bool loaded; /* memory was written before: it is not zero any more */
};

/* --- Files ----------------------------------------------------------------------------------- */

static void image_file_clear(void *opaque)
{
    ImageFile *f = opaque;

    g_clear_pointer(&f->mapped, g_mapped_file_unref);
    g_free(f->read);
}

static bool read_image(DirectBoot *b, const char *path, BootFile *out, Error **errp)
{
    ImageFile f = { 0 };
    g_autoptr(GError) gerr = NULL;
    struct stat st;
    gsize len;

    if (stat(path, &st) < 0 || S_ISDIR(st.st_mode)) {
        error_setg_errno(errp, S_ISDIR(st.st_mode) ? EISDIR : errno, "could not open '%s'", path);
        return false;
    }
    if (S_ISREG(st.st_mode)) {
        f.mapped = g_mapped_file_new(path, FALSE, &gerr);
    }
    if (!f.mapped && !g_file_get_contents(path, &f.read, &len, gerr ? NULL : &gerr)) {
        error_from_gerror(errp, g_steal_pointer(&gerr));
        return false;
    }
    if (f.mapped) {
        len = g_mapped_file_get_length(f.mapped);
    }
    *out = (BootFile){
        .data = (const uint8_t *)(f.mapped ? g_mapped_file_get_contents(f.mapped) : f.read),
        .len = len,
    };
    g_array_append_val(b->files, f);
    return true;
}

static bool read_kernel(DirectBoot *b, BootParams *p, Error **errp)
{
    p->kernel_name = b->ms->kernel_filename;
    if (!read_image(b, p->kernel_name, &p->kernel, errp)) {
        error_prepend(errp, "could not load kernel '%s': ", p->kernel_name);
        return false;
    }
    if (!p->kernel.len) {
        error_setg(errp, "could not load kernel '%s': the file is empty", p->kernel_name);
        return false;
    }
    return true;
}

/* Multiboot: -initrd is a list of "file arguments". */
static bool read_modules(DirectBoot *b, BootParams *p, Error **errp)
{
    b->module_args = boot_split_modules(b->ms->initrd_filename);
    p->nr_initrds = g_strv_length(b->module_args);
    if (p->nr_initrds > MAX_MODULES) {
        error_setg(errp, "more than %d multiboot modules", MAX_MODULES);
        return false;
    }
    b->initrds = g_new0(BootFile, p->nr_initrds);
    for (unsigned i = 0; i < p->nr_initrds; i++) {
        const char *args = g_strchug(b->module_args[i]);
        g_autofree char *path = g_strndup(args, strcspn(args, " "));

        if (!read_image(b, path, &b->initrds[i], errp)) {
            error_prepend(errp, "Failed to open multiboot module '%s': ", path);
            return false;
        }
        b->initrds[i].args = args;
    }
    return true;
}

static bool read_initrds(DirectBoot *b, BootParams *p, Error **errp)
{
    const char *path = b->ms->initrd_filename;

    if (!path || !*path) {
        return true;
    }
    if (boot_multiboot_probe(&p->kernel) && !boot_bzimage_probe(&p->kernel)) {
        if (!read_modules(b, p, errp)) {
            return false;
        }
    } else {
        b->initrds = g_new0(BootFile, 1);
        p->nr_initrds = 1;
        if (!read_image(b, path, b->initrds, errp)) {
            error_prepend(errp, "could not load initial ram disk '%s': ", path);
            return false;
        }
    }
    p->initrds = b->initrds;
    return true;
}

/* --- Memory map and tables ------------------------------------------------------------------- */

void direct_boot_memory_map(E820Map *map, const DirectBootConfig *cfg, uint64_t acpi_bytes)
{
    uint64_t low = cfg->ram_below_4g;
    uint64_t acpi = low > BOOT_HIGH_RAM + acpi_bytes ? low - acpi_bytes : low;

    map->nr = 0;
    e820_add(map, 0, MIN(low, BOOT_LOW_RAM_END), E820_RAM);
    e820_add(map, BOOT_LOW_RAM_END, LOW_RAM_END - BOOT_LOW_RAM_END, E820_RESERVED);
    e820_add(map, RSDP_GPA, RSDP_AREA, E820_RESERVED);
    if (low > BOOT_HIGH_RAM) {
        e820_add(map, BOOT_HIGH_RAM, acpi - BOOT_HIGH_RAM, E820_RAM);
        e820_add(map, acpi, low - acpi, E820_NVS);
    }
    if (cfg->acpi && cfg->acpi->ecam_len) {
        e820_add(map, cfg->acpi->ecam_base, cfg->acpi->ecam_len, E820_RESERVED);
    }
    e820_add(map, KVM_AREA, KVM_AREA_LEN, E820_RESERVED);
    e820_add(map, BIOS_AREA, 4 * GiB - BIOS_AREA, E820_RESERVED);
    e820_add(map, 4 * GiB, cfg->ram_above_4g, E820_RAM);
}

/* Builds the tables and the memory map around them. */
static bool build_tables(DirectBoot *b, BootParams *p, Error **errp)
{
    uint64_t low = ROUND_DOWN(b->cfg.ram_below_4g, 4096ull), bytes = 0;

    if (b->cfg.acpi) {
        b->acpi = acpi_build(b->cfg.acpi);
        bytes = ROUND_UP(b->acpi->blob->len, 4096u) + (b->cfg.ram_below_4g - low);
        if (low < BOOT_HIGH_RAM + bytes) {
            error_setg(errp, "%" PRIu64 " KiB of RAM are too little for a direct boot",
                       (uint64_t)(b->ms->ram_size_bytes / KiB));
            return false;
        }
        acpi_tables_place(b->acpi, b->cfg.ram_below_4g - bytes);
        p->rsdp_gpa = RSDP_GPA;
    }
    direct_boot_memory_map(&b->map, &b->cfg, bytes);
    p->ram_end = b->cfg.ram_below_4g - bytes;
    p->e820 = &b->map;
    return true;
}

/* In the segment that guests search, behind the RSDP. */
static bool plan_smbios(DirectBoot *b, Error **errp)
{
    SmbiosTables *t = b->cfg.smbios;

    if (t->structures->len > RSDP_GPA + RSDP_AREA - SMBIOS_TABLES_GPA) {
        error_setg(errp, "%u bytes of SMBIOS tables do not fit below 1 MiB", t->structures->len);
        return false;
    }
    smbios_place(t, SMBIOS_TABLES_GPA);
    boot_plan_add(b->plan, SMBIOS_ANCHOR_GPA, t->anchor, t->anchor_bytes);
    boot_plan_add(b->plan, SMBIOS_TABLES_GPA, t->structures->data, t->structures->len);
    return true;
}

static void plan_tables(DirectBoot *b, const BootParams *p)
{
    if (b->acpi) {
        boot_plan_add(b->plan, p->ram_end, b->acpi->blob->data, b->acpi->blob->len);
        boot_plan_add(b->plan, RSDP_GPA, b->acpi->rsdp, sizeof(b->acpi->rsdp));
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

/* The board's memory really is there, and the CPU can run what the kernel needs. */
static bool check_plan(const DirectBoot *b, Error **errp)
{
    const X86CPU *cpu = X86_CPU(cpus_get(0));

    for (guint i = 0; i < b->plan->segments->len; i++) {
        const BootSegment *s = &g_array_index(b->plan->segments, BootSegment, i);

        if (!address_space_map_ram(b->ms->memory, s->gpa, s->len, true)) {
            error_setg(errp, "guest memory 0x%" PRIx64 "..0x%" PRIx64 " is not RAM", s->gpa,
                       s->gpa + s->len - 1);
            return false;
        }
    }
    if (b->plan->entry.mode == BOOT_LONG64 && !x86_has(&cpu->cfg, X86_FEATURE_LM)) {
        error_setg(errp, "kernel '%s' needs a 64-bit CPU, CPU model '%s' is not one",
                   b->ms->kernel_filename, cpu->cfg.name);
        return false;
    }
    return true;
}

DirectBoot *direct_boot_new(MachineState *ms, const DirectBootConfig *cfg, Error **errp)
{
    DirectBoot *b = g_new0(DirectBoot, 1);
    BootParams p = { .cmdline = ms->kernel_cmdline ? ms->kernel_cmdline : "" };

    b->ms = ms;
    b->cfg = *cfg;
    b->files = g_array_new(FALSE, FALSE, sizeof(ImageFile));
    g_array_set_clear_func(b->files, image_file_clear);
    b->plan = boot_plan_new();
    if (read_kernel(b, &p, errp) && read_initrds(b, &p, errp) && build_tables(b, &p, errp) &&
        boot_kernel(&p, b->plan, errp)) {
        plan_tables(b, &p);
        if ((!cfg->smbios || plan_smbios(b, errp)) && check_plan(b, errp)) {
            b->cfg.acpi = NULL; /* the caller's; the tables are built */
            return b;
        }
    }
    direct_boot_free(b);
    return NULL;
}

void direct_boot_free(DirectBoot *b)
{
    if (b) {
        boot_plan_free(b->plan);
        acpi_tables_free(b->acpi);
        g_array_free(b->files, TRUE);
        g_strfreev(b->module_args);
        g_free(b->initrds);
        g_free(b);
    }
}

/* --- Reset ----------------------------------------------------------------------------------- */

static void load_memory(DirectBoot *b)
{
    for (guint i = 0; i < b->plan->segments->len; i++) {
        const BootSegment *s = &g_array_index(b->plan->segments, BootSegment, i);
        void *host = address_space_map_ram(b->ms->memory, s->gpa, s->len, true);

        if (!host) {
            continue; /* the guest mapped something over it: reset has undone that by now */
        }
        if (s->data) {
            memcpy(host, s->data, s->len);
        } else if (b->loaded) {
            memset(host, 0, s->len);
        }
    }
    b->loaded = true;
}

/* Memory types as firmware leaves them: write-back but for the VGA window and the PCI hole. */
static void set_mtrrs(const DirectBoot *b, X86CPU *cpu)
{
    CPUX86State *env = &cpu->env;
    uint64_t hole = 2 * GiB;
    uint64_t phys_mask = (1ull << MIN(cpu->cfg.phys_bits, 52)) - 1;

    while (4 * GiB - hole < b->cfg.ram_below_4g && hole > 64 * MiB) {
        hole /= 2;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(env->mtrr_fixed); i++) {
        env->mtrr_fixed[i] = i == 2 ? 0 : 0x0606060606060606ull; /* 2: a0000..bffff */
    }
    env->mtrr_base[0] = 4 * GiB - hole;
    env->mtrr_mask[0] = (phys_mask & ~(hole - 1)) | 0x800;
    env->mtrr_deftype = 0xc06; /* enabled, fixed ranges enabled, write-back */
}

static void set_segment(SegmentCache *seg, uint16_t selector, uint32_t limit, uint32_t flags)
{
    *seg = (SegmentCache){ .selector = selector, .limit = limit, .flags = flags | DESC_P_MASK };
}

static void set_cpu(const BootEntry *e, CPUX86State *env)
{
    bool long_mode = e->mode == BOOT_LONG64;
    uint32_t code = DESC_S_MASK | 11u << DESC_TYPE_SHIFT | DESC_G_MASK |
                    (long_mode ? DESC_L_MASK : DESC_B_MASK);
    uint32_t data = DESC_S_MASK | 3u << DESC_TYPE_SHIFT | DESC_G_MASK | DESC_B_MASK;

    for (unsigned i = 0; i < ARRAY_SIZE(env->segs); i++) {
        set_segment(&env->segs[i], e->ds, UINT32_MAX, data);
    }
    set_segment(&env->segs[R_CS], e->cs, UINT32_MAX, code);
    set_segment(&env->tr, e->tr, 0x67, 11u << DESC_TYPE_SHIFT);
    env->gdt = (SegmentCache){ .base = e->gdt_base, .limit = e->gdt_limit };
    env->idt = (SegmentCache){ .limit = 0 };
    env->cr[0] = CR0_ET_MASK | CR0_PE_MASK | (long_mode ? CR0_PG_MASK : 0);
    if (long_mode) {
        env->cr[3] = e->cr3;
        env->cr[4] = CR4_PAE_MASK;
        env->efer = MSR_EFER_LME | MSR_EFER_LMA;
    }
    env->regs[R_EDX] = 0;
    env->regs[R_EAX] = e->rax;
    env->regs[R_EBX] = e->rbx;
    env->regs[R_ESI] = e->rsi;
    env->eip = e->rip;
}

void direct_boot_reset(DirectBoot *b)
{
    CPUState *cs;

    load_memory(b);
    CPU_FOREACH(cs) {
        cpu_synchronize_state(cs);
        if (x86_has(&X86_CPU(cs)->cfg, X86_FEATURE_MTRR)) {
            set_mtrrs(b, X86_CPU(cs));
        }
    }
    set_cpu(&b->plan->entry, &X86_CPU(cpus_get(0))->env);
}
