/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of all devices in one buffer, see savestate.h. Main thread, BQL, machine stopped.
 *
 * Integers are big-endian: number of devices (4), then for each: length of name (1), name, instance
 * (4), version of its description (4), length (4), what vmstate_save() wrote.
 *
 * A device is known by the name of its description behind the path of the bus it is on
 * ("0000:00:03.0/virtio-blk"), and by an instance number among those of the same name.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "migration/savestate.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"

#define MAX_NAME_BYTES 255

/* Something with state: a device, or what belongs to the machine as a whole. */
typedef struct Entry {
    char *name;
    uint32_t instance;
    const VMStateDescription *vmsd;
    void *opaque;
    size_t bytes; /* of the structure at opaque */
    /* Where its state is in the buffer that is being loaded. */
    bool found;
    uint32_t version;
    const uint8_t *data;
    size_t len;
} Entry;

typedef struct ClockState {
    int64_t virtual_ns;
} ClockState;

typedef struct Registry {
    GArray *entries; /* of Entry, in order of `applied` */
    ClockState clock;
} Registry;

/* ---- Guest time ------------------------------------------------------------------------------ */

static bool clock_applied(void *opaque, Error **errp)
{
    qemu_clock_set_virtual_ns(((ClockState *)opaque)->virtual_ns);
    return true;
}

static const VMStateField clock_fields[] = {
    VMSTATE_UINT_MAX(ClockState, virtual_ns, INT64_MAX / 4), VMSTATE_END,
};
static const VMStateDescription vmstate_clock = {
    "timer", .version = 1, .fields = clock_fields, .order = VMS_ORDER_INTC,
    .applied = clock_applied,
};

/* ---- The devices of the machine -------------------------------------------------------------- */

static const Entry *entry_at(const Registry *r, guint i)
{
    return &g_array_index(r->entries, Entry, i);
}

static void add_entry(Registry *r, char *name, const VMStateDescription *vmsd, void *opaque,
                      size_t bytes)
{
    Entry e = { .name = name, .vmsd = vmsd, .opaque = opaque, .bytes = bytes };

    for (guint i = 0; i < r->entries->len; i++) {
        e.instance += !strcmp(entry_at(r, i)->name, name);
    }
    g_array_append_val(r->entries, e);
}

/* "0000:00:03.0/NAME" for what hangs on a bus with addresses, else NAME. */
static char *device_name(const DeviceState *dev, const char *name)
{
    for (const DeviceState *d = dev; d && d->bus; d = d->bus->parent) {
        if (d->bus->dev_path) {
            g_autofree char *path = d->bus->dev_path(d);

            return g_strconcat(path, "/", name, NULL);
        }
    }
    return g_strdup(name);
}

static void add_device(void *opaque, DeviceState *dev)
{
    const VMStateDescription *vmsd = device_type(dev)->migration.vmsd;

    if (vmsd) {
        add_entry(opaque, device_name(dev, vmsd->name), vmsd, dev,
                  dev->object.type->instance_size);
    }
}

static void clear_entry(gpointer entry)
{
    g_free(((Entry *)entry)->name);
}

/* By order; those of the same order as they were realized. */
static void sort_entries(Registry *r)
{
    GArray *sorted = g_array_new(FALSE, FALSE, sizeof(Entry));

    for (int order = VMS_ORDER_INTC; order <= VMS_ORDER_CPU; order++) {
        for (guint i = 0; i < r->entries->len; i++) {
            if ((int)entry_at(r, i)->vmsd->order == order) {
                g_array_append_val(sorted, *entry_at(r, i));
            }
        }
    }
    g_array_free(r->entries, TRUE);
    r->entries = sorted;
    g_array_set_clear_func(r->entries, clear_entry);
}

static Registry *registry_new(void)
{
    Registry *r = g_new0(Registry, 1);
    const AccelOps *accel = current_machine->accel;
    size_t bytes;

    r->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    r->clock.virtual_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    add_entry(r, g_strdup(vmstate_clock.name), &vmstate_clock, &r->clock, sizeof(r->clock));
    if (accel && accel->vmsd) {
        void *opaque = accel->vm_state(current_machine, &bytes);

        add_entry(r, g_strdup(accel->vmsd->name), accel->vmsd, opaque, bytes);
    }
    qdev_foreach(add_device, r);
    sort_entries(r);
    return r;
}

static void registry_free(Registry *r)
{
    g_array_free(r->entries, TRUE);
    g_free(r);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registry, registry_free)

/* ---- What can be saved ----------------------------------------------------------------------- */

