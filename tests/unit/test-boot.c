/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direct boot: what each protocol puts into guest memory, and that no image can do harm. */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"
#include "hw/i386/elf-image.h"
#include "tests/unit/boot-images.h"

#include <elf.h>

#define RAM_END (128 * MiB - 64 * KiB)
#define RSDP    0xf0000ull

/* Guest of 128 MiB whose top holds ACPI tables. */
static const E820Map map = {
    .nr = 4,
    .entry = {
        { 0, BOOT_LOW_RAM_END, E820_RAM },
        { 0xf0000, 0x10000, E820_RESERVED },
        { BOOT_HIGH_RAM, RAM_END - BOOT_HIGH_RAM, E820_RAM },
        { RAM_END, 64 * KiB, E820_ACPI },
    },
};

static BootParams params(const void *kernel, size_t len)
{
    return (BootParams){
        .kernel_name = "k", .kernel = { .data = kernel, .len = len }, .cmdline = "quiet",
        .e820 = &map, .ram_end = RAM_END, .rsdp_gpa = RSDP,
    };
}

/* What the guest would read at @gpa: the last segment that covers it. NULL: nothing was put
 * there. */
static const uint8_t *mem(const BootPlan *plan, uint64_t gpa, uint64_t len)
{
    static const uint8_t zeroes[64];

    for (guint i = plan->segments->len; i-- > 0;) {
        const BootSegment *s = &g_array_index(plan->segments, BootSegment, i);

        if (gpa >= s->gpa && gpa - s->gpa < s->len && len <= s->len - (gpa - s->gpa)) {
            return s->data ? s->data + (gpa - s->gpa) : zeroes;
        }
    }
    return NULL;
}

static void expect_error(const BootParams *p, const char *text)
{
    g_autoptr(BootPlan) plan = boot_plan_new();
    g_autoptr(Error) err = NULL;

    g_assert_false(boot_kernel(p, plan, &err));
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), text)) {
        g_error("'%s' instead of '%s'", error_get_pretty(err), text);
    }
}

