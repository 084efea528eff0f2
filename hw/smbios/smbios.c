/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SMBIOS structures of a machine (DSP0134 section 7) and their entry points (5.2). Pure. */
#include "qemu/osdep.h"
#include "hw/smbios/smbios-internal.h"

/* First handles by type, as QEMU numbers them. */
enum {
    HANDLE_BIOS = 0x0000,
    HANDLE_SYSTEM = 0x0100,
    HANDLE_BOARD = 0x0200,
    HANDLE_CHASSIS = 0x0300,
    HANDLE_CPU = 0x0400,
    HANDLE_PORT = 0x0800,
    HANDLE_STRINGS = 0x0e00,
    HANDLE_ARRAY = 0x1000,
    HANDLE_DIMM = 0x1100,
    HANDLE_MAPPED = 0x1300,
    HANDLE_BOOT = 0x2000,
    HANDLE_ONBOARD = 0x2900,
    HANDLE_END = 0x7f00,

    MAX_DIMMS = 0x200, /* the next handles are the mapped addresses' */
    UNKNOWN = 2,
};

/* A structure under construction: the formatted part, then its strings. */
typedef struct Builder {
    const SmbiosOptions *o;
    const SmbiosMachine *m;
    GByteArray *out;
    guint start;        /* of the structure */
    GString *strings;   /* NUL-separated */
    unsigned nr_strings;
    unsigned nr, max_bytes;
    bool v3;            /* fields of version 3.0 too */
} Builder;

static void u8(Builder *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;

    g_byte_array_append(b->out, &byte, 1);
}

static void le(Builder *b, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        u8(b, (unsigned)(v >> (8 * i)));
    }
}

/* The number of a string; 0: there is none. */
static void str(Builder *b, const char *text)
{
    if (!text || !*text || b->nr_strings == UINT8_MAX) {
        u8(b, 0);
        return;
    }
    g_string_append_len(b->strings, text, (gssize)strlen(text) + 1);
    u8(b, ++b->nr_strings);
}

static void opt(Builder *b, unsigned type, const char *key, const char *def)
{
    str(b, smbios_text(b->o, type, key, def));
}

/* False when a file or nobody describes this type: nothing is to be built. */
static bool begin(Builder *b, unsigned type, unsigned handle, bool always)
{
    if (b->o->from_file[type] || (!always && !b->o->from_fields[type])) {
        return false;
    }
    b->start = b->out->len;
    b->nr_strings = 0;
    g_string_truncate(b->strings, 0);
    u8(b, type);
    u8(b, 0);
    le(b, handle, 2);
    return true;
}

static void end(Builder *b)
{
    static const uint8_t zeroes[2];

    b->out->data[b->start + 1] = (uint8_t)(b->out->len - b->start);
    g_byte_array_append(b->out, (const uint8_t *)b->strings->str, (guint)b->strings->len);
    g_byte_array_append(b->out, zeroes, b->nr_strings ? 1 : 2);
    b->nr++;
    b->max_bytes = MAX(b->max_bytes, b->out->len - b->start);
}

/* --- Structures ------------------------------------------------------------------------------ */

static void bios(Builder *b)
{
    g_auto(GStrv) release = NULL;
    bool uefi = !strcmp(smbios_text(b->o, 0, "uefi", "off"), "on");

    if (!begin(b, 0, HANDLE_BIOS, false)) {
        return;
    }
    opt(b, 0, "vendor", NULL);
    opt(b, 0, "version", NULL);
    le(b, 0xe800, 2); /* segment */
    opt(b, 0, "date", NULL);
    u8(b, 0);         /* 64 KiB */
    le(b, 8, 8);      /* characteristics: not given */
    u8(b, 0);
    u8(b, uefi ? 0x1c : 0x14); /* virtual machine, target content; UEFI */
    release = g_strsplit(smbios_text(b->o, 0, "release", "0.0"), ".", 2);
    u8(b, (unsigned)g_ascii_strtoull(release[0], NULL, 10));
    u8(b, (unsigned)g_ascii_strtoull(release[1], NULL, 10));
    le(b, 0xffff, 2); /* no embedded controller */
    end(b);
}

