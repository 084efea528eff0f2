/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about character devices. Main loop, BQL. */
#include "qemu/osdep.h"
#include "chardev/char.h"
#include "qapi/qapi-commands.h"

static void add_chardev(void *opaque, const char *id, const char *description,
                        bool frontend_open)
{
    ChardevInfo *info = ChardevInfoList_append(opaque);

    info->label = g_strdup(id);
    info->filename = g_strdup(description);
    info->frontend_open = frontend_open;
}

bool qmp_query_chardev(ChardevInfoList **ret, Error **errp)
{
    *ret = g_new0(ChardevInfoList, 1);
    chardev_foreach(add_chardev, *ret);
    return true;
}

static void add_backend(void *opaque, const char *name)
{
    ChardevBackendInfoList_append(opaque)->name = g_strdup(name);
}

bool qmp_query_chardev_backends(ChardevBackendInfoList **ret, Error **errp)
{
    *ret = g_new0(ChardevBackendInfoList, 1);
    chardev_foreach_backend(add_backend, *ret);
    return true;
}

static bool is_base64(bool has_format, DataFormat format)
{
    return has_format && format == DATA_FORMAT_BASE64;
}

bool qmp_ringbuf_write(const RingbufWriteArgs *args, Error **errp)
{
    if (is_base64(args->has_format, args->format)) {
        gsize len;
        g_autofree guchar *data = g_base64_decode(args->data, &len);

        return chardev_ringbuf_write(args->device, data, len, errp);
    }
    return chardev_ringbuf_write(args->device, (const uint8_t *)args->data, strlen(args->data),
                                 errp);
}

bool qmp_ringbuf_read(const RingbufReadArgs *args, char **ret, Error **errp)
{
    g_autofree uint8_t *data = NULL;
    size_t len;

    if (!chardev_ringbuf_read(args->device, NULL, 0, &len, errp)) {
        return false;
    }
    if (args->size <= 0) {
        error_setg(errp, "size must be greater than zero");
        return false;
    }
    len = MIN((size_t)args->size, chardev_ringbuf_count(args->device));
    data = g_malloc(len + 1);
    if (!chardev_ringbuf_read(args->device, data, len, &len, errp)) {
        return false;
    }
    if (is_base64(args->has_format, args->format)) {
        *ret = g_base64_encode(data, len);
    } else {
        *ret = g_utf8_make_valid((const char *)data, (gssize)len);
    }
    return true;
}