static BootPlan *expect_plan(const BootParams *p)
{
    BootPlan *plan = boot_plan_new();
    Error *err = NULL;

    if (!boot_kernel(p, plan, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    return plan;
}

/* ---- bzImage --------------------------------------------------------------------------------- */

static void test_bzimage_starts_at_the_64_bit_entry(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = expect_plan(&p);
    const BootEntry *e = &plan->entry;

    g_assert_cmpint(e->mode, ==, BOOT_LONG64);
    g_assert_cmpuint(e->rip, ==, 16 * MiB + 0x200);
    g_assert_cmpuint(e->rsi, ==, BOOT_ZERO_PAGE);
    g_assert_cmpuint(mem(plan, 16 * MiB, 1)[0], ==, 0x90);
    g_assert_cmpuint(e->cs, ==, 0x10);
    g_assert_cmpuint(e->ds, ==, 0x18);
    g_assert_cmpuint(boot_ld64(mem(plan, e->gdt_base + 0x10, 8)) >> 53 & 1, ==, 1); /* L */
}

static void test_bzimage_zero_page(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = expect_plan(&p);
    const uint8_t *zp = mem(plan, BOOT_ZERO_PAGE, 4096);
    uint64_t cmdline = boot_ld32(zp + 0x228);

    g_assert_cmpmem(zp + 0x202, 4, "HdrS", 4);
    g_assert_cmpuint(zp[0x210], ==, 0xb0);
    g_assert_cmpuint(boot_ld64(zp + 0x70), ==, RSDP);
    g_assert_cmpuint(zp[0x1e8], ==, map.nr);
    g_assert_cmpuint(boot_ld64(zp + 0x2d0 + 40), ==, BOOT_HIGH_RAM);
    g_assert_cmpuint(boot_ld32(zp + 0x2d0 + 56), ==, E820_RAM);
    g_assert_cmpstr((const char *)mem(plan, cmdline, 6), ==, "quiet");
}

static void test_bzimage_page_tables_map_4_gib(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = expect_plan(&p);

    for (uint64_t gpa = 0; gpa < 4 * GiB; gpa += 2 * MiB) {
        uint64_t pml4e = boot_ld64(mem(plan, plan->entry.cr3, 8));
        uint64_t pdpte = boot_ld64(mem(plan, (pml4e & ~0xfffull) + (gpa >> 30) * 8, 8));
        uint64_t pde = boot_ld64(mem(plan, (pdpte & ~0xfffull) + (gpa >> 21 & 511) * 8, 8));

        g_assert_cmpuint(pml4e & 3, ==, 3);
        g_assert_cmpuint(pdpte & 0x83, ==, 3);
        g_assert_cmpuint(pde, ==, gpa | 0x83);
    }
}

static void test_bzimage_initrd_ends_below_the_reserved_top(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootFile initrd = { .data = (const uint8_t *)"initrd!", .len = 7 };
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = NULL;
    const uint8_t *zp;
    uint64_t addr;

    p.initrds = &initrd;
    p.nr_initrds = 1;
    plan = expect_plan(&p);
    zp = mem(plan, BOOT_ZERO_PAGE, 4096);
    addr = boot_ld32(zp + 0x218);
    g_assert_cmpuint(boot_ld32(zp + 0x21c), ==, 7);
    g_assert_cmpuint(addr % 4096, ==, 0);
    g_assert_cmpuint(addr, ==, RAM_END - 4096);
    g_assert_cmpmem(mem(plan, addr, 7), 7, "initrd!", 7);
}

static void test_bzimage_initrd_respects_initrd_addr_max(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootFile initrd = { .data = (const uint8_t *)"initrd!", .len = 7 };
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = NULL;

    boot_st16(k + 0x236, 1); /* not loadable above 4 GiB */
    boot_st32(k + 0x22c, 0x3ffffff);
    p.initrds = &initrd;
    p.nr_initrds = 1;
    plan = expect_plan(&p);
    g_assert_cmpuint(boot_ld32(mem(plan, BOOT_ZERO_PAGE, 4096) + 0x218), ==, 64 * MiB - 4096);
    initrd.len = 64 * MiB;
    expect_error(&p, "initrd is too large, cannot support.(max: ");
}

static void test_bzimage_32_bit_kernel_starts_in_protected_mode(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);
    BootParams p = params(k, len);
    g_autoptr(BootPlan) plan = NULL;

    boot_st16(k + 0x236, 0);
    plan = expect_plan(&p);
    g_assert_cmpint(plan->entry.mode, ==, BOOT_PROT32);
    g_assert_cmpuint(plan->entry.rip, ==, 16 * MiB);
}

static void test_bzimage_refusals(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len), *cmdline = g_malloc(4000);
    BootParams p = params(k, 0x208);

    expect_error(&p, "invalid kernel header");
    p = params(k, BZ_SETUP);
    expect_error(&p, "invalid kernel header");
    p = params(k, len);
    boot_st32(k + 0x260, 0xffffffff);
    expect_error(&p, "MiB of RAM to start");
    boot_st32(k + 0x260, 0);
    boot_st64(k + 0x258, UINT64_MAX - 4096);
    k[0x234] = 0;
    expect_error(&p, "does not fit into RAM");
    boot_st64(k + 0x258, 16 * MiB);
    memset(cmdline, 'x', 3999);
    cmdline[3999] = 0;
    p.cmdline = (const char *)cmdline;
    expect_error(&p, "kernel command line is too long (max: 2047)");
    p.cmdline = "";
    k[0x211] = 0;
    expect_error(&p, "kernels that load below 1 MiB need firmware");
}

/* ---- ELF ------------------------------------------------------------------------------------- */