/* The first three parts are little endian (7.2.1). */
static void uuid(Builder *b, const char *text)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    uint8_t bytes[16] = { 0 };
    unsigned n = 0;

    for (const char *p = text ? text : ""; *p && n < 32; p++) {
        if (*p != '-') {
            bytes[n / 2] = (uint8_t)(bytes[n / 2] << 4 | g_ascii_xdigit_value(*p));
            n++;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        u8(b, bytes[order[i]]);
    }
}

static void system_structure(Builder *b)
{
    if (!begin(b, 1, HANDLE_SYSTEM, true)) {
        return;
    }
    opt(b, 1, "manufacturer", "QEMU");
    opt(b, 1, "product", b->m->product);
    opt(b, 1, "version", b->m->version);
    opt(b, 1, "serial", NULL);
    uuid(b, b->m->uuid);
    u8(b, 6); /* woken by the power switch */
    opt(b, 1, "sku", NULL);
    opt(b, 1, "family", NULL);
    end(b);
}

static void board(Builder *b)
{
    if (!begin(b, 2, HANDLE_BOARD, false)) {
        return;
    }
    opt(b, 2, "manufacturer", "QEMU");
    opt(b, 2, "product", b->m->product);
    opt(b, 2, "version", b->m->version);
    opt(b, 2, "serial", NULL);
    opt(b, 2, "asset", NULL);
    u8(b, 1); /* a hosting board */
    opt(b, 2, "location", NULL);
    le(b, HANDLE_CHASSIS, 2);
    u8(b, 0x0a); /* motherboard */
    u8(b, 0);
    end(b);
}

static void chassis(Builder *b)
{
    if (!begin(b, 3, HANDLE_CHASSIS, true)) {
        return;
    }
    opt(b, 3, "manufacturer", "QEMU");
    u8(b, 1); /* other */
    opt(b, 3, "version", b->m->version);
    opt(b, 3, "serial", NULL);
    opt(b, 3, "asset", NULL);
    u8(b, 3); /* boot-up, power supply and thermal state: safe */
    u8(b, 3);
    u8(b, 3);
    u8(b, UNKNOWN);
    le(b, 0, 4);
    le(b, 0, 4); /* height, power cords, elements, their length */
    opt(b, 3, "sku", NULL);
    end(b);
}

static unsigned capped(unsigned n)
{
    return MIN(n, 0xff);
}

static void cpu(Builder *b, unsigned socket)
{
    const SmbiosMachine *m = b->m;
    g_autofree char *name = g_strdup_printf("%s %u", smbios_text(b->o, 4, "sock_pfx", "CPU"),
                                            socket);
    uint64_t family = smbios_number(b->o, 4, "processor-family", 1);

    if (!begin(b, 4, HANDLE_CPU + socket, true)) {
        return;
    }
    str(b, name);
    u8(b, 3); /* a central processor */
    u8(b, family < 0xfe ? (unsigned)family : 0xfe);
    opt(b, 4, "manufacturer", "QEMU");
    le(b, m->cpu_signature, 4);
    le(b, m->cpu_features, 4);
    opt(b, 4, "version", m->version);
    u8(b, 0);    /* voltage */
    le(b, 0, 2); /* external clock */
    le(b, smbios_number(b->o, 4, "max-speed", 2000), 2);
    le(b, smbios_number(b->o, 4, "current-speed", 2000), 2);
    u8(b, 0x41); /* populated, enabled */
    u8(b, 1);    /* upgrade: other */
    le(b, 0xffffffff, 4); /* no cache information */
    le(b, 0xffff, 2);
    opt(b, 4, "serial", NULL);
    opt(b, 4, "asset", NULL);
    opt(b, 4, "part", NULL);
    u8(b, capped(m->cores));
    u8(b, capped(m->cores));
    u8(b, capped(m->threads));
    le(b, UNKNOWN, 2);
    le(b, family, 2);
    if (b->v3) {
        le(b, m->cores, 2);
        le(b, m->cores, 2);
        le(b, m->threads, 2);
    }
    end(b);
}

static const char *port_text(const Keyval *kv, const char *key)
{
    return keyval_get(kv, key);
}

static uint64_t port_number(const Keyval *kv, const char *key)
{
    uint64_t value = 0;

    keyval_get_u64(kv, key, &value, NULL);
    return value;
}

