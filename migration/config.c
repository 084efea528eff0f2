/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of a machine as keys and values: collecting, writing, comparing. */
#include "qemu/osdep.h"
#include "migration/config.h"
#include "migration/savestate.h"

enum { MAX_ROWS = 256, SHOWN = 200 };

typedef struct ConfigRow {
    char *key, *value;
} ConfigRow;

struct MigConfig {
    GArray *rows; /* of ConfigRow */
};

static void row_clear(gpointer p)
{
    ConfigRow *row = p;

    g_free(row->key);
    g_free(row->value);
}

static MigConfig *config_empty(void)
{
    MigConfig *c = g_new0(MigConfig, 1);

    c->rows = g_array_new(FALSE, FALSE, sizeof(ConfigRow));
    g_array_set_clear_func(c->rows, row_clear);
    return c;
}

void mig_config_free(MigConfig *c)
{
    if (c) {
        g_array_free(c->rows, TRUE);
        g_free(c);
    }
}

static void add_row(MigConfig *c, char *key, char *value)
{
    ConfigRow row = { key, value };

    g_array_append_val(c->rows, row);
}

void mig_config_add(MigConfig *c, const char *key, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_row(c, g_strdup(key), g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

static const char *config_get(const MigConfig *c, const char *key)
{
    for (guint i = 0; i < c->rows->len; i++) {
        const ConfigRow *row = &g_array_index(c->rows, ConfigRow, i);

        if (!strcmp(row->key, key)) {
            return row->value;
        }
    }
    return NULL;
}

/* What every machine has. */
static void add_memory(MigConfig *c)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (RAMBlock *rb = ram_blocks(); rb; rb = rb->next) {
        g_string_append_printf(text, "%s%s:%" PRIu64, text->len ? " " : "", rb->idstr,
                               rb->size_bytes);
    }
    mig_config_add(c, "memory", "%s", text->str);
}

static void add_devices(MigConfig *c)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new(NULL);

    device_states_list(names);
    for (guint i = 0; i < names->len; i++) {
        g_string_append_printf(text, "%s%s", i ? "\n" : "",
                               (const char *)g_ptr_array_index(names, i));
    }
    mig_config_add(c, "devices", "%s", text->str);
}

MigConfig *mig_config_new(const MigrationMachineOps *ops)
{
    MigConfig *c = config_empty();

    mig_config_add(c, "machine", "%s", current_machine->version->name);
    if (ops) {
        ops->describe(current_machine, c);
    }
    add_memory(c);
    add_devices(c);
    return c;
}

/* ---- As a section ---------------------------------------------------------------------------- */

void mig_config_put(const MigConfig *c, GByteArray *section)
{
    mig_put_be(section, c->rows->len, 2);
    for (guint i = 0; i < c->rows->len; i++) {
        const ConfigRow *row = &g_array_index(c->rows, ConfigRow, i);

        mig_put_text(section, row->key);
        mig_put_text(section, row->value);
    }
}

