/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of the GDB remote protocol about registers, memory, points and running (GDB manual,
 * appendix E.2); queries are in query.c. Main loop. */
#include "qemu/osdep.h"
#include "gdbstub/internal.h"

enum { PID = 1 }; /* the one process that the CPUs are threads of */

/* --- Replies --------------------------------------------------------------------------------- */

void gdb_reply_data(GdbSession *g, const void *data, size_t len)
{
    g_byte_array_set_size(g->last, 0);
    rsp_frame(g->last, data, len);
    g->ops->send(g->opaque, g->last->data, g->last->len);
}

void gdb_reply(GdbSession *g, const char *text)
{
    gdb_reply_data(g, text, strlen(text));
}

void gdb_reply_printf(GdbSession *g, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    gdb_reply(g, text);
}

void gdb_reply_error(GdbSession *g, int number)
{
    gdb_reply_printf(g, "E%02d", number);
}

void gdb_reply_result(GdbSession *g, GdbResult result)
{
    switch (result) {
    case GDB_OK:
        gdb_reply(g, "OK");
        break;
    case GDB_FAILED:
        gdb_reply_error(g, EINVAL);
        break;
    default:
        gdb_reply(g, "");
        break;
    }
}

/* --- Threads --------------------------------------------------------------------------------- */

static unsigned nr_cpus(const GdbSession *g)
{
    return MIN(g->ops->nr_cpus(g->opaque), (unsigned)GDB_MAX_CPUS);
}

static bool take_id(RspScan *s, GdbThreadKind *kind, uint64_t *id)
{
    *kind = GDB_THREAD_ALL;
    if (rsp_take_text(s, "-1")) {
        return true;
    }
    *kind = GDB_THREAD_ANY;
    if (!rsp_take_hex(s, id)) {
        return false;
    }
    if (*id) {
        *kind = GDB_THREAD_ONE;
    }
    return true;
}

bool gdb_take_thread(RspScan *s, GdbThreadKind *kind, uint64_t *cpu)
{
    uint64_t pid = PID, tid = 0;
    GdbThreadKind pid_kind;

    if (rsp_take_char(s, 'p')) {
        if (!take_id(s, &pid_kind, &pid)) {
            return false;
        }
        if (pid_kind == GDB_THREAD_ONE && pid != PID) {
            pid = UINT64_MAX; /* nobody's */
        }
        if (!rsp_take_char(s, '.')) {
            *kind = GDB_THREAD_ALL; /* of the process */
            *cpu = pid == UINT64_MAX ? UINT64_MAX : 0;
            return pid != UINT64_MAX;
        }
    }
    if (!take_id(s, kind, &tid)) {
        return false;
    }
    *cpu = pid == UINT64_MAX ? UINT64_MAX : tid - (*kind == GDB_THREAD_ONE);
    return pid != UINT64_MAX || *kind == GDB_THREAD_ONE;
}

void gdb_thread_id(const GdbSession *g, unsigned cpu, char *buf, size_t size)
{
    if (g->multiprocess) {
        g_snprintf(buf, size, "p%02x.%02x", PID, cpu + 1);
    } else {
        g_snprintf(buf, size, "%02x", cpu + 1);
    }
}

