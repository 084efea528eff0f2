/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: registry, front ends and output queues. BQL; front ends and sources run in the
 * main loop, chardev_write() in any thread that holds the lock.
 *
 *   front end --chardev_write()--> queue --> out_fd
 *   front end <--read()-- [mux] <-- in_fd
 */
#include "qemu/osdep.h"
#include "char-internal.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>

static GPtrArray *chardevs; /* of Chardev, in order of creation; freed by chardev_cleanup() */

static const ChardevClass *const classes[] = {
    &chardev_file, &chardev_null, &chardev_pipe, &chardev_pty,
    &chardev_ringbuf, &chardev_socket, &chardev_stdio, &chardev_vc,
};

/* --- Front ends ------------------------------------------------------------------------------ */

static ChardevFrontEnd *focused(Chardev *chr)
{
    return &chr->fe[chr->mux.focus];
}

static void send_event(const ChardevFrontEnd *fe, ChardevEvent event)
{
    if (fe->handlers && fe->handlers->event) {
        fe->handlers->event(fe->opaque, event);
    }
}

void chardev_event_all(Chardev *chr, ChardevEvent event)
{
    for (unsigned i = 0; i < CHARDEV_MAX_FRONTENDS; i++) {
        send_event(&chr->fe[i], event);
    }
}

void chardev_event_focus(Chardev *chr, ChardevEvent event)
{
    send_event(focused(chr), event);
}

void chardev_set_open(Chardev *chr, bool open)
{
    if (chr->open == open) {
        return;
    }
    chr->open = open;
    if (open) {
        chardev_pump_update(chr);
    } else {
        chardev_pump_stop(chr);
    }
    chardev_event_all(chr, open ? CHR_EVENT_OPENED : CHR_EVENT_CLOSED);
}

int chardev_can_read(Chardev *chr)
{
    const ChardevFrontEnd *fe = focused(chr);
    int room = fe->handlers && fe->handlers->can_read ? fe->handlers->can_read(fe->opaque) : 0;

    return CLAMP(room, 0, CHARDEV_READ_BYTES);
}

void chardev_deliver(Chardev *chr, const uint8_t *buf, int len)
{
    const ChardevFrontEnd *fe = focused(chr);

    if (len > 0 && fe->handlers && fe->handlers->read) {
        fe->handlers->read(fe->opaque, buf, len);
    }
}

static void release_front_end(Chardev *chr, void *opaque)
{
    for (unsigned i = 0; i < CHARDEV_MAX_FRONTENDS; i++) {
        if (chr->fe[i].opaque == opaque) {
            chr->fe[i] = (ChardevFrontEnd){ NULL, NULL };
        }
    }
    chardev_pump_update(chr);
}

bool chardev_set_handlers(Chardev *chr, const ChardevHandlers *h, void *opaque, Error **errp)
{
    unsigned slots = chr->mux.enabled ? CHARDEV_MAX_FRONTENDS : 1;

    if (!h) {
        release_front_end(chr, opaque);
        return true;
    }
    for (unsigned i = 0; i < slots; i++) {
        if (!chr->fe[i].handlers) {
            chr->fe[i] = (ChardevFrontEnd){ h, opaque };
            if (chr->open) {
                send_event(&chr->fe[i], CHR_EVENT_OPENED);
            }
            if (chr->mux.enabled) {
                chardev_mux_focus(chr, i);
            }
            chardev_pump_update(chr);
            return true;
        }
    }
    error_setg(errp, "Device '%s' is in use", chr->id);
    return false;
}

bool chardev_is_mux(const Chardev *chr)
{
    return chr->mux.enabled;
}

void chardev_accept_input(Chardev *chr)
{
    chardev_pump_update(chr);
}

/* --- Input ----------------------------------------------------------------------------------- */

