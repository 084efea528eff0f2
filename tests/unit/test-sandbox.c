/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox: what the option says, and what the kernel then does with each system call. Every call
 * is made by a child process that has gone behind the list. */
#include "qemu/osdep.h"
#include "system/sandbox.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NR_CALLS 512 /* more than Linux has on x86-64 */
#define STRICT "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

static unsigned parse(const char *arg)
{
    unsigned flags = 0;

    sandbox_parse(arg, &flags, &error_abort);
    return flags;
}

static void test_words_choose_the_groups(void)
{
    g_assert_cmpint(parse("off"), ==, 0);
    g_assert_cmpint(parse("off,spawn=x"), ==, 0);
    g_assert_cmpint(parse("on"), ==, SANDBOX_ON | SANDBOX_OBSOLETE);
    g_assert_cmpint(parse("enable=on,obsolete=allow"), ==, SANDBOX_ON);
    g_assert_cmpint(parse("on,elevateprivileges=children"), ==,
                    SANDBOX_ON | SANDBOX_OBSOLETE | SANDBOX_PRIVILEGES);
    g_assert_cmpint(parse(STRICT), ==, SANDBOX_ON | SANDBOX_OBSOLETE | SANDBOX_PRIVILEGES |
                                           SANDBOX_SPAWN | SANDBOX_RESOURCES);
}

