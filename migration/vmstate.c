/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saving, checking, loading and describing by VMStateDescription: see vmstate.h. */
#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"

/* ---- Bytes ----------------------------------------------------------------------------------- */

static void put_uint(GByteArray *out, uint64_t v, unsigned size)
{
    uint8_t buf[8];

    for (unsigned i = 0; i < size; i++) {
        buf[i] = v >> 8 * (size - 1 - i);
    }
    g_byte_array_append(out, buf, size);
}

/* Structures inside structures. */
#define MAX_DEPTH 12

/* What is left to read, and where it belongs, for messages. */
typedef struct Reader {
    const uint8_t *data;
    size_t len;
    Error **errp;
    struct {
        const char *name;
        int64_t index; /* -1: none */
    } path[MAX_DEPTH];
    unsigned depth;
} Reader;

static void enter(Reader *r, const char *name, int64_t index)
{
    assert(r->depth < MAX_DEPTH);
    r->path[r->depth].name = name;
    r->path[r->depth++].index = index;
}

static void leave(Reader *r)
{
    r->depth--;
}

/* "device/field[3]" and the message. */
static void G_GNUC_PRINTF(2, 3) bad(Reader *r, const char *fmt, ...)
{
    g_autoptr(GString) path = g_string_new(NULL);
    g_autofree char *text = NULL;
    va_list ap;

    for (unsigned i = 0; i < r->depth; i++) {
        g_string_append_printf(path, "%s%s", i ? "/" : "", r->path[i].name);
        if (r->path[i].index >= 0) {
            g_string_append_printf(path, "[%" PRId64 "]", r->path[i].index);
        }
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(r->errp, "%s%s", path->str, text);
}

static bool get_bytes(Reader *r, size_t n, const uint8_t **bytes)
{
    if (n > r->len) {
        bad(r, ": %zu bytes are missing", n - r->len);
        return false;
    }
    *bytes = r->data;
    r->data += n;
    r->len -= n;
    return true;
}

static bool get_uint(Reader *r, unsigned size, uint64_t *v)
{
    const uint8_t *b;

    if (!get_bytes(r, size, &b)) {
        return false;
    }
    *v = 0;
    for (unsigned i = 0; i < size; i++) {
        *v = *v << 8 | b[i];
    }
    return true;
}

/* ---- Members --------------------------------------------------------------------------------- */

static uint64_t load_member(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        return *(const uint64_t *)p;
    }
}

static void store_member(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1:
        *(uint8_t *)p = v;
        break;
    case 2:
        *(uint16_t *)p = v;
        break;
    case 4:
        *(uint32_t *)p = v;
        break;
    default:
        *(uint64_t *)p = v;
    }
}

static uint32_t buffer_len(const VMStateField *f, const void *opaque)
{
    return *(const uint32_t *)((const char *)opaque + f->len_offset);
}

static bool is_varray(const VMStateField *f)
{
    return f->kind == VMS_STRUCT && f->len_offset;
}

static uint32_t field_count(const VMStateField *f, const void *opaque)
{
    return is_varray(f) ? buffer_len(f, opaque) : f->count;
}

static void *buffer_of(const void *member)
{
    return *(void *const *)member;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static void save_fields(const VMStateDescription *vmsd, void *opaque, GByteArray *out);

static void save_list(const VMStateField *f, const GArray *list, GByteArray *out)
{
    put_uint(out, list ? list->len : 0, 4);
    for (guint i = 0; list && i < list->len; i++) {
        save_fields(f->sub, list->data + (size_t)i * f->size, out);
    }
}

static void save_element(const VMStateField *f, void *opaque, void *p, GByteArray *out)
{
    switch (f->kind) {
    case VMS_STRUCT:
        save_fields(f->sub, p, out);
        break;
    case VMS_POINTER:
        save_fields(f->sub, buffer_of(p), out);
        break;
    case VMS_LIST:
        save_list(f, buffer_of(p), out);
        break;
    case VMS_TIMER:
        put_uint(out, buffer_of(p) ? timer_expire_time_ns(buffer_of(p)) : -1, 8);
        break;
    case VMS_BYTES:
        g_byte_array_append(out, p, f->size);
        break;
    case VMS_BUFFER:
        put_uint(out, buffer_len(f, opaque), 4);
        g_byte_array_append(out, buffer_of(p), buffer_len(f, opaque));
        break;
    case VMS_BOOL:
        put_uint(out, *(bool *)p, 1);
        break;
    default:
        put_uint(out, load_member(p, f->size), f->size);
    }
}

static void save_fields(const VMStateDescription *vmsd, void *opaque, GByteArray *out)
{
    if (vmsd->pre_save) {
        vmsd->pre_save(opaque);
    }
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        if (is_varray(f)) {
            put_uint(out, field_count(f, opaque), 4);
        }
        for (uint32_t i = 0; i < field_count(f, opaque); i++) {
            save_element(f, opaque, (char *)opaque + f->offset + (size_t)i * f->size, out);
        }
    }
}

