/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GDB remote protocol on a plain structure: frames, commands, hostile packets. */
#include "qemu/osdep.h"
#include "gdbstub/session.h"
#include "tests/unit/gdb-target.h"

typedef struct Fixture {
    GdbTarget t;
    GdbSession *s;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    gdb_target_init(&f->t);
    f->s = gdb_session_new(&gdb_target_ops, &f->t);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    gdb_session_free(f->s);
    gdb_target_fini(&f->t);
}

static void send(Fixture *f, const char *text)
{
    GByteArray *frame = g_byte_array_new();

    rsp_frame(frame, text, strlen(text));
    gdb_session_input(f->s, frame->data, frame->len);
    g_byte_array_free(frame, TRUE);
}

/* What the session sent, and nothing else, is @want. */
#define expect_output(f, want) \
    do { \
        g_string_append_c((f)->t.out, 0); \
        g_assert_cmpstr((f)->t.out->str, ==, want); \
        g_string_truncate((f)->t.out, 0); \
    } while (0)

/* Replies of several packets come joined by a blank, without frames. */
static char *exchange(Fixture *f, const char *text)
{
    static RspParser p;
    GString *replies = g_string_new(NULL);

    g_string_truncate(f->t.out, 0);
    send(f, text);
    rsp_init(&p);
    for (gsize i = 0; i < f->t.out->len; i++) {
        if (rsp_feed(&p, (uint8_t)f->t.out->str[i]) == RSP_PACKET) {
            g_string_append_printf(replies, "%s%s", replies->len ? " " : "", (char *)p.buf);
        }
    }
    g_string_truncate(f->t.out, 0);
    return g_string_free(replies, FALSE);
}

#define expect(f, packet, want) \
    do { \
        g_autofree char *reply_ = exchange(f, packet); \
        g_assert_cmpstr(reply_, ==, want); \
    } while (0)

/* --- Frames ---------------------------------------------------------------------------------- */

static void test_packet_is_acknowledged_then_answered(Fixture *f, gconstpointer data)
{
    send(f, "qAttached");
    expect_output(f, "+$1#31");
}

static void test_wrong_checksum_is_refused_and_not_carried_out(Fixture *f, gconstpointer data)
{
    gdb_session_input(f->s, (const uint8_t *)"$M0,1:ff#00", 11);
    expect_output(f, "-");
    g_assert_cmpuint(f->t.memory[0], ==, 0);
}

static void test_minus_repeats_the_last_reply(Fixture *f, gconstpointer data)
{
    send(f, "qAttached");
    gdb_session_input(f->s, (const uint8_t *)"-", 1);
    expect_output(f, "+$1#31$1#31");
}

static void test_no_ack_mode_ends_acknowledgements(Fixture *f, gconstpointer data)
{
    send(f, "QStartNoAckMode");
    expect_output(f, "+$OK#9a");
    send(f, "qAttached");
    expect_output(f, "$1#31");
}

static void test_new_dollar_begins_a_new_packet(Fixture *f, gconstpointer data)
{
    gdb_session_input(f->s, (const uint8_t *)"$qAtt$qAttached#8f", 18);
    expect_output(f, "+$1#31");
}

static void test_overlong_packet_is_refused_and_the_next_one_works(Fixture *f, gconstpointer data)
{
    g_autofree char *big = g_strnfill(3 * RSP_MAX_PACKET, 'q');

    send(f, big);
    expect_output(f, "-");
    expect(f, "qAttached", "1");
}

static void test_binary_data_are_unescaped(Fixture *f, gconstpointer data)
{
    send(f, "X10,4:#$}*");
    g_assert_cmpmem(f->t.memory + 0x10, 4, "#$}*", 4);
}

static void test_ctrl_c_between_packets_interrupts(Fixture *f, gconstpointer data)
{
    send(f, "c");
    gdb_session_input(f->s, (const uint8_t *)"\003", 1);
    g_assert_cmpuint(f->t.nr_interrupts, ==, 1);
}

/* --- Commands -------------------------------------------------------------------------------- */

static void test_unknown_packets_get_an_empty_answer(Fixture *f, gconstpointer data)
{
    static const char *const packets[] = { "", "y", "qCRC:0,1", "vMustReplyEmpty", "bs", "qqemu" };

    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        expect(f, packets[i], "");
    }
}

static void test_registers_are_read_and_written(Fixture *f, gconstpointer data)
{
    expect(f, "P1=44332211", "OK");
    expect(f, "p1", "44332211");
    expect(f, "G0100000002000000", "OK");
    g_assert_cmpuint(f->t.regs[0][0], ==, 1);
    g_assert_cmpuint(f->t.regs[0][1], ==, 2);
    expect(f, "g", "0100000002000000000000000000000000000000000000000000000000000000");
}

