/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of human monitor commands: words, numbers as expressions, formats. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "target/i386/cpu.h"

/* --- Registers in expressions ---------------------------------------------------------------- */

static const struct {
    const char *names;
    size_t offset; /* in CPUX86State, of a uint64_t */
} registers[] = {
    { "eax|rax", offsetof(CPUX86State, regs[R_EAX]) },
    { "ecx|rcx", offsetof(CPUX86State, regs[R_ECX]) },
    { "edx|rdx", offsetof(CPUX86State, regs[R_EDX]) },
    { "ebx|rbx", offsetof(CPUX86State, regs[R_EBX]) },
    { "esp|sp|rsp", offsetof(CPUX86State, regs[R_ESP]) },
    { "ebp|fp|rbp", offsetof(CPUX86State, regs[R_EBP]) },
    { "esi|rsi", offsetof(CPUX86State, regs[R_ESI]) },
    { "edi|rdi", offsetof(CPUX86State, regs[R_EDI]) },
    { "r8", offsetof(CPUX86State, regs[8]) },
    { "r9", offsetof(CPUX86State, regs[9]) },
    { "r10", offsetof(CPUX86State, regs[10]) },
    { "r11", offsetof(CPUX86State, regs[11]) },
    { "r12", offsetof(CPUX86State, regs[12]) },
    { "r13", offsetof(CPUX86State, regs[13]) },
    { "r14", offsetof(CPUX86State, regs[14]) },
    { "r15", offsetof(CPUX86State, regs[15]) },
    { "eflags", offsetof(CPUX86State, eflags) },
    { "cs.base", offsetof(CPUX86State, segs[R_CS].base) },
    { "ds.base", offsetof(CPUX86State, segs[R_DS].base) },
    { "es.base", offsetof(CPUX86State, segs[R_ES].base) },
    { "ss.base", offsetof(CPUX86State, segs[R_SS].base) },
    { "fs.base", offsetof(CPUX86State, segs[R_FS].base) },
    { "gs.base", offsetof(CPUX86State, segs[R_GS].base) },
    { "cr0", offsetof(CPUX86State, cr[0]) },
    { "cr2", offsetof(CPUX86State, cr[2]) },
    { "cr3", offsetof(CPUX86State, cr[3]) },
    { "cr4", offsetof(CPUX86State, cr[4]) },
    { "efer", offsetof(CPUX86State, efer) },
};

static bool is_one_of(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = names;; p++) {
        size_t n = strcspn(p, "|");

        if (n == len && !memcmp(p, name, n)) {
            return true;
        }
        p += n;
        if (!*p) {
            return false;
        }
    }
}

static bool register_value(Monitor *mon, const char *name, int64_t *value, Error **errp)
{
    unsigned index = MAX(mon->cpu_index, 0);
    const CPUX86State *env;

    if (index >= cpus_count()) {
        error_setg(errp, "no CPU defined");
        return false;
    }
    cpu_synchronize_state(cpus_get(index));
    env = &X86_CPU(cpus_get(index))->env;
    if (is_one_of("eip|rip|pc", name)) {
        *value = (int64_t)(env->eip + env->segs[R_CS].base);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        if (is_one_of(registers[i].names, name)) {
            memcpy(value, (const char *)env + registers[i].offset, sizeof(*value));
            return true;
        }
    }
    error_setg(errp, "unknown register");
    return false;
}

/* --- Expressions ----------------------------------------------------------------------------- */

#define MAX_EXPRESSION_DEPTH 64

typedef struct Expression {
    Monitor *mon;
    const char *p;
    int depth;
    Error **errp;
} Expression;

/* Operators by binding strength, weakest first. */
static const char *const operators[] = { "+-", "&|^", "*/%" };

static bool parse_binary(Expression *e, unsigned level, int64_t *value);

static void skip(Expression *e)
{
    while (g_ascii_isspace(*e->p)) {
        e->p++;
    }
}

static bool parse_number(Expression *e, int64_t *value)
{
    char *end;

    errno = 0;
    *value = (int64_t)g_ascii_strtoull(e->p, &end, 0);
    if (errno == ERANGE) {
        error_setg(e->errp, "number too large");
        return false;
    }
    if (end == e->p) {
        error_setg(e->errp, "invalid char '%c' in expression", *e->p);
        return false;
    }
    e->p = end;
    return true;
}