static void save_subsection(const VMStateDescription *sub, void *opaque, GByteArray *out)
{
    g_autoptr(GByteArray) content = g_byte_array_new();

    save_fields(sub, opaque, content);
    put_uint(out, strlen(sub->name), 1);
    g_byte_array_append(out, (const uint8_t *)sub->name, strlen(sub->name));
    put_uint(out, sub->version, 4);
    put_uint(out, content->len, 4);
    g_byte_array_append(out, content->data, content->len);
}

void vmstate_save(const VMStateDescription *vmsd, void *opaque, GByteArray *out)
{
    const VMStateDescription *const *sub;
    unsigned at;

    save_fields(vmsd, opaque, out);
    at = out->len;
    put_uint(out, 0, 1);
    for (sub = vmsd->subsections; sub && *sub; sub++) {
        if ((*sub)->needed(opaque)) {
            save_subsection(*sub, opaque, out);
            out->data[at]++;
        }
    }
}

/* ---- Checking and loading -------------------------------------------------------------------- */

/* What to do with the members: @apply false only looks; @copy: they are those of a copy. */
typedef struct Loader {
    Reader r;
    bool apply, copy;
} Loader;

static bool load_fields(Loader *l, const VMStateDescription *vmsd, void *opaque, uint32_t version);

static bool load_uint(Loader *l, const VMStateField *f, void *p)
{
    uint64_t v, max = f->kind == VMS_BOOL ? 1 : f->max ? f->max : UINT64_MAX;

    if (!get_uint(&l->r, f->kind == VMS_BOOL ? 1 : f->size, &v)) {
        return false;
    }
    if (f->kind != VMS_SINT && v > max) {
        bad(&l->r, ": %" PRIu64 " is more than %" PRIu64, v, max);
        return false;
    }
    if (l->apply) {
        store_member(p, f->size, v);
    }
    return true;
}

static bool load_bytes(Loader *l, const VMStateField *f, const void *opaque, void *p)
{
    uint64_t len = f->size;
    const uint8_t *bytes;
    Error *why = NULL;

    if (f->kind == VMS_BUFFER) {
        if (!get_uint(&l->r, 4, &len)) {
            return false;
        }
        if (len != buffer_len(f, opaque)) {
            bad(&l->r, ": %" PRIu64 " bytes, here it has %u", len, buffer_len(f, opaque));
            return false;
        }
        p = buffer_of(p);
    }
    if (!get_bytes(&l->r, len, &bytes)) {
        return false;
    }
    if (f->check && (!l->apply || l->copy) && !f->check(opaque, bytes, &why)) {
        bad(&l->r, "%s", error_get_pretty(why));
        error_free(why);
        return false;
    }
    if (l->apply && len) {
        memcpy(p, bytes, len);
    }
    return true;
}

/* The elements of a list are read one after the other into one of their size. */
static bool load_list(Loader *l, const VMStateField *f, GArray **list)
{
    g_autofree void *element = g_malloc0(f->size);
    uint64_t n;

    if (!get_uint(&l->r, 4, &n)) {
        return false;
    }
    if (n > f->max) {
        bad(&l->r, ": %" PRIu64 " elements, at most %" PRIu64 " can be", n, f->max);
        return false;
    }
    if (l->apply && *list) {
        g_array_set_size(*list, 0);
    } else if (l->apply) {
        *list = g_array_new(FALSE, TRUE, f->size);
    }
    for (uint64_t i = 0; i < n; i++) {
        l->r.path[l->r.depth - 1].index = (int64_t)i;
        memset(element, 0, f->size);
        if (!load_fields(l, f->sub, element, f->sub->version)) {
            return false;
        }
        if (l->apply) {
            g_array_append_vals(*list, element, 1);
        }
    }
    return true;
}

