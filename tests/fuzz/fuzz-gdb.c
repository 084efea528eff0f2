/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: a hostile debugger. An input is a list of packets, separated by newlines; the
 * first byte says whether they get frames with right checksums or go in as they are.
 */
#include "qemu/osdep.h"
#include "tests/unit/gdb-target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_framed(GdbSession *s, const uint8_t *data, size_t size)
{
    while (size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) : size;
        GByteArray *frame = g_byte_array_new();

        rsp_frame(frame, data, len);
        gdb_session_input(s, frame->data, frame->len);
        g_byte_array_free(frame, TRUE);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GdbTarget t;
    GdbSession *s;

    if (size == 0) {
        return 0;
    }
    gdb_target_init(&t);
    s = gdb_session_new(&gdb_target_ops, &t);
    if (*data & 1) {
        send_framed(s, data + 1, size - 1);
    } else {
        gdb_session_input(s, data + 1, size - 1);
    }
    gdb_session_stopped(s, 1, GDB_SIGNAL_TRAP, "");
    g_assert_cmpuint(t.out->len, <, 64 * MiB);
    gdb_session_free(s);
    gdb_target_fini(&t);
    return 0;
}
