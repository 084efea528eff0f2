/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -smbios file= and type=: reads and checks, keeps the values as text. Main thread. */
#include "qemu/osdep.h"
#include "hw/smbios/smbios-internal.h"
#include "qemu/cutils.h"

enum { HEADER_BYTES = 4, MAX_FILE_BYTES = 65535, END_OF_TABLE = 127 };

typedef enum FieldKind { TEXT, NUMBER8, NUMBER16, BOOLEAN, UUID, RELEASE, KIND, FUNCTION } FieldKind;

typedef struct Field {
    uint8_t type;
    const char *key;
    FieldKind kind;
} Field;

static const Field fields[] = {
    { 0, "vendor" }, { 0, "version" }, { 0, "date" }, { 0, "release", RELEASE },
    { 0, "uefi", BOOLEAN },
    { 1, "manufacturer" }, { 1, "product" }, { 1, "version" }, { 1, "serial" },
    { 1, "uuid", UUID }, { 1, "sku" }, { 1, "family" },
    { 2, "manufacturer" }, { 2, "product" }, { 2, "version" }, { 2, "serial" }, { 2, "asset" },
    { 2, "location" },
    { 3, "manufacturer" }, { 3, "version" }, { 3, "serial" }, { 3, "asset" }, { 3, "sku" },
    { 4, "sock_pfx" }, { 4, "manufacturer" }, { 4, "version" }, { 4, "serial" }, { 4, "asset" },
    { 4, "part" }, { 4, "max-speed", NUMBER16 }, { 4, "current-speed", NUMBER16 },
    { 4, "processor-family", NUMBER16 },
    { 8, "internal_reference" }, { 8, "external_reference" }, { 8, "connector_type", NUMBER8 },
    { 8, "port_type", NUMBER8 },
    { 17, "loc_pfx" }, { 17, "bank" }, { 17, "manufacturer" }, { 17, "serial" }, { 17, "asset" },
    { 17, "part" }, { 17, "speed", NUMBER16 },
    { 41, "designation" }, { 41, "kind", KIND }, { 41, "instance", NUMBER8 },
    { 41, "pcidev", FUNCTION },
};

/* In the order of their numbers (7.42.2), from 1. */
const char *const smbios_onboard_kinds[] = {
    "other", "unknown", "video", "scsi", "ethernet", "tokenring", "sound", "pata", "sata", "sas",
    NULL,
};

static void free_keyval(gpointer kv)
{
    keyval_free(kv);
}

SmbiosOptions *smbios_options_new(void)
{
    SmbiosOptions *o = g_new0(SmbiosOptions, 1);

    o->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    o->files = g_byte_array_new();
    o->strings = g_ptr_array_new_with_free_func(g_free);
    o->ports = g_ptr_array_new_with_free_func(free_keyval);
    o->onboard = g_ptr_array_new_with_free_func(free_keyval);
    return o;
}

void smbios_options_free(SmbiosOptions *o)
{
    if (o) {
        g_hash_table_destroy(o->values);
        g_byte_array_free(o->files, TRUE);
        g_ptr_array_free(o->strings, TRUE);
        g_ptr_array_free(o->ports, TRUE);
        g_ptr_array_free(o->onboard, TRUE);
        g_free(o);
    }
}

const char *smbios_text(const SmbiosOptions *o, unsigned type, const char *key, const char *def)
{
    g_autofree char *name = g_strdup_printf("%u.%s", type, key);
    const char *value = g_hash_table_lookup(o->values, name);

    return value ? value : def;
}

uint64_t smbios_number(const SmbiosOptions *o, unsigned type, const char *key, uint64_t def)
{
    const char *text = smbios_text(o, type, key, NULL);
    uint64_t value;

    return text && qemu_strtou64(text, NULL, 0, &value) == 0 ? value : def;
}

const char *smbios_uuid(const SmbiosOptions *o)
{
    return smbios_text(o, 1, "uuid", NULL);
}

/* --- Values ---------------------------------------------------------------------------------- */

static bool uuid_valid(const char *s)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-' : !g_ascii_isxdigit(s[i])) {
            return false;
        }
    }
    return s[36] == '\0';
}

/* "MAJOR.MINOR", a byte each. */
static bool release_valid(const char *s)
{
    uint64_t major, minor;

    return qemu_strtou64(s, &s, 10, &major) == 0 && *s == '.' &&
           qemu_strtou64(s + 1, &s, 10, &minor) == 0 && !*s && major <= 255 && minor <= 255;
}

static bool check_number(const Field *f, const char *value, uint64_t max, Error **errp)
{
    uint64_t number;

    if (qemu_strtou64(value, NULL, 0, &number) < 0) {
        error_setg(errp, "Parameter '%s' expects a number", f->key);
        return false;
    }
    if (number > max) {
        error_setg(errp, "Parameter '%s' expects a number up to %" PRIu64, f->key, max);
        return false;
    }
    return true;
}