static void test_pvh_start_info(void)
{
    g_autofree uint8_t *k = boot_image_elf64();
    BootFile initrd = { .data = (const uint8_t *)"initrd!", .len = 7 };
    BootParams p = params(k, ELF_BYTES);
    g_autoptr(BootPlan) plan = NULL;
    const uint8_t *info, *mod;

    p.initrds = &initrd;
    p.nr_initrds = 1;
    plan = expect_plan(&p);
    g_assert_cmpstr(plan->protocol, ==, "PVH");
    g_assert_cmpint(plan->entry.mode, ==, BOOT_PROT32);
    g_assert_cmpuint(plan->entry.rip, ==, 32 * MiB + 0x80);
    info = mem(plan, plan->entry.rbx, 56);
    g_assert_cmpuint(boot_ld32(info), ==, 0x336ec578);
    g_assert_cmpuint(boot_ld64(info + 32), ==, RSDP);
    g_assert_cmpstr((const char *)mem(plan, boot_ld64(info + 24), 6), ==, "quiet");
    g_assert_cmpuint(boot_ld32(info + 48), ==, map.nr);
    g_assert_cmpuint(boot_ld64(mem(plan, boot_ld64(info + 40) + 48, 24)), ==, BOOT_HIGH_RAM);
    g_assert_cmpuint(boot_ld32(info + 12), ==, 1);
    mod = mem(plan, boot_ld64(info + 16), 32);
    g_assert_cmpuint(boot_ld64(mod + 8), ==, 7);
    g_assert_cmpmem(mem(plan, boot_ld64(mod), 7), 7, "initrd!", 7);
}

static void test_elf_bss_is_zeroed_at_every_load(void)
{
    g_autofree uint8_t *k = boot_image_elf64();
    BootParams p = params(k, ELF_BYTES);
    g_autoptr(BootPlan) plan = expect_plan(&p);

    g_assert_cmpuint(mem(plan, 32 * MiB + ELF_TEXT_LEN - 1, 1)[0], ==, 0xcc);
    g_assert_nonnull(mem(plan, 32 * MiB + ELF_TEXT_LEN, 0x3000 - ELF_TEXT_LEN));
    g_assert_cmpuint(mem(plan, 32 * MiB + ELF_TEXT_LEN, 1)[0], ==, 0);
}

static void test_elf_refusals(void)
{
    g_autofree uint8_t *k = boot_image_elf64();
    Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(k + sizeof(Elf64_Ehdr));
    BootParams p = params(k, ELF_BYTES);

    ph[0].p_paddr = 0xa0000;
    expect_error(&p, "is not in usable RAM");
    ph[0].p_paddr = 0x1000; /* where boot information goes */
    expect_error(&p, "is not in usable RAM");
    ph[0].p_paddr = UINT64_MAX - 16;
    expect_error(&p, "outside of the file");
    ph[0].p_paddr = 32 * MiB;
    ph[0].p_offset = UINT64_MAX - 8;
    expect_error(&p, "outside of the file");
    ph[0].p_offset = ELF_TEXT;
    ph[1].p_type = PT_NULL;
    expect_error(&p, "Error loading uncompressed kernel without PVH ELF Note");
    ph[1] = ph[0];
    expect_error(&p, "without PVH ELF Note");
    p.kernel.len = 60;
    expect_error(&p, "ELF header is cut off");
    memset(k, 'x', 64);
    expect_error(&p, "invalid kernel header");
}

/* ---- Multiboot ------------------------------------------------------------------------------- */

