/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call gates and interrupt gates between levels (SDM vol. 3, 5.8, 6.12). */
#include "legacy.h"
#include "report.h"

enum { S_GATE, S_GATE_NP, S_GATE_DPL0, S_GATE_DATA, S_GATE_NULL };
#define CALL_FAR "\x9a\x00\x00\x00\x00"

/* The inner level's code: it only says that it began. */
static void check_call(void)
{
    /* push $0x11; push $0x22; call gate with two parameters */
    Outcome o = try_run(&(Try){ CODE("\x6a\x11\x6a\x22" CALL_FAR "\x43\x00"), .user = true });
    const uint32_t *s = (const uint32_t *)(uintptr_t)(try_stack0() - 24);
    bool frame = s[5] == SEL_UDATA && s[3] == 0x11 && s[2] == 0x22 && s[1] == SEL_UCODE &&
                 s[0] == try_code() + 11;

    report(o.vector == IN_TASK && o.regs.cs == SEL_KCODE, "call-gate", "vector=%u cs=0x%x",
           o.vector, o.regs.cs);
    report(frame, "call-gate-frame", "eip=0x%x cs=0x%x p=0x%x,0x%x ss=0x%x", s[0] - try_code(),
           s[1], s[2], s[3], s[5]);
}

static const struct {
    const char *name;
    Try t;
    unsigned vector;
    uint32_t error;
} rows[] = {
    { "gate-not-present", { CODE(CALL_FAR "\x4b\x00"), .user = true }, 11, SEL(S_GATE_NP) },
    { "gate-dpl", { CODE(CALL_FAR "\x53\x00"), .user = true }, 13, SEL(S_GATE_DPL0) },
    { "gate-to-data", { CODE(CALL_FAR "\x5b\x00"), .user = true }, 13, SEL_KDATA },
    { "gate-to-null", { CODE(CALL_FAR "\x63\x00"), .user = true }, 13, 0 },
    { "jump-to-inner", { CODE("\xea\x00\x00\x00\x00\x43\x00"), .user = true }, 13, SEL_KCODE },
    { "call-kernel-code", { CODE(CALL_FAR "\x08\x00"), .user = true }, 13, SEL_KCODE },
    { "ret-inner", { CODE("\x6a\x08\x6a\x00\xcb"), .user = true }, 13, SEL_KCODE },
    { "int-kernel-gate", { CODE("\xcd\x90"), .user = true }, 13, 0x90 * 8 + 2 },
    { "cli-user", { CODE("\xfa"), .user = true }, 13, 0 },
    { "hlt-user", { CODE("\xf4"), .user = true }, 13, 0 },
    { "in-user-allowed", { CODE("\xe4\x80"), .user = true }, DONE, 0 },
};

static void check_bitmap(void)
{
    Tss *t = try_tss();

    t->io[0x80 / 8] = 2; /* port 0x81 */
    expect("in-user-byte", &(Try){ CODE("\xe4\x80"), .user = true }, DONE, 0);
    expect("in-user-word", &(Try){ CODE("\x66\xe5\x80"), .user = true }, 13, 0);
    expect("in-user-iopl", &(Try){ CODE("\x66\xe5\x80"), .user = true, .eflags = F_IOPL }, DONE,
           0);
    t->io[0x80 / 8] = 0;
}

void check_gates(void)
{
    report_prefix("gates/");
    try_set_desc(S_GATE, make_gate(SEL_KCODE, (uintptr_t)task_entry, 0xec) | 2ull << 32);
    try_set_desc(S_GATE_NP, make_gate(SEL_KCODE, (uintptr_t)task_entry, 0x6c));
    try_set_desc(S_GATE_DPL0, make_gate(SEL_KCODE, (uintptr_t)task_entry, 0x8c));
    try_set_desc(S_GATE_DATA, make_gate(SEL_KDATA, (uintptr_t)task_entry, 0xec));
    try_set_desc(S_GATE_NULL, make_gate(0, (uintptr_t)task_entry, 0xec));
    check_call();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(rows[i].name, &rows[i].t, rows[i].vector, rows[i].error);
    }
    check_bitmap();
}
