/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bits of guest memory: switching them on, setting and taking them. */
#include "qemu/osdep.h"
#include "system/ram-dirty.h"

enum { WORD_BITS = 64 };

static bool logging; /* atomic */

bool ram_dirty_logging(void)
{
    return __atomic_load_n(&logging, __ATOMIC_ACQUIRE);
}

void ram_mark_dirty(RAMBlock *rb, uint64_t offset, uint64_t len)
{
    if (!len || !ram_dirty_logging()) {
        return;
    }
    for (uint64_t p = offset >> RAM_PAGE_BITS; p <= (offset + len - 1) >> RAM_PAGE_BITS; p++) {
        __atomic_fetch_or(&rb->dirty[p / WORD_BITS], 1ul << p % WORD_BITS, __ATOMIC_SEQ_CST);
    }
}

bool ram_dirty_start(AddressSpace *as, Error **errp)
{
    MemoryListener *l = address_space_listener(as);

    for (RAMBlock *rb = ram_blocks(); rb; rb = rb->next) {
        size_t longs = ram_block_bitmap_longs(rb);

        if (!rb->dirty) { /* stays: somebody may be about to set a bit when logging ends */
            rb->dirty = g_new0(unsigned long, longs);
        }
        memset(rb->dirty, 0, longs * sizeof(*rb->dirty));
    }
    __atomic_store_n(&logging, true, __ATOMIC_SEQ_CST);
    if (l && l->log_start && !l->log_start(l, errp)) {
        __atomic_store_n(&logging, false, __ATOMIC_SEQ_CST);
        return false;
    }
    return true;
}

void ram_dirty_stop(AddressSpace *as)
{
    MemoryListener *l = address_space_listener(as);

    __atomic_store_n(&logging, false, __ATOMIC_SEQ_CST);
    if (l && l->log_stop) {
        l->log_stop(l);
    }
}

static uint64_t take(RAMBlock *rb, unsigned long *bitmap)
{
    size_t longs = ram_block_bitmap_longs(rb);
    uint64_t newly = 0;

    for (size_t i = 0; i < longs; i++) {
        unsigned long bits;

        if (!__atomic_load_n(&rb->dirty[i], __ATOMIC_RELAXED)) {
            continue;
        }
        bits = __atomic_exchange_n(&rb->dirty[i], 0, __ATOMIC_SEQ_CST);
        if (bitmap) {
            newly += (uint64_t)__builtin_popcountl(bits & ~bitmap[i]);
            bitmap[i] |= bits;
        }
    }
    return newly;
}

bool ram_dirty_collect(AddressSpace *as, unsigned long *const *bitmap, uint64_t *newly,
                       Error **errp)
{
    MemoryListener *l = address_space_listener(as);
    size_t n = 0;

    *newly = 0;
    if (l && l->log_sync && !l->log_sync(l, errp)) {
        return false;
    }
    for (RAMBlock *rb = ram_blocks(); rb; rb = rb->next, n++) {
        *newly += take(rb, bitmap ? bitmap[n] : NULL);
    }
    if (l && l->log_harvest) {
        l->log_harvest(l);
    }
    return true;
}
