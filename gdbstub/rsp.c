/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of the GDB remote serial protocol. Any thread; no state but the caller's. */
#include "qemu/osdep.h"
#include "gdbstub/rsp.h"

void rsp_init(RspParser *p)
{
    p->state = RSP_IDLE;
    p->len = 0;
}

static void start_packet(RspParser *p)
{
    p->state = RSP_DATA;
    p->sum = 0;
    p->bad = false;
    p->len = 0;
}

static void add_byte(RspParser *p, uint8_t byte)
{
    if (p->len < RSP_MAX_PACKET) {
        p->buf[p->len++] = byte;
    } else {
        p->bad = true;
    }
}

/* Between packets there are acknowledgements, Ctrl-C, and noise of a line that was in other use. */
static RspEvent idle(RspParser *p, uint8_t byte)
{
    switch (byte) {
    case '$':
        start_packet(p);
        return RSP_NOTHING;
    case '-':
        return RSP_RESEND;
    case 0x03:
        return RSP_INTERRUPT;
    default:
        return RSP_NOTHING;
    }
}

static void data(RspParser *p, uint8_t byte)
{
    switch (byte) {
    case '$': /* the end of the last packet was lost */
        start_packet(p);
        return;
    case '#':
        p->state = RSP_SUM_HIGH;
        return;
    case '}':
        p->state = RSP_ESCAPED;
        break;
    default:
        add_byte(p, byte);
        break;
    }
    p->sum += byte;
}

static RspEvent checksum(RspParser *p, uint8_t byte)
{
    int digit = g_ascii_xdigit_value((char)byte);

    if (digit < 0) {
        p->bad = true;
        digit = 0;
    }
    if (p->state == RSP_SUM_HIGH) {
        p->given_sum = (uint8_t)(digit << 4);
        p->state = RSP_SUM_LOW;
        return RSP_NOTHING;
    }
    p->state = RSP_IDLE;
    p->buf[p->len] = 0;
    return p->bad || (p->given_sum | digit) != p->sum ? RSP_DAMAGED : RSP_PACKET;
}

RspEvent rsp_feed(RspParser *p, uint8_t byte)
{
    switch (p->state) {
    case RSP_IDLE:
        return idle(p, byte);
    case RSP_DATA:
        data(p, byte);
        return RSP_NOTHING;
    case RSP_ESCAPED:
        p->sum += byte;
        add_byte(p, byte ^ 0x20);
        p->state = RSP_DATA;
        return RSP_NOTHING;
    default:
        return checksum(p, byte);
    }
}

static void put_hex(GByteArray *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t pair[2] = { (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15] };

    g_byte_array_append(out, pair, 2);
}

void rsp_frame(GByteArray *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    g_byte_array_append(out, (const uint8_t *)"$", 1);
    for (size_t i = 0; i < len; i++) {
        bool escape = bytes[i] && strchr("$#}*", bytes[i]);
        uint8_t coded[2] = { '}', bytes[i] ^ 0x20 };

        if (!escape) {
            coded[0] = bytes[i];
        }
        g_byte_array_append(out, coded, escape ? 2 : 1);
        sum += coded[0] + (escape ? coded[1] : 0);
    }
    g_byte_array_append(out, (const uint8_t *)"#", 1);
    put_hex(out, sum);
}

/* --- Reading and writing the text ------------------------------------------------------------ */

bool rsp_take_char(RspScan *s, char c)
{
    if (s->p == s->end || *s->p != c) {
        return false;
    }
    s->p++;
    return true;
}

bool rsp_take_text(RspScan *s, const char *text)
{
    size_t len = strlen(text);

    if (rsp_left(s) < len || memcmp(s->p, text, len)) {
        return false;
    }
    s->p += len;
    return true;
}

bool rsp_take_hex(RspScan *s, uint64_t *value)
{
    const char *p = s->p;
    uint64_t v = 0;

    while (p < s->end && g_ascii_isxdigit(*p) && p - s->p < 16) {
        v = v << 4 | (uint64_t)g_ascii_xdigit_value(*p++);
    }
    if (p == s->p || (p < s->end && g_ascii_isxdigit(*p))) {
        return false;
    }
    s->p = p;
    *value = v;
    return true;
}

bool rsp_take_bytes(RspScan *s, uint8_t *bytes, size_t len)
{
    if (rsp_left(s) / 2 < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = g_ascii_xdigit_value(s->p[2 * i]), low = g_ascii_xdigit_value(s->p[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    s->p += 2 * len;
    return true;
}

void rsp_put_bytes(GString *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g_string_append_printf(out, "%02x", bytes[i]);
    }
}
