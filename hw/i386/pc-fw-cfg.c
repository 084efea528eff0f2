/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boards q35 and pc tell firmware and guests: SMBIOS tables, and the items of fw_cfg, the
 * ACPI tables with their loader script among them. BQL.
 */
#include "qemu/osdep.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"
#include "system/system.h"
#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"

/* --- SMBIOS ---------------------------------------------------------------------------------- */

/* As versions of the machines changed: 32 bits, 64 bits, what is needed. */
static SmbiosEntryPoint entry_point(const MachineState *ms)
{
    const MachineVersion *v = ms->version;

    if (ms->smbios_type != SMBIOS_EP_AUTO) {
        return (SmbiosEntryPoint)ms->smbios_type;
    }
    if (v->major >= 9) {
        return SMBIOS_EP_AUTO;
    }
    return v->major == 8 && v->minor >= 1 ? SMBIOS_EP_64 : SMBIOS_EP_32;
}

SmbiosTables *pc_build_smbios(PCState *s, Error **errp)
{
    const MachineState *ms = s->ms;
    const CpuTopology *t = &ms->smp;
    const X86CPU *cpu = X86_CPU(cpus_get(0));
    X86CPUTopo topo = x86_cpu_topology(ms);
    X86CPUIDEnv env = x86_cpuid_env_reset(cpu->apic_id);
    bool big_dimms = ms->version->major > 9 || (ms->version->major == 9 && ms->version->minor);
    uint32_t cpuid[4];
    SmbiosMachine m = {
        .product = ms->version->desc,
        .version = ms->version->name,
        .uuid = vm_uuid(),
        .sockets = t->sockets,
        .cores = t->dies * t->clusters * t->modules * t->cores,
        .ram_bytes = ms->ram_size_bytes,
        .low_bytes = s->layout.below_4g,
        .high_bytes = s->layout.above_4g,
        .dimm_bytes = big_dimms ? 2047 * TiB : 16 * GiB,
        .entry_point = entry_point(ms),
    };

    x86_cpuid(&cpu->cfg, &topo, &env, 1, 0, cpuid);
    m.cpu_signature = cpuid[CPUID_EAX];
    m.cpu_features = (uint32_t)cpu->cfg.features[FEAT_1_EDX];
    m.threads = m.cores * t->threads;
    return smbios_build(ms->smbios, &m, errp);
}

/* --- ACPI ------------------------------------------------------------------------------------ */

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE "etc/acpi/rsdp"

/* Commands of the loader script (QEMU's include of the BIOS linker). */
enum {
    LOADER_ALLOCATE = 1,
    LOADER_ADD_POINTER = 2,
    LOADER_ADD_CHECKSUM = 3,
    LOADER_COMMAND_BYTES = 128,
    LOADER_NAME_BYTES = 56,

    ZONE_HIGH = 1,
    ZONE_FSEG = 2,
};

static void put_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v)); /* little endian, as the host */
}

/* A zeroed command with the name of its first file. */
static uint8_t *loader_command(GByteArray *script, uint32_t command, const char *file)
{
    uint8_t *p;

    g_byte_array_set_size(script, script->len + LOADER_COMMAND_BYTES);
    p = script->data + script->len - LOADER_COMMAND_BYTES;
    memset(p, 0, LOADER_COMMAND_BYTES);
    put_u32(p, command);
    g_strlcpy((char *)p + 4, file, LOADER_NAME_BYTES);
    return p + 4 + LOADER_NAME_BYTES;
}

static void loader_allocate(GByteArray *script, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *p = loader_command(script, LOADER_ALLOCATE, file);

    put_u32(p, align);
    p[4] = zone;
}

/* Adds the address of the tables to the @bytes long value at @offset of @file. */
static void loader_pointer(GByteArray *script, const char *file, uint32_t offset, uint8_t bytes)
{
    uint8_t *p = loader_command(script, LOADER_ADD_POINTER, file);

    g_strlcpy((char *)p, TABLES_FILE, LOADER_NAME_BYTES);
    put_u32(p + LOADER_NAME_BYTES, offset);
    p[LOADER_NAME_BYTES + 4] = bytes;
}

static void loader_checksum(GByteArray *script, const char *file, uint32_t offset, uint32_t start,
                            uint32_t len)
{
    uint8_t *p = loader_command(script, LOADER_ADD_CHECKSUM, file);

    put_u32(p, offset);
    put_u32(p + 4, start);
    put_u32(p + 8, len);
}

static bool add_acpi(FwCfg *cfg, const AcpiConfig *acpi, Error **errp)
{
    g_autoptr(AcpiTables) t = acpi_build(acpi);
    g_autoptr(GByteArray) script = g_byte_array_new();

    loader_allocate(script, RSDP_FILE, 16, ZONE_FSEG);
    loader_allocate(script, TABLES_FILE, 64, ZONE_HIGH);
    for (guint i = 0; i < t->pointers->len; i++) {
        const AcpiPointer *p = &g_array_index(t->pointers, AcpiPointer, i);

        loader_pointer(script, TABLES_FILE, p->offset, p->bytes);
    }
    for (guint i = 0; i < t->tables->len; i++) {
        const AcpiTableRef *ref = &g_array_index(t->tables, AcpiTableRef, i);

        loader_checksum(script, TABLES_FILE, ref->offset + 9, ref->offset, ref->len);
    }
    loader_pointer(script, RSDP_FILE, 16, 4);
    loader_pointer(script, RSDP_FILE, 24, 8);
    loader_checksum(script, RSDP_FILE, 8, 0, 20);
    loader_checksum(script, RSDP_FILE, 32, 0, sizeof(t->rsdp));
    return fw_cfg_add_file(cfg, RSDP_FILE, t->rsdp, sizeof(t->rsdp), errp) &&
           fw_cfg_add_file(cfg, TABLES_FILE, t->blob->data, t->blob->len, errp) &&
           fw_cfg_add_file(cfg, "etc/table-loader", script->data, script->len, errp);
}

