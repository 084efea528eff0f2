/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The migration stream: a header, then sections, each with its length and a checksum over its head
 * and content. docs/devel/migration-stream.rst has the layout. Pure: bytes go to a MigSink and come
 * from a MigSource, nothing is seeked. One thread a writer or reader.
 */
#ifndef MIGRATION_STREAM_H
#define MIGRATION_STREAM_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* Where bytes go. False with an error: all or nothing is not promised. */
typedef struct MigSink MigSink;
struct MigSink {
    bool (*write)(MigSink *s, const void *buf, size_t len, Error **errp);
};

/* Where bytes come from: exactly @len of them, or an error. */
typedef struct MigSource MigSource;
struct MigSource {
    bool (*read)(MigSource *s, void *buf, size_t len, Error **errp);
};

enum {
    MIG_STREAM_VERSION = 1,
    MIG_HEADER_BYTES = 16,
    MIG_SECTION_BYTES = 12, /* in front of each content */
};

/* Flags of the header. */
enum {
    MIG_FLAG_HAND_OVER = 1 << 0, /* the destination answers, and waits for the last word */
    MIG_FLAGS_KNOWN = MIG_FLAG_HAND_OVER,
};

typedef enum MigSectionType {
    MIG_CONFIG = 1,      /* what the two machines must have in common */
    MIG_RAM = 2,         /* some pages of one block */
    MIG_STATE = 3,       /* clock, run state */
    MIG_DEVICES = 4,     /* device_states_save() */
    MIG_DESCRIPTION = 5, /* JSON, for people */
    MIG_END = 6,         /* nothing is missing */
    /* Answers of the destination. */
    MIG_REFUSED = 7, /* a text: why */
    MIG_LOADED = 8,  /* everything is in place: the guest could run here */
    MIG_TAKEN = 9,   /* the guest belongs to the destination now */
    /* The source's last word: from here on it will not run the guest any more. */
    MIG_GO = 10,
    MIG_NR_TYPES,
} MigSectionType;

/* A RAM section has at most so many pages with content. */
enum { MIG_RAM_PAGES = 256, MIG_RAM_MAX_BYTES = MIG_RAM_PAGES * (4096 + 16) + 64 };

/* CRC-32C of @len bytes, continuing @crc (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

typedef struct MigWriter {
    MigSink *sink;
    uint64_t bytes;    /* written so far */
    uint32_t sections;
    int zstd_level;    /* of RAM sections; 0: not compressed */
    void *zstd;        /* its context */
    GByteArray *packed;
} MigWriter;

void mig_writer_init(MigWriter *w, MigSink *sink);
void mig_writer_fini(MigWriter *w);
bool mig_write_header(MigWriter *w, uint32_t flags, Error **errp);
/* A section whose content is @buf behind MIG_SECTION_BYTES that this fills: mig_section_new() makes
 * such a buffer. */
GByteArray *mig_section_new(void);
void mig_section_clear(GByteArray *buf);
bool mig_write_section(MigWriter *w, MigSectionType type, GByteArray *buf, Error **errp);
/* The same without content. */
bool mig_write_mark(MigWriter *w, MigSectionType type, Error **errp);

typedef struct MigReader {
    MigSource *source;
    uint64_t bytes;
    uint32_t sections;
    uint32_t flags;
    MigSectionType type; /* of the last section */
    GByteArray *content;
    GByteArray *packed;
} MigReader;

void mig_reader_init(MigReader *r, MigSource *source);
void mig_reader_fini(MigReader *r);
bool mig_read_header(MigReader *r, Error **errp);
/* The next section into r->type and r->content. Length, type and checksum are right then; memory is
 * bounded by what has arrived and by the limit of the type. */
bool mig_read_section(MigReader *r, Error **errp);
/* "RAM", "devices", ... */
const char *mig_section_name(MigSectionType type);

/* --- Reading contents: fails once, then stays failed --- */

typedef struct MigBuf {
    const uint8_t *p, *end;
    bool failed;
} MigBuf;

static inline MigBuf mig_buf(const GByteArray *a)
{
    return (MigBuf){ a->data, a->data + a->len, false };
}
/* NULL when there are not @len bytes left. */
const uint8_t *mig_get_bytes(MigBuf *b, size_t len);
uint64_t mig_get_be(MigBuf *b, unsigned bytes);
void mig_put_be(GByteArray *out, uint64_t value, unsigned bytes);
/* Text with a length of two bytes. To be freed; NULL when it is not valid UTF-8 or has a NUL. */
char *mig_get_text(MigBuf *b);
void mig_put_text(GByteArray *out, const char *text);

/* --- Memory as sink and source --- */

typedef struct MigMemSink {
    MigSink sink;
    GByteArray *out;
} MigMemSink;
typedef struct MigMemSource {
    MigSource source;
    const uint8_t *p;
    size_t len;
} MigMemSource;
MigMemSink mig_mem_sink(GByteArray *out);
MigMemSource mig_mem_source(const uint8_t *p, size_t len);

#endif
