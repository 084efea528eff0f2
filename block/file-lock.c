/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks on image files, so that two processes never write one image. The scheme is QEMU's, with
 * which we share images: open file description locks, all shared, on byte 100 + n by who has
 * permission n and on byte 200 + n by who does not let others have it. Who wants permission n asks
 * whether somebody holds 200 + n, and the other way round.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"

#include <fcntl.h>

#define PERM_BASE   100
#define SHARED_BASE 200

/* 0 or -errno. @type: F_RDLCK or F_UNLCK. */
static int set_lock(int fd, off_t byte, short type)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    int ret;

    do {
        ret = fcntl(fd, F_OFD_SETLK, &fl);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

/* Whether another open file description holds a lock on @byte; -errno. */
static int is_locked(int fd, off_t byte)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    if (fcntl(fd, F_OFD_GETLK, &fl) < 0) {
        return -errno;
    }
    return fl.l_type != F_UNLCK;
}

bool image_lock_supported(int fd)
{
    return is_locked(fd, 0) >= 0;
}

/* Sets the bytes of @mask that differ from *@held; 0 or -errno with *@bit. */
static int update_bytes(int fd, off_t base, uint64_t *held, uint64_t wanted, bool unlock,
                        unsigned *bit)
{
    for (*bit = 0; *bit < BLK_PERM_BITS; (*bit)++) {
        uint64_t mask = BIT(*bit);
        int ret;

        if ((*held & mask) == (wanted & mask) || unlock == !!(wanted & mask)) {
            continue;
        }
        ret = set_lock(fd, base + *bit, unlock ? F_UNLCK : F_RDLCK);
        if (ret < 0) {
            return ret;
        }
        *held = (*held & ~mask) | (wanted & mask);
    }
    return 0;
}

static void set_error(Error **errp, const char *filename, const char *what, unsigned bit)
{
    error_setg(errp, "Failed to get %s\"%s\" lock", what, bdrv_perm_name(bit));
    error_append_hint(errp, "Is another process using the image [%s]?\n", filename);
}

/* Whether others' locks agree with what we want. */
static bool check_others(int fd, const char *filename, uint64_t perm, uint64_t unshared,
                         Error **errp)
{
    for (unsigned bit = 0; bit < BLK_PERM_BITS; bit++) {
        if ((perm & BIT(bit)) && is_locked(fd, SHARED_BASE + bit) > 0) {
            set_error(errp, filename, "", bit);
            return false;
        }
        if ((unshared & BIT(bit)) && is_locked(fd, PERM_BASE + bit) > 0) {
            set_error(errp, filename, "shared ", bit);
            return false;
        }
    }
    return true;
}

bool image_lock_apply(int fd, const char *filename, uint64_t *locked_perm,
                      uint64_t *locked_unshared, uint64_t perm, uint64_t shared, Error **errp)
{
    uint64_t unshared = BLK_PERM_ALL & ~shared;
    uint64_t old_perm = *locked_perm, old_unshared = *locked_unshared;
    unsigned bit;
    int ret = update_bytes(fd, PERM_BASE, locked_perm, perm, false, &bit);

    if (ret == 0) {
        ret = update_bytes(fd, SHARED_BASE, locked_unshared, unshared, false, &bit);
    }
    if (ret < 0) {
        set_error(errp, filename, "", bit);
    } else if (check_others(fd, filename, perm & ~old_perm, unshared & ~old_unshared, errp)) {
        update_bytes(fd, PERM_BASE, locked_perm, perm, true, &bit);
        update_bytes(fd, SHARED_BASE, locked_unshared, unshared, true, &bit);
        return true;
    }
    update_bytes(fd, PERM_BASE, locked_perm, old_perm, true, &bit);
    update_bytes(fd, SHARED_BASE, locked_unshared, old_unshared, true, &bit);
    return false;
}
