/* SPDX-License-Identifier: GPL-2.0-or-later */
/* General queries and settings: packets that begin with q or Q (GDB manual, appendix E.4). */
#include "qemu/osdep.h"
#include "gdbstub/internal.h"

/* --- What both sides can --------------------------------------------------------------------- */

static bool has_word(const RspScan *s, const char *word)
{
    g_autofree char *text = g_strndup(s->p, rsp_left(s));
    g_auto(GStrv) words = g_strsplit(text, ";", 0);

    return g_strv_contains((const char *const *)words, word);
}

static void query_supported(GdbSession *g, RspScan *s)
{
    rsp_take_char(s, ':');
    g->multiprocess = has_word(s, "multiprocess+");
    g->swbreak = has_word(s, "swbreak+");
    g->hwbreak = has_word(s, "hwbreak+");
    gdb_reply_printf(g, "PacketSize=%x;qXfer:features:read+;vContSupported+;multiprocess+;"
                     "QStartNoAckMode+;swbreak+;hwbreak+", RSP_MAX_PACKET);
}

static void set_no_ack(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "OK");
    g->no_ack = true; /* from the next packet on */
}

/* features:read:target.xml:offset,length */
static void query_description(GdbSession *g, RspScan *s)
{
    const char *text = g->ops->description(g->opaque);
    size_t total = strlen(text);
    uint64_t offset, len;
    GString *out;

    if (!rsp_take_hex(s, &offset) || !rsp_take_char(s, ',') || !rsp_take_hex(s, &len) ||
        offset > total) {
        gdb_reply(g, "E00");
        return;
    }
    len = MIN(len, MIN(total - offset, (size_t)RSP_MAX_PACKET / 2));
    out = g_string_new(offset + len < total ? "m" : "l");
    g_string_append_len(out, text + offset, (gssize)len);
    gdb_reply_data(g, out->str, out->len);
    g_string_free(out, TRUE);
}

static void query_no_annex(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "E00");
}

/* --- Threads --------------------------------------------------------------------------------- */

static void query_current_thread(GdbSession *g, RspScan *s)
{
    char id[32];

    gdb_thread_id(g, g->g_cpu, id, sizeof(id));
    gdb_reply_printf(g, "QC%s", id);
}

/* As many as fit into a packet. */
static void query_more_threads(GdbSession *g, RspScan *s)
{
    unsigned nr = MIN(g->ops->nr_cpus(g->opaque), (unsigned)GDB_MAX_CPUS);
    GString *out = g_string_new("m");

    if (g->next_thread >= nr) {
        g_string_assign(out, "l");
    }
    for (; g->next_thread < nr && out->len < RSP_MAX_PACKET - 64; g->next_thread++) {
        char id[32];

        gdb_thread_id(g, g->next_thread, id, sizeof(id));
        g_string_append_printf(out, "%s%s", out->len > 1 ? "," : "", id);
    }
    gdb_reply(g, out->str);
    g_string_free(out, TRUE);
}

static void query_first_threads(GdbSession *g, RspScan *s)
{
    g->next_thread = 0;
    query_more_threads(g, s);
}

static void reply_hex(GdbSession *g, const char *text)
{
    GString *out = g_string_new(NULL);

    rsp_put_bytes(out, (const uint8_t *)text, strlen(text));
    gdb_reply(g, out->str);
    g_string_free(out, TRUE);
}

static void query_thread_name(GdbSession *g, RspScan *s)
{
    g_autofree char *name = NULL;
    GdbThreadKind kind;
    uint64_t cpu;

    if (!rsp_take_char(s, ',') || !gdb_take_thread(s, &kind, &cpu) || kind != GDB_THREAD_ONE ||
        cpu >= MIN(g->ops->nr_cpus(g->opaque), (unsigned)GDB_MAX_CPUS)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    name = g->ops->thread_name(g->opaque, (unsigned)cpu);
    reply_hex(g, name);
}

/* The machine was there before the debugger, and stays when it leaves. */
static void query_attached(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "1");
}

/* --- The monitor ----------------------------------------------------------------------------- */

enum { CONSOLE_CHUNK = RSP_MAX_PACKET / 4 };

/* Output goes out in O packets, the end is OK. */
static void query_command(GdbSession *g, RspScan *s)
{
    size_t len = rsp_left(s) / 2;
    g_autofree uint8_t *line = g_malloc0(len + 1);
    g_autofree char *text = NULL;
    size_t total;

    if (!rsp_take_bytes(s, line, len) || rsp_left(s) || memchr(line, 0, len)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    text = g->ops->monitor(g->opaque, g->g_cpu, (const char *)line);
    total = strlen(text);
    for (size_t done = 0; done < total; done += CONSOLE_CHUNK) {
        GString *out = g_string_new("O");

        rsp_put_bytes(out, (const uint8_t *)text + done, MIN(total - done, (size_t)CONSOLE_CHUNK));
        gdb_reply(g, out->str);
        g_string_free(out, TRUE);
    }
    gdb_reply(g, "OK");
}

/* --- QEMU's own ------------------------------------------------------------------------------ */

static void query_qemu_supported(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "sstepbits;sstep;PhyMemMode");
}

static void query_step_bits(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "ENABLE=1,NOIRQ=2,NOTIMER=4");
}

static void query_step(GdbSession *g, RspScan *s)
{
    gdb_reply_printf(g, "0x%x", g->step_flags);
}

static void set_step(GdbSession *g, RspScan *s)
{
    uint64_t flags;

    rsp_take_text(s, "0x");
    if (!rsp_take_hex(s, &flags) || rsp_left(s) ||
        flags & ~(uint64_t)g->ops->step_flags(g->opaque)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    g->step_flags = (unsigned)flags;
    gdb_reply(g, "OK");
}

static void query_physical(GdbSession *g, RspScan *s)
{
    gdb_reply(g, g->physical ? "1" : "0");
}

static void set_physical(GdbSession *g, RspScan *s)
{
    uint64_t on;

    if (!rsp_take_hex(s, &on) || rsp_left(s)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    g->physical = on != 0;
    gdb_reply(g, "OK");
}

const GdbCommand gdb_query_commands[] = {
    { "QStartNoAckMode", set_no_ack },
    { "Qqemu.PhyMemMode:", set_physical },
    { "Qqemu.sstep=", set_step },
    { "qAttached", query_attached },
    { "qC", query_current_thread },
    { "qRcmd,", query_command },
    { "qSupported", query_supported },
    { "qThreadExtraInfo", query_thread_name },
    { "qXfer:features:read:", query_no_annex },
    { "qXfer:features:read:target.xml:", query_description },
    { "qfThreadInfo", query_first_threads },
    { "qqemu.PhyMemMode", query_physical },
    { "qqemu.Supported", query_qemu_supported },
    { "qqemu.sstep", query_step },
    { "qqemu.sstepbits", query_step_bits },
    { "qsThreadInfo", query_more_threads },
    { NULL, NULL },
};