static void hang_up(Chardev *chr)
{
    if (chr->cls->hangup) {
        chr->cls->hangup(chr);
        return;
    }
    /* What is still queued may reach a reader of the output side. */
    g_clear_handle_id(&chr->in_tag, g_source_remove);
    chr->in_fd = -1;
    chardev_event_all(chr, CHR_EVENT_CLOSED);
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    uint8_t buf[CHARDEV_READ_BYTES];
    Chardev *chr = opaque;
    int room = chardev_can_read(chr);
    ssize_t n;

    if (room <= 0) {
        chr->in_tag = 0; /* chardev_accept_input() starts again */
        return G_SOURCE_REMOVE;
    }
    n = chr->cls->read ? chr->cls->read(chr, buf, room) : read(fd, buf, room);
    if (n > 0) {
        if (chr->mux.enabled) {
            n = chardev_mux_filter(chr, buf, (int)n);
        }
        chardev_deliver(chr, buf, (int)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(chr);
    }
    /* The handlers may have stopped this source, or stopped and started another. */
    return g_source_is_destroyed(g_main_current_source()) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void chardev_pump_update(Chardev *chr)
{
    bool want = chr->open && chr->in_fd >= 0 && focused(chr)->handlers && chardev_can_read(chr) > 0;

    if (want && !chr->in_tag) {
        chr->in_tag = g_unix_fd_add(chr->in_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, input_ready, chr);
    }
}

/* --- Output ---------------------------------------------------------------------------------- */

size_t chardev_write_pending(const Chardev *chr)
{
    return chr->queue->len - chr->queue_head;
}

void chardev_pump_stop(Chardev *chr)
{
    g_clear_handle_id(&chr->in_tag, g_source_remove);
    g_clear_handle_id(&chr->out_tag, g_source_remove);
    g_byte_array_set_size(chr->queue, 0);
    chr->queue_head = 0;
}

static gboolean call_drain(gpointer opaque)
{
    Chardev *chr = opaque;

    chr->drain_tag = 0;
    if (chr->drain_cb && chardev_write_pending(chr) == 0) {
        chr->drain_cb(chr->drain_opaque);
    }
    return G_SOURCE_REMOVE;
}

/* The callback comes from the main loop, not from inside a write. */
static void note_drained(Chardev *chr)
{
    g_byte_array_set_size(chr->queue, 0);
    chr->queue_head = 0;
    if (chr->drain_cb && !chr->drain_tag) {
        chr->drain_tag = g_idle_add_full(G_PRIORITY_DEFAULT, call_drain, chr, NULL);
    }
}

static ssize_t write_some(Chardev *chr, const uint8_t *buf, size_t len)
{
    ssize_t n;

    do {
        n = chr->cls->write ? chr->cls->write(chr, buf, len) : write(chr->out_fd, buf, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Writes what the peer takes now. False: the peer is gone. */
static bool flush_queue(Chardev *chr)
{
    while (chardev_write_pending(chr)) {
        ssize_t n = write_some(chr, chr->queue->data + chr->queue_head,
                               chardev_write_pending(chr));

        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        chr->queue_head += n;
        /* Keep the memory near what is waiting. */
        if (chr->queue_head > 64 * KiB) {
            g_byte_array_remove_range(chr->queue, 0, chr->queue_head);
            chr->queue_head = 0;
        }
    }
    note_drained(chr);
    return true;
}

static gboolean output_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    Chardev *chr = opaque;

    if (!flush_queue(chr)) {
        chardev_pump_stop(chr);
        if (chr->cls->hangup) {
            chr->cls->hangup(chr);
        } else {
            chr->out_fd = -1; /* nobody reads any more; input may go on */
            note_drained(chr);
            chardev_pump_update(chr);
        }
    } else if (chardev_write_pending(chr) == 0) {
        chr->out_tag = 0;
        return G_SOURCE_REMOVE;
    }
    return g_source_is_destroyed(g_main_current_source()) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void chardev_enqueue(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (len == 0 || !chr->open || (chr->out_fd < 0 && !chr->cls->write)) {
        return;
    }
    if (chardev_write_pending(chr) == 0) {
        ssize_t n = write_some(chr, buf, len);

        if (n < 0 && errno != EAGAIN) {
            n = 0; /* the watch finds out again, from the main loop */
        }
        n = MAX(n, 0);
        buf += n;
        len -= n;
    }
    if (len == 0) {
        note_drained(chr);
        return;
    }
    g_byte_array_append(chr->queue, buf, (guint)len);
    if (!chr->out_tag && chr->out_fd >= 0) {
        chr->out_tag = g_unix_fd_add(chr->out_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, output_ready,
                                     chr);
    }
}

static void log_output(Chardev *chr, const uint8_t *buf, size_t len)
{
    ssize_t ret;

    if (chr->log_fd >= 0) {
        ret = write(chr->log_fd, buf, len);
        (void)ret; /* a full disk must not stop the guest */
    }
}

void chardev_write_all(Chardev *chr, const uint8_t *buf, size_t len)
{
    log_output(chr, buf, len);
    if (chr->mux.timestamps) {
        chardev_mux_output(chr, buf, len);
    } else {
        chardev_enqueue(chr, buf, len);
    }
}

int chardev_write(Chardev *chr, const uint8_t *buf, int len)
{
    size_t pending = chardev_write_pending(chr);
    size_t room = pending < CHARDEV_MAX_QUEUE_BYTES ? CHARDEV_MAX_QUEUE_BYTES - pending : 0;
    int accepted = (int)MIN((size_t)MAX(len, 0), room);

    chardev_write_all(chr, buf, accepted);
    return accepted;
}

void chardev_set_drain_cb(Chardev *chr, void (*cb)(void *opaque), void *opaque)
{
    chr->drain_cb = cb;
    chr->drain_opaque = opaque;
}

int chardev_private_out_fd(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int fresh = -1;

    if (isatty(fd) || lseek(fd, 0, SEEK_CUR) < 0) {
        fresh = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    return fresh >= 0 ? fresh : fd;
}

/* --- Life cycle ------------------------------------------------------------------------------ */

Chardev *chardev_find(const char *id)
{
    for (guint i = 0; chardevs && i < chardevs->len; i++) {
        Chardev *chr = g_ptr_array_index(chardevs, i);

        if (!strcmp(chr->id, id)) {
            return chr;
        }
    }
    return NULL;
}

const char *chardev_id(const Chardev *chr)
{
    return chr->id;
}

bool chardev_require(const Chardev *chr, const Keyval *kv, const char *name, const char *what,
                     const char **value, Error **errp)
{
    *value = keyval_get(kv, name);
    if (!*value || !**value) {
        error_setg(errp, "chardev: %s: no %s given", chr->cls->name, what);
        return false;
    }
    return true;
}

static void chardev_free(Chardev *chr)
{
    chardev_pump_stop(chr);
    g_clear_handle_id(&chr->drain_tag, g_source_remove);
    if (chr->opened && chr->cls->close) {
        chr->cls->close(chr);
    }
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
    g_byte_array_free(chr->queue, TRUE);
    g_free(chr->id);
    g_free(chr);
}

/* logfile= and logappend=, which all kinds have. */
static bool open_log(Chardev *chr, const Keyval *kv, Error **errp)
{
    const char *path = keyval_get(kv, "logfile");
    bool append = false;

    if (!keyval_get_bool(kv, "logappend", &append, errp)) {
        return false;
    }
    if (path) {
        chr->log_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC),
                           0666);
        if (chr->log_fd < 0) {
            error_setg_errno(errp, errno, "Could not create '%s'", path);
            return false;
        }
    }
    return true;
}

static Chardev *chardev_new(const ChardevClass *cls, const char *id, const Keyval *kv,
                            Error **errp)
{
    Chardev *chr = g_malloc0(cls->size);

    chr->id = g_strdup(id);
    chr->cls = cls;
    chr->in_fd = chr->out_fd = chr->log_fd = -1;
    chr->queue = g_byte_array_new();
    chr->mux.line_start = true;
    if (!keyval_get_bool(kv, "mux", &chr->mux.enabled, errp) || !open_log(chr, kv, errp)) {
        chardev_free(chr);
        return NULL;
    }
    chr->opened = true;
    if (!cls->open(chr, kv, errp) || !keyval_check_unused(kv, errp)) {
        chardev_free(chr);
        return NULL;
    }
    if (!chardevs) {
        chardevs = g_ptr_array_new();
    }
    g_ptr_array_add(chardevs, chr);
    return chr;
}

static const ChardevClass *find_class(const char *name)
{
    static const struct {
        const char *alias, *name;
    } aliases[] = { { "unix", "socket" }, { "tcp", "socket" }, { "memory", "ringbuf" } };

    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (!strcmp(name, aliases[i].alias)) {
            name = aliases[i].name;
            break;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (!strcmp(classes[i]->name, name)) {
            return classes[i];
        }
    }
    return NULL;
}

static bool valid_id(const char *id)
{
    return g_ascii_isalpha(*id) &&
           id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == 0;
}

static bool check_id(const char *id, Error **errp)
{
    if (!valid_id(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting "
                                "with a letter.\n");
        return false;
    }
    if (chardev_find(id)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", id);
        return false;
    }
    return true;
}

Chardev *chardev_new_from_opts(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "backend", errp);
    const char *backend, *id;
    const ChardevClass *cls;

    if (!kv) {
        return NULL;
    }
    backend = keyval_get(kv, "backend");
    id = keyval_get(kv, "id");
    if (id && !check_id(id, errp)) {
        return NULL;
    }
    if (!backend) {
        if (id) {
            error_setg(errp, "chardev: \"%s\" missing backend", id);
        } else {
            error_setg(errp, "chardev: no id specified");
        }
        return NULL;
    }
    cls = find_class(backend);
    /* "unix" and "tcp" exist in the short form only. */
    if (!cls || (cls == &chardev_socket && strcmp(backend, "socket"))) {
        error_setg(errp, "'%s' is not a valid char driver name", backend);
        return NULL;
    }
    if (!id) {
        error_setg(errp, "chardev: no id specified");
        return NULL;
    }
    return chardev_new(cls, id, kv, errp);
}

/* Turns a short form into options. False with an error. */
static const ChardevClass *parse_short(const char *arg, Keyval *kv, Error **errp)
{
    const char *colon = strchr(arg, ':');
    g_autofree char *kind = NULL;
    const ChardevClass *cls;

    kind = colon ? g_strndup(arg, colon - arg) : g_strdup(arg);
    cls = find_class(kind);
    if (!cls || !strcmp(kind, "socket") || cls == &chardev_ringbuf ||
        (colon ? !cls->parse_short : cls->parse_short && cls != &chardev_vc)) {
        error_setg(errp, "'%s' is not a valid char driver", arg);
        return NULL;
    }
    return !colon || cls->parse_short(kv, kind, colon + 1, errp) ? cls : NULL;
}

Chardev *chardev_new_from_short(const char *id, const char *arg, bool *none, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_new();
    const ChardevClass *cls;
    bool mon = g_str_has_prefix(arg, "mon:");

    *none = !strcmp(arg, "none");
    if (*none) {
        return NULL;
    }
    if (g_str_has_prefix(arg, "chardev:")) {
        Chardev *chr = chardev_find(arg + strlen("chardev:"));

        if (!chr) {
            error_setg(errp, "chardev \"%s\" not found", arg + strlen("chardev:"));
        }
        return chr;
    }
    arg += mon ? strlen("mon:") : 0;
    cls = parse_short(arg, kv, errp);
    if (!cls || !check_id(id, errp)) {
        return NULL;
    }
    if (mon) {
        keyval_add(kv, "mux", "on");
        /* Ctrl-C belongs to the guest there. */
        if (cls == &chardev_stdio && !keyval_has(kv, "signal")) {
            keyval_add(kv, "signal", "off");
        }
    }
    return chardev_new(cls, id, kv, errp);
}

void chardev_foreach_backend(void (*fn)(void *opaque, const char *name), void *opaque)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        fn(opaque, classes[i]->name);
    }
}

static void print_name(void *opaque, const char *name)
{
    fprintf(opaque, "  %s\n", name);
}

void chardev_print_help(FILE *f)
{
    fprintf(f, "Available chardev backend types:\n");
    chardev_foreach_backend(print_name, f);
}

void chardev_foreach(void (*fn)(void *opaque, const char *id, const char *description,
                                bool frontend_open),
                     void *opaque)
{
    for (guint i = 0; chardevs && i < chardevs->len; i++) {
        Chardev *chr = g_ptr_array_index(chardevs, i);
        g_autofree char *description =
            chr->cls->describe ? chr->cls->describe(chr) : g_strdup(chr->cls->name);

        if (chr->mux.enabled) {
            /* The shared and the physical side have always been listed apart. */
            g_autofree char *base = g_strconcat(chr->id, "-base", NULL);

            fn(opaque, base, description, true);
            fn(opaque, chr->id, "mux", focused(chr)->handlers != NULL);
        } else {
            fn(opaque, chr->id, description, chr->fe[0].handlers != NULL);
        }
    }
}

void chardev_foreach_kind(void (*fn)(void *opaque, const char *id, const char *kind), void *opaque)
{
    for (guint i = 0; chardevs && i < chardevs->len; i++) {
        const Chardev *chr = g_ptr_array_index(chardevs, i);

        if (chr->mux.enabled) {
            g_autofree char *base = g_strconcat(chr->id, "-base", NULL);

            fn(opaque, base, chr->cls->name);
        }
        fn(opaque, chr->id, chr->mux.enabled ? "mux" : chr->cls->name);
    }
}

/* Gives a peer that still reads the time to take what is queued. */
void chardev_delete(Chardev *chr)
{
    g_ptr_array_remove(chardevs, chr);
    chardev_free(chr);
}

static void flush_bounded(Chardev *chr, int64_t deadline_us)
{
    while (chr->open && chr->out_fd >= 0 && chardev_write_pending(chr)) {
        int64_t left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
        struct pollfd pfd = { chr->out_fd, POLLOUT, 0 };

        if (left_ms <= 0 || poll(&pfd, 1, (int)left_ms) <= 0 || !flush_queue(chr)) {
            return;
        }
    }
}

void chardev_cleanup(void)
{
    int64_t deadline_us = g_get_monotonic_time() + G_USEC_PER_SEC;

    for (guint i = 0; chardevs && i < chardevs->len; i++) {
        flush_bounded(g_ptr_array_index(chardevs, i), deadline_us);
    }
    for (guint i = 0; chardevs && i < chardevs->len; i++) {
        chardev_free(g_ptr_array_index(chardevs, i));
    }
    if (chardevs) {
        g_ptr_array_free(chardevs, TRUE);
        chardevs = NULL;
    }
}
