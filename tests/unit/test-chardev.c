/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices between a front end and a peer: queues, flow control, mux, descriptors. */
#include "qemu/osdep.h"
#include "chardev/char.h"
#include "system/runstate.h"

#include <fcntl.h>
#include <sys/socket.h>

static ShutdownCause shutdown_cause;

void vm_request_shutdown(ShutdownCause cause)
{
    shutdown_cause = cause;
}

/* A front end that records what happens to it. */
typedef struct Front {
    GString *got, *events;
    int room;
} Front;

static int front_can_read(void *opaque)
{
    return ((Front *)opaque)->room;
}

static void front_read(void *opaque, const uint8_t *buf, int len)
{
    Front *f = opaque;

    g_string_append_len(f->got, (const char *)buf, len);
    f->room -= len;
}

static void front_event(void *opaque, ChardevEvent event)
{
    static const char letters[] = { [CHR_EVENT_OPENED] = 'O', [CHR_EVENT_CLOSED] = 'C',
                                    [CHR_EVENT_BREAK] = 'B', [CHR_EVENT_MUX_IN] = '+',
                                    [CHR_EVENT_MUX_OUT] = '-' };

    g_string_append_c(((Front *)opaque)->events, letters[event]);
}

static const ChardevHandlers handlers = { front_can_read, front_read, front_event };

static Front *front_new(void)
{
    Front *f = g_new0(Front, 1);

    f->got = g_string_new(NULL);
    f->events = g_string_new(NULL);
    f->room = 1000000;
    return f;
}

static void front_free(Front *f)
{
    g_string_free(f->got, TRUE);
    g_string_free(f->events, TRUE);
    g_free(f);
}

/* A chardev "c" whose peer is returned. */
static int connected(const char *options, Chardev **chr)
{
    g_autofree char *arg = NULL;
    int pair[2], buffer_bytes = 32 * KiB;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
    arg = g_strdup_printf("socket,id=c,fd=%d%s", pair[0], options);
    *chr = chardev_new_from_opts(arg, &error_abort);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    return pair[1];
}

static void run_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void count_call(void *opaque)
{
    ++*(int *)opaque;
}

static void test_output_queue_is_bounded_for_devices(void)
{
    g_autofree uint8_t *block = g_malloc0(64 * KiB);
    size_t accepted = 0, arrived = 0;
    int drained = 0;
    Chardev *chr;
    int peer = connected("", &chr);

    chardev_set_drain_cb(chr, count_call, &drained);
    for (int i = 0; i < 100; i++) {
        accepted += chardev_write(chr, block, 64 * KiB);
    }
    g_assert_cmpuint(chardev_write_pending(chr), ==, CHARDEV_MAX_QUEUE_BYTES);
    g_assert_cmpuint(accepted, <, 3 * MiB);
    run_loop();
    g_assert_cmpint(drained, ==, 0);
    while (arrived < accepted) {
        ssize_t n = read(peer, block, 64 * KiB);

        arrived += MAX(n, 0);
        run_loop();
    }
    g_assert_cmpint(drained, >, 0);
    g_assert_cmpuint(chardev_write_pending(chr), ==, 0);
    close(peer);
    chardev_cleanup();
}

static void test_output_arrives_in_order_and_complete(void)
{
    GString *sent = g_string_new(NULL), *got = g_string_new(NULL);
    char buf[3000];
    Chardev *chr;
    int peer = connected("", &chr);

    for (int i = 0; i < 200000; i++) {
        g_string_append_printf(sent, "%d,", i);
    }
    chardev_write_all(chr, (const uint8_t *)sent->str, sent->len);
    while (got->len < sent->len) {
        ssize_t n = read(peer, buf, sizeof(buf));

        if (n > 0) {
            g_string_append_len(got, buf, n);
        }
        run_loop();
    }
    g_assert_cmpstr(got->str, ==, sent->str);
    g_string_free(sent, TRUE);
    g_string_free(got, TRUE);
    close(peer);
    chardev_cleanup();
}