static void test_multiboot_information(void)
{
    g_autofree uint8_t *k = boot_image_multiboot();
    BootFile mods[] = {
        { .data = (const uint8_t *)"one", .len = 3, .args = "a arg" },
        { .data = (const uint8_t *)"two!", .len = 4, .args = "b" },
    };
    BootParams p = params(k, ELF_BYTES);
    g_autoptr(BootPlan) plan = NULL;
    const uint8_t *info, *list;

    p.initrds = mods;
    p.nr_initrds = 2;
    plan = expect_plan(&p);
    g_assert_cmpuint(plan->entry.rip, ==, 4 * MiB + 0x20);
    g_assert_cmpuint(plan->entry.rax, ==, 0x2badb002);
    info = mem(plan, plan->entry.rbx, 88);
    g_assert_cmpuint(boot_ld32(info), ==, 0x24f);
    g_assert_cmpuint(boot_ld32(info + 4), ==, BOOT_LOW_RAM_END / KiB);
    g_assert_cmpuint(boot_ld32(info + 8), ==, (RAM_END - 1 * MiB) / KiB);
    g_assert_cmpstr((const char *)mem(plan, boot_ld32(info + 16), 8), ==, "k quiet");
    g_assert_cmpstr((const char *)mem(plan, boot_ld32(info + 64), 5), ==, "qemu");
    g_assert_cmpuint(boot_ld32(info + 44), ==, map.nr * 24);
    g_assert_cmpuint(boot_ld32(mem(plan, boot_ld32(info + 48), 24)), ==, 20);
    g_assert_cmpuint(boot_ld32(info + 20), ==, 2);
    list = mem(plan, boot_ld32(info + 24), 32);
    g_assert_cmpuint(boot_ld32(list), ==, 4 * MiB + 0x2000); /* the page after the kernel's bss */
    g_assert_cmpuint(boot_ld32(list + 4) - boot_ld32(list), ==, 3);
    g_assert_cmpmem(mem(plan, boot_ld32(list + 16), 4), 4, "two!", 4);
    g_assert_cmpstr((const char *)mem(plan, boot_ld32(list + 8), 6), ==, "a arg");
}

static void test_multiboot_address_fields(void)
{
    g_autofree uint8_t *k = boot_image_multiboot_addresses();
    uint8_t *h = k + 0x40;
    BootParams p = params(k, ELF_BYTES);
    g_autoptr(BootPlan) plan = NULL;

    plan = expect_plan(&p);
    g_assert_cmpuint(plan->entry.rip, ==, 2 * MiB + 0x123);
    g_assert_cmpuint(mem(plan, 2 * MiB, 1)[0], ==, 0x77);
    g_assert_nonnull(mem(plan, 2 * MiB + 0x1000, 0x3000));
    boot_st32(h + 24, 2 * MiB + 0x10);
    expect_error(&p, "invalid bss_end_addr address");
    boot_st32(h + 20, 2 * MiB + ELF_BYTES);
    expect_error(&p, "invalid load_end_addr address");
    boot_st32(h + 12, 2 * MiB + 0x80);
    expect_error(&p, "invalid header_addr address");
    boot_st32(h + 12, 2 * MiB - 4);
    expect_error(&p, "invalid load_addr address");
}

static void test_multiboot_refuses_64_bit_elf(void)
{
    g_autofree uint8_t *k = boot_image_multiboot();
    BootParams p = params(k, ELF_BYTES);

    ((Elf32_Ehdr *)(void *)k)->e_machine = EM_X86_64;
    expect_error(&p, "Cannot load x86-64 image, give a 32bit one.");
}

static void test_multiboot_module_list_syntax(void)
{
    g_auto(GStrv) v = boot_split_modules("a x,b,c,,d");

    g_assert_cmpuint(g_strv_length(v), ==, 3);
    g_assert_cmpstr(v[0], ==, "a x");
    g_assert_cmpstr(v[1], ==, "b");
    g_assert_cmpstr(v[2], ==, "c,d");
}

/* ---- Hostile images -------------------------------------------------------------------------- */

/* A plan must stay in the guest's RAM and must read only from the image or its own buffers. */
static void check_plan(const BootPlan *plan, const BootParams *p)
{
    uint64_t total = 0;

    for (guint i = 0; i < plan->segments->len; i++) {
        const BootSegment *s = &g_array_index(plan->segments, BootSegment, i);
        uint8_t acc = 0;

        g_assert_true(e820_is_ram(p->e820, s->gpa, s->len));
        for (uint64_t j = 0; s->data && j < s->len; j += 509) {
            acc ^= s->data[j]; /* the sanitizer watches */
        }
        if (s->data && s->len) {
            acc ^= s->data[s->len - 1];
        }
        total += s->len + (acc & 0);
    }
    g_assert_cmpuint(total, <=, 2 * p->ram_end);
}

