/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory slots: what the guest sees as RAM and ROM, told to the kernel (api.rst
 * KVM_SET_USER_MEMORY_REGION), and which pages of it vCPUs have written (KVM_GET_DIRTY_LOG).
 * BQL. */
#include "qemu/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "system/ram-dirty.h"
#include "trace.h"

#include <sys/mman.h>

#define KVM_PAGE_BYTES 4096ull
/* The kernel counts pages of a slot in 31 bits. */
#define KVM_SLOT_MAX_BYTES (4 * TiB)

static KVMSlot *slot_at(KVMState *s, unsigned i)
{
    return &g_array_index(s->slots, KVMSlot, i);
}

/* The index of the slot that starts at @gpa, or of a free one with @size_bytes 0; -1. */
static int slot_find(KVMState *s, uint64_t gpa, bool free)
{
    for (unsigned i = 0; i < s->slots->len; i++) {
        const KVMSlot *slot = slot_at(s, i);

        if (free ? !slot->size_bytes : slot->size_bytes && slot->gpa == gpa) {
            return (int)i;
        }
    }
    return -1;
}

static int slot_alloc(KVMState *s)
{
    int i = slot_find(s, 0, true);

    if (i < 0 && s->slots->len < s->max_slots) {
        g_array_set_size(s->slots, s->slots->len + 1);
        i = (int)s->slots->len - 1;
    }
    return i;
}

static int slot_commit(KVMState *s, unsigned i)
{
    const KVMSlot *slot = slot_at(s, i);
    struct kvm_userspace_memory_region region = {
        .slot = i,
        .flags = slot->readonly ? KVM_MEM_READONLY
                 : s->dirty_log && slot->size_bytes ? KVM_MEM_LOG_DIRTY_PAGES : 0,
        .guest_phys_addr = slot->gpa,
        .memory_size = slot->size_bytes,
        .userspace_addr = (uintptr_t)slot->hva,
    };
    int ret = kvm_vm_ioctl(s, KVM_SET_USER_MEMORY_REGION, &region);

    trace_kvm_set_user_memory(i, region.flags, region.guest_phys_addr, region.memory_size,
                              region.userspace_addr, ret);
    return ret;
}

/* The guest would run with a hole in its memory: never enter it again. */
static void memory_failed(KVMState *s, const char *what, uint64_t gpa, uint64_t size_bytes, int ret)
{
    if (!s->failed) {
        s->failed = g_strdup_printf("KVM refused to %s guest memory 0x%" PRIx64 "-0x%" PRIx64
                                    ": %s", what, gpa, gpa + size_bytes - 1, strerror(-ret));
        error_report("%s", s->failed);
    }
}

/* The part of @range that consists of whole pages; false when there is none. */
static bool range_pages(const FlatRange *range, KVMSlot *out)
{
    uint64_t start = ROUND_UP(range->addr, KVM_PAGE_BYTES);
    uint64_t end = ROUND_DOWN(range->addr + range->size, KVM_PAGE_BYTES);

    if (start < range->addr || end <= start) {
        return false;
    }
    *out = (KVMSlot){
        .gpa = start,
        .size_bytes = end - start,
        .hva = range->mr->ram->host + range->offset + (start - range->addr),
        .ram = range->mr->ram,
        .ram_offset = range->offset + (start - range->addr),
        .readonly = range->readonly,
    };
    return true;
}

static void kvm_region_add(MemoryListener *l, const FlatRange *range)
{
    KVMState *s = container_of(l, KVMState, listener);
    KVMSlot all;

    /* Without read-only slots accesses to ROM exit and are emulated: slow, and only for data. */
    if (!range_pages(range, &all) || (all.readonly && !s->have_readonly_mem)) {
        return;
    }
    for (uint64_t done = 0; done < all.size_bytes; done += KVM_SLOT_MAX_BYTES) {
        KVMSlot part = all;
        int i = slot_alloc(s);
        int ret;

        part.gpa += done;
        part.hva += done;
        part.ram_offset += done;
        part.size_bytes = MIN(all.size_bytes - done, KVM_SLOT_MAX_BYTES);
        if (i < 0) {
            memory_failed(s, "map", part.gpa, part.size_bytes, -ENOSPC);
            return;
        }
        *slot_at(s, i) = part;
        ret = slot_commit(s, i);
        if (ret < 0) {
            memory_failed(s, "map", part.gpa, part.size_bytes, ret);
            slot_at(s, i)->size_bytes = 0;
            return;
        }
    }
}

