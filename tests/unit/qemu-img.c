/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stock qemu-img as the judge of images that we wrote.
 */
#include "qemu/osdep.h"
#include "qemu-img.h"

#include <sys/wait.h>

bool have_qemu_img(void)
{
    g_autofree char *path = g_find_program_in_path("qemu-img");

    if (!path) {
        g_test_skip("no qemu-img");
    }
    return path != NULL;
}

int run_command(const char *fmt, ...)
{
    g_autofree char *cmd = NULL, *out = NULL, *err = NULL;
    int status = -1;
    va_list ap;

    va_start(ap, fmt);
    cmd = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_assert_true(g_spawn_command_line_sync(cmd, &out, &err, &status, NULL));
    if (status) {
        g_test_message("%s: %d\n%s%s", cmd, WEXITSTATUS(status), out, err);
    }
    return WEXITSTATUS(status);
}