static void add_reason(void *opaque, DeviceState *dev)
{
    const MigrationAnswer *answer = &device_type(dev)->migration;

    if (!answer->vmsd && !answer->no_state) {
        g_autofree char *name = device_name(dev, dev->object.type->name);

        g_ptr_array_add(opaque, g_strdup_printf("State blocked by non-migratable device '%s': %s",
                                                name, answer->blocked ? answer->blocked
                                                                      : "it has no state table"));
    }
}

bool device_states_migratable(GPtrArray *reasons, Error **errp)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    qdev_foreach(add_reason, all);
    if (!all->len) {
        return true;
    }
    error_setg(errp, "%s", (const char *)g_ptr_array_index(all, 0));
    for (guint i = 0; reasons && i < all->len; i++) {
        g_ptr_array_add(reasons, g_strdup(g_ptr_array_index(all, i)));
    }
    return false;
}

static char *entry_label(const Entry *e)
{
    return e->instance ? g_strdup_printf("%s %u", e->name, e->instance) : g_strdup(e->name);
}

void device_states_list(GPtrArray *names)
{
    g_autoptr(Registry) r = registry_new();

    for (guint i = 0; i < r->entries->len; i++) {
        g_ptr_array_add(names, entry_label(entry_at(r, i)));
    }
}

