/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device state as tables: one row a field of a C structure. Saving, checking, loading, describing
 * are derived from the rows. Pure: bytes in memory, no I/O; the caller holds what protects the
 * structure (BQL, vCPUs stopped).
 *
 * Format of a description: its fields in order, integers big-endian in the width of their C type,
 * then the number of subsections (1 byte) and each of them: length of name (1), name, version (4),
 * length of content (4), content. A structure inside has fields only.
 *
 * Checking in full means loading into a copy: vmstate_verify() duplicates the structure and what
 * its buffers, lists and pointers hold, loads there, post_load included, and throws the copy away.
 * That is why post_load touches members and nothing else; effects outside are for `applied`.
 */
#ifndef MIGRATION_VMSTATE_H
#define MIGRATION_VMSTATE_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef struct VMStateDescription VMStateDescription;

typedef enum VMStateKind {
    VMS_END,
    VMS_UINT,   /* 1, 2, 4 or 8 bytes, 0 to max */
    VMS_SINT,   /* same, signed; max does not count */
    VMS_BOOL,   /* 1 byte, 0 or 1 */
    VMS_BYTES,  /* the array as it is */
    VMS_BUFFER, /* a pointer to as many bytes as the member at len_offset (uint32_t) says: a matter
                 * of configuration, the same at both ends */
    VMS_STRUCT, /* described by sub */
    VMS_POINTER, /* a pointer to one structure described by sub; size is that of the structure */
    VMS_LIST,   /* a GArray * of structures described by sub, at most max; size is an element's */
    VMS_TIMER,  /* a QEMUTimer *: when it fires, -1: it is not armed; NULL: not there */
} VMStateKind;

/* When a device's `applied` is called, in this order. */
typedef enum VMStateOrder {
    VMS_ORDER_INTC = -2, /* interrupt controllers */
    VMS_ORDER_BUS = -1,  /* host bridges */
    VMS_ORDER_DEVICE = 0,
    VMS_ORDER_CPU = 1,   /* vCPUs with their local APICs */
} VMStateOrder;

typedef struct VMStateField {
    const char *name;
    VMStateKind kind;
    uint32_t offset;
    uint32_t size;  /* of one element */
    uint32_t count; /* elements, one after the other */
    uint32_t since; /* version of the description that brought it */
    uint32_t len_offset; /* of a uint32_t: bytes of a buffer, elements of VMS_STRUCT; 0: count */
    uint64_t max; /* 0: what the type holds */
    const VMStateDescription *sub;
    /* VMS_BUFFER: whether @opaque, not changed yet, can take @bytes. Returns false with the rest of
     * the message, which follows "device/field". NULL: it can. */
    bool (*check)(const void *opaque, const uint8_t *bytes, Error **errp);
} VMStateField;

struct VMStateDescription {
    const char *name;
    uint32_t version; /* written; 1 or more */
    uint32_t minimum; /* oldest that can be loaded; 0: 1 */
    const VMStateField *fields;                   /* ends with VMSTATE_END; NULL: none */
    const VMStateDescription *const *subsections; /* ends with NULL; NULL: none */
    /* Of a subsection: whether it is written. Left out, the state is what pre_load made. */
    bool (*needed)(const void *opaque);
    /* Before saving: brings members up to date. */
    void (*pre_save)(void *opaque);
    /* Before loading: members that the stream may leave out get their default. */
    void (*pre_load)(void *opaque);
    /* After loading, also of a subsection: relations between members that the rows do not say, and
     * members that are derived from them. Changes nothing but members. */
    bool (*post_load)(void *opaque, uint32_t version, Error **errp);

    /* Of a device's own description only: */
    VMStateOrder order;
    /* Before any device is saved, in the order of `applied` from its end: fetches what lives
     * elsewhere (the accelerator), brings what is under way to rest. */
    bool (*prepare_save)(void *opaque, Error **errp);
    /* After the state of all devices has been loaded: makes it effective outside. Must leave
     * interrupt lines alone: the controllers have loaded their levels. */
    bool (*applied)(void *opaque, Error **errp);
};

#define VMS_MEMBER(S, f) .name = #f, .offset = offsetof(S, f)
#define VMS_SIZE(S, f) sizeof(((S *)NULL)->f)
#define VMSTATE_END { .kind = VMS_END }
#define VMSTATE_UINT_MAX(S, f, m)                                                                  \
    { VMS_MEMBER(S, f), .kind = VMS_UINT, .size = VMS_SIZE(S, f), .count = 1, .max = (m) }
#define VMSTATE_UINT(S, f) VMSTATE_UINT_MAX(S, f, 0)
#define VMSTATE_SINT(S, f)                                                                         \
    { VMS_MEMBER(S, f), .kind = VMS_SINT, .size = VMS_SIZE(S, f), .count = 1 }