static void test_malformed_register_packets_change_nothing(Fixture *f, gconstpointer data)
{
    static const char *const packets[] = {
        "P", "P1", "P1=", "P1=1", "P1=11", "P1=xx332211", "P1=443322110", "P63=44332211",
        "Pffffffffffffffff=44332211", "p", "p63", "pfffffffff", "p1x", "G1", "G012",
    };

    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        expect(f, packets[i], "E22");
    }
    g_assert_cmpuint(f->t.regs[0][1], ==, 0);
}

static void test_registers_belong_to_the_chosen_thread(Fixture *f, gconstpointer data)
{
    expect(f, "Hg3", "OK");
    expect(f, "P0=07000000", "OK");
    g_assert_cmpuint(f->t.regs[2][0], ==, 7);
    g_assert_cmpuint(f->t.regs[0][0], ==, 0);
    expect(f, "Hg5", "E22");
    expect(f, "Hg0", "OK"); /* any: stays */
    expect(f, "p0", "07000000");
}

static void test_memory_is_read_and_written(Fixture *f, gconstpointer data)
{
    expect(f, "M20,3:010aff", "OK");
    expect(f, "m20,3", "010aff");
    expect(f, "m20,0", "");
    expect(f, "X20,0:", "OK");
}

static void test_memory_that_is_not_there_is_an_error(Fixture *f, gconstpointer data)
{
    expect(f, "mfff,2", "E14");
    expect(f, "Mfff,2:0000", "E14");
    expect(f, "mffffffffffffffff,1", "E14");
}

static void test_malformed_memory_packets_are_errors(Fixture *f, gconstpointer data)
{
    static const char *const packets[] = {
        "m", "m0", "m0,", "m0,ffffffff", "m0,ffffffffffffffff", "m0,4001", "m11111111111111111,1",
        "m0,1:", "M0,1", "M0,1:", "M0,1:1", "M0,1:xx", "M0,1:0101", "M0,2:01", "X0,2:a", "X0,1:ab",
        "X0", "M0,ffffffff:00",
    };

    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        expect(f, packets[i], "E22");
    }
}

static void test_physical_mode_reaches_the_target(Fixture *f, gconstpointer data)
{
    expect(f, "qqemu.PhyMemMode", "0");
    expect(f, "Qqemu.PhyMemMode:1", "OK");
    expect(f, "m0,1", "00");
    g_assert_true(f->t.last_was_physical);
    expect(f, "qqemu.PhyMemMode", "1");
}

static void test_points_reach_the_target(Fixture *f, gconstpointer data)
{
    expect(f, "Z2,1000,4", "OK");
    g_assert_cmpuint(f->t.point_kind, ==, 2);
    g_assert_cmphex(f->t.point_addr, ==, 0x1000);
    g_assert_cmpuint(f->t.point_len, ==, 4);
    expect(f, "z2,1000,4", "OK");
    expect(f, "Z5,0,1", "");
    expect(f, "Z0,1000", "E22");
    expect(f, "Z0", "E22");
    expect(f, "Z0,1000,1;X1,ff", "OK"); /* conditions are gdb's to check */
}

static void test_target_description_comes_in_pieces(Fixture *f, gconstpointer data)
{
    expect(f, "qXfer:features:read:target.xml:0,4", "m<tar");
    expect(f, "qXfer:features:read:target.xml:4,ffffffffffffffff", "lget/>");
    expect(f, "qXfer:features:read:target.xml:9,1", "l");
    expect(f, "qXfer:features:read:target.xml:a,1", "E00");
    expect(f, "qXfer:features:read:other.xml:0,1", "E00");
}

static void test_threads_are_listed(Fixture *f, gconstpointer data)
{
    expect(f, "qfThreadInfo", "m01,02,03,04");
    expect(f, "qsThreadInfo", "l");
    expect(f, "qC", "QC01");
    expect(f, "T4", "OK");
    expect(f, "T5", "E22");
    expect(f, "qThreadExtraInfo,2", "4350552331");
    expect(f, "qThreadExtraInfo,9", "E22");
}

static void test_multiprocess_ids_name_process_1(Fixture *f, gconstpointer data)
{
    g_free(exchange(f, "qSupported:multiprocess+"));
    expect(f, "qC", "QCp01.01");
    expect(f, "Hgp1.2", "OK");
    expect(f, "qC", "QCp01.02");
    expect(f, "Tp2.1", "E22");
    expect(f, "Hgp2.1", "E22");
    expect(f, "Hgp1.-1", "OK");
    expect(f, "Hgp-1.-1", "OK");
    expect(f, "vAttach;1", "T05thread:p01.01;");
    expect(f, "vAttach;2", "E22");
}

/* --- Running --------------------------------------------------------------------------------- */

static void test_vcont_gives_each_thread_its_leftmost_action(Fixture *f, gconstpointer data)
{
    expect(f, "vCont;s:2;C05:3;c:2", "");
    g_assert_cmpstr(f->t.resumed, ==, ".sc.");
    expect(f, "vCont;s:1;c", "");
    g_assert_cmpstr(f->t.resumed, ==, "sccc");
}

