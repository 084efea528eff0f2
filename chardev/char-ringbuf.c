/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chardev that remembers the last bytes written, for ringbuf-read. BQL. */
#include "qemu/osdep.h"
#include "char-internal.h"

#define RINGBUF_DEFAULT_BYTES 65536
#define RINGBUF_MAX_BYTES     (1u << 30)

typedef struct RingbufChardev {
    Chardev chr;
    uint8_t *data;
    uint32_t size;       /* power of two */
    uint32_t prod, cons; /* free running; modulo size */
} RingbufChardev;

static bool ringbuf_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    RingbufChardev *s = (RingbufChardev *)chr;
    uint64_t size = RINGBUF_DEFAULT_BYTES;

    if (!keyval_get_size(kv, "size", 1, &size, errp)) {
        return false;
    }
    if (!is_power_of_2(size) || size > RINGBUF_MAX_BYTES) {
        error_setg(errp, "size of ringbuf chardev must be power of two");
        return false;
    }
    s->data = g_try_malloc(size);
    if (!s->data) {
        error_setg(errp, "cannot allocate %" PRIu64 " bytes for ringbuf chardev", size);
        return false;
    }
    s->size = (uint32_t)size;
    chr->open = true;
    return true;
}

static ssize_t ringbuf_put(Chardev *chr, const uint8_t *buf, size_t len)
{
    RingbufChardev *s = (RingbufChardev *)chr;

    for (size_t i = 0; i < len; i++) {
        s->data[s->prod++ & (s->size - 1)] = buf[i];
        if (s->prod - s->cons > s->size) {
            s->cons = s->prod - s->size;
        }
    }
    return (ssize_t)len;
}

static void ringbuf_close(Chardev *chr)
{
    g_free(((RingbufChardev *)chr)->data);
}

const ChardevClass chardev_ringbuf = {
    .name = "ringbuf",
    .size = sizeof(RingbufChardev),
    .open = ringbuf_open,
    .write = ringbuf_put,
    .close = ringbuf_close,
};

static RingbufChardev *find_ringbuf(const char *id, Error **errp)
{
    Chardev *chr = chardev_find(id);

    if (!chr) {
        error_setg(errp, "Device '%s' not found", id);
        return NULL;
    }
    if (chr->cls != &chardev_ringbuf) {
        error_setg(errp, "%s is not a ringbuf device", id);
        return NULL;
    }
    return (RingbufChardev *)chr;
}

bool chardev_ringbuf_write(const char *id, const uint8_t *buf, size_t len, Error **errp)
{
    RingbufChardev *s = find_ringbuf(id, errp);

    return s && ringbuf_put(&s->chr, buf, len) >= 0;
}

bool chardev_ringbuf_read(const char *id, uint8_t *buf, size_t len, size_t *got, Error **errp)
{
    RingbufChardev *s = find_ringbuf(id, errp);

    if (!s) {
        return false;
    }
    for (*got = 0; *got < len && s->cons != s->prod; ++*got) {
        buf[*got] = s->data[s->cons++ & (s->size - 1)];
    }
    return true;
}

size_t chardev_ringbuf_count(const char *id)
{
    RingbufChardev *s = find_ringbuf(id, NULL);

    return s ? s->prod - s->cons : 0;
}
