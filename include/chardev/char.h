/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: the host side of serial ports, consoles and monitors. BQL. */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef struct Chardev Chardev;

typedef enum ChardevEvent {
    CHR_EVENT_OPENED, /* a peer is there; also sent when handlers are set while one is */
    CHR_EVENT_CLOSED,
    CHR_EVENT_BREAK,
    CHR_EVENT_MUX_IN,  /* the keyboard of a mux is yours now */
    CHR_EVENT_MUX_OUT,
} ChardevEvent;

/* The front end. can_read says how many bytes read will take now; the back end asks again after
 * chardev_accept_input(). Called from the main loop. */
typedef struct ChardevHandlers {
    int (*can_read)(void *opaque);
    void (*read)(void *opaque, const uint8_t *buf, int len);
    void (*event)(void *opaque, ChardevEvent event); /* may be NULL */
} ChardevHandlers;

/* What a device may queue for a peer that does not read. */
#define CHARDEV_MAX_QUEUE_BYTES (1 * MiB)

/* The argument of -chardev ("socket,id=mon,path=...,server=on,wait=off"). NULL with an error. */
Chardev *chardev_new_from_opts(const char *arg, Error **errp);
/* The short forms of -serial, -monitor, -qmp: stdio, null, vc, pty, file:P, pipe:P,
 * unix:P,server=on, tcp:H:P,..., mon:stdio, chardev:ID. "none" gives NULL without an error: *none
 * is set. */
Chardev *chardev_new_from_short(const char *id, const char *arg, bool *none, Error **errp);
/* Text of -chardev help. */
void chardev_print_help(FILE *f);
/* Calls @fn with the name of each kind of chardev. */
void chardev_foreach_backend(void (*fn)(void *opaque, const char *name), void *opaque);

Chardev *chardev_find(const char *id);
const char *chardev_id(const Chardev *chr);
/* Whether several front ends may share it (mux=on). The last one set has the keyboard until Ctrl-a
 * c passes it on. */
bool chardev_is_mux(const Chardev *chr);
/* One front end a chardev, up to four on a mux, told apart by @opaque. False when it is taken. NULL
 * handlers release (the front end @opaque). */
bool chardev_set_handlers(Chardev *chr, const ChardevHandlers *h, void *opaque, Error **errp);
/* Queues @len bytes, or as many as fit into CHARDEV_MAX_QUEUE_BYTES; the rest is dropped. Without a
 * peer everything is. Never blocks. Returns bytes accepted. */
int chardev_write(Chardev *chr, const uint8_t *buf, int len);
/* Queues everything: for callers that bound what they produce by chardev_write_pending(). */
void chardev_write_all(Chardev *chr, const uint8_t *buf, size_t len);
/* Bytes waiting for the peer. */
size_t chardev_write_pending(const Chardev *chr);
/* @cb is called from the main loop each time the queue has become empty. */
void chardev_set_drain_cb(Chardev *chr, void (*cb)(void *opaque), void *opaque);
/* The front end can take input again. */
void chardev_accept_input(Chardev *chr);
/* File descriptor a client passed with SCM_RIGHTS, or -1. The caller owns it. */
int chardev_get_msgfd(Chardev *chr);
/* Drops the peer; a listening chardev waits for the next one. */
void chardev_disconnect(Chardev *chr);
/* Closes and frees a chardev without front end. */
void chardev_delete(Chardev *chr);
/* Sends what is queued (for at most a second), closes all and unlinks sockets; at exit. */
void chardev_cleanup(void);
/* For each, with its QEMU-style description ("disconnected:unix:/x,server=on"). */
void chardev_foreach(void (*fn)(void *opaque, const char *id, const char *description,
                                bool frontend_open),
                     void *opaque);

/* For each, with its kind ("socket"). A shared one is told as a "mux" and, with "-base" behind its
 * id, the device below it. */
void chardev_foreach_kind(void (*fn)(void *opaque, const char *id, const char *kind),
                          void *opaque);

/* Ring buffers; false where @id is none. Writing drops the oldest bytes. */
bool chardev_ringbuf_write(const char *id, const uint8_t *buf, size_t len, Error **errp);
/* Takes at most @len of the oldest bytes out; *got says how many. */
bool chardev_ringbuf_read(const char *id, uint8_t *buf, size_t len, size_t *got, Error **errp);
/* How many bytes are in it; 0 when @id is no ring buffer. */
size_t chardev_ringbuf_count(const char *id);

#endif
