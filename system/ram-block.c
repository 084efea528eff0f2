/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory behind the guest's RAM and ROM. Mapped and unmapped under the BQL; any thread. */
#include "qemu/osdep.h"
#include "system/memory.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Huge pages of the kernel's own making need this alignment. */
#define THP_BYTES (2 * MiB)

static RAMBlock *first_block; /* BQL */

RAMBlock *ram_block_new(const char *idstr, uint64_t size_bytes, Error **errp)
{
    return ram_block_map(idstr, size_bytes, &(RAMBlockConfig){ .fd = -1 }, errp);
}

/* Maps at a multiple of @align, inside a reservation that is cut to size. */
static void *map_aligned(uint64_t bytes, uint64_t align, int prot, int flags, int fd,
                         uint64_t offset)
{
    uint8_t *area, *host;
    uint64_t head;

    if (align <= (uint64_t)sysconf(_SC_PAGESIZE)) {
        return mmap(NULL, bytes, prot, flags, fd, (off_t)offset);
    }
    area = mmap(NULL, bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        return area;
    }
    head = ROUND_UP((uintptr_t)area, align) - (uintptr_t)area;
    host = mmap(area + head, bytes, prot, flags | MAP_FIXED, fd, (off_t)offset);
    if (host == MAP_FAILED) {
        int err = errno;

        munmap(area, bytes + align);
        errno = err;
        return host;
    }
    if (head) {
        munmap(area, head);
    }
    if (align > head) {
        munmap(host + bytes, align - head);
    }
    return host;
}

RAMBlock *ram_block_map(const char *idstr, uint64_t size_bytes, const RAMBlockConfig *cfg,
                        Error **errp)
{
    uint64_t page_bytes = cfg->page_bytes ? cfg->page_bytes : (uint64_t)sysconf(_SC_PAGESIZE);
    int flags = (cfg->share ? MAP_SHARED : MAP_PRIVATE) | (cfg->reserve ? 0 : MAP_NORESERVE) |
                (cfg->fd < 0 ? MAP_ANONYMOUS : 0);
    int prot = PROT_READ | (cfg->readonly ? 0 : PROT_WRITE);
    RAMBlock *rb, **link = &first_block;
    void *host;

    size_bytes = ROUND_UP(size_bytes, page_bytes);
    host = map_aligned(size_bytes, MAX(cfg->align, page_bytes), prot, flags, cfg->fd,
                       cfg->fd_offset);
    if (host == MAP_FAILED) {
        if (cfg->fd < 0) {
            error_setg_errno(errp, errno, "cannot set up guest memory '%s'", idstr);
        } else {
            error_setg_errno(errp, errno, "unable to map backing store for guest RAM");
            close(cfg->fd);
        }
        return NULL;
    }
    if (cfg->fd < 0 && size_bytes >= THP_BYTES) {
        madvise(host, size_bytes, MADV_HUGEPAGE);
    }
    rb = g_new0(RAMBlock, 1);
    rb->idstr = g_strdup(idstr);
    rb->host = host;
    rb->size_bytes = size_bytes;
    rb->page_bytes = page_bytes;
    rb->fd = cfg->fd;
    rb->shared = cfg->share;
    while (*link) {
        link = &(*link)->next;
    }
    *link = rb;
    return rb;
}

void ram_block_free(RAMBlock *rb)
{
    RAMBlock **link = &first_block;

    if (rb) {
        while (*link != rb) {
            link = &(*link)->next;
        }
        *link = rb->next;
        munmap(rb->host, rb->size_bytes);
        if (rb->fd >= 0) {
            close(rb->fd);
        }
        g_free(rb->dirty);
        g_free(rb->idstr);
        g_free(rb);
    }
}

RAMBlock *ram_blocks(void)
{
    return first_block;
}

uint64_t ram_block_discard(RAMBlock *rb, uint64_t offset, uint64_t len)
{
    uint64_t end, start;

    if (offset > rb->size_bytes || len > rb->size_bytes - offset) {
        return 0;
    }
    end = ROUND_DOWN(offset + len, rb->page_bytes);
    start = ROUND_UP(offset, rb->page_bytes);
    if (start >= end) {
        return 0;
    }
    /* Shared memory lives in the file; MADV_REMOVE punches the hole where there is no fd. */
    if (madvise(rb->host + start, end - start, rb->shared ? MADV_REMOVE : MADV_DONTNEED) < 0) {
        return 0;
    }
    return end - start;
}
