/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of guest memory have been written, for migration. While logging is on, whoever writes
 * guest memory sets bits in RAMBlock.dirty: vCPUs through their accelerator (MemoryListener.log_*),
 * devices after each write. ram_dirty_collect() takes the bits.
 *
 * Order that loses no write: take the bits, then make vCPUs set them anew (each of them passes a
 * point between two instructions meanwhile), then read the pages. A write that came before the
 * taking has its bit taken or is complete before its page is read.
 */
#ifndef SYSTEM_RAM_DIRTY_H
#define SYSTEM_RAM_DIRTY_H

#include "system/memory.h"

#define RAM_PAGE_BITS 12
#define RAM_PAGE_BYTES 4096u

static inline uint64_t ram_block_pages(const RAMBlock *rb)
{
    return rb->size_bytes >> RAM_PAGE_BITS;
}

/* Longs of a bitmap with a bit a page. */
static inline size_t ram_block_bitmap_longs(const RAMBlock *rb)
{
    return (ram_block_pages(rb) + 63) / 64;
}

/* Starts logging; false with the accelerator's error. BQL. */
bool ram_dirty_start(AddressSpace *as, Error **errp);
void ram_dirty_stop(AddressSpace *as);
/* Any thread. */
bool ram_dirty_logging(void);
/* Of bytes of @rb; any thread. No effect while nobody logs. */
void ram_mark_dirty(RAMBlock *rb, uint64_t offset, uint64_t len);
/* Adds the bits that were set since the last call to @bitmap of each block (in the order of
 * ram_blocks(); NULL: drops them) and clears them. *newly: how many were not in @bitmap
 * yet. BQL. */
bool ram_dirty_collect(AddressSpace *as, unsigned long *const *bitmap, uint64_t *newly,
                       Error **errp);

#endif