void device_states_describe(GString *json)
{
    g_autoptr(Registry) r = registry_new();

    g_string_append_c(json, '[');
    for (guint i = 0; i < r->entries->len; i++) {
        const Entry *e = entry_at(r, i);

        g_string_append_printf(json, "%s{\"name\": \"%s\", \"instance_id\": %u, \"vmsd_name\": "
                               "\"%s\", \"version\": %u, \"fields\": ", i ? ", " : "", e->name,
                               e->instance, e->vmsd->name, e->vmsd->version);
        vmstate_fields_json(e->vmsd, json);
        g_string_append_c(json, '}');
    }
    g_string_append_c(json, ']');
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static void put_u32(GByteArray *out, uint32_t v)
{
    uint32_t be = GUINT32_TO_BE(v);

    g_byte_array_append(out, (const guint8 *)&be, sizeof(be));
}

/* vCPUs first: what the I/O APIC saves depends on their local APICs. */
static bool prepare(const Registry *r, Error **errp)
{
    for (guint i = r->entries->len; i-- > 0;) {
        const Entry *e = entry_at(r, i);

        if (e->vmsd->prepare_save && !e->vmsd->prepare_save(e->opaque, errp)) {
            g_autofree char *label = entry_label(e);

            error_prepend(errp, "%s: ", label);
            return false;
        }
    }
    return true;
}

void device_states_settle(void)
{
    g_autoptr(Registry) r = registry_new();
    Error *err = NULL;

    if (!prepare(r, &err)) {
        error_report_err(err);
    }
}

static void save_entry(const Entry *e, GByteArray *out)
{
    guint8 name_len = (guint8)strlen(e->name);
    guint at;

    g_byte_array_append(out, &name_len, 1);
    g_byte_array_append(out, (const guint8 *)e->name, name_len);
    put_u32(out, e->instance);
    put_u32(out, e->vmsd->version);
    at = out->len;
    put_u32(out, 0);
    vmstate_save(e->vmsd, e->opaque, out);
    {
        uint32_t len = GUINT32_TO_BE(out->len - at - 4);

        memcpy(out->data + at, &len, sizeof(len));
    }
}

bool device_states_save(GByteArray *out, Error **errp)
{
    g_autoptr(Registry) r = registry_new();

    if (!device_states_migratable(NULL, errp) || !prepare(r, errp)) {
        return false;
    }
    put_u32(out, r->entries->len);
    for (guint i = 0; i < r->entries->len; i++) {
        assert(strlen(entry_at(r, i)->name) <= MAX_NAME_BYTES);
        save_entry(entry_at(r, i), out);
    }
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct Cursor {
    const uint8_t *data;
    size_t len;
} Cursor;

static bool take(Cursor *c, size_t n, const uint8_t **bytes, Error **errp)
{
    if (n > c->len) {
        error_setg(errp, "device states: %zu bytes are missing", n - c->len);
        return false;
    }
    *bytes = c->data;
    c->data += n;
    c->len -= n;
    return true;
}

static bool take_u32(Cursor *c, uint32_t *v, Error **errp)
{
    const uint8_t *b;

    if (!take(c, 4, &b, errp)) {
        return false;
    }
    *v = (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    return true;
}

static Entry *find_entry(Registry *r, const char *name, uint32_t instance)
{
    for (guint i = 0; i < r->entries->len; i++) {
        Entry *e = &g_array_index(r->entries, Entry, i);

        if (e->instance == instance && !strcmp(e->name, name)) {
            return e;
        }
    }
    return NULL;
}

/* One device of the buffer: finds whose it is. */
static bool read_record(Registry *r, Cursor *c, Error **errp)
{
    g_autofree char *name = NULL, *printable = NULL;
    uint32_t instance, version, len;
    const uint8_t *name_len, *bytes;
    Entry *e;

    if (!take(c, 1, &name_len, errp) || !take(c, *name_len, &bytes, errp)) {
        return false;
    }
    name = g_strndup((const char *)bytes, *name_len);
    if (!take_u32(c, &instance, errp) || !take_u32(c, &version, errp) ||
        !take_u32(c, &len, errp) || !take(c, len, &bytes, errp)) {
        return false;
    }
    printable = g_strescape(name, NULL);
    e = strlen(name) == *name_len ? find_entry(r, name, instance) : NULL;
    if (!e) {
        error_setg(errp, "Unknown section or instance '%s' %u. Make sure that your current VM "
                         "setup matches your saved VM setup, including any hotplugged devices",
                   printable, instance);
        return false;
    }
    if (e->found) {
        error_setg(errp, "%s: the state of instance %u is there twice", printable, instance);
        return false;
    }
    e->found = true;
    e->version = version;
    e->data = bytes;
    e->len = len;
    return true;
}

/* Finds the state of every device in the buffer, each once. */
static bool read_records(Registry *r, const uint8_t *buf, size_t len, Error **errp)
{
    Cursor c = { buf, len };
    uint32_t n;

    if (!take_u32(&c, &n, errp)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!read_record(r, &c, errp)) {
            return false;
        }
    }
    if (c.len) {
        error_setg(errp, "device states: %zu bytes too many", c.len);
        return false;
    }
    for (guint i = 0; i < r->entries->len; i++) {
        if (!entry_at(r, i)->found) {
            g_autofree char *label = entry_label(entry_at(r, i));

            error_setg(errp, "%s: its state is not in the stream", label);
            return false;
        }
    }
    return true;
}

/* Messages of descriptions begin with their names: what stands before it in the device's name. */
static void prepend_place(const Entry *e, Error **errp)
{
    size_t place = strlen(e->name) - strlen(e->vmsd->name);

    if (place) {
        error_prepend(errp, "%.*s", (int)place, e->name);
    }
}

static bool verify(const Registry *r, Error **errp)
{
    for (guint i = 0; i < r->entries->len; i++) {
        const Entry *e = entry_at(r, i);

        if (!vmstate_verify(e->vmsd, e->opaque, e->bytes, e->version, e->data, e->len, errp)) {
            prepend_place(e, errp);
            return false;
        }
    }
    return true;
}

bool device_states_check(const uint8_t *buf, size_t len, Error **errp)
{
    g_autoptr(Registry) r = registry_new();

    return read_records(r, buf, len, errp) && verify(r, errp);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static bool load_members(const Registry *r, Error **errp)
{
    for (guint i = 0; i < r->entries->len; i++) {
        const Entry *e = entry_at(r, i);

        if (!vmstate_load(e->vmsd, e->opaque, e->version, e->data, e->len, errp)) {
            prepend_place(e, errp);
            return false;
        }
    }
    return true;
}

static bool apply_order(const Registry *r, bool cpus, Error **errp)
{
    for (guint i = 0; i < r->entries->len; i++) {
        const Entry *e = entry_at(r, i);

        if ((e->vmsd->order == VMS_ORDER_CPU) == cpus && e->vmsd->applied &&
            !e->vmsd->applied(e->opaque, errp)) {
            g_autofree char *label = entry_label(e);

            error_prepend(errp, "%s: ", label);
            return false;
        }
    }
    return true;
}

/* The memory map changes once, before the vCPUs get their registers. */
static bool apply(const Registry *r, Error **errp)
{
    bool ok;

    memory_region_transaction_begin();
    ok = load_members(r, errp) && apply_order(r, false, errp);
    memory_region_transaction_commit();
    return ok && apply_order(r, true, errp);
}

static void put_back(const GByteArray *old)
{
    g_autoptr(Registry) r = registry_new();
    Error *err = NULL;

    if (!read_records(r, old->data, old->len, &err) || !apply(r, &err)) {
        error_prepend(&err, "the state before the load could not be put back: ");
        error_report_err(err);
    }
}

bool device_states_load(const uint8_t *buf, size_t len, Error **errp)
{
    g_autoptr(Registry) r = registry_new();
    g_autoptr(GByteArray) old = g_byte_array_new();

    if (!read_records(r, buf, len, errp) || !verify(r, errp) || !device_states_save(old, errp)) {
        return false;
    }
    if (!apply(r, errp)) {
        put_back(old);
        return false;
    }
    return true;
}