static bool load_timer(Loader *l, QEMUTimer *timer)
{
    uint64_t v;

    if (!get_uint(&l->r, 8, &v)) {
        return false;
    }
    if (v > INT64_MAX / 2 && v != UINT64_MAX) {
        bad(&l->r, ": a timer cannot fire at %" PRIu64 " ns", v);
        return false;
    }
    if (!timer && v != UINT64_MAX) {
        bad(&l->r, ": here there is no such timer");
        return false;
    }
    if (l->apply && !l->copy && timer) {
        if (v == UINT64_MAX) {
            timer_del(timer);
        } else {
            timer_mod_ns(timer, (int64_t)v);
        }
    }
    return true;
}

static bool load_element(Loader *l, const VMStateField *f, void *opaque, void *p)
{
    switch (f->kind) {
    case VMS_STRUCT:
        return load_fields(l, f->sub, p, f->sub->version);
    case VMS_POINTER:
        return load_fields(l, f->sub, buffer_of(p), f->sub->version);
    case VMS_LIST:
        return load_list(l, f, p);
    case VMS_TIMER:
        return load_timer(l, buffer_of(p));
    case VMS_BYTES:
    case VMS_BUFFER:
        return load_bytes(l, f, opaque, p);
    default:
        return load_uint(l, f, p);
    }
}

static bool load_field(Loader *l, const VMStateField *f, void *opaque)
{
    uint32_t count = field_count(f, opaque);
    uint64_t n;

    enter(&l->r, f->name, -1);
    if (is_varray(f)) {
        if (!get_uint(&l->r, 4, &n)) {
            return false;
        }
        if (n != count) {
            bad(&l->r, ": %" PRIu64 " elements, here it has %u", n, count);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        l->r.path[l->r.depth - 1].index = count > 1 ? (int64_t)i : -1;
        if (!load_element(l, f, opaque, (char *)opaque + f->offset + (size_t)i * f->size)) {
            return false;
        }
    }
    leave(&l->r);
    return true;
}

static bool load_fields(Loader *l, const VMStateDescription *vmsd, void *opaque, uint32_t version)
{
    if (l->apply && vmsd->pre_load) {
        vmsd->pre_load(opaque);
    }
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        if (f->since <= version && !load_field(l, f, opaque)) {
            return false;
        }
    }
    return !l->apply || !vmsd->post_load || vmsd->post_load(opaque, version, l->r.errp);
}

static bool version_is_known(Reader *r, const VMStateDescription *vmsd, uint32_t version)
{
    uint32_t minimum = MAX(vmsd->minimum, 1);

    if (version < minimum || version > vmsd->version) {
        bad(r, ": version %u is not supported (%u to %u are)", version, minimum,
            vmsd->version);
        return false;
    }
    return true;
}

static const VMStateDescription *subsection_find(const VMStateDescription *vmsd, const char *name)
{
    for (const VMStateDescription *const *s = vmsd->subsections; s && *s; s++) {
        if (!strcmp((*s)->name, name)) {
            return *s;
        }
    }
    return NULL;
}

/* The head of a subsection, and a loader for its content alone. */
static bool subsection_head(Loader *l, const VMStateDescription *vmsd, Loader *content,
                            const VMStateDescription **sub, uint32_t *version)
{
    g_autofree char *name = NULL, *printable = NULL;
    const uint8_t *bytes;
    uint64_t len, v;

    if (!get_uint(&l->r, 1, &len) || !get_bytes(&l->r, len, &bytes)) {
        return false;
    }
    name = g_strndup((const char *)bytes, len);
    *sub = subsection_find(vmsd, name);
    if (!*sub) {
        printable = g_strescape(name, NULL);
        bad(&l->r, ": unknown subsection '%s'", printable);
        return false;
    }
    enter(&l->r, (*sub)->name, -1);
    if (!get_uint(&l->r, 4, &v) || !version_is_known(&l->r, *sub, v) ||
        !get_uint(&l->r, 4, &len) || !get_bytes(&l->r, len, &bytes)) {
        return false;
    }
    *version = v;
    *content = *l;
    content->r.data = bytes;
    content->r.len = len;
    return true;
}