/* Hg and Hc */
static void cmd_set_thread(GdbSession *g, RspScan *s)
{
    bool general = rsp_take_char(s, 'g');
    GdbThreadKind kind;
    uint64_t cpu;

    if ((!general && !rsp_take_char(s, 'c')) || !gdb_take_thread(s, &kind, &cpu) ||
        rsp_left(s)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    if (kind == GDB_THREAD_ONE) {
        if (cpu >= nr_cpus(g)) {
            gdb_reply_error(g, EINVAL);
            return;
        }
        *(general ? &g->g_cpu : &g->c_cpu) = (unsigned)cpu;
    }
    gdb_reply(g, "OK");
}

static void cmd_thread_alive(GdbSession *g, RspScan *s)
{
    GdbThreadKind kind;
    uint64_t cpu;

    if (gdb_take_thread(s, &kind, &cpu) && kind == GDB_THREAD_ONE && cpu < nr_cpus(g)) {
        gdb_reply(g, "OK");
    } else {
        gdb_reply_error(g, EINVAL);
    }
}

/* --- Registers ------------------------------------------------------------------------------- */

static void cmd_read_registers(GdbSession *g, RspScan *s)
{
    unsigned nr = g->ops->nr_registers(g->opaque);
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < nr; i++) {
        uint8_t buf[GDB_MAX_REGISTER_BYTES];
        unsigned len = g->ops->read_register(g->opaque, g->g_cpu, i, buf);

        rsp_put_bytes(out, buf, len);
    }
    gdb_reply(g, out->str);
    g_string_free(out, TRUE);
}

static void cmd_write_registers(GdbSession *g, RspScan *s)
{
    unsigned nr = g->ops->nr_registers(g->opaque);
    size_t len = rsp_left(s) / 2;
    g_autofree uint8_t *bytes = g_malloc(len + 1);
    const uint8_t *p = bytes;

    if (!rsp_take_bytes(s, bytes, len) || rsp_left(s)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    for (unsigned i = 0; i < nr && len; i++) {
        unsigned used = g->ops->write_register(g->opaque, g->g_cpu, i, p, len);

        if (!used) {
            break;
        }
        p += used;
        len -= used;
    }
    gdb_reply(g, "OK");
}

static void cmd_read_register(GdbSession *g, RspScan *s)
{
    uint8_t buf[GDB_MAX_REGISTER_BYTES];
    uint64_t reg;
    unsigned len;

    if (!rsp_take_hex(s, &reg) || rsp_left(s) || reg > UINT32_MAX) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    len = g->ops->read_register(g->opaque, g->g_cpu, (unsigned)reg, buf);
    if (len) {
        GString *out = g_string_new(NULL);

        rsp_put_bytes(out, buf, len);
        gdb_reply(g, out->str);
        g_string_free(out, TRUE);
    } else {
        gdb_reply_error(g, EINVAL);
    }
}

static void cmd_write_register(GdbSession *g, RspScan *s)
{
    uint8_t buf[GDB_MAX_REGISTER_BYTES];
    uint64_t reg;
    size_t len;

    if (!rsp_take_hex(s, &reg) || reg > UINT32_MAX || !rsp_take_char(s, '=')) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    len = MIN(rsp_left(s) / 2, sizeof(buf));
    if (rsp_take_bytes(s, buf, len) && !rsp_left(s) &&
        g->ops->write_register(g->opaque, g->g_cpu, (unsigned)reg, buf, len) == len && len) {
        gdb_reply(g, "OK");
    } else {
        gdb_reply_error(g, EINVAL);
    }
}

/* --- Memory ---------------------------------------------------------------------------------- */

/* "addr,len" with @len at most what fits into a packet. */
static bool take_range(GdbSession *g, RspScan *s, uint64_t *addr, uint64_t *len)
{
    if (!rsp_take_hex(s, addr) || !rsp_take_char(s, ',') || !rsp_take_hex(s, len) ||
        *len > RSP_MAX_PACKET) {
        gdb_reply_error(g, EINVAL);
        return false;
    }
    return true;
}

static void cmd_read_memory(GdbSession *g, RspScan *s)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, len;
    GString *out;

    if (!take_range(g, s, &addr, &len)) {
        return;
    }
    if (rsp_left(s) || len > RSP_MAX_PACKET / 2) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    buf = g_malloc(len + 1);
    if (!g->ops->access_memory(g->opaque, g->g_cpu, addr, buf, len, false, g->physical)) {
        gdb_reply_error(g, EFAULT);
        return;
    }
    out = g_string_sized_new(2 * len + 1);
    rsp_put_bytes(out, buf, len);
    gdb_reply(g, out->str);
    g_string_free(out, TRUE);
}