static gpointer read_all(gpointer opaque)
{
    int fd = GPOINTER_TO_INT(opaque);
    char buf[4096];
    size_t total = 0;

    fcntl(fd, F_SETFL, 0);
    g_usleep(50000);
    for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;) {
        total += n;
    }
    return GSIZE_TO_POINTER(total);
}

static void test_cleanup_sends_what_is_queued(void)
{
    g_autofree uint8_t *block = g_malloc0(300 * KiB);
    Chardev *chr;
    int peer = connected("", &chr);
    GThread *reader = g_thread_new("reader", read_all, GINT_TO_POINTER(peer));

    chardev_write_all(chr, block, 300 * KiB);
    chardev_cleanup();
    g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(reader)), ==, 300 * KiB);
    close(peer);
}

/* A peer that does not read cannot hold the end of the program up for long. */
static void test_cleanup_does_not_wait_for_ever(void)
{
    g_autofree uint8_t *block = g_malloc0(300 * KiB);
    int64_t start_us = g_get_monotonic_time();
    Chardev *chr;
    int peer = connected("", &chr);

    chardev_write_all(chr, block, 300 * KiB);
    g_assert_cmpuint(chardev_write_pending(chr), >, 0);
    chardev_cleanup();
    g_assert_cmpint(g_get_monotonic_time() - start_us, <, 60 * G_USEC_PER_SEC);
    close(peer);
}

static void test_input_waits_for_the_front_end(void)
{
    Front *f = front_new();
    Chardev *chr;
    int peer = connected("", &chr);

    f->room = 3;
    chardev_set_handlers(chr, &handlers, f, &error_abort);
    g_assert_cmpstr(f->events->str, ==, "O");
    g_assert_cmpint(write(peer, "abcdef", 6), ==, 6);
    run_loop();
    g_assert_cmpstr(f->got->str, ==, "abc");
    f->room = 10;
    run_loop();
    g_assert_cmpstr(f->got->str, ==, "abc");
    chardev_accept_input(chr);
    run_loop();
    g_assert_cmpstr(f->got->str, ==, "abcdef");
    close(peer);
    run_loop();
    g_assert_cmpstr(f->events->str, ==, "OC");
    chardev_cleanup();
    front_free(f);
}

/* The peer's departure shows even while the front end takes nothing. */
static void test_hangup_is_noticed_without_reading(void)
{
    Front *f = front_new();
    Chardev *chr;
    int peer = connected("", &chr);

    f->room = 0;
    chardev_set_handlers(chr, &handlers, f, &error_abort);
    close(peer);
    run_loop();
    g_assert_cmpstr(f->events->str, ==, "OC");
    chardev_write(chr, (const uint8_t *)"x", 1);
    g_assert_cmpuint(chardev_write_pending(chr), ==, 0);
    chardev_cleanup();
    front_free(f);
}