static void ports(Builder *b)
{
    for (guint i = 0; i < b->o->ports->len; i++) {
        const Keyval *kv = g_ptr_array_index(b->o->ports, i);

        if (!begin(b, 8, HANDLE_PORT + i, true)) {
            return;
        }
        str(b, port_text(kv, "internal_reference"));
        u8(b, 0); /* nothing inside */
        str(b, port_text(kv, "external_reference"));
        u8(b, (unsigned)port_number(kv, "connector_type"));
        u8(b, (unsigned)port_number(kv, "port_type"));
        end(b);
    }
}

static void oem_strings(Builder *b)
{
    if (!b->o->strings->len || !begin(b, 11, HANDLE_STRINGS, true)) {
        return;
    }
    u8(b, b->o->strings->len);
    for (guint i = 0; i < b->o->strings->len; i++) {
        const char *text = g_ptr_array_index(b->o->strings, i);

        g_string_append_len(b->strings, text, (gssize)strlen(text) + 1);
        b->nr_strings++;
    }
    end(b);
}

static void memory_array(Builder *b, unsigned dimms)
{
    uint64_t kib = b->m->ram_bytes / KiB;

    if (!begin(b, 16, HANDLE_ARRAY, true)) {
        return;
    }
    u8(b, 1); /* other */
    u8(b, 3); /* system memory */
    u8(b, 6); /* multi-bit ECC */
    le(b, kib < 0x80000000u ? kib : 0x80000000u, 4);
    le(b, 0xfffe, 2);
    le(b, dimms, 2);
    le(b, kib < 0x80000000u ? 0 : b->m->ram_bytes, 8);
    end(b);
}

static void dimm(Builder *b, unsigned n, uint64_t bytes)
{
    g_autofree char *name = g_strdup_printf("%s %u", smbios_text(b->o, 17, "loc_pfx", "DIMM"), n);
    uint64_t mib = bytes / MiB, speed = smbios_number(b->o, 17, "speed", 0);

    if (!begin(b, 17, HANDLE_DIMM + n, true)) {
        return;
    }
    le(b, HANDLE_ARRAY, 2);
    le(b, 0xfffe, 2);
    le(b, 0xffffffff, 4); /* widths unknown */
    le(b, MIN(mib, 0x7fff), 2);
    u8(b, 9); /* DIMM */
    u8(b, 0);
    str(b, name);
    opt(b, 17, "bank", NULL);
    u8(b, 7); /* RAM */
    le(b, 2, 2); /* other */
    le(b, speed, 2);
    opt(b, 17, "manufacturer", "QEMU");
    opt(b, 17, "serial", NULL);
    opt(b, 17, "asset", NULL);
    opt(b, 17, "part", NULL);
    u8(b, 0);
    le(b, mib < 0x7fff ? 0 : mib, 4);
    le(b, speed, 2);
    le(b, 0, 6); /* voltages */
    end(b);
}

static void mapped(Builder *b, unsigned n, uint64_t start, uint64_t bytes)
{
    uint64_t last = start + bytes - 1;
    bool small = last / KiB < UINT32_MAX;

    if (!bytes || !begin(b, 19, HANDLE_MAPPED + n, true)) {
        return;
    }
    le(b, small ? start / KiB : UINT32_MAX, 4);
    le(b, small ? last / KiB : UINT32_MAX, 4);
    le(b, HANDLE_ARRAY, 2);
    u8(b, 1);
    le(b, small ? 0 : start, 8);
    le(b, small ? 0 : last, 8);
    end(b);
}

static void memory(Builder *b)
{
    const SmbiosMachine *m = b->m;
    uint64_t dimms = DIV_ROUND_UP(m->ram_bytes, m->dimm_bytes);

    dimms = MIN(dimms, MAX_DIMMS);
    memory_array(b, (unsigned)dimms);
    for (unsigned i = 0; i < dimms; i++) {
        dimm(b, i, MIN(m->ram_bytes - i * m->dimm_bytes, m->dimm_bytes));
    }
    mapped(b, 0, 0, m->low_bytes);
    mapped(b, 1, 4 * GiB, m->high_bytes);
}

static unsigned kind_number(const char *kind)
{
    for (unsigned i = 0; kind && smbios_onboard_kinds[i]; i++) {
        if (!strcmp(kind, smbios_onboard_kinds[i])) {
            return i + 1;
        }
    }
    return 1;
}