static bool is_at_end(Reader *r)
{
    if (r->len) {
        bad(r, ": %zu bytes too many", r->len);
    }
    return !r->len;
}

static bool load_subsections(Loader *l, const VMStateDescription *vmsd, void *opaque)
{
    uint64_t n;

    if (!get_uint(&l->r, 1, &n)) {
        return false;
    }
    while (n--) {
        const VMStateDescription *sub;
        uint32_t version;
        Loader content;

        if (!subsection_head(l, vmsd, &content, &sub, &version) ||
            !load_fields(&content, sub, opaque, version) || !is_at_end(&content.r)) {
            return false;
        }
        leave(&l->r);
    }
    return true;
}

static bool walk(const VMStateDescription *vmsd, void *opaque, uint32_t version,
                 const uint8_t *data, size_t len, bool apply, bool copy, Error **errp)
{
    Loader l = { .r = { .data = data, .len = len, .errp = errp }, .apply = apply, .copy = copy };

    enter(&l.r, vmsd->name, -1);
    return version_is_known(&l.r, vmsd, version) && load_fields(&l, vmsd, opaque, version) &&
           load_subsections(&l, vmsd, opaque) && is_at_end(&l.r);
}

bool vmstate_check(const VMStateDescription *vmsd, const void *opaque, uint32_t version,
                   const uint8_t *data, size_t len, Error **errp)
{
    return walk(vmsd, (void *)opaque, version, data, len, false, false, errp);
}

bool vmstate_load(const VMStateDescription *vmsd, void *opaque, uint32_t version,
                  const uint8_t *data, size_t len, Error **errp)
{
    return walk(vmsd, opaque, version, data, len, false, false, errp) &&
           walk(vmsd, opaque, version, data, len, true, false, errp);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

static void detach_fields(const VMStateDescription *vmsd, char *copy, GPtrArray *owned);

/* Replaces a pointer in a copy by one to a copy of what it points to. */
static void detach_field(const VMStateField *f, char *copy, GPtrArray *owned)
{
    char *member = copy + f->offset;
    void **pointer = (void **)(void *)member;

    if (f->kind == VMS_BUFFER) {
        *pointer = g_memdup2(*pointer, buffer_len(f, copy));
        g_ptr_array_add(owned, *pointer);
    } else if (f->kind == VMS_POINTER) {
        *pointer = g_memdup2(*pointer, f->size);
        g_ptr_array_add(owned, *pointer);
        detach_fields(f->sub, *pointer, owned);
    } else if (f->kind == VMS_LIST) {
        *pointer = NULL;
    } else if (f->kind == VMS_STRUCT) {
        for (uint32_t i = 0; i < field_count(f, copy); i++) {
            detach_fields(f->sub, member + (size_t)i * f->size, owned);
        }
    }
}

static void detach_fields(const VMStateDescription *vmsd, char *copy, GPtrArray *owned)
{
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        detach_field(f, copy, owned);
    }
    for (const VMStateDescription *const *s = vmsd->subsections; s && *s; s++) {
        detach_fields(*s, copy, owned);
    }
}

/* Lists that loading made in a copy. */
static void free_lists(const VMStateDescription *vmsd, char *copy)
{
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        char *member = copy + f->offset;

        if (f->kind == VMS_LIST && buffer_of(member)) {
            g_array_free(buffer_of(member), TRUE);
        } else if (f->kind == VMS_POINTER) {
            free_lists(f->sub, buffer_of(member));
        } else if (f->kind == VMS_STRUCT) {
            for (uint32_t i = 0; i < field_count(f, copy); i++) {
                free_lists(f->sub, member + (size_t)i * f->size);
            }
        }
    }
    for (const VMStateDescription *const *s = vmsd->subsections; s && *s; s++) {
        free_lists(*s, copy);
    }
}

bool vmstate_verify(const VMStateDescription *vmsd, const void *opaque, size_t bytes,
                    uint32_t version, const uint8_t *data, size_t len, Error **errp)
{
    g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
    char *copy;
    bool ok;

    copy = g_memdup2(opaque, bytes);
    g_ptr_array_add(owned, copy);
    detach_fields(vmsd, copy, owned);
    ok = walk(vmsd, copy, version, data, len, true, true, errp);
    free_lists(vmsd, copy);
    return ok;
}
