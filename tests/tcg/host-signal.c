/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper, see host-signal.h. */
#include "qemu/osdep.h"
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "tests/tcg/host-signal.h"

enum { FRAME_MAX = 16384, XS_HEADER = 512, SW_MAGIC = 464, SW_FEATURES = 472, SW_SIZE = 480,
       MAGIC1 = 0x46505853 };
#define EFLAGS_TF 0x100

/* What the handlers share with host_signal_run(). */
static struct {
    uint8_t *code, *data;
    bool in_case;
    gregset_t own;             /* registers and FPU of the caller */
    uint8_t own_fp[FRAME_MAX];
    size_t fp_len;
    struct user_regs_struct *regs;
    uint8_t *xs;
    uint64_t start;
    unsigned repeats;
    HostSignal *sig;
    struct sigaction before;   /* of SIGFPE: the interpreter's */
} run;

typedef struct RegPlace {
    uint8_t greg;
    size_t at;
} RegPlace;

#define R(greg, field) { greg, offsetof(struct user_regs_struct, field) }
static const RegPlace places[] = {
    R(REG_RAX, rax), R(REG_RCX, rcx), R(REG_RDX, rdx), R(REG_RBX, rbx), R(REG_RSP, rsp),
    R(REG_RBP, rbp), R(REG_RSI, rsi), R(REG_RDI, rdi), R(REG_R8, r8),   R(REG_R9, r9),
    R(REG_R10, r10), R(REG_R11, r11), R(REG_R12, r12), R(REG_R13, r13), R(REG_R14, r14),
    R(REG_R15, r15), R(REG_RIP, rip), R(REG_EFL, eflags),
};

static unsigned long long *place(const RegPlace *p)
{
    return (unsigned long long *)((uint8_t *)run.regs + p->at);
}

static uint8_t *fp_area(ucontext_t *uc)
{
    return (uint8_t *)uc->uc_mcontext.fpregs;
}

static void load_case(ucontext_t *uc)
{
    uint8_t *fp = fp_area(uc);

    memcpy(run.own, uc->uc_mcontext.gregs, sizeof(run.own));
    memcpy(&run.fp_len, fp + SW_SIZE, 4);
    run.fp_len = MIN((uint32_t)run.fp_len, (uint32_t)FRAME_MAX);
    memcpy(run.own_fp, fp, run.fp_len);
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        uc->uc_mcontext.gregs[places[i].greg] = *place(&places[i]);
    }
    uc->uc_mcontext.gregs[REG_EFL] |= EFLAGS_TF;
    memcpy(fp, run.xs, 416);
    memcpy(fp + XS_HEADER, run.xs + XS_HEADER, 8);
    memcpy(fp + XS_HEADER + 64, run.xs + XS_HEADER + 64, 256);
    run.in_case = true;
}

static void take_results(ucontext_t *uc)
{
    uint8_t *fp = fp_area(uc);

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        *place(&places[i]) = uc->uc_mcontext.gregs[places[i].greg];
    }
    memcpy(run.xs, fp, HOST_XSTATE_BYTES);
    memcpy(uc->uc_mcontext.gregs, run.own, sizeof(run.own));
    memcpy(fp, run.own_fp, run.fp_len);
    run.in_case = false;
}

static void on_signal(int signo, siginfo_t *info, void *opaque)
{
    ucontext_t *uc = opaque;

    if (!run.in_case) {
        if (signo == SIGTRAP) {
            load_case(uc);
        } else if (signo == SIGFPE && run.before.sa_flags & SA_SIGINFO) {
            run.before.sa_sigaction(signo, info, opaque);
        } else { /* a fault of the test itself */
            signal(signo, SIG_DFL);
        }
        return;
    }
    if (signo == SIGTRAP && (uint64_t)uc->uc_mcontext.gregs[REG_RIP] == run.start &&
        run.repeats > 0) {
        run.repeats--; /* one more round of REP */
        return;
    }
    *run.sig = (HostSignal){ signo, info->si_code, (uintptr_t)info->si_addr };
    take_results(uc);
}

void host_signal_run(struct user_regs_struct *regs, uint8_t xs[HOST_XSTATE_BYTES],
                     unsigned repeats, HostSignal *sig)
{
    run.regs = regs;
    run.xs = xs;
    run.start = regs->rip;
    run.repeats = repeats;
    run.sig = sig;
    asm volatile("int3" : : : "memory");
}

static bool map_at(uint64_t addr, size_t len, int prot, int fd)
{
    return mmap((void *)addr, len, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == (void *)addr;
}

/* The code can be executed at its address and written elsewhere. */
static bool map_pages(void)
{
    int code = memfd_create("code", 0), data = memfd_create("data", 0);
    bool ok = code >= 0 && data >= 0 && !ftruncate(code, 4096) &&
              !ftruncate(data, HOST_DATA_BYTES) &&
              map_at(HOST_CODE, 4096, PROT_READ | PROT_EXEC, code) &&
              map_at(HOST_DATA, HOST_DATA_BYTES, PROT_READ | PROT_WRITE, data);

    run.code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, code, 0);
    run.data = (uint8_t *)HOST_DATA;
    close(code);
    close(data);
    return ok && run.code != MAP_FAILED;
}

/* The first case tells whether frames hold what we need. */
static void check_frame(int signo, siginfo_t *info, void *opaque)
{
    uint8_t *fp = fp_area(opaque);
    uint32_t magic, size;
    uint64_t features;

    memcpy(&magic, fp + SW_MAGIC, 4);
    memcpy(&features, fp + SW_FEATURES, 8);
    memcpy(&size, fp + SW_SIZE, 4);
    run.in_case = magic == MAGIC1 && (features & 7) == 7 && size <= FRAME_MAX;
}

static void catch_signals(void (*fn)(int, siginfo_t *, void *))
{
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &sa, NULL);
    }
}

bool host_signal_init(void)
{
    stack_t ss = { .ss_size = 64 * 1024 };

    ss.ss_sp = g_malloc(ss.ss_size);
    if (!map_pages() || sigaltstack(&ss, NULL) < 0) {
        return false;
    }
    sigaction(SIGFPE, NULL, &run.before);
    catch_signals(check_frame);
    asm volatile("int3" : : : "memory");
    catch_signals(on_signal);
    if (!run.in_case) {
        return false;
    }
    run.in_case = false;
    memset(run.code, 0x90, 4096);
    return true;
}

uint8_t *host_signal_code(void)
{
    return run.code;
}

uint8_t *host_signal_data(void)
{
    return run.data;
}
