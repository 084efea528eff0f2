/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of chardevs share. BQL; sources run in the main loop. */
#ifndef CHARDEV_CHAR_INTERNAL_H
#define CHARDEV_CHAR_INTERNAL_H

#include "chardev/char.h"
#include "qemu/keyval.h"

#define CHARDEV_MAX_FRONTENDS 4
#define CHARDEV_READ_BYTES    4096

/* A kind of chardev. Functions that are NULL do nothing or what the comment says. */
typedef struct ChardevClass {
    const char *name;
    size_t size; /* of the structure that begins with a Chardev */
    /* The rest of the short form, behind "NAME:", as -chardev options. NULL: the short form is the
     * name alone. */
    bool (*parse_short)(Keyval *kv, const char *name, const char *rest, Error **errp);
    /* Options are checked for leftovers by the caller. On failure close() is called. */
    bool (*open)(Chardev *chr, const Keyval *kv, Error **errp);
    /* At most @len bytes without blocking; -1 with errno. NULL: read() on in_fd. */
    ssize_t (*read)(Chardev *chr, uint8_t *buf, size_t len);
    /* NULL: write() on out_fd. */
    ssize_t (*write)(Chardev *chr, const uint8_t *buf, size_t len);
    /* The peer is gone (end of file, hang-up, failed write). NULL: input ends, output stays. */
    void (*hangup)(Chardev *chr);
    /* Undoes open(). */
    void (*close)(Chardev *chr);
    /* Caller frees. NULL: the name. */
    char *(*describe)(const Chardev *chr);
} ChardevClass;

typedef struct ChardevFrontEnd {
    const ChardevHandlers *handlers; /* NULL: free slot */
    void *opaque;
} ChardevFrontEnd;

/* State of the Ctrl-a commands. */
typedef struct ChardevMux {
    bool enabled;
    bool escaped;      /* Ctrl-a was typed */
    unsigned focus;    /* front end that gets input */
    bool timestamps;
    bool line_start;   /* the next output byte begins a line */
    int64_t start_ns;  /* of the timestamps; 0: none yet */
} ChardevMux;

struct Chardev {
    char *id;
    const ChardevClass *cls;
    bool opened; /* cls->open() was called: cls->close() must be */
    bool open;   /* a peer is there */

    ChardevFrontEnd fe[CHARDEV_MAX_FRONTENDS];
    ChardevMux mux;

    /* The pump. -1: none. Not closed by the core. */
    int in_fd, out_fd;
    guint in_tag, out_tag; /* sources */
    GByteArray *queue;     /* output from queue_head on */
    size_t queue_head;
    void (*drain_cb)(void *opaque);
    void *drain_opaque;
    guint drain_tag;

    int log_fd; /* logfile=; -1 */
};

extern const ChardevClass chardev_null, chardev_vc, chardev_file, chardev_pipe, chardev_stdio,
    chardev_pty, chardev_socket, chardev_ringbuf;

/* Tells the front ends that the peer has come or gone. */
void chardev_set_open(Chardev *chr, bool open);
/* Sends an event to all front ends, or to the one with the keyboard. */
void chardev_event_all(Chardev *chr, ChardevEvent event);
void chardev_event_focus(Chardev *chr, ChardevEvent event);
/* How many bytes the front end takes. */
int chardev_can_read(Chardev *chr);
/* Gives @len bytes, no more than chardev_can_read(), to the front end. */
void chardev_deliver(Chardev *chr, const uint8_t *buf, int len);

/* Starts or stops watching in_fd as open state and front end say. */
void chardev_pump_update(Chardev *chr);
/* Forgets queued output and stops both watches. */
void chardev_pump_stop(Chardev *chr);
/* A descriptor for writing to what @fd is that does not block, without changing @fd's own mode
 * where the system allows that (terminals, pipes). Returns @fd itself where it cannot be helped. */
int chardev_private_out_fd(int fd);
/* Sets the required option @name; false with QEMU's message ("chardev: KIND: no WHAT given"). */
bool chardev_require(const Chardev *chr, const Keyval *kv, const char *name, const char *what,
                     const char **value, Error **errp);

/* mux: gives the keyboard to front end @n. */
void chardev_mux_focus(Chardev *chr, unsigned n);
/* mux: consumes Ctrl-a commands from input; returns the bytes left in @buf for the front end. */
int chardev_mux_filter(Chardev *chr, uint8_t *buf, int len);
/* mux: output with timestamps. */
void chardev_mux_output(Chardev *chr, const uint8_t *buf, size_t len);
/* The output path below the mux. */
void chardev_enqueue(Chardev *chr, const uint8_t *buf, size_t len);

#endif