static bool parse_character(Expression *e, int64_t *value)
{
    if (!e->p[1] || e->p[2] != '\'') {
        error_setg(e->errp, e->p[1] ? "missing terminating \' character"
                                    : "character constant expected");
        return false;
    }
    *value = (uint8_t)e->p[1];
    e->p += 3;
    return true;
}

static bool parse_register(Expression *e, int64_t *value)
{
    size_t len = strspn(++e->p, "abcdefghijklmnopqrstuvwxyz0123456789._");
    g_autofree char *name = g_strndup(e->p, len);

    e->p += len;
    return register_value(e->mon, name, value, e->errp);
}

static bool parse_unary(Expression *e, int64_t *value)
{
    char c;
    bool ok;

    skip(e);
    c = *e->p;
    if (!c) {
        error_setg(e->errp, "unexpected end of expression");
        return false;
    }
    if (c == '$') {
        return parse_register(e, value);
    }
    if (c == '\'') {
        return parse_character(e, value);
    }
    if (!strchr("+-~(", c)) {
        return parse_number(e, value);
    }
    if (++e->depth > MAX_EXPRESSION_DEPTH) {
        error_setg(e->errp, "expression too deep");
        return false;
    }
    e->p++;
    ok = c == '(' ? parse_binary(e, 0, value) : parse_unary(e, value);
    e->depth--;
    if (!ok) {
        return false;
    }
    if (c == '(') {
        skip(e);
        if (*e->p != ')') {
            error_setg(e->errp, "')' expected");
            return false;
        }
        e->p++;
    } else if (c != '+') {
        *value = c == '-' ? (int64_t)(0 - (uint64_t)*value) : ~*value;
    }
    return true;
}

static bool apply(Expression *e, char op, int64_t *value, int64_t right)
{
    uint64_t a = (uint64_t)*value, b = (uint64_t)right;

    if ((op == '/' || op == '%') && (b == 0 || (right == -1 && *value == INT64_MIN))) {
        error_setg(e->errp, "division by zero");
        return false;
    }
    switch (op) {
    case '+':
        a += b;
        break;
    case '-':
        a -= b;
        break;
    case '&':
        a &= b;
        break;
    case '|':
        a |= b;
        break;
    case '^':
        a ^= b;
        break;
    case '*':
        a *= b;
        break;
    case '/':
        a = (uint64_t)(*value / right);
        break;
    default:
        a = (uint64_t)(*value % right);
        break;
    }
    *value = (int64_t)a;
    return true;
}

static bool parse_binary(Expression *e, unsigned level, int64_t *value)
{
    if (level == ARRAY_SIZE(operators)) {
        return parse_unary(e, value);
    }
    if (!parse_binary(e, level + 1, value)) {
        return false;
    }
    for (skip(e); *e->p && strchr(operators[level], *e->p); skip(e)) {
        char op = *e->p++;
        int64_t right;

        if (!parse_binary(e, level + 1, &right) || !apply(e, op, value, right)) {
            return false;
        }
    }
    return true;
}

bool hmp_expression(Monitor *mon, const char **pp, int64_t *value, Error **errp)
{
    Expression e = { .mon = mon, .p = *pp, .errp = errp };
    bool ok = parse_binary(&e, 0, value);

    *pp = e.p;
    return ok;
}

/* --- Arguments ------------------------------------------------------------------------------- */

/* "/4xw": what is absent comes from the last use. */
static bool parse_format(Monitor *mon, const char **pp, HmpArg *arg, Error **errp)
{
    static const struct {
        char letter;
        int size;
    } sizes[] = { { 'b', 1 }, { 'h', 2 }, { 'w', 4 }, { 'g', 8 } };
    const char *p = *pp;
    char format = 0;
    int size = 0;
    int64_t count = 0;

    arg->fmt.count = 1;
    if (*p == '/') {
        p++;
        if (g_ascii_isdigit(*p)) {
            for (; g_ascii_isdigit(*p); p++) {
                count = MIN(count * 10 + *p - '0', INT_MAX);
            }
            arg->fmt.count = (int)count;
        }
        for (; *p && !g_ascii_isspace(*p); p++) {
            bool known = strchr("oduxic", *p) != NULL;

            format = known ? *p : format;
            for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                if (*p == sizes[i].letter) {
                    size = sizes[i].size;
                    known = true;
                }
            }
            if (!known) {
                error_setg(errp, "invalid char in format: '%c'", *p);
                return false;
            }
        }
    }
    arg->fmt.format = format ? format : mon->fmt_format ? mon->fmt_format : 'x';
    arg->fmt.size = size ? size : mon->fmt_size ? mon->fmt_size : 4;
    if (format && format != 'i') {
        mon->fmt_format = format;
    }
    if (size) {
        mon->fmt_size = size;
    }
    *pp = p;
    return true;
}