static void test_malformed_vcont_does_not_run(Fixture *f, gconstpointer data)
{
    static const char *const packets[] = {
        "vCont", "vCont;", "vCont;x", "vCont;c:", "vCont;c:9", "vCont;C", "vCont;c;", "vCont;cc",
        "vCont;s:p2.1", "vCont;t", "vCont;c:p1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(packets) - 1; i++) {
        expect(f, packets[i], "E22");
        g_assert_cmpstr(f->t.resumed, ==, "");
    }
    expect(f, "vCont;c:p1", ""); /* all of the process */
    g_assert_cmpstr(f->t.resumed, ==, "cccc");
}

static void test_stop_is_told_once_to_who_waits(Fixture *f, gconstpointer data)
{
    gdb_session_stopped(f->s, 0, GDB_SIGNAL_TRAP, "");
    expect_output(f, "");
    send(f, "c");
    expect_output(f, "+");
    gdb_session_stopped(f->s, 2, GDB_SIGNAL_TRAP, "watch:10;");
    expect_output(f, "$T05thread:03;watch:10;#f6");
    gdb_session_stopped(f->s, 0, GDB_SIGNAL_INT, "");
    expect_output(f, "");
    expect(f, "?", "T02thread:01;");
}

static void test_stopped_thread_becomes_current(Fixture *f, gconstpointer data)
{
    send(f, "c");
    gdb_session_stopped(f->s, 2, GDB_SIGNAL_TRAP, "");
    expect(f, "qC", "QC03");
    send(f, "s");
    g_assert_cmpstr(f->t.resumed, ==, "ccsc");
}

static void test_machine_that_cannot_run_is_an_error(Fixture *f, gconstpointer data)
{
    f->t.cannot_run = true;
    expect(f, "c", "E22");
    gdb_session_stopped(f->s, 0, GDB_SIGNAL_TRAP, "");
    expect_output(f, "");
}

static void test_step_flags_are_checked(Fixture *f, gconstpointer data)
{
    expect(f, "qqemu.sstep", "0x3");
    expect(f, "Qqemu.sstep=0x1", "OK");
    expect(f, "Qqemu.sstep=7", "E22"); /* the target has no NOTIMER */
    expect(f, "Qqemu.sstep=", "E22");
    expect(f, "qqemu.sstep", "0x1");
    send(f, "s");
    g_assert_cmpuint(f->t.step_flags, ==, 1);
}

static void test_monitor_output_comes_before_ok(Fixture *f, gconstpointer data)
{
    expect(f, "qRcmd,6869", "O6869 OK");
    expect(f, "qRcmd,6", "E22");
    expect(f, "qRcmd,zz", "E22");
    expect(f, "qRcmd,00", "E22");
}

static void test_detach_and_kill_reach_the_target(Fixture *f, gconstpointer data)
{
    expect(f, "D;2", "E22");
    expect(f, "D;1", "OK");
    g_assert_true(f->t.detached);
    send(f, "k");
    g_assert_true(f->t.killed);
}

static void test_new_connection_forgets_the_old_ones_settings(Fixture *f, gconstpointer data)
{
    send(f, "QStartNoAckMode");
    send(f, "Qqemu.PhyMemMode:1");
    send(f, "Hg3");
    gdb_session_reset(f->s);
    g_string_truncate(f->t.out, 0);
    send(f, "qqemu.PhyMemMode");
    expect_output(f, "+$0#30");
    expect(f, "qC", "QC01");
}

#define ADD(name) g_test_add("/gdb/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(packet_is_acknowledged_then_answered);
    ADD(wrong_checksum_is_refused_and_not_carried_out);
    ADD(minus_repeats_the_last_reply);
    ADD(no_ack_mode_ends_acknowledgements);
    ADD(new_dollar_begins_a_new_packet);
    ADD(overlong_packet_is_refused_and_the_next_one_works);
    ADD(binary_data_are_unescaped);
    ADD(ctrl_c_between_packets_interrupts);
    ADD(unknown_packets_get_an_empty_answer);
    ADD(registers_are_read_and_written);
    ADD(malformed_register_packets_change_nothing);
    ADD(registers_belong_to_the_chosen_thread);
    ADD(memory_is_read_and_written);
    ADD(memory_that_is_not_there_is_an_error);
    ADD(malformed_memory_packets_are_errors);
    ADD(physical_mode_reaches_the_target);
    ADD(points_reach_the_target);
    ADD(target_description_comes_in_pieces);
    ADD(threads_are_listed);
    ADD(multiprocess_ids_name_process_1);
    ADD(vcont_gives_each_thread_its_leftmost_action);
    ADD(malformed_vcont_does_not_run);
    ADD(stop_is_told_once_to_who_waits);
    ADD(stopped_thread_becomes_current);
    ADD(machine_that_cannot_run_is_an_error);
    ADD(step_flags_are_checked);
    ADD(monitor_output_comes_before_ok);
    ADD(detach_and_kill_reach_the_target);
    ADD(new_connection_forgets_the_old_ones_settings);
    return g_test_run();
}
