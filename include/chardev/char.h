/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: the host side of serial ports, consoles and monitors. BQL. */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef struct Chardev Chardev;

typedef enum ChardevEvent {
    CHR_EVENT_OPENED, /* a peer is there */
    CHR_EVENT_CLOSED,
    CHR_EVENT_BREAK,
} ChardevEvent;

/* The front end. can_read says how many bytes read will take now; the back end asks again after
 * chardev_accept_input(). */
typedef struct ChardevHandlers {
    int (*can_read)(void *opaque);
    void (*read)(void *opaque, const uint8_t *buf, int len);
    void (*event)(void *opaque, ChardevEvent event);
} ChardevHandlers;

/* The argument of -chardev ("socket,id=mon,path=...,server=on,wait=off"). NULL with an error. */
Chardev *chardev_new_from_opts(const char *arg, Error **errp);
/* The short forms of -serial, -monitor, -qmp: stdio, null, vc, pty, file:P, unix:P,server=on,
 * tcp:H:P,..., fd, mon:stdio, chardev:ID. "none" gives NULL without an error: *none is set. */
Chardev *chardev_new_from_short(const char *id, const char *arg, bool *none, Error **errp);
Chardev *chardev_find(const char *id);
const char *chardev_id(const Chardev *chr);
/* One front end a chardev (except through mux). False when it is taken. NULL handlers release. */
bool chardev_set_handlers(Chardev *chr, const ChardevHandlers *h, void *opaque, Error **errp);
/* Queues all of @len bytes (bounded: output to a peer that does not read is dropped after 1 MiB for
 * devices; see chardev_write_blocked()). Returns bytes accepted. */
int chardev_write(Chardev *chr, const uint8_t *buf, int len);
/* Bytes waiting for the peer. */
size_t chardev_write_pending(const Chardev *chr);
/* Called back once when the queue has drained below a low mark. */
void chardev_set_drain_cb(Chardev *chr, void (*cb)(void *opaque), void *opaque);
/* The front end can take input again. */
void chardev_accept_input(Chardev *chr);
/* File descriptor a client passed with SCM_RIGHTS, or -1. The caller owns it. */
int chardev_get_msgfd(Chardev *chr);
/* Drops the peer; a listening chardev waits for the next one. */
void chardev_disconnect(Chardev *chr);
/* Closes all and unlinks sockets; at exit. */
void chardev_cleanup(void);
/* Text of -chardev help. */
void chardev_print_help(FILE *f);
/* For each, with its QEMU-style description ("disconnected:unix:/x,server=on"). */
void chardev_foreach(void (*fn)(void *opaque, const Chardev *chr, const char *description),
                     void *opaque);

#endif
