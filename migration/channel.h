/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptors a migration goes through: socket, pipe, file or command. All are made
 * non-blocking; reading and writing wait in poll(), so that channel_cancel() ends them at once.
 *
 * Opening: main thread, BQL. Reading and writing: one thread each, no lock. channel_cancel(): any.
 */
#ifndef MIGRATION_CHANNEL_H
#define MIGRATION_CHANNEL_H

#include "migration/stream.h"

typedef struct MigChannel {
    MigSink sink;
    MigSource source;
    int fd;        /* reading and writing */
    int cancel_fd; /* eventfd: readable once cancelled */
    GPid child;    /* exec: the command; 0: none */
    bool is_socket, is_file, ended;
} MigChannel;

/* Takes @fd over; it is closed on failure. */
MigChannel *channel_new(int fd, Error **errp);
/* Closes. With a command: waits for it; false when it failed. NULL is fine. */
bool channel_close(MigChannel *ch, Error **errp);
/* Reads and writes that wait or come later fail with "cancelled". */
void channel_cancel(MigChannel *ch);
/* Whether answers can come back. */
bool channel_is_duplex(const MigChannel *ch);
/* What has been written reaches stable storage, if it is a file. */
bool channel_sync(MigChannel *ch, Error **errp);

/* Outgoing: tcp:HOST:PORT, unix:PATH, fd:NAME, exec:COMMAND, file:PATH[,offset=N]. A connection may
 * still be under way: channel_finish_connect() waits, in the migration's thread. */
MigChannel *channel_connect(const char *uri, Error **errp);
bool channel_finish_connect(MigChannel *ch, const char *uri, Error **errp);

/* Incoming: a listening socket in *listen_fd and NULL without an error, or the channel itself. */
MigChannel *channel_listen(const char *uri, int *listen_fd, Error **errp);

#endif
