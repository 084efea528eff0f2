/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables: pointers, checksums, CPU entries; iasl takes them apart and back together. */
#include "qemu/osdep.h"
#include "hw/i386/acpi-build.h"

#include <glib/gstdio.h>
#include <sys/wait.h>

#define BASE 0x7fe0000ull

static AcpiConfig config(bool q35, unsigned nr_cpus, const uint32_t *ids)
{
    return (AcpiConfig){
        .oem_id = "BOCHS ", .oem_table_id = "BXPC    ",
        .q35 = q35, .nr_cpus = nr_cpus, .apic_ids = ids,
        .ioapic_base = 0xfec00000, .has_pic = true, .has_rtc = true, .has_hpet = true,
        .has_8042 = nr_cpus > 1, .pm_base = 0x600,
        .gpe0_base = q35 ? 0x620 : 0xafe0, .gpe0_len = q35 ? 16 : 4,
        .smi_cmd = 0xb2, .acpi_enable = 2, .acpi_disable = 3,
        .ecam_base = 0xb0000000, .ecam_len = q35 ? 256 * MiB : 0,
        .last_bus = 7, .ram_below_4g = 128 * MiB, .pci64_base = 4 * GiB, .pci64_len = 32 * GiB,
        .serial = { { 0x3f8, 4 }, { 0x2f8, 3 } },
    };
}

static uint32_t *linear_ids(unsigned n)
{
    uint32_t *ids = g_new(uint32_t, n);

    for (unsigned i = 0; i < n; i++) {
        ids[i] = i;
    }
    return ids;
}

static AcpiTables *build(bool q35, unsigned nr_cpus)
{
    g_autofree uint32_t *ids = linear_ids(nr_cpus);
    AcpiConfig cfg = config(q35, nr_cpus, ids);
    AcpiTables *t = acpi_build(&cfg);

    acpi_tables_place(t, BASE);
    return t;
}

static uint64_t ld(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;

    while (len--) {
        s += *p++;
    }
    return s;
}

/* The table at guest address @gpa, checked to be whole and inside the blob. */
static const uint8_t *table_at(const AcpiTables *t, uint64_t gpa)
{
    const uint8_t *p;

    g_assert_cmpuint(gpa, >=, BASE);
    g_assert_cmpuint(gpa - BASE + 36, <=, t->blob->len);
    p = t->blob->data + (gpa - BASE);
    g_assert_cmpuint(gpa - BASE + ld(p + 4, 4), <=, t->blob->len);
    g_assert_cmpuint(sum(p, ld(p + 4, 4)), ==, 0);
    return p;
}

/* By signature through RSDP and XSDT, as a guest does; NULL when absent. */
static const uint8_t *find(const AcpiTables *t, const char *signature)
{
    const uint8_t *xsdt = table_at(t, ld(t->rsdp + 24, 8));
    const uint8_t *rsdt = table_at(t, ld(t->rsdp + 16, 4));
    uint64_t n = (ld(xsdt + 4, 4) - 36) / 8;

    g_assert_cmpuint((ld(rsdt + 4, 4) - 36) / 4, ==, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t gpa = ld(xsdt + 36 + i * 8, 8);

        g_assert_cmpuint(ld(rsdt + 36 + i * 4, 4), ==, gpa);
        if (!memcmp(table_at(t, gpa), signature, 4)) {
            return table_at(t, gpa);
        }
    }
    return NULL;
}