static void write_memory(GdbSession *g, uint64_t addr, uint8_t *buf, size_t len)
{
    if (!len || g->ops->access_memory(g->opaque, g->g_cpu, addr, buf, len, true, g->physical)) {
        gdb_reply(g, "OK");
    } else {
        gdb_reply_error(g, EFAULT);
    }
}

static void cmd_write_memory_hex(GdbSession *g, RspScan *s)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, len;

    if (!take_range(g, s, &addr, &len)) {
        return;
    }
    buf = g_malloc(len + 1);
    if (!rsp_take_char(s, ':') || !rsp_take_bytes(s, buf, len) || rsp_left(s)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    write_memory(g, addr, buf, len);
}

static void cmd_write_memory_binary(GdbSession *g, RspScan *s)
{
    uint64_t addr, len;

    if (!take_range(g, s, &addr, &len)) {
        return;
    }
    if (!rsp_take_char(s, ':') || rsp_left(s) != len) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    write_memory(g, addr, (uint8_t *)s->p, len); /* into the parser's buffer */
}

/* --- Break- and watchpoints ------------------------------------------------------------------ */

static void change_point(GdbSession *g, RspScan *s,
                         GdbResult (*fn)(void *, unsigned, unsigned, uint64_t, uint64_t))
{
    uint64_t kind, addr, len;

    if (!rsp_take_hex(s, &kind) || !rsp_take_char(s, ',') || !rsp_take_hex(s, &addr) ||
        !rsp_take_char(s, ',') || !rsp_take_hex(s, &len)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    if (kind > 4) {
        gdb_reply(g, "");
        return;
    }
    gdb_reply_result(g, fn(g->opaque, g->g_cpu, (unsigned)kind, addr, len));
}

static void cmd_insert_point(GdbSession *g, RspScan *s)
{
    change_point(g, s, g->ops->insert_point);
}

static void cmd_remove_point(GdbSession *g, RspScan *s)
{
    change_point(g, s, g->ops->remove_point);
}

/* --- Running --------------------------------------------------------------------------------- */

static void send_stop(GdbSession *g)
{
    char id[32];

    gdb_thread_id(g, g->stop_cpu, id, sizeof(id));
    gdb_reply_printf(g, "T%02xthread:%s;%s", g->stop_signal, id, g->stop_extra);
}

static void cmd_why_stopped(GdbSession *g, RspScan *s)
{
    g->waiting = false;
    g->g_cpu = g->c_cpu = MIN(g->stop_cpu, nr_cpus(g) - 1);
    send_stop(g);
}

void gdb_session_stopped(GdbSession *s, unsigned cpu, unsigned signal, const char *extra)
{
    s->stop_cpu = cpu;
    s->stop_signal = signal;
    g_strlcpy(s->stop_extra, extra, sizeof(s->stop_extra));
    if (s->waiting) {
        s->waiting = false;
        s->g_cpu = s->c_cpu = cpu;
        send_stop(s);
    }
}

static void resume(GdbSession *g, const GdbAction *actions)
{
    g->waiting = true;
    g_strlcpy(g->stop_extra, "", sizeof(g->stop_extra));
    if (!g->ops->resume(g->opaque, actions, g->step_flags)) {
        g->waiting = false;
        gdb_reply_error(g, EINVAL);
    }
}

/* c, s, C and S: all CPUs go on, and of s the chosen one a single step. */
static void resume_all(GdbSession *g, RspScan *s, bool step)
{
    unsigned nr = nr_cpus(g);
    g_autofree GdbAction *actions = g_new(GdbAction, nr);
    uint64_t addr;

    if (rsp_left(s)) {
        gdb_reply(g, rsp_take_hex(s, &addr) ? "" : "E22"); /* "at an address": use P first */
        return;
    }
    for (unsigned i = 0; i < nr; i++) {
        actions[i] = GDB_CONTINUE;
    }
    if (step) {
        actions[g->c_cpu] = GDB_STEP;
    }
    resume(g, actions);
}

static void cmd_continue(GdbSession *g, RspScan *s)
{
    resume_all(g, s, false);
}

static void cmd_step(GdbSession *g, RspScan *s)
{
    resume_all(g, s, true);
}

/* Signals mean nothing to a machine: the number is skipped. */
static void cmd_continue_signal(GdbSession *g, RspScan *s)
{
    uint64_t signal;

    rsp_take_hex(s, &signal);
    resume_all(g, s, false);
}

static void cmd_step_signal(GdbSession *g, RspScan *s)
{
    uint64_t signal;

    rsp_take_hex(s, &signal);
    resume_all(g, s, true);
}

/* One ";action[:thread]". Threads that have an action keep it: the leftmost counts. */
static bool take_action(GdbSession *g, RspScan *s, GdbAction *actions, unsigned nr)
{
    GdbAction action = GDB_CONTINUE;
    GdbThreadKind kind = GDB_THREAD_ALL;
    uint64_t cpu = 0, signal;
    char letter;

    if (!rsp_take_char(s, ';') || !rsp_left(s)) {
        return false;
    }
    letter = *s->p++;
    if (!strchr("cCsS", letter) || (letter < 'a' && !rsp_take_hex(s, &signal))) {
        return false;
    }
    if (letter == 's' || letter == 'S') {
        action = GDB_STEP;
    }
    if (rsp_take_char(s, ':') && !gdb_take_thread(s, &kind, &cpu)) {
        return false;
    }
    if (kind == GDB_THREAD_ANY) {
        kind = GDB_THREAD_ONE;
        cpu = g->c_cpu;
    }
    if (kind == GDB_THREAD_ONE && cpu >= nr) {
        return false;
    }
    for (unsigned i = 0; i < nr; i++) {
        if (actions[i] == GDB_STAY && (kind == GDB_THREAD_ALL || i == cpu)) {
            actions[i] = action;
        }
    }
    return true;
}

static void cmd_vcont(GdbSession *g, RspScan *s)
{
    unsigned nr = nr_cpus(g);
    g_autofree GdbAction *actions = g_new0(GdbAction, nr);

    do {
        if (!take_action(g, s, actions, nr)) {
            gdb_reply_error(g, EINVAL);
            return;
        }
    } while (rsp_left(s));
    resume(g, actions);
}

static void cmd_vcont_query(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "vCont;c;C;s;S");
}

