/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest protocol: one command a line, one answer a line, "OK [value]" or "FAIL why".
 *
 *   outb|outw|outl PORT VALUE          inb|inw|inl PORT
 *   writeb|w|l|q ADDR VALUE            readb|w|l|q ADDR
 *   write ADDR LEN 0xHEX               read ADDR LEN
 *   b64write ADDR LEN BASE64           b64read ADDR LEN
 *   memset ADDR LEN BYTE               endianness
 *   clock_step [NS]                    clock_set NS
 *   irq_intercept_in|irq_intercept_out PATH     then "IRQ raise N" and "IRQ lower N" lines
 *
 * Main loop, BQL.
 */
#include "qemu/osdep.h"
#include "chardev/char.h"
#include "hw/core/machine.h"
#include "qemu/cutils.h"
#include "qemu/timer.h"
#include "system/qtest.h"

#define MAX_LINE_BYTES (4 * MiB)
#define MAX_BUFFER_BYTES (1 * MiB)

typedef struct QTest {
    Chardev *chr;
    FILE *log;
    GString *line;
    bool too_long, intercepting;
    IRQLine saved[ARRAY_SIZE(((MachineState *)0)->gsi)];
} QTest;

typedef struct QTestCommand QTestCommand;
struct QTestCommand {
    const char *name;
    unsigned min_args, max_args;
    unsigned size; /* of an access */
    void (*run)(QTest *q, const QTestCommand *cmd, char **args);
};

