/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writer of ACPI machine language (ACPI 6.5 chapter 20 and section 6.4). Pure, any thread. */
#include "qemu/osdep.h"
#include "hw/i386/aml.h"

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e,
    OP_MULTI_NAME = 0x2f,
    OP_EXT = 0x5b,
    OP_EXT_REGION = 0x80,
    OP_EXT_FIELD = 0x81,
    OP_EXT_DEVICE = 0x82,
    OP_CREATE_DWORD_FIELD = 0x8a,
    OP_IF = 0xa0,
    OP_ELSE = 0xa1,
};

void aml_raw(Aml *a, const void *data, size_t len)
{
    g_byte_array_append(a, data, (guint)len);
}

static void put_le(Aml *a, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        aml_u8(a, (uint8_t)(v >> (8 * i)));
    }
}

void aml_u8(Aml *a, uint8_t v)
{
    aml_raw(a, &v, 1);
}

void aml_u16(Aml *a, uint16_t v)
{
    put_le(a, v, 2);
}

void aml_u32(Aml *a, uint32_t v)
{
    put_le(a, v, 4);
}

void aml_u64(Aml *a, uint64_t v)
{
    put_le(a, v, 8);
}

void aml_chars(Aml *a, const char *text, size_t len, char pad)
{
    for (size_t i = 0; i < len; i++) {
        char c = *text ? *text++ : pad;

        aml_u8(a, (uint8_t)c);
    }
}

/* Names (20.2.2) */

void aml_namestring(Aml *a, const char *path)
{
    g_auto(GStrv) segs = NULL;
    guint nr;

    for (; *path == '\\' || *path == '^'; path++) {
        aml_u8(a, (uint8_t)*path);
    }
    segs = g_strsplit(path, ".", -1);
    nr = g_strv_length(segs);
    assert(nr < 256);
    if (nr == 0) {
        aml_u8(a, 0);
    } else if (nr == 2) {
        aml_u8(a, OP_DUAL_NAME);
    } else if (nr > 2) {
        aml_u8(a, OP_MULTI_NAME);
        aml_u8(a, (uint8_t)nr);
    }
    for (guint i = 0; i < nr; i++) {
        assert(strlen(segs[i]) <= 4);
        aml_chars(a, segs[i], 4, '_');
    }
}

/* Package lengths (20.2.4) */

void aml_end(Aml *a, size_t mark)
{
    size_t body = a->len - mark;
    unsigned bytes = body + 1 < 1u << 6 ? 1 : body + 2 < 1u << 12 ? 2 : body + 3 < 1u << 20 ? 3 : 4;
    size_t len = body + bytes;
    uint8_t enc[4];

    assert(len < 1u << 28);
    if (bytes == 1) {
        enc[0] = (uint8_t)len;
    } else {
        enc[0] = (uint8_t)((bytes - 1) << 6 | (len & 0xf));
        for (unsigned i = 1; i < bytes; i++) {
            enc[i] = (uint8_t)(len >> (8 * i - 4));
        }
    }
    g_byte_array_set_size(a, a->len + bytes);
    memmove(a->data + mark + bytes, a->data + mark, body);
    memcpy(a->data + mark, enc, bytes);
}

size_t aml_begin_scope(Aml *a, const char *path)
{
    size_t mark;

    aml_u8(a, OP_SCOPE);
    mark = a->len;
    aml_namestring(a, path);
    return mark;
}

size_t aml_begin_device(Aml *a, const char *name)
{
    size_t mark;

    aml_u8(a, OP_EXT);
    aml_u8(a, OP_EXT_DEVICE);
    mark = a->len;
    aml_namestring(a, name);
    return mark;
}

size_t aml_begin_method(Aml *a, const char *name, unsigned nr_args, bool serialized)
{
    size_t mark;

    aml_u8(a, OP_METHOD);
    mark = a->len;
    aml_namestring(a, name);
    aml_u8(a, (uint8_t)(nr_args | (serialized ? 8 : 0)));
    return mark;
}

size_t aml_begin_if(Aml *a)
{
    aml_u8(a, OP_IF);
    return a->len;
}

size_t aml_begin_else(Aml *a)
{
    aml_u8(a, OP_ELSE);
    return a->len;
}

size_t aml_begin_package(Aml *a, unsigned nr_elements)
{
    size_t mark;

    assert(nr_elements < 256);
    aml_u8(a, OP_PACKAGE);
    mark = a->len;
    aml_u8(a, (uint8_t)nr_elements);
    return mark;
}

