/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several front ends on one chardev (mux=on, mon:stdio): all may write, one has the keyboard, and
 * Ctrl-a is the escape of a small command set. BQL, main loop.
 */
#include "qemu/osdep.h"
#include "char-internal.h"
#include "system/runstate.h"

#define MUX_ESCAPE 0x01 /* Ctrl-a */

void chardev_mux_focus(Chardev *chr, unsigned n)
{
    if (n != chr->mux.focus) {
        chardev_event_focus(chr, CHR_EVENT_MUX_OUT);
    }
    chr->mux.focus = n;
    chardev_event_focus(chr, CHR_EVENT_MUX_IN);
    chardev_pump_update(chr);
}

static void next_front_end(Chardev *chr)
{
    for (unsigned i = 1; i <= CHARDEV_MAX_FRONTENDS; i++) {
        unsigned n = (chr->mux.focus + i) % CHARDEV_MAX_FRONTENDS;

        if (chr->fe[n].handlers) {
            chardev_mux_focus(chr, n);
            return;
        }
    }
}

static void print(Chardev *chr, const char *text)
{
    chardev_write_all(chr, (const uint8_t *)text, strlen(text));
}

static void print_help(Chardev *chr)
{
    print(chr, "\r\n"
               "C-a h    print this help\r\n"
               "C-a x    exit emulator\r\n"
               "C-a t    toggle console timestamps\r\n"
               "C-a b    send break (magic sysrq)\r\n"
               "C-a c    switch between console and monitor\r\n"
               "C-a C-a  sends C-a\r\n");
}

static void toggle_timestamps(Chardev *chr)
{
    chr->mux.timestamps = !chr->mux.timestamps;
    chr->mux.start_ns = 0;
    chr->mux.line_start = false;
}

/* The command character after Ctrl-a. True when it is input after all. */
static bool mux_command(Chardev *chr, uint8_t c)
{
    switch (c) {
    case MUX_ESCAPE:
        return true;
    case 'h':
    case '?':
        print_help(chr);
        break;
    case 'x':
        print(chr, "QEMU: Terminated\r\n");
        vm_request_shutdown(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
        break;
    case 't':
        toggle_timestamps(chr);
        break;
    case 'b':
        chardev_event_focus(chr, CHR_EVENT_BREAK);
        break;
    case 'c':
        next_front_end(chr);
        break;
    }
    return false;
}

int chardev_mux_filter(Chardev *chr, uint8_t *buf, int len)
{
    int kept = 0;

    for (int i = 0; i < len; i++) {
        uint8_t c = buf[i];

        if (!chr->mux.escaped && c == MUX_ESCAPE) {
            chr->mux.escaped = true;
            continue;
        }
        if (chr->mux.escaped) {
            chr->mux.escaped = false;
            /* What came before goes to the front end that had the keyboard then. */
            chardev_deliver(chr, buf, MIN(kept, chardev_can_read(chr)));
            kept = 0;
            if (!mux_command(chr, c)) {
                continue;
            }
        }
        buf[kept++] = c;
    }
    /* A new front end may have less room than the old one had; what it cannot take is lost, as
     * with a real keyboard. */
    return MIN(kept, chardev_can_read(chr));
}

static void begin_line(Chardev *chr)
{
    int64_t now_ns = g_get_monotonic_time() * SCALE_US, ms;
    char stamp[64];

    if (!chr->mux.start_ns) {
        chr->mux.start_ns = now_ns;
    }
    ms = (now_ns - chr->mux.start_ns) / SCALE_MS;
    g_snprintf(stamp, sizeof(stamp), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
               (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    chardev_enqueue(chr, (const uint8_t *)stamp, strlen(stamp));
}

void chardev_mux_output(Chardev *chr, const uint8_t *buf, size_t len)
{
    while (len) {
        const uint8_t *newline = memchr(buf, '\n', len);
        size_t n = newline ? (size_t)(newline - buf) + 1 : len;

        if (chr->mux.line_start) {
            begin_line(chr);
        }
        chardev_enqueue(chr, buf, n);
        chr->mux.line_start = newline != NULL;
        buf += n;
        len -= n;
    }
}
