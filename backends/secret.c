/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret: passwords and keys, as text or from a file. Nothing uses them yet: they are read and
 * checked, because libvirt gives one to every domain. BQL. */
#include "qemu/osdep.h"
#include "backends/secret.h"

#define SECRET_MAX_BYTES (1 * MiB)

typedef struct Secret {
    Object parent;
    int format;
    char *data, *file, *keyid, *iv;
    GBytes *value;
} Secret;

enum { SECRET_RAW, SECRET_BASE64 };

static const char *const secret_formats[] = { "raw", "base64", NULL };

static const Property secret_props[] = {
    DEFINE_PROP(PROP_STRING, Secret, data, "data"),
    DEFINE_PROP(PROP_STRING, Secret, file, "file"),
    DEFINE_PROP(PROP_ENUM, Secret, format, "format", .enum_names = secret_formats,
                .enum_type = "QCryptoSecretFormat"),
    DEFINE_PROP(PROP_STRING, Secret, iv, "iv"),
    DEFINE_PROP(PROP_STRING, Secret, keyid, "keyid"),
    DEFINE_PROP_END,
};

/* At most SECRET_MAX_BYTES; a longer or endless file is an error. */
static GBytes *read_secret_file(const char *path, Error **errp)
{
    FILE *f = fopen(path, "re");
    g_autofree char *buf = NULL;
    size_t len;

    if (!f) {
        error_setg_errno(errp, errno, "Unable to read %s", path);
        return NULL;
    }
    buf = g_malloc(SECRET_MAX_BYTES + 1);
    len = fread(buf, 1, SECRET_MAX_BYTES + 1, f);
    if (ferror(f) || len > SECRET_MAX_BYTES) {
        error_setg(errp, "Unable to read %s: %s", path,
                   ferror(f) ? "input/output error" : "a secret has at most 1 MiB");
        fclose(f);
        return NULL;
    }
    fclose(f);
    return g_bytes_new_take(g_steal_pointer(&buf), len);
}

static bool decode_base64(Secret *s, Error **errp)
{
    gsize len = g_bytes_get_size(s->value);
    g_autofree char *text = g_strndup(len ? g_bytes_get_data(s->value, NULL) : "", len);

    g_strstrip(text);
    if (strlen(text) % 4 ||
        text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")]) {
        error_setg(errp, "Base64 data contains invalid characters");
        return false;
    }
    if (*text) {
        g_base64_decode_inplace(text, &len);
    } else {
        len = 0;
    }
    g_bytes_unref(s->value);
    s->value = g_bytes_new(text, len);
    return true;
}

static bool secret_complete(Object *obj, Error **errp)
{
    Secret *s = (Secret *)obj;

    if (s->keyid || s->iv) {
        error_setg(errp, "secret '%s': encrypted secrets (keyid, iv) are not supported",
                   s->keyid ? s->keyid : s->iv);
        return false;
    }
    if (s->data && s->file) {
        error_setg(errp, "'file' and 'data' are mutually exclusive");
        return false;
    }
    if (!s->data && !s->file) {
        error_setg(errp, "Either 'file' or 'data' must be provided");
        return false;
    }
    s->value = s->file ? read_secret_file(s->file, errp) : g_bytes_new(s->data, strlen(s->data));
    return s->value && (s->format == SECRET_RAW || decode_base64(s, errp));
}

static void secret_finalize(Object *obj)
{
    g_clear_pointer(&((Secret *)obj)->value, g_bytes_unref);
}

const ObjectType type_secret = {
    .name = "secret",
    .instance_size = sizeof(Secret),
    .props = secret_props,
    .instance_finalize = secret_finalize,
    .user_creatable = true,
    .complete = secret_complete,
};
