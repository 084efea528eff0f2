/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of stream sockets as options give them. Main thread. */
#ifndef CHARDEV_SOCKET_ADDR_H
#define CHARDEV_SOCKET_ADDR_H

#include "qemu/keyval.h"

#include <sys/socket.h>

typedef enum SocketKind {
    SOCKET_UNIX,
    SOCKET_INET,
    SOCKET_FD, /* an open descriptor that the process inherited */
} SocketKind;

typedef struct SocketAddr {
    SocketKind kind;
    char *path;            /* UNIX; may be in the abstract name space */
    bool abstract, tight;
    char *host;            /* INET; "" is any */
    uint16_t port, to;     /* listening tries ports up to to */
    char *port_text;
    int family;            /* AF_UNSPEC unless ipv4= or ipv6= say otherwise */
    int fd;
} SocketAddr;

/* From path=, host=+port= or fd=. False with QEMU's message. */
bool socket_addr_parse(SocketAddr *addr, const Keyval *kv, Error **errp);
void socket_addr_fini(SocketAddr *addr);
/* A listening socket, or the inherited one; -1 with an error. An old UNIX socket is replaced. */
int socket_addr_listen(const SocketAddr *addr, Error **errp);
/* A connected, blocking socket, or the inherited one; -1 with an error. May block. */
int socket_addr_connect(const SocketAddr *addr, Error **errp);
/* Starts a connection without waiting for it: with *pending the socket becomes writable when it is
 * done; socket_addr_finish() then tells the outcome. */
int socket_addr_connect_start(const SocketAddr *addr, bool *pending, Error **errp);
bool socket_addr_finish(const SocketAddr *addr, int fd, Error **errp);
/* "unix:/x" or "tcp:127.0.0.1:1234" as given; caller frees. */
char *socket_addr_text(const SocketAddr *addr);
/* The same from what a socket is bound to (or its peer is, without the kind). */
char *socket_local_text(int fd);
char *socket_peer_text(int fd);

#endif