static void test_one_front_end_at_a_time(void)
{
    Front *a = front_new(), *b = front_new();
    g_autoptr(Error) err = NULL;
    Chardev *chr;
    int peer = connected("", &chr);

    chardev_set_handlers(chr, &handlers, a, &error_abort);
    g_assert_false(chardev_set_handlers(chr, &handlers, b, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Device 'c' is in use");
    chardev_set_handlers(chr, NULL, a, NULL);
    g_assert_true(chardev_set_handlers(chr, &handlers, b, &error_abort));
    g_assert_cmpint(write(peer, "x", 1), ==, 1);
    run_loop();
    g_assert_cmpstr(b->got->str, ==, "x");
    close(peer);
    chardev_cleanup();
    front_free(a);
    front_free(b);
}

static void test_mux_passes_the_keyboard_on(void)
{
    static const char typed[] = "one\001ctwo\001c\001\001three\001b\001";
    Front *a = front_new(), *b = front_new();
    Chardev *chr;
    int peer = connected(",mux=on", &chr);

    chardev_set_handlers(chr, &handlers, a, &error_abort);
    chardev_set_handlers(chr, &handlers, b, &error_abort);
    g_assert_cmpstr(a->events->str, ==, "O+-");
    g_assert_cmpstr(b->events->str, ==, "O+");
    g_assert_cmpint(write(peer, typed, sizeof(typed) - 1), ==, sizeof(typed) - 1);
    run_loop();
    g_assert_cmpstr(b->got->str, ==, "one\001three");
    g_assert_cmpstr(a->got->str, ==, "two");
    g_assert_cmpstr(b->events->str, ==, "O+-+B");
    /* An escape may be split; x ends the program. */
    g_assert_cmpint(write(peer, "x", 1), ==, 1);
    run_loop();
    g_assert_cmpint(shutdown_cause, ==, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    close(peer);
    chardev_cleanup();
    front_free(a);
    front_free(b);
}

static void test_mux_timestamps(void)
{
    char buf[200] = "";
    Front *a = front_new();
    Chardev *chr;
    int peer = connected(",mux=on", &chr);

    chardev_set_handlers(chr, &handlers, a, &error_abort);
    g_assert_cmpint(write(peer, "\001t", 2), ==, 2);
    run_loop();
    chardev_write(chr, (const uint8_t *)"\nx", 2);
    chardev_write(chr, (const uint8_t *)"y\n", 2);
    g_assert_cmpint(read(peer, buf, sizeof(buf) - 1), >, 0);
    g_assert_cmpstr(buf, ==, "\n[00:00:00.000] xy\n");
    close(peer);
    chardev_cleanup();
    front_free(a);
}

static void send_fds(int sock, const int *fds, size_t nr)
{
    char control[CMSG_SPACE(sizeof(int) * 16)] = { 0 };
    struct iovec iov = { (char[]){ "m" }, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                          .msg_controllen = CMSG_SPACE(sizeof(int) * nr) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * nr);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * nr);
    g_assert_cmpint(sendmsg(sock, &msg, 0), ==, 1);
}

static void test_descriptors_arrive(void)
{
    Front *f = front_new();
    Chardev *chr;
    int peer = connected("", &chr), pipe_fds[2], got;
    char c = 0;

    chardev_set_handlers(chr, &handlers, f, &error_abort);
    g_assert_cmpint(chardev_get_msgfd(chr), ==, -1);
    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    send_fds(peer, (int[]){ pipe_fds[1], pipe_fds[0] }, 2);
    run_loop();
    got = chardev_get_msgfd(chr);
    g_assert_cmpint(fcntl(got, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(write(got, "z", 1), ==, 1);
    g_assert_cmpint(read(pipe_fds[0], &c, 1), ==, 1);
    g_assert_cmpint(c, ==, 'z');
    close(got);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(peer);
    chardev_cleanup(); /* closes the one nobody took */
    front_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/output/queue_is_bounded_for_devices",
                    test_output_queue_is_bounded_for_devices);
    g_test_add_func("/chardev/output/arrives_in_order_and_complete",
                    test_output_arrives_in_order_and_complete);
    g_test_add_func("/chardev/output/cleanup_sends_what_is_queued",
                    test_cleanup_sends_what_is_queued);
    g_test_add_func("/chardev/output/cleanup_does_not_wait_for_ever",
                    test_cleanup_does_not_wait_for_ever);
    g_test_add_func("/chardev/input/waits_for_the_front_end", test_input_waits_for_the_front_end);
    g_test_add_func("/chardev/input/hangup_is_noticed_without_reading",
                    test_hangup_is_noticed_without_reading);
    g_test_add_func("/chardev/front_end/one_at_a_time", test_one_front_end_at_a_time);
    g_test_add_func("/chardev/mux/escape_commands", test_mux_passes_the_keyboard_on);
    g_test_add_func("/chardev/mux/timestamps_begin_lines", test_mux_timestamps);
    g_test_add_func("/chardev/socket/descriptors_arrive", test_descriptors_arrive);
    return g_test_run();
}
