/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox: reads the option, turns the rows of sandbox-list.c into a classic BPF program and loads
 * it, see seccomp(2). Main thread. Written without libseccomp: a library more costs every start of
 * the program, this costs those that ask for it. */
#include "qemu/osdep.h"
#include "qemu/keyval.h"
#include "system/sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define X32_SYSCALL_BIT 0x40000000u

/* In the order in which QEMU looks at them. */
static const struct {
    const char *name;
    unsigned group;
    bool deny_by_default;
} sub_options[] = {
    { "obsolete", SANDBOX_OBSOLETE, true },
    { "elevateprivileges", SANDBOX_PRIVILEGES, false },
    { "spawn", SANDBOX_SPAWN, false },
    { "resourcecontrol", SANDBOX_RESOURCES, false },
};

bool sandbox_parse(const char *arg, unsigned *flags, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "enable", errp);
    const char *values[ARRAY_SIZE(sub_options)];
    bool enable = false;

    if (!kv || !keyval_get_bool(kv, "enable", &enable, errp)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sub_options); i++) {
        values[i] = keyval_get(kv, sub_options[i].name);
    }
    if (!keyval_check_unused(kv, errp)) {
        return false;
    }
    if (!enable) {
        return true;
    }
    *flags |= SANDBOX_ON;
    for (size_t i = 0; i < ARRAY_SIZE(sub_options); i++) {
        const char *value = values[i];
        unsigned group = sub_options[i].group;
        bool children = group == SANDBOX_PRIVILEGES && !g_strcmp0(value, "children");

        if (value && !children && strcmp(value, "allow") && strcmp(value, "deny")) {
            error_setg(errp, "invalid argument for %s", sub_options[i].name);
            return false;
        }
        if (value ? strcmp(value, "allow") != 0 : sub_options[i].deny_by_default) {
            *flags |= group;
        }
    }
    return true;
}

/* The program is a GArray of struct sock_filter. */
static void emit(GArray *p, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
    struct sock_filter insn = { .code = op, .jt = jt, .jf = jf, .k = k };

    g_array_append_val(p, insn);
}

static void emit_load(GArray *p, size_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(GArray *p, uint32_t action)
{
    emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/* The number of the call is in the accumulator, before and after. */
static void emit_row(GArray *p, const SandboxRow *row, uint32_t action)
{
    const size_t nr_offset = offsetof(struct seccomp_data, nr);

    if (!row->mask) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->nr, 0, 1);
        emit_return(p, action);
        return;
    }
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->nr, 0, 5);
    emit_load(p, offsetof(struct seccomp_data, args) + row->arg * sizeof(uint64_t)); /* low half */
    emit(p, BPF_ALU | BPF_AND | BPF_K, row->mask, 0, 0);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->value, 0, 1);
    emit_return(p, action);
    emit_load(p, nr_offset);
}

static void emit_program(GArray *p, unsigned flags, uint32_t kill)
{
    emit_load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    emit_return(p, kill);
    emit_load(p, offsetof(struct seccomp_data, nr));
    emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_SYSCALL_BIT, 0, 1);
    emit_return(p, kill);
    for (size_t i = 0; i < sandbox_nr_rows; i++) {
        const SandboxRow *row = &sandbox_rows[i];
        bool denied = row->group & flags;

        /* As QEMU: a process that may not set priorities is told so, everything else ends it. */
        if (denied && row->group == SANDBOX_RESOURCES) {
            emit_row(p, row, SECCOMP_RET_ERRNO | EPERM);
        } else if (!denied) {
            emit_row(p, row, row->error ? SECCOMP_RET_ERRNO | row->error : SECCOMP_RET_ALLOW);
        }
    }
    emit_return(p, kill);
}

bool sandbox_enter(unsigned flags, Error **errp)
{
    g_autoptr(GArray) code = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
    uint32_t kill = SECCOMP_RET_KILL_PROCESS;
    struct sock_fprog prog;

    if (!(flags & SANDBOX_ON)) {
        return true;
    }
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) != 0) {
        kill = SECCOMP_RET_TRAP; /* before Linux 4.14: SIGSYS, which nobody handles */
    }
    emit_program(code, flags, kill);
    prog.filter = (struct sock_filter *)code->data;
    prog.len = (unsigned short)code->len;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0) {
        error_setg_errno(errp, errno, "failed to install seccomp syscall filter in the kernel");
        return false;
    }
    return true;
}
