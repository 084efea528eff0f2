/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptions of state as text and as JSON: see vmstate.h. */
#include "qemu/osdep.h"
#include "migration/vmstate.h"

/* ---- Describing ------------------------------------------------------------------------------ */

static const char *const kind_names[] = {
    [VMS_UINT] = "uint", [VMS_SINT] = "int",       [VMS_BOOL] = "bool",
    [VMS_BYTES] = "bytes", [VMS_BUFFER] = "buffer", [VMS_STRUCT] = "struct",
    [VMS_POINTER] = "struct", [VMS_LIST] = "list", [VMS_TIMER] = "timer",
};

static void describe(const VMStateDescription *vmsd, unsigned indent, GString *out)
{
    g_string_append_printf(out, "%*s%s version %u minimum %u\n", indent, "", vmsd->name,
                           vmsd->version, MAX(vmsd->minimum, 1));
    indent += 2;
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        g_string_append_printf(out, "%*s%s %s", indent, "", f->name, kind_names[f->kind]);
        if (f->kind == VMS_UINT || f->kind == VMS_SINT) {
            g_string_append_printf(out, "%u", f->size * 8);
        } else if (f->kind == VMS_BYTES) {
            g_string_append_printf(out, "[%u]", f->size);
        }
        if (f->count > 1) {
            g_string_append_printf(out, "[%u]", f->count);
        }
        if (f->max) {
            g_string_append_printf(out, " max %" PRIu64, f->max);
        }
        if (f->since > 1) {
            g_string_append_printf(out, " since %u", f->since);
        }
        g_string_append_c(out, '\n');
        if (f->sub) {
            describe(f->sub, indent + 2, out);
        }
    }
    for (const VMStateDescription *const *s = vmsd->subsections; s && *s; s++) {
        g_string_append_printf(out, "%*ssubsection\n", indent, "");
        describe(*s, indent + 2, out);
    }
}

void vmstate_describe(const VMStateDescription *vmsd, GString *out)
{
    describe(vmsd, 0, out);
}

/* ---- -dump-vmstate --------------------------------------------------------------------------- */

/* Bytes of one element in C, as QEMU's files say. */
static unsigned field_size(const VMStateField *f)
{
    return f->kind == VMS_TIMER || f->kind == VMS_BUFFER ? sizeof(void *) : f->size;
}

static void dump_field(const VMStateField *f, unsigned indent, GString *out)
{
    g_string_append_printf(out, "%*s{\n%*s\"field\": \"%s\",\n%*s\"version_id\": %u,\n", indent, "",
                           indent + 2, "", f->name, indent + 2, "", f->since > 1 ? f->since : 0);
    g_string_append_printf(out, "%*s\"field_exists\": false,\n%*s\"size\": %u", indent + 2, "",
                           indent + 2, "", field_size(f));
    if (f->sub) {
        g_string_append_printf(out, ",\n%*s\"Description\": {\n", indent + 2, "");
        vmstate_dump_json(f->sub, indent + 4, out);
        g_string_append_printf(out, "%*s}", indent + 2, "");
    }
    g_string_append_printf(out, "\n%*s}", indent, "");
}

void vmstate_dump_json(const VMStateDescription *vmsd, unsigned indent, GString *out)
{
    const char *comma = "";

    g_string_append_printf(out, "%*s\"name\": \"%s\",\n%*s\"version_id\": %u,\n", indent, "",
                           vmsd->name, indent, "", vmsd->version);
    g_string_append_printf(out, "%*s\"minimum_version_id\": %u", indent, "",
                           MAX(vmsd->minimum, 1));
    if (vmsd->fields) {
        g_string_append_printf(out, ",\n%*s\"Fields\": [\n", indent, "");
        for (const VMStateField *f = vmsd->fields; f->kind; f++) {
            g_string_append(out, comma);
            dump_field(f, indent + 2, out);
            comma = ",\n";
        }
        g_string_append_printf(out, "\n%*s]", indent, "");
    }
    if (vmsd->subsections) {
        g_string_append_printf(out, ",\n%*s\"Subsections\": [\n", indent, "");
        for (const VMStateDescription *const *s = vmsd->subsections; *s; s++) {
            g_string_append_printf(out, "%*s{\n", indent + 2, "");
            vmstate_dump_json(*s, indent + 4, out);
            g_string_append_printf(out, "%*s}%s\n", indent + 2, "", s[1] ? "," : "");
        }
        g_string_append_printf(out, "%*s]", indent, "");
    }
    g_string_append_c(out, '\n');
}

/* ---- The description in a stream ------------------------------------------------------------- */

void vmstate_fields_json(const VMStateDescription *vmsd, GString *out)
{
    g_string_append_c(out, '[');
    for (const VMStateField *f = vmsd->fields; f && f->kind; f++) {
        g_string_append_printf(out, "%s{\"name\": \"%s\", \"type\": \"%s\", \"size\": %u",
                               f == vmsd->fields ? "" : ", ", f->name, kind_names[f->kind],
                               f->kind == VMS_TIMER ? 8 : f->size);
        if (f->count > 1) {
            g_string_append_printf(out, ", \"array_len\": %u", f->count);
        }
        if (f->sub) {
            g_string_append(out, ", \"struct\": ");
            vmstate_fields_json(f->sub, out);
        }
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}