static void onboard(Builder *b)
{
    for (guint i = 0; i < b->o->onboard->len; i++) {
        const Keyval *kv = g_ptr_array_index(b->o->onboard, i);

        if (!begin(b, 41, HANDLE_ONBOARD + i, true)) {
            return;
        }
        str(b, port_text(kv, "designation"));
        u8(b, kind_number(port_text(kv, "kind")) | 0x80); /* enabled */
        u8(b, port_number(kv, "instance") ? (unsigned)port_number(kv, "instance") : 1);
        le(b, 0, 2);
        le(b, 0, 2); /* no function */
        end(b);
    }
}

static void boot_and_end(Builder *b)
{
    if (begin(b, 32, HANDLE_BOOT, true)) {
        le(b, 0, 7);
        end(b);
    }
    onboard(b);
    begin(b, 127, HANDLE_END, true);
    end(b);
}

/* --- Entry points ---------------------------------------------------------------------------- */

static void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static void anchor_32(SmbiosTables *t)
{
    uint8_t *a = t->anchor;

    t->anchor_bytes = 31;
    memcpy(a, "_SM_", 4);
    a[5] = 31;
    a[6] = 2;
    a[7] = 8;
    put_le(a + 8, t->max_bytes, 2);
    memcpy(a + 16, "_DMI_", 5);
    put_le(a + 22, t->structures->len, 2);
    put_le(a + 28, t->nr, 2);
    a[30] = 0x28;
}

static void anchor_64(SmbiosTables *t)
{
    uint8_t *a = t->anchor;

    t->anchor_bytes = 24;
    memcpy(a, "_SM3_", 5);
    a[6] = 24;
    a[7] = 3;
    a[10] = 1;
    put_le(a + 12, t->structures->len, 4);
}

static SmbiosTables *build(const SmbiosOptions *o, const SmbiosMachine *m, bool v3)
{
    SmbiosTables *t = g_new0(SmbiosTables, 1);
    Builder b = { .o = o, .m = m, .v3 = v3, .strings = g_string_new(NULL) };

    b.out = t->structures = g_byte_array_new();
    b.nr = o->nr_files;
    b.max_bytes = o->max_file_bytes;
    g_byte_array_append(b.out, o->files->data, o->files->len);
    bios(&b);
    system_structure(&b);
    board(&b);
    chassis(&b);
    for (unsigned i = 0; i < m->sockets; i++) {
        cpu(&b, i);
    }
    ports(&b);
    oem_strings(&b);
    memory(&b);
    boot_and_end(&b);
    g_string_free(b.strings, TRUE);
    t->nr = b.nr;
    t->max_bytes = b.max_bytes;
    if (v3) {
        anchor_64(t);
    } else {
        anchor_32(t);
    }
    return t;
}

/* What version 2 cannot say. */
static bool fits_32(const SmbiosTables *t, const SmbiosMachine *m)
{
    return t->structures->len <= UINT16_MAX && m->cores <= UINT8_MAX && m->threads <= UINT8_MAX;
}

SmbiosTables *smbios_build(const SmbiosOptions *o, const SmbiosMachine *m, Error **errp)
{
    SmbiosTables *t = build(o, m, m->entry_point == SMBIOS_EP_64);

    if (m->entry_point == SMBIOS_EP_64 || fits_32(t, m)) {
        return t;
    }
    if (m->entry_point == SMBIOS_EP_32) {
        error_setg(errp, "SMBIOS 2.1 cannot describe this machine: %u bytes of tables (at most "
                         "65535), %u cores and %u threads a socket (at most 255)",
                   t->structures->len, m->cores, m->threads);
        error_append_hint(errp, "-machine smbios-entry-point-type=64 can\n");
        smbios_tables_free(t);
        return NULL;
    }
    smbios_tables_free(t);
    return build(o, m, true);
}

void smbios_tables_free(SmbiosTables *t)
{
    if (t) {
        g_byte_array_free(t->structures, TRUE);
        g_free(t);
    }
}

static uint8_t checksum(const uint8_t *p, unsigned len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *p++;
    }
    return (uint8_t)-sum;
}

void smbios_place(SmbiosTables *t, uint64_t gpa)
{
    uint8_t *a = t->anchor;

    if (t->anchor_bytes == 24) {
        put_le(a + 16, gpa, 8);
        a[5] = 0;
        a[5] = checksum(a, 24);
        return;
    }
    put_le(a + 24, gpa, 4);
    a[21] = 0;
    a[21] = checksum(a + 16, 15);
    a[4] = 0;
    a[4] = checksum(a, 31);
}
