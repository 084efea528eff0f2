/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device state as tables: one row a field of a C structure. Saving, checking, loading, describing
 * are derived from the rows. Pure: bytes in memory, no I/O; the caller holds what protects the
 * structure (BQL, vCPUs stopped).
 *
 * Format of a description: its fields in order, integers big-endian in the width of their C type,
 * then the number of subsections (1 byte) and each of them: length of name (1), name, version (4),
 * length of content (4), content. A structure inside has fields only.
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
} VMStateKind;

typedef struct VMStateField {
    const char *name;
    VMStateKind kind;
    uint32_t offset;
    uint32_t size;  /* of one element */
    uint32_t count; /* elements, one after the other */
    uint32_t since; /* version of the description that brought it */
    uint32_t len_offset;
    uint64_t max; /* 0: what the type holds */
    const VMStateDescription *sub;
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
     * what is derived from them. On false the caller loads the old state again. */
    bool (*post_load)(void *opaque, uint32_t version, Error **errp);
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

/* vmstate_check(), then loads. False from the check: nothing has changed; from post_load: the
 * caller loads older state again. */
bool vmstate_load(const VMStateDescription *vmsd, void *opaque, uint32_t version,
                  const uint8_t *data, size_t len, Error **errp);

/* Appends one line a member, "NAME TYPE[COUNT] since VERSION max N", indented by level: for
 * -dump-vmstate and its goldens. */
void vmstate_describe(const VMStateDescription *vmsd, GString *out);

#endif
