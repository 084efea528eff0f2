/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header, sections, checksums of the migration stream (docs/devel/migration-stream.rst). Pure. */
#include "qemu/osdep.h"
#include "migration/savestate.h"
#include "migration/stream.h"

#include <zstd.h>

/* The first eight bytes: no text, and broken by whatever changes line ends or bit 7. */
static const uint8_t magic[8] = { 0x89, 'V', 'M', 'S', 'T', '\r', '\n', 0x1a };

enum { SECTION_PACKED = 1 }; /* flag: content is zstd, 4 bytes of length in front of it */

static const struct {
    const char *name;
    uint32_t max_bytes;
} types[MIG_NR_TYPES] = {
    [MIG_CONFIG] = { "configuration", 1 * MiB },
    [MIG_RAM] = { "RAM", MIG_RAM_MAX_BYTES },
    [MIG_STATE] = { "state", 4 * KiB },
    [MIG_DEVICES] = { "devices", DEVICE_STATES_MAX_BYTES },
    [MIG_DESCRIPTION] = { "description", 64 * MiB },
    [MIG_END] = { "end", 64 },
    [MIG_REFUSED] = { "refusal", 64 * KiB },
    [MIG_LOADED] = { "acknowledgement", 64 },
    [MIG_TAKEN] = { "taken", 64 },
    [MIG_GO] = { "hand-over", 64 },
};

const char *mig_section_name(MigSectionType type)
{
    return (unsigned)type < MIG_NR_TYPES && types[type].name ? types[type].name : "unknown";
}

/* ---- CRC-32C (polynomial 0x1edc6f41, reflected) ---------------------------------------------- */

static uint32_t crc32c_bits(uint32_t crc, const uint8_t *p, size_t len)
{
    while (len--) {
        crc ^= *p++;
        for (unsigned i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t c = crc;

    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v;

        memcpy(&v, p, 8);
        c = __builtin_ia32_crc32di(c, v);
    }
    for (; len; p++, len--) {
        c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    }
    return (uint32_t)c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse(~crc, buf, len);
    }
#endif
    return ~crc32c_bits(~crc, buf, len);
}

/* ---- Numbers and texts ----------------------------------------------------------------------- */

void mig_put_be(GByteArray *out, uint64_t value, unsigned bytes)
{
    uint8_t b[8];

    for (unsigned i = 0; i < bytes; i++) {
        b[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
    g_byte_array_append(out, b, bytes);
}

static void set_be32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> 8 * (3 - i));
    }
}

const uint8_t *mig_get_bytes(MigBuf *b, size_t len)
{
    const uint8_t *p = b->p;

    if (b->failed || (size_t)(b->end - b->p) < len) {
        b->failed = true;
        return NULL;
    }
    b->p += len;
    return p;
}