/* vAttach;pid */
static void cmd_attach(GdbSession *g, RspScan *s)
{
    uint64_t pid;

    if (!rsp_take_hex(s, &pid) || rsp_left(s) || pid != PID) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    send_stop(g);
}

/* D, or D;pid */
static void cmd_detach(GdbSession *g, RspScan *s)
{
    uint64_t pid = PID;

    if (rsp_left(s) && (!rsp_take_char(s, ';') || !rsp_take_hex(s, &pid) || rsp_left(s) ||
                        pid != PID)) {
        gdb_reply_error(g, EINVAL);
        return;
    }
    g->waiting = false;
    gdb_reply(g, "OK");
    g->ops->detach(g->opaque);
}

static void cmd_kill(GdbSession *g, RspScan *s)
{
    g->waiting = false;
    g->ops->kill(g->opaque);
}

static void cmd_vkill(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "OK");
    cmd_kill(g, s);
}

static void cmd_extended(GdbSession *g, RspScan *s)
{
    gdb_reply(g, "OK");
}

/* --- Dispatch -------------------------------------------------------------------------------- */

static const GdbCommand commands[] = {
    { "!", cmd_extended },
    { "?", cmd_why_stopped },
    { "C", cmd_continue_signal },
    { "D", cmd_detach },
    { "G", cmd_write_registers },
    { "H", cmd_set_thread },
    { "M", cmd_write_memory_hex },
    { "P", cmd_write_register },
    { "S", cmd_step_signal },
    { "T", cmd_thread_alive },
    { "X", cmd_write_memory_binary },
    { "Z", cmd_insert_point },
    { "c", cmd_continue },
    { "g", cmd_read_registers },
    { "k", cmd_kill },
    { "m", cmd_read_memory },
    { "p", cmd_read_register },
    { "s", cmd_step },
    { "vAttach;", cmd_attach },
    { "vCont", cmd_vcont },
    { "vCont?", cmd_vcont_query },
    { "vKill;", cmd_vkill },
    { "z", cmd_remove_point },
    { NULL, NULL },
};