static void test_rsdp_checksums(void)
{
    g_autoptr(AcpiTables) t = build(true, 1);

    g_assert_cmpmem(t->rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(t->rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(t->rsdp, 36), ==, 0);
}

static void test_every_table_is_reached(void)
{
    g_autoptr(AcpiTables) q35 = build(true, 2), pc = build(false, 2);

    g_assert_nonnull(find(q35, "FACP"));
    g_assert_nonnull(find(q35, "APIC"));
    g_assert_nonnull(find(q35, "HPET"));
    g_assert_nonnull(find(q35, "MCFG"));
    g_assert_cmpuint(find(q35, "MCFG")[55], ==, 7); /* last bus */
    g_assert_nonnull(find(pc, "WAET"));
    g_assert_null(find(pc, "MCFG"));
}

static void test_fadt_points_to_dsdt_and_facs(void)
{
    g_autoptr(AcpiTables) t = build(true, 1);
    const uint8_t *fadt = find(t, "FACP");
    uint64_t facs = ld(fadt + 36, 4);

    g_assert_cmpmem(table_at(t, ld(fadt + 40, 4)), 4, "DSDT", 4);
    g_assert_cmpuint(ld(fadt + 140, 8), ==, ld(fadt + 40, 4));
    g_assert_cmpuint(facs % 64, ==, 0);
    g_assert_cmpmem(t->blob->data + (facs - BASE), 4, "FACS", 4);
    g_assert_cmpuint(ld(fadt + 46, 2), ==, 9); /* SCI */
    g_assert_cmpuint(ld(fadt + 76, 4), ==, 0x608);
    g_assert_cmpuint(ld(fadt + 120, 8), ==, 0xcf9);
}

/* Counts MADT entries of @type. */
static unsigned madt_count(const AcpiTables *t, uint8_t type)
{
    const uint8_t *madt = find(t, "APIC");
    uint64_t len = ld(madt + 4, 4);
    unsigned n = 0;

    for (uint64_t pos = 44; pos < len; pos += madt[pos + 1]) {
        g_assert_cmpuint(madt[pos + 1], >=, 2);
        n += madt[pos] == type;
    }
    return n;
}

static void test_madt_uses_x2apic_entries_from_255_on(void)
{
    g_autoptr(AcpiTables) one = build(true, 1), many = build(true, 300);

    g_assert_cmpuint(madt_count(one, 0), ==, 1);
    g_assert_cmpuint(madt_count(one, 9), ==, 0);
    g_assert_cmpuint(madt_count(one, 10), ==, 0);
    g_assert_cmpuint(madt_count(many, 0), ==, 255);
    g_assert_cmpuint(madt_count(many, 9), ==, 45);
    g_assert_cmpuint(madt_count(many, 10), ==, 1);
    g_assert_cmpuint(madt_count(many, 2), ==, 5); /* 0->2 and four level IRQs */
}

static void test_fixed_feature_flags_follow_devices(void)
{
    g_autofree uint32_t *ids = linear_ids(1);
    AcpiConfig cfg = config(true, 1, ids);

    for (unsigned has = 0; has < 2; has++) {
        g_autoptr(AcpiTables) t = NULL;

        cfg.has_8042 = cfg.has_vga = cfg.has_hpet = has;
        t = acpi_build(&cfg);
        acpi_tables_place(t, BASE);
        g_assert_cmpuint(ld(find(t, "FACP") + 109, 2), ==, has ? 0x3 : 0x5);
        g_assert_cmpint(find(t, "HPET") != NULL, ==, has);
    }
}

/* iasl */

static bool run(const char *dir, const char *const *argv, char **out)
{
    g_autofree char *text = NULL, *err = NULL;
    int status = -1;

    g_assert_true(g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text,
                               &err, &status, NULL));
    *out = g_strconcat(text, err, NULL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void check_with_iasl(const char *dir, const char *name, const uint8_t *data, size_t len)
{
    g_autofree char *dat = g_strconcat(name, ".dat", NULL), *dsl = g_strconcat(name, ".dsl", NULL);
    g_autofree char *path = g_build_filename(dir, dat, NULL), *dsl_path = NULL;
    g_autofree char *out = NULL, *out2 = NULL, *aml_path = NULL;
    const char *const disassemble[] = { "iasl", "-d", dat, NULL };
    const char *const compile[] = { "iasl", "-p", "again", dsl, NULL };

    g_assert_true(g_file_set_contents(path, (const char *)data, (gssize)len, NULL));
    if (!run(dir, disassemble, &out) || strcasestr(out, "error") || strcasestr(out, "warning")) {
        g_error("iasl -d %s: %s", name, out);
    }
    if (!run(dir, compile, &out2) || !strstr(out2, "0 Errors, 0 Warnings, 0 Remarks")) {
        g_error("iasl %s: %s", name, out2);
    }
    dsl_path = g_build_filename(dir, dsl, NULL);
    aml_path = g_build_filename(dir, "again.aml", NULL);
    g_unlink(path);
    g_unlink(dsl_path);
    g_unlink(aml_path);
}

static void test_iasl_recompiles_without_warning(gconstpointer opaque)
{
    const char *what = opaque; /* "q35-1" */
    bool q35 = g_str_has_prefix(what, "q35");
    g_autoptr(AcpiTables) t = build(q35, (unsigned)atoi(strchr(what, '-') + 1));
    g_autofree char *iasl = g_find_program_in_path("iasl"), *dir = NULL;

    if (!iasl) {
        g_test_skip("no iasl (package acpica-tools)");
        return;
    }
    dir = g_dir_make_tmp("acpi-XXXXXX", NULL);
    for (guint i = 0; i < t->tables->len; i++) {
        const AcpiTableRef *ref = &g_array_index(t->tables, AcpiTableRef, i);

        check_with_iasl(dir, ref->signature, t->blob->data + ref->offset, ref->len);
    }
    check_with_iasl(dir, "FACS", t->blob->data, t->facs_len);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
    static const char *const machines[] = {
        "q35-1", "q35-2", "q35-4", "q35-256", "q35-4096", "pc-1", "pc-2", "pc-4", "pc-255",
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/rsdp/checksums", test_rsdp_checksums);
    g_test_add_func("/acpi/xsdt/every_table_is_reached", test_every_table_is_reached);
    g_test_add_func("/acpi/fadt/points_to_dsdt_and_facs", test_fadt_points_to_dsdt_and_facs);
    g_test_add_func("/acpi/fadt/flags_follow_devices", test_fixed_feature_flags_follow_devices);
    g_test_add_func("/acpi/madt/x2apic_entries_from_255_on",
                    test_madt_uses_x2apic_entries_from_255_on);
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autofree char *path = g_strdup_printf("/acpi/iasl/recompiles/%s", machines[i]);

        g_test_add_data_func(path, machines[i], test_iasl_recompiles_without_warning);
    }
    return g_test_run();
}
