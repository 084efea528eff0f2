/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of ACPI machine language (ACPI 6.5 chapter 20). Everything is appended; what encloses
 * other terms is a begin/end pair, and end fills in the package length. Pure, any thread.
 *
 *   size_t dev = aml_begin_device(a, "COM1");
 *   aml_name_eisaid(a, "_HID", "PNP0501");
 *   aml_end(a, dev);
 */
#ifndef HW_I386_AML_H
#define HW_I386_AML_H

#include "qemu/osdep.h"

typedef GByteArray Aml;

/* Raw table bytes, little endian. */
void aml_u8(Aml *a, uint8_t v);
void aml_u16(Aml *a, uint16_t v);
void aml_u32(Aml *a, uint32_t v);
void aml_u64(Aml *a, uint64_t v);
void aml_raw(Aml *a, const void *data, size_t len);
/* @text padded with @pad to @len bytes, cut when longer. */
void aml_chars(Aml *a, const char *text, size_t len, char pad);

/* A name string: "_SB", "\\_SB.PCI0", "^^LNKA". Segments shorter than four characters are
 * padded. */
void aml_namestring(Aml *a, const char *path);

/* Terms that enclose others. Pass what begin returns to aml_end(). */
size_t aml_begin_scope(Aml *a, const char *path);
size_t aml_begin_device(Aml *a, const char *name);
size_t aml_begin_method(Aml *a, const char *name, unsigned nr_args, bool serialized);
/* The predicate follows, then the body. */
size_t aml_begin_if(Aml *a);
size_t aml_begin_else(Aml *a);
size_t aml_begin_package(Aml *a, unsigned nr_elements);
void aml_end(Aml *a, size_t mark);

/* Data objects. */
void aml_int(Aml *a, uint64_t v); /* the shortest encoding */
void aml_string(Aml *a, const char *text);
/* "PNP0A08" as the compressed 32-bit id; the text is known to be well-formed. */
void aml_eisaid(Aml *a, const char *id);
void aml_buffer(Aml *a, const void *data, size_t len);
/* A UUID "01234567-89ab-cdef-0123-456789abcdef" as the 16-byte buffer of ToUUID(). */
void aml_uuid(Aml *a, const char *uuid);

/* Name(@name, ...); the data object follows for aml_name(). */
void aml_name(Aml *a, const char *name);
void aml_name_int(Aml *a, const char *name, uint64_t v);
void aml_name_string(Aml *a, const char *name, const char *text);
void aml_name_eisaid(Aml *a, const char *name, const char *id);

/* One-byte operators; operands follow. */
enum {
    AML_ARG0 = 0x68,
    AML_ARG1,
    AML_ARG2,
    AML_ARG3,
    AML_LOCAL0 = 0x60,
    AML_LOCAL1,
    AML_STORE = 0x70,  /* source, target */
    AML_AND = 0x7b,    /* a, b, target */
    AML_OR = 0x7d,     /* a, b, target */
    AML_LNOT = 0x92,
    AML_LEQUAL = 0x93, /* a, b */
    AML_RETURN = 0xa4,
    AML_NO_TARGET = 0x00,
};
void aml_op(Aml *a, uint8_t op);
/* CreateDWordField(@source argument, @offset, @name). */
void aml_create_dword_field(Aml *a, uint8_t source_op, unsigned offset, const char *name);
/* OperationRegion(@name, @space, @offset, @len); space 2: PCI configuration. */
void aml_region(Aml *a, const char *name, uint8_t space, unsigned offset, unsigned len);
/* Field(@region, ByteAcc, NoLock, Preserve) { ... }: units follow, then aml_end(). */
size_t aml_begin_field(Aml *a, const char *region);
/* @bits (below 64) of a field; @name NULL: they have no name. */
void aml_field_unit(Aml *a, const char *name, unsigned bits);
/* Method(@name) { Return (@value) }. */
void aml_method_return_int(Aml *a, const char *name, uint64_t value);

/* Resource templates (section 6.4): Name(@name, ResourceTemplate() { ... }). Fixed settings. */
size_t aml_begin_resources(Aml *a, const char *name);
void aml_end_resources(Aml *a, size_t mark);
void aml_res_io(Aml *a, uint16_t base, uint8_t len);          /* 16-bit decode */
void aml_res_irq(Aml *a, unsigned irq);                       /* edge, active high, exclusive */
/* Level-triggered, active high, shared; any of them. */
void aml_res_shared_irqs(Aml *a, const uint32_t *irqs, unsigned nr);
void aml_res_memory32(Aml *a, bool writable, uint32_t base, uint32_t len);
/* Windows a bridge produces; [min, max]. */
void aml_res_bus(Aml *a, uint16_t min, uint16_t max);
void aml_res_word_io(Aml *a, uint16_t min, uint16_t max);
void aml_res_dword_memory(Aml *a, bool cacheable, uint32_t min, uint32_t max);
void aml_res_qword_memory(Aml *a, bool cacheable, uint64_t min, uint64_t max);

#endif