/* A query's name must end where the row's does: qCRC is not qC. */
static bool matches(const GdbCommand *row, const RspScan *s, bool query)
{
    size_t len = strlen(row->name);

    return rsp_left(s) >= len && !memcmp(s->p, row->name, len) &&
           (!query || rsp_left(s) == len || !g_ascii_isalnum(row->name[len - 1]) ||
            !g_ascii_isalnum(s->p[len]));
}

static const GdbCommand *find(const GdbCommand *table, const RspScan *s, bool query)
{
    const GdbCommand *best = NULL;

    for (; table->name; table++) {
        if (matches(table, s, query) && (!best || strlen(table->name) > strlen(best->name))) {
            best = table;
        }
    }
    return best;
}

static void handle_packet(GdbSession *g)
{
    const char *text = (const char *)g->parser.buf;
    RspScan s = { text, text + g->parser.len };
    bool query = g->parser.len && (*text == 'q' || *text == 'Q');
    const GdbCommand *cmd = find(query ? gdb_query_commands : commands, &s, query);

    if (cmd) {
        s.p += strlen(cmd->name);
        cmd->fn(g, &s);
    } else {
        gdb_reply(g, ""); /* we do not know it */
    }
}

static void send_char(GdbSession *g, char c)
{
    if (!g->no_ack) {
        g->ops->send(g->opaque, (const uint8_t *)&c, 1);
    }
}

static void take_byte(GdbSession *s, uint8_t byte)
{
    switch (rsp_feed(&s->parser, byte)) {
    case RSP_PACKET:
        send_char(s, '+');
        handle_packet(s);
        break;
    case RSP_DAMAGED:
        send_char(s, '-');
        break;
    case RSP_INTERRUPT:
        s->ops->interrupt(s->opaque);
        break;
    case RSP_RESEND:
        if (!s->no_ack && s->last->len) {
            s->ops->send(s->opaque, s->last->data, s->last->len);
        }
        break;
    default:
        break;
    }
}

void gdb_session_input(GdbSession *s, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        take_byte(s, buf[i]);
    }
}

/* --- Life ------------------------------------------------------------------------------------ */

GdbSession *gdb_session_new(const GdbTargetOps *ops, void *opaque)
{
    GdbSession *s = g_new0(GdbSession, 1);

    s->ops = ops;
    s->opaque = opaque;
    s->last = g_byte_array_new();
    s->stop_signal = GDB_SIGNAL_TRAP;
    gdb_session_reset(s);
    return s;
}

void gdb_session_free(GdbSession *s)
{
    g_byte_array_free(s->last, TRUE);
    g_free(s);
}

void gdb_session_reset(GdbSession *s)
{
    rsp_init(&s->parser);
    g_byte_array_set_size(s->last, 0);
    s->no_ack = s->multiprocess = s->swbreak = s->hwbreak = false;
    s->physical = s->waiting = false;
    s->step_flags = s->ops->step_flags(s->opaque);
    s->g_cpu = s->c_cpu = s->next_thread = s->stop_cpu = 0;
}

void gdb_session_exited(GdbSession *s, int status)
{
    if (s->waiting) {
        s->waiting = false;
        gdb_reply_printf(s, "W%02x", status & 0xff);
    }
}

bool gdb_session_knows_swbreak(const GdbSession *s)
{
    return s->swbreak;
}

bool gdb_session_knows_hwbreak(const GdbSession *s)
{
    return s->hwbreak;
}