/* --- fw_cfg ---------------------------------------------------------------------------------- */

typedef struct E820File {
    uint64_t addr, len;
    uint32_t type;
} __attribute__((packed)) E820File;

bool pc_add_fw_cfg(PCState *s, Error **errp)
{
    MachineState *ms = s->ms;
    E820File ram[2] = { { 0, s->layout.below_4g, E820_RAM },
                        { 4 * GiB, s->layout.above_4g, E820_RAM } };
    /* S3 and S4 are not there; S5 has sleep type 0. */
    static const uint8_t states[6] = { 128, 0, 0, 1, 2, 128 };
    static const uint8_t no_wait[4] = { 0xff, 0xff, 0xff, 0xff };
    FwCfgDevice *dev = fw_cfg_device_create(errp);
    FwCfg *cfg;

    if (!dev) {
        return false;
    }
    cfg = &dev->cfg;
    fw_cfg_set_int(cfg, FW_CFG_RAM_SIZE, ms->ram_size_bytes, 8);
    fw_cfg_set_int(cfg, FW_CFG_NOGRAPHIC, 0, 2);
    fw_cfg_set_int(cfg, FW_CFG_NB_CPUS, ms->smp.cpus, 2);
    fw_cfg_set_int(cfg, FW_CFG_MAX_CPUS, ms->smp.max_cpus, 2);
    fw_cfg_set_int(cfg, FW_CFG_BOOT_MENU, 0, 2);
    fw_cfg_set_int(cfg, FW_CFG_IRQ0_OVERRIDE, 1, 4);
    return fw_cfg_add_file(cfg, "etc/e820", ram, sizeof(ram[0]) * (s->layout.above_4g ? 2 : 1),
                           errp) &&
           fw_cfg_add_file(cfg, "etc/system-states", states, sizeof(states), errp) &&
           fw_cfg_add_file(cfg, "etc/boot-fail-wait", no_wait, sizeof(no_wait), errp) &&
           fw_cfg_add_file(cfg, "bootorder", "", 0, errp);
}

/* The identity in the byte order of the text. */
static void add_uuid(FwCfg *cfg)
{
    uint8_t bytes[16] = { 0 };
    unsigned n = 0;

    for (const char *p = vm_uuid() ? vm_uuid() : ""; *p && n < 32; p++) {
        if (*p != '-') {
            bytes[n / 2] = (uint8_t)(bytes[n / 2] << 4 | g_ascii_xdigit_value(*p));
            n++;
        }
    }
    fw_cfg_set(cfg, FW_CFG_UUID, bytes, sizeof(bytes));
}

/* As QEMU tells firmware of the HPET: a count, then 15 bytes for each of eight. */
static void add_hpet(FwCfg *cfg, bool present)
{
    uint8_t config[1 + 8 * 15] = { 0xff };
    uint64_t base = 0xfed00000;

    if (present) {
        config[0] = 1;
        put_u32(config + 1, 0x8086a201);
        memcpy(config + 5, &base, sizeof(base));
    }
    fw_cfg_set(cfg, FW_CFG_HPET, config, sizeof(config));
}

/* TODO: kernel and initrd, when firmware is there to load them. */
static void add_cmdline(FwCfg *cfg, const MachineState *ms)
{
    const char *cmdline = ms->kernel_cmdline ? ms->kernel_cmdline : "";

    fw_cfg_set_int(cfg, FW_CFG_CMDLINE_ADDR, 0x20000, 4);
    fw_cfg_set_int(cfg, FW_CFG_CMDLINE_SIZE, strlen(cmdline) + 1, 4);
    fw_cfg_set(cfg, FW_CFG_CMDLINE_DATA, cmdline, strlen(cmdline) + 1);
}

bool pc_finish_fw_cfg(PCState *s, const AcpiConfig *acpi, const SmbiosTables *smbios, Error **errp)
{
    FwCfg *cfg = &fw_cfg_device_find()->cfg;

    add_uuid(cfg);
    add_hpet(cfg, s->hpet != NULL);
    if (s->ms->kernel_filename) {
        add_cmdline(cfg, s->ms);
    }
    return (!acpi || add_acpi(cfg, acpi, errp)) &&
           fw_cfg_add_file(cfg, "etc/smbios/smbios-anchor", smbios->anchor, smbios->anchor_bytes,
                           errp) &&
           fw_cfg_add_file(cfg, "etc/smbios/smbios-tables", smbios->structures->data,
                           smbios->structures->len, errp);
}