MigConfig *mig_config_parse(const GByteArray *content, Error **errp)
{
    MigConfig *c = config_empty();
    MigBuf b = mig_buf(content);
    unsigned nr = (unsigned)mig_get_be(&b, 2);

    for (unsigned i = 0; i < nr && nr <= MAX_ROWS && !b.failed; i++) {
        char *key = mig_get_text(&b), *value = mig_get_text(&b);

        if (b.failed || config_get(c, key)) {
            b.failed = true;
            g_free(key);
            g_free(value);
        } else {
            add_row(c, key, value);
        }
    }
    if (b.failed || nr > MAX_ROWS || b.p != b.end) {
        error_setg(errp, "configuration section: malformed");
        mig_config_free(c);
        return NULL;
    }
    return c;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* The devices of @a that @b lacks, at most three of them by name. */
static char *missing_lines(const char *a, const char *b)
{
    g_auto(GStrv) as = g_strsplit(a, "\n", 0);
    g_auto(GStrv) bs = g_strsplit(b, "\n", 0);
    GString *out = g_string_new(NULL);
    unsigned nr = 0;

    for (char **line = as; *line; line++) {
        if (**line && !g_strv_contains((const char *const *)bs, *line) && nr++ < 3) {
            g_string_append_printf(out, "%s'%.100s'", nr > 1 ? ", " : "", *line);
        }
    }
    if (nr > 3) {
        g_string_append_printf(out, " and %u more", nr - 3);
    }
    return g_string_free(out, FALSE);
}

static void explain_devices(const char *saved, const char *here, Error **errp)
{
    g_autofree char *only_saved = missing_lines(saved, here);
    g_autofree char *only_here = missing_lines(here, saved);

    if (!*only_saved && !*only_here) {
        error_setg(errp, "the devices of the saved state come in another order than in this VM");
    } else if (!*only_here) {
        error_setg(errp, "the saved state has devices that this VM lacks: %s", only_saved);
    } else if (!*only_saved) {
        error_setg(errp, "this VM has devices that the saved state lacks: %s", only_here);
    } else {
        error_setg(errp, "the saved state has devices that this VM lacks: %s; this VM has others: "
                   "%s", only_saved, only_here);
    }
    error_append_hint(errp, "Start the destination with the same -device options, in the same "
                      "order\n");
}

static void explain(const char *key, const char *saved, const char *here,
                    const MigrationMachineOps *ops, Error **errp)
{
    if (!strcmp(key, "machine")) {
        error_setg(errp, "Machine type received is '%.*s' and local is '%s'", SHOWN, saved, here);
        error_append_hint(errp, "Start the destination with the machine type of the source\n");
    } else if (!strcmp(key, "memory")) {
        error_setg(errp, "memory mismatch: the saved state has '%.*s', this VM has '%s'", SHOWN,
                   saved, here);
        error_append_hint(errp, "Start the destination with the -m of the source\n");
    } else if (!strcmp(key, "devices")) {
        explain_devices(saved, here, errp);
    } else if (!ops || !ops->explain || !ops->explain(key, saved, here, errp)) {
        error_setg(errp, "%s mismatch: the saved state has '%.*s', this VM has '%s'", key, SHOWN,
                   saved, here);
    }
}

static const char *or_default(const char *value, const char *key, const MigrationMachineOps *ops)
{
    return value || !ops || !ops->default_of ? value : ops->default_of(key);
}

/* One key, of which one of the values may be NULL. */
static bool compare_key(const char *key, const char *saved, const char *here,
                        const MigrationMachineOps *ops, Error **errp)
{
    saved = or_default(saved, key, ops);
    here = or_default(here, key, ops);
    if (!here) {
        error_setg(errp, "the saved state needs '%.*s', which this program does not know", SHOWN,
                   key);
        error_append_hint(errp, "Use the version of the program that saved it, or a newer one\n");
        return false;
    }
    if (!saved) {
        error_setg(errp, "the saved state does not say its '%s'", key);
        return false;
    }
    if (strcmp(saved, here)) {
        explain(key, saved, here, ops, errp);
        return false;
    }
    return true;
}

bool mig_config_compare(const MigConfig *saved, const MigConfig *here,
                        const MigrationMachineOps *ops, Error **errp)
{
    for (guint i = 0; i < here->rows->len; i++) {
        const ConfigRow *row = &g_array_index(here->rows, ConfigRow, i);

        if (!compare_key(row->key, config_get(saved, row->key), row->value, ops, errp)) {
            return false;
        }
    }
    for (guint i = 0; i < saved->rows->len; i++) {
        const ConfigRow *row = &g_array_index(saved->rows, ConfigRow, i);

        if (!config_get(here, row->key) &&
            !compare_key(row->key, row->value, NULL, ops, errp)) {
            return false;
        }
    }
    return true;
}