/* Data objects (20.2.3) */

void aml_int(Aml *a, uint64_t v)
{
    if (v <= 1) {
        aml_u8(a, v ? OP_ONE : OP_ZERO);
    } else if (v <= UINT8_MAX) {
        aml_u8(a, OP_BYTE);
        aml_u8(a, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        aml_u8(a, OP_WORD);
        aml_u16(a, (uint16_t)v);
    } else if (v <= UINT32_MAX) {
        aml_u8(a, OP_DWORD);
        aml_u32(a, (uint32_t)v);
    } else {
        aml_u8(a, OP_QWORD);
        aml_u64(a, v);
    }
}

void aml_string(Aml *a, const char *text)
{
    aml_u8(a, OP_STRING);
    aml_raw(a, text, strlen(text) + 1);
}

void aml_eisaid(Aml *a, const char *id)
{
    uint32_t v = (uint32_t)(id[0] - 0x40) << 26 | (uint32_t)(id[1] - 0x40) << 21 |
                 (uint32_t)(id[2] - 0x40) << 16;

    assert(strlen(id) == 7);
    for (unsigned i = 3; i < 7; i++) {
        v |= (uint32_t)g_ascii_xdigit_value(id[i]) << (4 * (6 - i));
    }
    aml_u8(a, OP_DWORD);
    aml_u32(a, GUINT32_SWAP_LE_BE(v));
}

static size_t begin_buffer(Aml *a)
{
    aml_u8(a, OP_BUFFER);
    return a->len;
}

void aml_buffer(Aml *a, const void *data, size_t len)
{
    size_t mark = begin_buffer(a);

    aml_int(a, len);
    aml_raw(a, data, len);
    aml_end(a, mark);
}

void aml_uuid(Aml *a, const char *uuid)
{
    /* Where each byte of the buffer stands in the text: ToUUID() in section 19.6.142. */
    static const uint8_t pos[16] = { 6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34 };
    uint8_t bytes[16];

    assert(strlen(uuid) == 36);
    for (unsigned i = 0; i < 16; i++) {
        bytes[i] = (uint8_t)(g_ascii_xdigit_value(uuid[pos[i]]) << 4 |
                             g_ascii_xdigit_value(uuid[pos[i] + 1]));
    }
    aml_buffer(a, bytes, sizeof(bytes));
}

void aml_name(Aml *a, const char *name)
{
    aml_u8(a, OP_NAME);
    aml_namestring(a, name);
}

void aml_name_int(Aml *a, const char *name, uint64_t v)
{
    aml_name(a, name);
    aml_int(a, v);
}

void aml_name_string(Aml *a, const char *name, const char *text)
{
    aml_name(a, name);
    aml_string(a, text);
}

void aml_name_eisaid(Aml *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisaid(a, id);
}

void aml_op(Aml *a, uint8_t op)
{
    aml_u8(a, op);
}

void aml_create_dword_field(Aml *a, uint8_t source_op, unsigned offset, const char *name)
{
    aml_u8(a, OP_CREATE_DWORD_FIELD);
    aml_op(a, source_op);
    aml_int(a, offset);
    aml_namestring(a, name);
}

void aml_region(Aml *a, const char *name, uint8_t space, unsigned offset, unsigned len)
{
    aml_u8(a, OP_EXT);
    aml_u8(a, OP_EXT_REGION);
    aml_namestring(a, name);
    aml_u8(a, space);
    aml_int(a, offset);
    aml_int(a, len);
}

size_t aml_begin_field(Aml *a, const char *region)
{
    size_t mark;

    aml_u8(a, OP_EXT);
    aml_u8(a, OP_EXT_FIELD);
    mark = a->len;
    aml_namestring(a, region);
    aml_u8(a, 1); /* byte access, no lock, preserve */
    return mark;
}

void aml_field_unit(Aml *a, const char *name, unsigned bits)
{
    assert(bits < 64);
    if (name) {
        aml_chars(a, name, 4, '_');
    } else {
        aml_u8(a, 0);
    }
    aml_u8(a, (uint8_t)bits);
}

void aml_method_return_int(Aml *a, const char *name, uint64_t value)
{
    size_t mark = aml_begin_method(a, name, 0, false);

    aml_op(a, AML_RETURN);
    aml_int(a, value);
    aml_end(a, mark);
}

/* Resource descriptors (6.4) */

enum {
    RES_IRQ = 0x22,      /* small, 2 bytes: edge, active high */
    RES_IO = 0x47,       /* small, 7 bytes */
    RES_END = 0x79,      /* small, 1 byte */
    RES_MEMORY32 = 0x86, /* 32-bit fixed */
    RES_DWORD = 0x87,
    RES_INTERRUPT = 0x89,
    RES_WORD = 0x88,
    RES_QWORD = 0x8a,

    SPACE_MEMORY = 0,
    SPACE_IO = 1,
    SPACE_BUS = 2,

    SPACE_FIXED = 0x0c,  /* minimum and maximum are fixed; the device produces it */
    IO_ENTIRE = 0x03,    /* ISA and non-ISA ranges */
    MEMORY_RW = 0x01,
    MEMORY_CACHEABLE = 0x02,
};

/* Buffer(size) { descriptors }: the size is filled in at the end, always as a word. */
size_t aml_begin_resources(Aml *a, const char *name)
{
    size_t mark;

    aml_name(a, name);
    mark = begin_buffer(a);
    aml_u8(a, OP_WORD);
    aml_u16(a, 0);
    return mark;
}

void aml_end_resources(Aml *a, size_t mark)
{
    size_t len;

    aml_u8(a, RES_END);
    aml_u8(a, 0); /* checksum: none */
    len = a->len - mark - 3;
    assert(len <= UINT16_MAX);
    a->data[mark + 1] = (uint8_t)len;
    a->data[mark + 2] = (uint8_t)(len >> 8);
    aml_end(a, mark);
}

void aml_res_io(Aml *a, uint16_t base, uint8_t len)
{
    aml_u8(a, RES_IO);
    aml_u8(a, 1); /* decodes 16 bits */
    aml_u16(a, base);
    aml_u16(a, base);
    aml_u8(a, 1); /* alignment */
    aml_u8(a, len);
}

void aml_res_irq(Aml *a, unsigned irq)
{
    assert(irq < 16);
    aml_u8(a, RES_IRQ);
    aml_u16(a, (uint16_t)(1u << irq));
}

void aml_res_shared_irqs(Aml *a, const uint32_t *irqs, unsigned nr)
{
    aml_u8(a, RES_INTERRUPT);
    aml_u16(a, (uint16_t)(2 + 4 * nr));
    aml_u8(a, 0x09); /* consumer, level, active high, shared */
    aml_u8(a, (uint8_t)nr);
    for (unsigned i = 0; i < nr; i++) {
        aml_u32(a, irqs[i]);
    }
}

void aml_res_memory32(Aml *a, bool writable, uint32_t base, uint32_t len)
{
    aml_u8(a, RES_MEMORY32);
    aml_u16(a, 9);
    aml_u8(a, writable);
    aml_u32(a, base);
    aml_u32(a, len);
}

/* An address space descriptor with fields of @bytes: granularity, minimum, maximum, offset,
 * length. */
static void res_space(Aml *a, uint8_t tag, unsigned bytes, uint8_t space, uint8_t flags,
                      uint64_t min, uint64_t max)
{
    aml_u8(a, tag);
    aml_u16(a, (uint16_t)(3 + 5 * bytes));
    aml_u8(a, space);
    aml_u8(a, SPACE_FIXED);
    aml_u8(a, flags);
    put_le(a, 0, bytes);
    put_le(a, min, bytes);
    put_le(a, max, bytes);
    put_le(a, 0, bytes);
    put_le(a, max - min + 1, bytes);
}

void aml_res_bus(Aml *a, uint16_t min, uint16_t max)
{
    res_space(a, RES_WORD, 2, SPACE_BUS, 0, min, max);
}

void aml_res_word_io(Aml *a, uint16_t min, uint16_t max)
{
    res_space(a, RES_WORD, 2, SPACE_IO, IO_ENTIRE, min, max);
}

static uint8_t memory_flags(bool cacheable)
{
    return MEMORY_RW | (cacheable ? MEMORY_CACHEABLE : 0);
}

void aml_res_dword_memory(Aml *a, bool cacheable, uint32_t min, uint32_t max)
{
    res_space(a, RES_DWORD, 4, SPACE_MEMORY, memory_flags(cacheable), min, max);
}

void aml_res_qword_memory(Aml *a, bool cacheable, uint64_t min, uint64_t max)
{
    res_space(a, RES_QWORD, 8, SPACE_MEMORY, memory_flags(cacheable), min, max);
}