static bool check_value(const Field *f, const char *value, Error **errp)
{
    switch (f->kind) {
    case NUMBER8:
        return check_number(f, value, UINT8_MAX, errp);
    case NUMBER16:
        return check_number(f, value, UINT16_MAX, errp);
    case BOOLEAN:
        if (strcmp(value, "on") && strcmp(value, "off")) {
            error_setg(errp, "Parameter '%s' expects 'on' or 'off'", f->key);
            return false;
        }
        return true;
    case UUID:
    case RELEASE:
        if (!(f->kind == UUID ? uuid_valid(value) : release_valid(value))) {
            error_setg(errp, f->kind == UUID ? "Invalid UUID" : "Invalid release");
            return false;
        }
        return true;
    case KIND:
        if (!g_strv_contains(smbios_onboard_kinds, value)) {
            error_setg(errp, "Parameter 'kind' does not accept value '%s'", value);
            return false;
        }
        return true;
    case FUNCTION:
        error_setg(errp, "-smbios type=41,pcidev= is not supported");
        return false;
    default:
        return true;
    }
}

/* --- type= ----------------------------------------------------------------------------------- */

static bool type_known(unsigned type)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].type == type) {
            return true;
        }
    }
    return type == 11;
}

/* Checks the fields of @type; *single: keeps them as well. */
static bool take_fields(SmbiosOptions *o, unsigned type, const Keyval *kv, bool keep, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const Field *f = &fields[i];
        const char *value = f->type == type ? keyval_get(kv, f->key) : NULL;

        if (value && !check_value(f, value, errp)) {
            return false;
        }
        if (value && keep) {
            g_hash_table_insert(o->values, g_strdup_printf("%u.%s", type, f->key),
                                g_strdup(value));
        }
    }
    return keyval_check_unused(kv, errp);
}

/* value= and path= of type 11, any number of each. */
static bool take_strings(SmbiosOptions *o, const Keyval *kv, Error **errp)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);
        char *contents;
        gsize len;

        if (!strcmp(item->key, "value")) {
            g_ptr_array_add(o->strings, g_strdup(item->value));
        } else if (!strcmp(item->key, "path")) {
            if (!g_file_get_contents(item->value, &contents, &len, NULL)) {
                error_setg(errp, "Could not open '%s': %s", item->value, g_strerror(errno));
                return false;
            }
            if (memchr(contents, 0, len)) {
                error_setg(errp, "NUL in OEM strings value in %s", item->value);
                g_free(contents);
                return false;
            }
            g_ptr_array_add(o->strings, contents);
        }
    }
    if (o->strings->len > UINT8_MAX) {
        error_setg(errp, "more than %d OEM strings", UINT8_MAX);
        return false;
    }
    keyval_get(kv, "value");
    keyval_get(kv, "path");
    return keyval_check_unused(kv, errp);
}

static bool take_type(SmbiosOptions *o, Keyval *kv, bool *kept, Error **errp)
{
    uint64_t type = 0;

    if (!keyval_get_u64(kv, "type", &type, NULL)) {
        error_setg(errp, "Parameter 'type' expects a number");
        return false;
    }
    if (type > UINT8_MAX) {
        error_setg(errp, "out of range!");
        return false;
    }
    if (!type_known((unsigned)type)) {
        error_setg(errp, "Don't know how to build fields for SMBIOS type %" PRIu64, type);
        return false;
    }
    if (o->from_file[type]) {
        error_setg(errp, "can't add fields, binary file already loaded!");
        return false;
    }
    o->from_fields[type] = true;
    if (type == 11) {
        return take_strings(o, kv, errp);
    }
    *kept = type == 8 || type == 41;
    if (!take_fields(o, (unsigned)type, kv, !*kept, errp)) {
        *kept = false;
        return false;
    }
    if (*kept) {
        g_ptr_array_add(type == 8 ? o->ports : o->onboard, kv);
    }
    return true;
}

/* --- file= ----------------------------------------------------------------------------------- */

static bool take_file(SmbiosOptions *o, const char *path, Error **errp)
{
    g_autofree char *contents = NULL;
    gsize len;
    uint8_t type;

    if (!g_file_get_contents(path, &contents, &len, NULL) || len < HEADER_BYTES ||
        len > MAX_FILE_BYTES) {
        error_setg(errp, "Cannot read SMBIOS file %s", path);
        return false;
    }
    type = (uint8_t)contents[0];
    if ((uint8_t)contents[1] < HEADER_BYTES || (uint8_t)contents[1] > len) {
        error_setg(errp, "Failed to load SMBIOS file %s", path);
        return false;
    }
    if (type < SMBIOS_NR_TYPES && o->from_fields[type]) {
        error_setg(errp, "can't load type %d struct, fields already specified!", type);
        return false;
    }
    if (type < SMBIOS_NR_TYPES) {
        o->from_file[type] = true;
    }
    g_byte_array_append(o->files, (const uint8_t *)contents, (guint)len);
    if (type == END_OF_TABLE) {
        o->from_file[type] = false; /* there has to be one at the end */
        error_setg(errp, "SMBIOS file %s ends the tables", path);
        return false;
    }
    o->nr_files++;
    o->max_file_bytes = MAX(o->max_file_bytes, (unsigned)len);
    return true;
}

bool smbios_add_option(SmbiosOptions *o, const char *arg, Error **errp)
{
    Keyval *kv = keyval_parse(arg, NULL, errp);
    const char *file = kv ? keyval_get(kv, "file") : NULL;
    bool ok = false, kept = false;

    if (!kv) {
        return false;
    }
    if (file) {
        ok = keyval_check_unused(kv, errp) && take_file(o, file, errp);
    } else if (keyval_has(kv, "type")) {
        ok = take_type(o, kv, &kept, errp);
    } else {
        error_setg(errp, "Must specify type= or file=");
    }
    if (!kept) {
        keyval_free(kv);
    }
    return ok;
}