uint64_t mig_get_be(MigBuf *b, unsigned bytes)
{
    const uint8_t *p = mig_get_bytes(b, bytes);
    uint64_t v = 0;

    for (unsigned i = 0; p && i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

void mig_put_text(GByteArray *out, const char *text)
{
    size_t len = MIN(strlen(text), UINT16_MAX);

    mig_put_be(out, len, 2);
    g_byte_array_append(out, (const uint8_t *)text, (guint)len);
}

char *mig_get_text(MigBuf *b)
{
    size_t len = mig_get_be(b, 2);
    const uint8_t *p = mig_get_bytes(b, len);

    if (!p || !g_utf8_validate((const char *)p, (gssize)len, NULL)) {
        b->failed = true;
        return NULL;
    }
    return g_strndup((const char *)p, len);
}

/* ---- Writing --------------------------------------------------------------------------------- */

void mig_writer_init(MigWriter *w, MigSink *sink)
{
    *w = (MigWriter){ .sink = sink };
}

void mig_writer_fini(MigWriter *w)
{
    ZSTD_freeCCtx(w->zstd);
    w->zstd = NULL;
    g_clear_pointer(&w->packed, g_byte_array_unref);
}

static bool put(MigWriter *w, const void *buf, size_t len, Error **errp)
{
    w->bytes += len;
    return w->sink->write(w->sink, buf, len, errp);
}

bool mig_write_header(MigWriter *w, uint32_t flags, Error **errp)
{
    uint8_t b[MIG_HEADER_BYTES];

    memcpy(b, magic, sizeof(magic));
    set_be32(b + 8, MIG_STREAM_VERSION);
    set_be32(b + 12, flags);
    return put(w, b, sizeof(b), errp);
}

GByteArray *mig_section_new(void)
{
    GByteArray *a = g_byte_array_new();

    mig_section_clear(a);
    return a;
}

void mig_section_clear(GByteArray *buf)
{
    g_byte_array_set_size(buf, MIG_SECTION_BYTES);
}

/* The content of @buf compressed, when that makes it smaller. */
static GByteArray *pack(MigWriter *w, GByteArray *buf)
{
    size_t len = buf->len - MIG_SECTION_BYTES, room = ZSTD_compressBound(len), got;

    if (!w->zstd) {
        w->zstd = ZSTD_createCCtx();
        w->packed = g_byte_array_new();
    }
    g_byte_array_set_size(w->packed, (guint)(MIG_SECTION_BYTES + 4 + room));
    got = ZSTD_compressCCtx(w->zstd, w->packed->data + MIG_SECTION_BYTES + 4, room,
                            buf->data + MIG_SECTION_BYTES, len, w->zstd_level);
    if (ZSTD_isError(got) || got + 4 >= len) {
        return buf;
    }
    set_be32(w->packed->data + MIG_SECTION_BYTES, (uint32_t)len);
    g_byte_array_set_size(w->packed, (guint)(MIG_SECTION_BYTES + 4 + got));
    return w->packed;
}

bool mig_write_section(MigWriter *w, MigSectionType type, GByteArray *buf, Error **errp)
{
    GByteArray *a = w->zstd_level && type == MIG_RAM ? pack(w, buf) : buf;
    uint32_t len = a->len - MIG_SECTION_BYTES;

    assert(a->len >= MIG_SECTION_BYTES);
    if (buf->len - MIG_SECTION_BYTES > types[type].max_bytes) {
        error_setg(errp, "the %s section would be %u bytes long, more than %u",
                   mig_section_name(type), buf->len - MIG_SECTION_BYTES, types[type].max_bytes);
        return false;
    }
    a->data[0] = (uint8_t)type;
    a->data[1] = a == buf ? 0 : SECTION_PACKED;
    a->data[2] = a->data[3] = 0;
    set_be32(a->data + 4, len);
    set_be32(a->data + 8, crc32c(crc32c(0, a->data, 8), a->data + MIG_SECTION_BYTES, len));
    w->sections++;
    return put(w, a->data, a->len, errp);
}

bool mig_write_mark(MigWriter *w, MigSectionType type, Error **errp)
{
    g_autoptr(GByteArray) buf = mig_section_new();

    return mig_write_section(w, type, buf, errp);
}

/* ---- Reading --------------------------------------------------------------------------------- */

void mig_reader_init(MigReader *r, MigSource *source)
{
    *r = (MigReader){ .source = source, .content = g_byte_array_new(),
                      .packed = g_byte_array_new() };
}

void mig_reader_fini(MigReader *r)
{
    g_clear_pointer(&r->content, g_byte_array_unref);
    g_clear_pointer(&r->packed, g_byte_array_unref);
}

static bool get(MigReader *r, void *buf, size_t len, Error **errp)
{
    r->bytes += len;
    return r->source->read(r->source, buf, len, errp);
}

bool mig_read_header(MigReader *r, Error **errp)
{
    uint8_t b[MIG_HEADER_BYTES];
    MigBuf m = { b + sizeof(magic), b + sizeof(b), false };
    uint32_t version;

    if (!get(r, b, sizeof(b), errp)) {
        error_prepend(errp, "migration stream header: ");
        return false;
    }
    if (memcmp(b, magic, sizeof(magic))) {
        error_setg(errp, "Not a migration stream of this program");
        error_append_hint(errp, "Streams of QEMU and of other programs cannot be loaded\n");
        return false;
    }
    version = (uint32_t)mig_get_be(&m, 4);
    r->flags = (uint32_t)mig_get_be(&m, 4);
    if (version != MIG_STREAM_VERSION || r->flags & ~MIG_FLAGS_KNOWN) {
        error_setg(errp, "Unsupported migration stream version %u, flags 0x%x", version, r->flags);
        error_append_hint(errp, "This program reads version %d: use a newer one\n",
                          MIG_STREAM_VERSION);
        return false;
    }
    return true;
}

/* Memory grows with what arrives, not with what is announced. */
static bool get_content(MigReader *r, GByteArray *to, size_t len, Error **errp)
{
    enum { STEP = 1 * MiB };

    g_byte_array_set_size(to, 0);
    while (to->len < len) {
        guint at = to->len;
        size_t n = MIN(len - at, STEP);

        g_byte_array_set_size(to, (guint)(at + n));
        if (!get(r, to->data + at, n, errp)) {
            return false;
        }
    }
    return true;
}

static bool unpack(MigReader *r, Error **errp)
{
    MigBuf b = mig_buf(r->packed);
    size_t len = mig_get_be(&b, 4), got;

    if (b.failed || len > types[r->type].max_bytes) {
        error_setg(errp, "%s section: bad length of compressed content",
                   mig_section_name(r->type));
        return false;
    }
    g_byte_array_set_size(r->content, (guint)len);
    got = ZSTD_decompress(r->content->data, len, b.p, (size_t)(b.end - b.p));
    if (ZSTD_isError(got) || got != len) {
        error_setg(errp, "%s section: bad compressed content", mig_section_name(r->type));
        return false;
    }
    return true;
}

static bool check_head(const uint8_t *head, uint32_t len, Error **errp)
{
    if (head[0] == 0 || head[0] >= MIG_NR_TYPES || head[1] & ~SECTION_PACKED || head[2] ||
        head[3]) {
        error_setg(errp, "Unknown section in the migration stream: type %u, flags 0x%x", head[0],
                   head[1]);
        return false;
    }
    if (len > types[head[0]].max_bytes) {
        error_setg(errp, "%s section: %u bytes, more than %u", mig_section_name(head[0]), len,
                   types[head[0]].max_bytes);
        return false;
    }
    return true;
}

bool mig_read_section(MigReader *r, Error **errp)
{
    uint8_t head[MIG_SECTION_BYTES];
    MigBuf b = { head + 4, head + sizeof(head), false };
    GByteArray *to;
    uint32_t len, crc;

    if (!get(r, head, sizeof(head), errp)) {
        return false;
    }
    len = (uint32_t)mig_get_be(&b, 4);
    crc = (uint32_t)mig_get_be(&b, 4);
    if (!check_head(head, len, errp)) {
        return false;
    }
    r->type = head[0];
    to = head[1] & SECTION_PACKED ? r->packed : r->content;
    if (!get_content(r, to, len, errp)) {
        error_prepend(errp, "%s section: ", mig_section_name(r->type));
        return false;
    }
    if (crc32c(crc32c(0, head, 8), to->data, len) != crc) {
        error_setg(errp, "%s section: checksum error, the migration stream is damaged",
                   mig_section_name(r->type));
        return false;
    }
    r->sections++;
    return to == r->content || unpack(r, errp);
}

/* ---- Memory as sink and source --------------------------------------------------------------- */

static bool mem_write(MigSink *s, const void *buf, size_t len, Error **errp)
{
    g_byte_array_append(((MigMemSink *)s)->out, buf, (guint)len);
    return true;
}

static bool mem_read(MigSource *s, void *buf, size_t len, Error **errp)
{
    MigMemSource *m = (MigMemSource *)s;

    if (len > m->len) {
        error_setg(errp, "unexpected end of the migration stream");
        return false;
    }
    memcpy(buf, m->p, len);
    m->p += len;
    m->len -= len;
    return true;
}

MigMemSink mig_mem_sink(GByteArray *out)
{
    return (MigMemSink){ { mem_write }, out };
}

MigMemSource mig_mem_source(const uint8_t *p, size_t len)
{
    return (MigMemSource){ { mem_read }, p, len };
}
