/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of the GDB remote serial protocol (GDB manual, "Overview" of appendix E): bytes to packets
 * and back. Plain structures without locks. */
#ifndef GDBSTUB_RSP_H
#define GDBSTUB_RSP_H

#include "qemu/osdep.h"

/* Bytes between '$' and '#', as PacketSize says. */
enum { RSP_MAX_PACKET = 16384 };

typedef enum RspEvent {
    RSP_NOTHING,   /* more bytes are needed */
    RSP_PACKET,    /* p->buf[0 .. p->len) is a packet; a NUL follows it */
    RSP_DAMAGED,   /* a packet with a wrong checksum, or too long a one */
    RSP_INTERRUPT, /* Ctrl-C outside of a packet */
    RSP_RESEND,    /* the peer did not understand the last packet */
} RspEvent;

typedef struct RspParser {
    enum { RSP_IDLE, RSP_DATA, RSP_ESCAPED, RSP_SUM_HIGH, RSP_SUM_LOW } state;
    uint8_t sum, given_sum;
    bool bad; /* too long, or a checksum that is no number */
    uint32_t len;
    uint8_t buf[RSP_MAX_PACKET + 1];
} RspParser;

void rsp_init(RspParser *p);
/* Takes one byte. What it reports is valid until the next call. */
RspEvent rsp_feed(RspParser *p, uint8_t byte);
/* Appends "$data#sum" to @out, escaping what the protocol cannot carry as itself. */
void rsp_frame(GByteArray *out, const void *data, size_t len);

/* Reading the text of a packet. All of them leave *p where it was when they return false. */
typedef struct RspScan {
    const char *p, *end;
} RspScan;

bool rsp_take_char(RspScan *s, char c);
bool rsp_take_text(RspScan *s, const char *text);
/* A hexadecimal number of 1 to 16 digits. */
bool rsp_take_hex(RspScan *s, uint64_t *value);
/* @len bytes as 2 * @len digits. */
bool rsp_take_bytes(RspScan *s, uint8_t *bytes, size_t len);
static inline size_t rsp_left(const RspScan *s)
{
    return (size_t)(s->end - s->p);
}
void rsp_put_bytes(GString *out, const uint8_t *bytes, size_t len);

#endif