/* --- Dirty logging --------------------------------------------------------------------------- */

/* Moves the kernel's bits of a slot into those of its block; the kernel protects the pages
 * again. */
static bool slot_sync(KVMState *s, unsigned i, Error **errp)
{
    const KVMSlot *slot = slot_at(s, i);
    uint64_t pages = slot->size_bytes / KVM_PAGE_BYTES;
    g_autofree uint64_t *bits = NULL;
    struct kvm_dirty_log log = { .slot = i };
    int ret;

    if (!s->dirty_log || slot->readonly || !pages) {
        return true;
    }
    bits = g_new0(uint64_t, (pages + 63) / 64);
    log.dirty_bitmap = bits;
    ret = kvm_vm_ioctl(s, KVM_GET_DIRTY_LOG, &log);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM_GET_DIRTY_LOG failed for guest memory at 0x%" PRIx64,
                         slot->gpa);
        return false;
    }
    for (uint64_t w = 0; w < (pages + 63) / 64; w++) {
        for (uint64_t b = bits[w]; b; b &= b - 1) {
            ram_mark_dirty(slot->ram, slot->ram_offset +
                           (w * 64 + (unsigned)__builtin_ctzll(b)) * KVM_PAGE_BYTES,
                           KVM_PAGE_BYTES);
        }
    }
    return true;
}

/* Gives all slots the flags that s->dirty_log asks for. */
static bool recommit(KVMState *s, Error **errp)
{
    for (unsigned i = 0; i < s->slots->len; i++) {
        int ret = slot_at(s, i)->size_bytes ? slot_commit(s, i) : 0;

        if (ret < 0) {
            error_setg_errno(errp, -ret, "KVM refused dirty logging of guest memory at 0x%" PRIx64,
                             slot_at(s, i)->gpa);
            return false;
        }
    }
    return true;
}

static void kvm_log_stop(MemoryListener *l)
{
    KVMState *s = container_of(l, KVMState, listener);

    s->dirty_log = false;
    recommit(s, NULL);
}

static bool kvm_log_start(MemoryListener *l, Error **errp)
{
    KVMState *s = container_of(l, KVMState, listener);

    s->dirty_log = true;
    if (!recommit(s, errp)) {
        kvm_log_stop(l);
        return false;
    }
    return true;
}

static bool kvm_log_sync(MemoryListener *l, Error **errp)
{
    KVMState *s = container_of(l, KVMState, listener);

    for (unsigned i = 0; i < s->slots->len; i++) {
        if (!slot_sync(s, i, errp)) {
            return false;
        }
    }
    return true;
}

/* --- Slots that go --------------------------------------------------------------------------- */

static void kvm_region_del(MemoryListener *l, const FlatRange *range)
{
    KVMState *s = container_of(l, KVMState, listener);
    Error *err = NULL;
    KVMSlot all;

    if (!range_pages(range, &all)) {
        return;
    }
    for (uint64_t done = 0; done < all.size_bytes; done += KVM_SLOT_MAX_BYTES) {
        int i = slot_find(s, all.gpa + done, false);
        int ret;

        if (i < 0) {
            continue;
        }
        if (!slot_sync(s, (unsigned)i, &err)) { /* the log goes with the slot */
            error_report_err(g_steal_pointer(&err));
        }
        slot_at(s, i)->size_bytes = 0;
        ret = slot_commit(s, i);
        if (ret < 0) {
            memory_failed(s, "unmap", all.gpa + done, all.size_bytes - done, ret);
        }
    }
}

void kvm_memory_init(KVMState *s)
{
    int max = kvm_vm_check_extension(s, KVM_CAP_NR_MEMSLOTS);

    s->max_slots = max > 0 ? (unsigned)max : 32;
    s->slots = g_array_new(FALSE, TRUE, sizeof(KVMSlot));
    s->have_readonly_mem = kvm_vm_check_extension(s, KVM_CAP_READONLY_MEM) > 0;
    s->listener.region_add = kvm_region_add;
    s->listener.region_del = kvm_region_del;
    s->listener.log_start = kvm_log_start;
    s->listener.log_stop = kvm_log_stop;
    s->listener.log_sync = kvm_log_sync;
    if (s->ms->memory) {
        address_space_set_listener(s->ms->memory, &s->listener);
    }
}

void kvm_memory_fini(KVMState *s)
{
    if (s->slots) {
        g_array_free(s->slots, TRUE);
        s->slots = NULL;
    }
}
