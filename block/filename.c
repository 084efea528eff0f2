/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file name means: protocols we do not have, devices, formats. */
#include "qemu/osdep.h"
#include "block/block-int.h"

#include <fcntl.h>
#include <sys/stat.h>

/* "proto:rest", as opposed to a path. */
static bool has_protocol(const char *filename)
{
    size_t len = strcspn(filename, "/:");

    return filename[len] == ':' && len > 0;
}

bool bdrv_check_filename(const char *filename, Error **errp)
{
    if (g_str_has_prefix(filename, "json:")) {
        error_setg(errp, "'%.40s': json: file names are not supported", filename);
        error_append_hint(errp, "use -blockdev\n");
        return false;
    }
    if (has_protocol(filename) && !g_str_has_prefix(filename, "file:")) {
        g_autofree char *protocol = g_strndup(filename, strcspn(filename, ":"));

        error_setg(errp, "Unknown protocol '%s'", protocol);
        error_append_hint(errp, "put ./ before a file name that contains a colon\n");
        return false;
    }
    return true;
}

bool bdrv_path_is_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode));
}

const char *bdrv_probe_format(const char *path)
{
    uint8_t magic[4] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_qcow2 = fd >= 0 && pread(fd, magic, 4, 0) == 4 && !memcmp(magic, "QFI\xfb", 4);

    if (fd >= 0) {
        close(fd);
    }
    return is_qcow2 ? "qcow2" : "raw";
}