static void answer(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void answer(QTest *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (q->log) {
        fprintf(q->log, "[S] %s", text);
    }
    chardev_write_all(q->chr, (const uint8_t *)text, strlen(text));
}

static bool number(QTest *q, const char *text, uint64_t *value)
{
    if (qemu_strtou64(text, NULL, 0, value) < 0) {
        answer(q, "FAIL '%s' is not a number\n", text);
        return false;
    }
    return true;
}

/* --- Accesses -------------------------------------------------------------------------------- */

static void run_out(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t port, value;

    if (number(q, args[0], &port) && number(q, args[1], &value)) {
        address_space_st(current_machine->io, port & 0xffff, value, cmd->size);
        answer(q, "OK\n");
    }
}

static void run_in(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t port;

    if (number(q, args[0], &port)) {
        answer(q, "OK 0x%04" PRIx64 "\n",
               address_space_ld(current_machine->io, port & 0xffff, cmd->size));
    }
}

static void run_write_n(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, value;

    if (number(q, args[0], &addr) && number(q, args[1], &value)) {
        address_space_st(current_machine->memory, addr, value, cmd->size);
        answer(q, "OK\n");
    }
}

static void run_read_n(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr;

    if (number(q, args[0], &addr)) {
        answer(q, "OK 0x%016" PRIx64 "\n",
               address_space_ld(current_machine->memory, addr, cmd->size));
    }
}

/* --- Blocks ---------------------------------------------------------------------------------- */

static bool block_args(QTest *q, char **args, uint64_t *addr, uint64_t *len)
{
    if (!number(q, args[0], addr) || !number(q, args[1], len)) {
        return false;
    }
    if (*len > MAX_BUFFER_BYTES || *addr + *len < *addr) {
        answer(q, "FAIL a block of 0x%" PRIx64 " bytes at 0x%" PRIx64 " is too much\n", *len,
               *addr);
        return false;
    }
    return true;
}

static void run_read(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, len;
    g_autofree uint8_t *buf = NULL;
    g_autoptr(GString) hex = g_string_new(NULL);

    if (!block_args(q, args, &addr, &len)) {
        return;
    }
    buf = g_malloc0(len + 1);
    address_space_rw(current_machine->memory, addr, buf, len, false);
    for (uint64_t i = 0; i < len; i++) {
        g_string_append_printf(hex, "%02x", buf[i]);
    }
    answer(q, "OK 0x%s\n", hex->str);
}

static void run_write(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, len;
    g_autofree uint8_t *buf = NULL;
    const char *hex = args[2];

    if (!block_args(q, args, &addr, &len)) {
        return;
    }
    if (!g_str_has_prefix(hex, "0x") || strlen(hex) != 2 + 2 * len ||
        strspn(hex + 2, "0123456789abcdefABCDEF") != 2 * len) {
        answer(q, "FAIL data must be 0x and two digits a byte\n");
        return;
    }
    buf = g_malloc0(len + 1);
    for (uint64_t i = 0; i < len; i++) {
        buf[i] = (uint8_t)(g_ascii_xdigit_value(hex[2 + 2 * i]) << 4 |
                           g_ascii_xdigit_value(hex[3 + 2 * i]));
    }
    address_space_rw(current_machine->memory, addr, buf, len, true);
    answer(q, "OK\n");
}

static void run_b64read(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, len;
    g_autofree uint8_t *buf = NULL;
    g_autofree char *text = NULL;

    if (block_args(q, args, &addr, &len)) {
        buf = g_malloc0(len + 1);
        address_space_rw(current_machine->memory, addr, buf, len, false);
        text = g_base64_encode(buf, len);
        answer(q, "OK %s\n", text);
    }
}

static void run_b64write(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, len;
    gsize got = 0;
    g_autofree uint8_t *buf = NULL;

    if (block_args(q, args, &addr, &len)) {
        buf = g_base64_decode(args[2], &got);
        address_space_rw(current_machine->memory, addr, buf, MIN(len, got), true);
        answer(q, "OK\n");
    }
}

static void run_memset(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t addr, len, byte;
    g_autofree uint8_t *buf = NULL;

    if (block_args(q, args, &addr, &len) && number(q, args[2], &byte)) {
        buf = g_malloc(len + 1);
        memset(buf, (int)(byte & 0xff), len);
        address_space_rw(current_machine->memory, addr, buf, len, true);
        answer(q, "OK\n");
    }
}

/* --- Time, interrupts ------------------------------------------------------------------------ */

static void answer_time(QTest *q)
{
    answer(q, "OK %" PRId64 "\n", qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

/* Without an argument: to the next timer. */
static void run_clock_step(QTest *q, const QTestCommand *cmd, char **args)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), next;
    uint64_t step;

    if (args[0]) {
        if (!number(q, args[0], &step)) {
            return;
        }
        next = now + (int64_t)MIN(step, (uint64_t)(INT64_MAX - now));
    } else if (!qemu_clock_next_virtual_ns(&next)) {
        next = now;
    }
    qemu_clock_step_to(next);
    answer_time(q);
}

static void run_clock_set(QTest *q, const QTestCommand *cmd, char **args)
{
    uint64_t to;

    if (number(q, args[0], &to)) {
        qemu_clock_step_to((int64_t)MIN(to, (uint64_t)INT64_MAX));
        answer_time(q);
    }
}

static void tell_irq(void *opaque, int n, int level)
{
    QTest *q = opaque;

    answer(q, "IRQ %s %d\n", level ? "raise" : "lower", n);
    irq_set(&q->saved[n], level);
}

/* All interrupt lines of the board; the path, which names an interrupt controller, is not used. */
static void run_intercept(QTest *q, const QTestCommand *cmd, char **args)
{
    MachineState *ms = current_machine;

    for (size_t i = 0; !q->intercepting && i < ARRAY_SIZE(ms->gsi); i++) {
        q->saved[i] = ms->gsi[i];
        if (ms->gsi[i].handler) {
            ms->gsi[i] = (IRQLine){ .handler = tell_irq, .opaque = q, .n = (int)i };
        }
    }
    q->intercepting = true;
    answer(q, "OK\n");
}

static void run_endianness(QTest *q, const QTestCommand *cmd, char **args)
{
    answer(q, "OK little\n");
}

/* --- Lines ----------------------------------------------------------------------------------- */

static const QTestCommand commands[] = {
    { "outb", 2, 2, 1, run_out },         { "outw", 2, 2, 2, run_out },
    { "outl", 2, 2, 4, run_out },         { "inb", 1, 1, 1, run_in },
    { "inw", 1, 1, 2, run_in },           { "inl", 1, 1, 4, run_in },
    { "writeb", 2, 2, 1, run_write_n },   { "writew", 2, 2, 2, run_write_n },
    { "writel", 2, 2, 4, run_write_n },   { "writeq", 2, 2, 8, run_write_n },
    { "readb", 1, 1, 1, run_read_n },     { "readw", 1, 1, 2, run_read_n },
    { "readl", 1, 1, 4, run_read_n },     { "readq", 1, 1, 8, run_read_n },
    { "read", 2, 2, 0, run_read },        { "write", 3, 3, 0, run_write },
    { "b64read", 2, 2, 0, run_b64read },  { "b64write", 3, 3, 0, run_b64write },
    { "memset", 3, 3, 0, run_memset },    { "clock_step", 0, 1, 0, run_clock_step },
    { "clock_set", 1, 1, 0, run_clock_set },
    { "irq_intercept_in", 1, 1, 0, run_intercept },
    { "irq_intercept_out", 1, 2, 0, run_intercept },
    { "endianness", 0, 0, 0, run_endianness },
};

static void run_line(QTest *q)
{
    g_auto(GStrv) words = g_strsplit(q->line->str, " ", 5);
    unsigned nr = g_strv_length(words);

    if (q->log) {
        fprintf(q->log, "[R] %s\n", q->line->str);
    }
    for (size_t i = 0; nr && i < ARRAY_SIZE(commands); i++) {
        const QTestCommand *cmd = &commands[i];

        if (strcmp(cmd->name, words[0])) {
            continue;
        }
        if (nr - 1 < cmd->min_args || nr - 1 > cmd->max_args) {
            answer(q, "FAIL '%s' takes %u arguments\n", cmd->name, cmd->min_args);
        } else {
            cmd->run(q, cmd, words + 1);
        }
        return;
    }
    answer(q, "FAIL Unknown command '%s'\n", nr ? words[0] : "");
}

static int can_read(void *opaque)
{
    return 4096;
}

static void read_bytes(void *opaque, const uint8_t *buf, int len)
{
    QTest *q = opaque;

    for (int i = 0; i < len; i++) {
        if (buf[i] != '\n') {
            q->too_long |= q->line->len >= MAX_LINE_BYTES;
            if (!q->too_long && buf[i] != '\r') {
                g_string_append_c(q->line, (char)buf[i]);
            }
            continue;
        }
        if (q->too_long) {
            answer(q, "FAIL the line is too long\n");
        } else {
            run_line(q);
        }
        g_string_truncate(q->line, 0);
        q->too_long = false;
    }
}

static const ChardevHandlers handlers = { .can_read = can_read, .read = read_bytes };

bool qtest_start(const char *dev, const char *log, Error **errp)
{
    QTest *q = g_new0(QTest, 1); /* lives as long as the process */
    bool none = false;

    q->line = g_string_new(NULL);
    q->chr = chardev_new_from_short("qtest", dev, &none, errp);
    if (!q->chr) {
        if (none) {
            error_setg(errp, "-qtest needs a character device");
        }
        error_prepend(errp, "Failed to initialize device for qtest: \"%s\": ", dev);
        return false;
    }
    if (log && strcmp(log, "none")) {
        q->log = fopen(log, "w");
        if (!q->log) {
            error_setg_errno(errp, errno, "cannot open '%s'", log);
            return false;
        }
        setvbuf(q->log, NULL, _IOLBF, 0);
    }
    return chardev_set_handlers(q->chr, &handlers, q, errp);
}