/* Deterministic mutations: bytes, 32-bit words with awkward values, truncation. */
static void mutate(const uint8_t *image, size_t len, size_t hot)
{
    static const uint32_t awkward[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
    BootFile initrd = { .data = (const uint8_t *)"initrd!", .len = 7, .args = "m" };

    for (unsigned round = 0; round < 20000; round++) {
        size_t cut = g_rand_int_range(rand, 0, 4) ? len : (size_t)g_rand_int_range(rand, 1, len);
        g_autofree uint8_t *k = g_memdup2(image, cut); /* exact size: overruns show */
        BootParams p = params(k, cut);
        g_autoptr(BootPlan) plan = boot_plan_new();

        for (int n = g_rand_int_range(rand, 1, 5); n > 0; n--) {
            size_t pos = (size_t)g_rand_int_range(rand, 0, MIN(hot, cut));

            if (g_rand_boolean(rand) && pos + 4 <= cut) {
                boot_st32(k + pos, awkward[g_rand_int_range(rand, 0, ARRAY_SIZE(awkward))]);
            } else {
                k[pos] = (uint8_t)g_rand_int(rand);
            }
        }
        p.initrds = &initrd;
        p.nr_initrds = round & 1;
        if (boot_kernel(&p, plan, NULL)) {
            check_plan(plan, &p);
        }
    }
}

static void test_hostile_bzimage(void)
{
    size_t len;
    g_autofree uint8_t *k = boot_image_bzimage(&len);

    mutate(k + 0, len, 0x270);
}

static void test_hostile_elf(void)
{
    g_autofree uint8_t *k = boot_image_elf64();

    mutate(k, ELF_BYTES, 0x440);
}

static void test_hostile_multiboot(void)
{
    g_autofree uint8_t *k = boot_image_multiboot();

    mutate(k, ELF_BYTES, ELF_TEXT + 0x20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/boot/bzimage/starts_at_64_bit_entry",
                    test_bzimage_starts_at_the_64_bit_entry);
    g_test_add_func("/boot/bzimage/zero_page", test_bzimage_zero_page);
    g_test_add_func("/boot/bzimage/page_tables_map_4_gib", test_bzimage_page_tables_map_4_gib);
    g_test_add_func("/boot/bzimage/initrd_ends_below_reserved_top",
                    test_bzimage_initrd_ends_below_the_reserved_top);
    g_test_add_func("/boot/bzimage/initrd_respects_initrd_addr_max",
                    test_bzimage_initrd_respects_initrd_addr_max);
    g_test_add_func("/boot/bzimage/32_bit_kernel_starts_in_protected_mode",
                    test_bzimage_32_bit_kernel_starts_in_protected_mode);
    g_test_add_func("/boot/bzimage/refusals", test_bzimage_refusals);
    g_test_add_func("/boot/pvh/start_info", test_pvh_start_info);
    g_test_add_func("/boot/elf/bss_is_zeroed", test_elf_bss_is_zeroed_at_every_load);
    g_test_add_func("/boot/elf/refusals", test_elf_refusals);
    g_test_add_func("/boot/multiboot/information", test_multiboot_information);
    g_test_add_func("/boot/multiboot/address_fields", test_multiboot_address_fields);
    g_test_add_func("/boot/multiboot/refuses_64_bit_elf", test_multiboot_refuses_64_bit_elf);
    g_test_add_func("/boot/multiboot/module_list_syntax", test_multiboot_module_list_syntax);
    g_test_add_func("/boot/hostile/bzimage", test_hostile_bzimage);
    g_test_add_func("/boot/hostile/elf", test_hostile_elf);
    g_test_add_func("/boot/hostile/multiboot", test_hostile_multiboot);
    return g_test_run();
}