#define VMSTATE_BOOL(S, f)                                                                         \
    { VMS_MEMBER(S, f), .kind = VMS_BOOL, .size = VMS_SIZE(S, f), .count = 1 }
#define VMSTATE_UINT_ARRAY_MAX(S, f, m)                                                            \
    { VMS_MEMBER(S, f), .kind = VMS_UINT, .size = VMS_SIZE(S, f[0]),                               \
      .count = G_N_ELEMENTS(((S *)NULL)->f), .max = (m) }
#define VMSTATE_UINT_ARRAY(S, f) VMSTATE_UINT_ARRAY_MAX(S, f, 0)
#define VMSTATE_SINT_ARRAY(S, f)                                                                   \
    { VMS_MEMBER(S, f), .kind = VMS_SINT, .size = VMS_SIZE(S, f[0]),                               \
      .count = G_N_ELEMENTS(((S *)NULL)->f) }
#define VMSTATE_BOOL_ARRAY(S, f)                                                                   \
    { VMS_MEMBER(S, f), .kind = VMS_BOOL, .size = VMS_SIZE(S, f[0]),                               \
      .count = G_N_ELEMENTS(((S *)NULL)->f) }
#define VMSTATE_BYTES(S, f)                                                                        \
    { VMS_MEMBER(S, f), .kind = VMS_BYTES, .size = VMS_SIZE(S, f), .count = 1 }
#define VMSTATE_BUFFER(S, f, len)                                                                  \
    { VMS_MEMBER(S, f), .kind = VMS_BUFFER, .size = 1, .count = 1,                                 \
      .len_offset = offsetof(S, len) + 0 * sizeof(VMS_IS_U32(S, len)) }
#define VMS_IS_U32(S, f) (&((S *)NULL)->f == (uint32_t *)NULL)
#define VMSTATE_STRUCT(S, f, vmsd)                                                                 \
    { VMS_MEMBER(S, f), .kind = VMS_STRUCT, .size = VMS_SIZE(S, f), .count = 1, .sub = (vmsd) }
/* As many elements of the array as the member @num (uint32_t) says, the same at both ends. */
#define VMSTATE_STRUCT_VARRAY(S, f, num, vmsd)                                                     \
    { VMS_MEMBER(S, f), .kind = VMS_STRUCT, .size = VMS_SIZE(S, f[0]), .sub = (vmsd),              \
      .len_offset = offsetof(S, num) + 0 * sizeof(VMS_IS_U32(S, num)) }
#define VMSTATE_POINTER(S, f, vmsd)                                                                \
    { VMS_MEMBER(S, f), .kind = VMS_POINTER, .size = VMS_SIZE(S, f[0]), .count = 1, .sub = (vmsd) }
#define VMSTATE_LIST(S, f, T, vmsd, m)                                                             \
    { VMS_MEMBER(S, f), .kind = VMS_LIST, .size = sizeof(T), .count = 1, .sub = (vmsd), .max = (m) }
#define VMSTATE_TIMER(S, f) { VMS_MEMBER(S, f), .kind = VMS_TIMER, .count = 1 }
#define VMSTATE_STRUCT_ARRAY(S, f, vmsd)                                                           \
    { VMS_MEMBER(S, f), .kind = VMS_STRUCT, .size = VMS_SIZE(S, f[0]),                             \
      .count = G_N_ELEMENTS(((S *)NULL)->f), .sub = (vmsd) }

/* Appends the state of @opaque. Calls pre_save. */
void vmstate_save(const VMStateDescription *vmsd, void *opaque, GByteArray *out);

/*
 * Whether @data could be loaded into @opaque (read for buffer lengths only): length, ranges,
 * versions, subsections. Errors name the member: "ioapic/rte[3]: ...". Nothing is changed.
 */
bool vmstate_check(const VMStateDescription *vmsd, const void *opaque, uint32_t version,
                   const uint8_t *data, size_t len, Error **errp);

/* Everything vmstate_load() could refuse, @opaque being @bytes long: also what post_load says. */
bool vmstate_verify(const VMStateDescription *vmsd, const void *opaque, size_t bytes,
                    uint32_t version, const uint8_t *data, size_t len, Error **errp);

/* vmstate_check(), then loads. False from the check: nothing has changed; from post_load: the
 * caller loads older state again. */
bool vmstate_load(const VMStateDescription *vmsd, void *opaque, uint32_t version,
                  const uint8_t *data, size_t len, Error **errp);

/* Appends one line a member, "NAME TYPE[COUNT] since VERSION max N", indented by level. */
void vmstate_describe(const VMStateDescription *vmsd, GString *out);
/* Appends the members of a JSON object in the form of -dump-vmstate's "Description", each line
 * indented by @indent. */
void vmstate_dump_json(const VMStateDescription *vmsd, unsigned indent, GString *out);
/* Appends a JSON array of the fields: {"name", "type", "size"} and, of structures, "struct". */
void vmstate_fields_json(const VMStateDescription *vmsd, GString *out);

#endif