static void test_other_words_are_refused(void)
{
    static const struct {
        const char *arg, *message;
    } rows[] = {
        { "maybe", "Parameter 'enable' expects 'on' or 'off'" },
        { "on,foo=bar", "Invalid parameter 'foo'" },
        { "on,obsolete=x", "invalid argument for obsolete" },
        { "on,obsolete=children", "invalid argument for obsolete" },
        { "on,elevateprivileges=x", "invalid argument for elevateprivileges" },
        { "on,spawn=", "invalid argument for spawn" },
        { "on,resourcecontrol=on", "invalid argument for resourcecontrol" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Error *err = NULL;
        unsigned flags = 0;

        g_assert_false(sandbox_parse(rows[i].arg, &flags, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, rows[i].message);
        error_free(err);
    }
}

/* Status (wait()) of a child that goes behind the list and calls @act; 0 when that returned. */
static int behind_list(unsigned flags, void (*act)(const void *), const void *arg)
{
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
        if (!sandbox_enter(flags, NULL)) {
            syscall(SYS_exit_group, 99);
        }
        act(arg);
        syscall(SYS_exit_group, 0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    return status;
}

static void make_call(const void *arg)
{
    long a = *(const int *)arg == SYS_clone ? SIGCHLD : -1; /* -1 would ask for a thread */

    syscall(*(const int *)arg, a, -1, -1, -1, -1, -1);
}

static bool killed_by_sigsys(unsigned flags, int nr)
{
    int status = behind_list(flags, make_call, &nr);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static bool listed(unsigned flags, int nr)
{
    for (size_t i = 0; i < sandbox_nr_rows; i++) {
        const SandboxRow *row = &sandbox_rows[i];

        if (row->nr == nr && (!(row->group & flags) || row->group == SANDBOX_RESOURCES)) {
            return true;
        }
    }
    return false;
}

/* uretprobe and uprobe: Linux keeps filters away from them; they only do something from the
 * kernel's own trampoline. */
static bool never_filtered(int nr)
{
    return nr == 335 || nr == 336;
}

static void test_every_other_call_kills(void)
{
    static const char *const args[] = { "on", STRICT, "on,obsolete=allow" };

    for (size_t a = 0; a < G_N_ELEMENTS(args); a++) {
        unsigned flags = parse(args[a]);

        for (int nr = 0; nr < NR_CALLS; nr++) {
            if (!never_filtered(nr) && !listed(flags, nr) && !killed_by_sigsys(flags, nr)) {
                g_error("-sandbox %s: system call %d did not kill", args[a], nr);
            }
        }
    }
    g_assert_true(killed_by_sigsys(parse("on"), 0x40000000)); /* read() of the x32 interface */
}

/* Calls that must never get into the list, whatever the table says. */
static void test_dangerous_calls_are_not_listed(void)
{
    static const int calls[] = {
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_mount, SYS_umount2,
        SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_init_module, SYS_finit_module,
        SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_swapon, SYS_keyctl,
        SYS_add_key, SYS_request_key, SYS_perf_event_open, SYS_open_by_handle_at, SYS_iopl,
        SYS_ioperm, SYS_modify_ldt, SYS_personality, SYS_capset, SYS_settimeofday, SYS_adjtimex,
        SYS_mknod, SYS_chown, SYS_link, SYS_symlink, SYS_seccomp,
    };
    static const int without_leave[] = { SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_clone,
                                         SYS_kill, SYS_setuid, SYS_setresuid, SYS_setgroups };

    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_assert_true(killed_by_sigsys(parse("on,obsolete=allow"), calls[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(without_leave); i++) {
        g_assert_true(killed_by_sigsys(parse(STRICT), without_leave[i]));
    }
}

static void expect_errno(long result, int want)
{
    if (result != -1 || errno != want) {
        syscall(SYS_exit_group, 1);
    }
}

static void calls_that_fail(const void *arg)
{
    expect_errno(syscall(SYS_setpriority, 0, 0, 0), EPERM);
    expect_errno(syscall(SYS_sched_setaffinity, 0, 0, NULL), EPERM);
    expect_errno(syscall(SYS_clone3, NULL, 0), ENOSYS);
    expect_errno(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
    expect_errno(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x"), ENOTTY);
    expect_errno(syscall(SYS_prctl, PR_SET_DUMPABLE, 1), EINVAL);
}

static void test_some_calls_fail_instead(void)
{
    g_assert_cmpint(behind_list(parse(STRICT), calls_that_fail, NULL), ==, 0);
}

static gpointer thread_main(gpointer arg)
{
    char *text = g_strdup_printf("%s", (const char *)arg);

    g_free(text);
    return arg;
}

static void start_thread(const void *arg)
{
    GThread *thread = g_thread_new("late", thread_main, (gpointer) "x");

    if (!g_thread_join(thread)) {
        syscall(SYS_exit_group, 1);
    }
}

static void test_threads_start_with_everything_denied(void)
{
    g_assert_cmpint(behind_list(parse(STRICT), start_thread, NULL), ==, 0);
}

static gpointer wait_and_call(gpointer arg)
{
    int c;

    while (read(GPOINTER_TO_INT(arg), &c, 1) < 0) {
    }
    syscall(SYS_ptrace, -1);
    return NULL;
}

/* The thread is there before the list. */
static void test_threads_that_run_already_are_behind_it(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int fds[2];
        GThread *thread;

        setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
        if (pipe(fds) < 0) {
            _exit(98);
        }
        thread = g_thread_new("early", wait_and_call, GINT_TO_POINTER(fds[0]));
        if (!sandbox_enter(parse("on"), NULL) || write(fds[1], "x", 1) != 1) {
            _exit(99);
        }
        g_thread_join(thread);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void run_pipeline(const void *arg)
{
    int status = -1;
    const char *argv[] = { "/bin/sh", "-c", "test \"$(echo hello | gzip -c | gzip -dc)\" = hello",
                           NULL };

    if (!g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, &status, NULL) ||
        status != 0) {
        syscall(SYS_exit_group, 1);
    }
}

static void test_a_shell_works_where_spawning_is_allowed(void)
{
    g_assert_cmpint(behind_list(parse("on"), run_pipeline, NULL), ==, 0);
}

/* Rows that say the same twice, or that another row hides, are mistakes. */
static void test_no_row_hides_another(void)
{
    for (size_t i = 0; i < sandbox_nr_rows; i++) {
        g_assert_cmpint(strlen(sandbox_rows[i].why), >, 3);
        for (size_t j = i + 1; j < sandbox_nr_rows; j++) {
            if (sandbox_rows[i].nr == sandbox_rows[j].nr) {
                g_assert_cmpint(sandbox_rows[i].mask, !=, 0);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/option/words_choose_the_groups", test_words_choose_the_groups);
    g_test_add_func("/sandbox/option/other_words_are_refused", test_other_words_are_refused);
    g_test_add_func("/sandbox/list/no_row_hides_another", test_no_row_hides_another);
    g_test_add_func("/sandbox/calls/every_call_that_is_not_listed_kills",
                    test_every_other_call_kills);
    g_test_add_func("/sandbox/calls/dangerous_ones_kill", test_dangerous_calls_are_not_listed);
    g_test_add_func("/sandbox/calls/some_fail_instead", test_some_calls_fail_instead);
    g_test_add_func("/sandbox/threads/start_with_everything_denied",
                    test_threads_start_with_everything_denied);
    g_test_add_func("/sandbox/threads/that_run_already_are_behind_the_list",
                    test_threads_that_run_already_are_behind_it);
    g_test_add_func("/sandbox/spawn/a_shell_works_where_it_is_allowed",
                    test_a_shell_works_where_spawning_is_allowed);
    return g_test_run();
}