/* A word, or a string in double quotes with \n, \r, \\, \', \". NULL with an error. */
static char *parse_string(const HmpCommand *cmd, const char **pp, Error **errp)
{
    static const char from[] = "nr\\'\"", to[] = "\n\r\\'\"";
    const char *p = *pp;
    GString *out;
    bool quoted;

    if (!*p) {
        error_setg(errp, "%s: string expected", cmd->names);
        return NULL;
    }
    quoted = *p == '"';
    out = g_string_new(NULL);
    for (p += quoted; *p && (quoted ? *p != '"' : !g_ascii_isspace(*p)); p++) {
        const char *escape = quoted && *p == '\\' && p[1] ? strchr(from, p[1]) : NULL;

        if (quoted && *p == '\\' && !escape) {
            error_setg(errp, "unsupported escape code: '\\%c'", p[1]);
            g_string_free(out, TRUE);
            return NULL;
        }
        g_string_append_c(out, escape ? to[escape - from] : *p);
        p += escape != NULL;
    }
    if (quoted && *p != '"') {
        error_setg(errp, "unterminated string");
        g_string_free(out, TRUE);
        return NULL;
    }
    *pp = p + quoted;
    return g_string_free(out, FALSE);
}

static bool parse_on_off(const HmpCommand *cmd, const char **pp, HmpArg *arg, Error **errp)
{
    arg->s = parse_string(cmd, pp, errp);
    if (!arg->s) {
        return false;
    }
    arg->i = !strcmp(arg->s, "on");
    if (!arg->i && strcmp(arg->s, "off")) {
        error_setg(errp, "Expected 'on' or 'off'");
        return false;
    }
    return true;
}

static bool parse_flag(const HmpArgSpec *spec, const char **pp, HmpArg *arg)
{
    const char *p = *pp;

    if (p[0] == '-' && p[1] == spec->name[0] && (!p[2] || g_ascii_isspace(p[2]))) {
        arg->i = 1;
        arg->present = true;
        *pp = p + 2;
    }
    return true;
}

static bool parse_one(Monitor *mon, const HmpCommand *cmd, const HmpArgSpec *spec,
                      const char **pp, HmpArg *arg, Error **errp)
{
    if (spec->kind == '-') {
        return parse_flag(spec, pp, arg);
    }
    if (spec->kind == '/') {
        return parse_format(mon, pp, arg, errp);
    }
    if (!**pp && spec->optional) {
        return true;
    }
    arg->present = true;
    switch (spec->kind) {
    case 's':
        arg->s = parse_string(cmd, pp, errp);
        return arg->s != NULL;
    case 'S':
        arg->s = g_strchomp(g_strdup(*pp));
        *pp += strlen(*pp);
        return true;
    case 'b':
        return parse_on_off(cmd, pp, arg, errp);
    default:
        if (!hmp_expression(mon, pp, &arg->i, errp)) {
            return false;
        }
        if (spec->kind == 'i' && (arg->i < INT32_MIN || arg->i > UINT32_MAX)) {
            error_setg(errp, "'%s' has failed: integer is for 32-bit values", cmd->names);
            return false;
        }
        return true;
    }
}

bool hmp_parse_args(Monitor *mon, const HmpCommand *cmd, const char *p, HmpArg *args,
                    Error **errp)
{
    for (int i = 0; i < HMP_MAX_ARGS && cmd->args[i].name; i++) {
        while (g_ascii_isspace(*p)) {
            p++;
        }
        if (!parse_one(mon, cmd, &cmd->args[i], &p, &args[i], errp)) {
            return false;
        }
    }
    while (g_ascii_isspace(*p)) {
        p++;
    }
    if (*p) {
        error_setg(errp, "%s: extraneous characters at the end of line", cmd->names);
        return false;
    }
    return true;
}

void hmp_free_args(HmpArg *args)
{
    for (int i = 0; i < HMP_MAX_ARGS; i++) {
        g_free(args[i].s);
    }
}
