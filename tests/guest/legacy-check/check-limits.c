/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment limits and types outside 64-bit mode (SDM vol. 3, 5.3, 5.4). GS holds the segment. */
#include "legacy.h"
#include "report.h"

static uint8_t area[4096] __attribute__((aligned(4096)));

enum { S_BYTES, S_READ_ONLY, S_DOWN, S_CODE_X, S_CODE_R, S_STACK, S_DOWN16 };

#define LOAD8  "\x65\x8a\x07"       /* mov %gs:(%edi), %al */
#define LOAD32 "\x65\x8b\x07"
#define STORE8 "\x65\x88\x07"

static const struct {
    const char *name;
    Try t;
    unsigned vector;
    uint32_t error;
} rows[] = {
    { "at-limit", { CODE(LOAD8), .ds = SEL(S_BYTES) | 3, .edi = 0xff }, DONE, 0 },
    { "past-limit", { CODE(LOAD8), .ds = SEL(S_BYTES) | 3, .edi = 0x100 }, 13, 0 },
    { "across-limit", { CODE(LOAD32), .ds = SEL(S_BYTES) | 3, .edi = 0xfd }, 13, 0 },
    { "last-word", { CODE(LOAD32), .ds = SEL(S_BYTES) | 3, .edi = 0xfc }, DONE, 0 },
    { "wrap", { CODE(LOAD32), .ds = SEL(S_BYTES) | 3, .edi = 0xffffffff }, 13, 0 },
    { "store-at-limit", { CODE(STORE8), .ds = SEL(S_BYTES) | 3, .edi = 0xff }, DONE, 0 },
    { "store-past-limit", { CODE(STORE8), .ds = SEL(S_BYTES) | 3, .edi = 0x100 }, 13, 0 },
    { "read-only-load", { CODE(LOAD8), .ds = SEL(S_READ_ONLY) | 3 }, DONE, 0 },
    { "read-only-store", { CODE(STORE8), .ds = SEL(S_READ_ONLY) | 3 }, 13, 0 },
    { "down-above", { CODE(LOAD8), .ds = SEL(S_DOWN) | 3, .edi = 0x100 }, DONE, 0 },
    { "down-at-limit", { CODE(LOAD8), .ds = SEL(S_DOWN) | 3, .edi = 0xff }, 13, 0 },
    { "down16-top", { CODE(LOAD32), .ds = SEL(S_DOWN16) | 3, .edi = 0xfffd }, 13, 0 },
    { "code-readable", { CODE(LOAD8), .ds = SEL(S_CODE_R) | 3 }, DONE, 0 },
    { "code-store", { CODE(STORE8), .ds = SEL(S_CODE_R) | 3 }, 13, 0 },
    { "null", { CODE("\x31\xc0\x8e\xe8\x65\x8a\x07") }, 13, 0 },
    { "execute-only-load", { CODE("\x8e\xe8"), .eax = SEL(S_CODE_X) | 3 }, 13, SEL(S_CODE_X) },
    { "beyond-gdt", { CODE("\x8e\xe8"), .eax = 0x1000 }, 13, 0x1000 },
    { "user-kernel-data", { CODE("\x8e\xe8"), .eax = SEL_KDATA, .user = true }, 13, SEL_KDATA },
    { "ss-at-cpl0", { CODE("\x8e\xd0"), .eax = SEL_UDATA }, 13, SEL_UDATA & ~3 },
    { "ss-null", { CODE("\x8e\xd0"), .eax = 0, .user = true }, 13, 0 },
    /* The pushed word straddles the end of a small stack. */
    { "push-past-limit", { CODE("\x8e\xd0\x50"), .eax = SEL(S_STACK) | 3, .user = true,
                           .esp = 0x102 }, 12, 0 },
    { "push-in-limit", { CODE("\x8e\xd0\x50"), .eax = SEL(S_STACK) | 3, .user = true,
                         .esp = 0x100 }, DONE, 0 },
    { "ebp-uses-ss", { CODE("\x8e\xd0\x8b\x45\x00"), .eax = SEL(S_STACK) | 3, .user = true }, DONE,
      0 },
    { "bound", { CODE("\x62\x07"), .eax = 9 }, 5, 0 },
    { "into", { CODE("\x83\xc0\x01\xce"), .eax = 0x7fffffff }, 4, 0 },
    { "into-user", { CODE("\x83\xc0\x01\xce"), .eax = 0x7fffffff, .user = true }, 13, 4 * 8 + 2 },
    { "aam-0", { CODE("\xd4\x00") }, 0, 0 },
    { "far-jump-data", { CODE("\xea\x00\x00\x00\x00\x10\x00") }, 13, SEL_KDATA },
};

void check_limits(void)
{
    static const uint32_t bounds[2] = { 0, 5 };
    uint32_t base = (uintptr_t)area;

    report_prefix("limits/");
    try_set_desc(S_BYTES, make_desc(base, 0xff, 0xf3, 4));
    try_set_desc(S_READ_ONLY, make_desc(base, 0xff, 0xf1, 4));
    try_set_desc(S_DOWN, make_desc(base, 0xff, 0xf7, 4));
    try_set_desc(S_DOWN16, make_desc(base - 0xf000, 0xff, 0xf7, 0));
    try_set_desc(S_CODE_X, make_desc(base, 0xff, 0xf9, 4));
    try_set_desc(S_CODE_R, make_desc(base, 0xff, 0xfb, 4));
    try_set_desc(S_STACK, make_desc(base, 0xff, 0xf3, 4));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Try t = rows[i].t;

        if (rows[i].vector == 5) {
            t.edi = (uintptr_t)bounds;
        }
        expect(rows[i].name, &t, rows[i].vector, rows[i].error);
    }
}
