/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory regions and the flat views rendered from them. Under the BQL, except RAM contents. */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/memory.h"
#include "system/ram-dirty.h"

struct AddressSpace {
    char *name;
    MemoryRegion *root;
    FlatView view;
    unsigned last_hit; /* index of the range found last */
    MemoryListener *listener;
    AddressSpace *next;
    GRWLock lock;    /* leaf: .view and .events change with the BQL and this, and are read with
                      * either */
    GArray *events;  /* of PlacedEvent */
    unsigned nr_events; /* atomic: whether a look is worth it */
};

typedef struct PlacedEvent {
    hwaddr addr;
    const IoEvent *ev;
} PlacedEvent;

static AddressSpace *address_spaces; /* BQL */
static unsigned transaction_depth;   /* BQL */
static bool topology_changed;        /* BQL */

/* Regions */

static void region_init(MemoryRegion *mr, MemoryRegionKind kind, const char *name, uint64_t size)
{
    *mr = (MemoryRegion){ .name = name, .size = size, .kind = kind, .enabled = true };
}

void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size)
{
    region_init(mr, MR_CONTAINER, name, size);
    mr->children = g_ptr_array_new();
}

void memory_region_init_ram(MemoryRegion *mr, const char *name, RAMBlock *rb)
{
    region_init(mr, MR_RAM, name, rb->size_bytes);
    mr->ram = rb;
}

void memory_region_init_rom(MemoryRegion *mr, const char *name, RAMBlock *rb)
{
    region_init(mr, MR_ROM, name, rb->size_bytes);
    mr->ram = rb;
}

void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops, void *opaque,
                           const char *name, uint64_t size)
{
    region_init(mr, MR_IO, name, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

void memory_region_init_alias(MemoryRegion *mr, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size)
{
    region_init(mr, MR_ALIAS, name, size);
    mr->alias = target;
    mr->alias_offset = offset;
}

void memory_region_fini(MemoryRegion *mr)
{
    assert(!mr->container);
    if (mr->children) {
        assert(mr->children->len == 0);
        g_ptr_array_free(mr->children, TRUE);
        mr->children = NULL;
    }
    g_clear_pointer(&mr->events, g_ptr_array_unref);
}

/* Rendering: a sorted list of disjoint ranges; what is there already has priority. */

typedef struct Renderer {
    GArray *ranges; /* of FlatRange */
    unsigned depth;
} Renderer;

/* Puts the parts of [addr, end] that are still free into the list. @addr is where offset 0 of the
 * leaf would be, which may lie before the clip window. */
static void render_leaf(Renderer *r, MemoryRegion *mr, bool readonly, __int128 base,
                        __int128 start, __int128 end)
{
    guint i = 0;

    while (start < end) {
        __int128 free_end = end;
        FlatRange *next = NULL;

        for (; i < r->ranges->len; i++) {
            next = &g_array_index(r->ranges, FlatRange, i);
            if ((__int128)next->addr + next->size > start) {
                break;
            }
        }
        if (i < r->ranges->len && next->addr < end) {
            free_end = next->addr;
        }
        if (start < free_end) {
            FlatRange range = {
                .addr = (hwaddr)start,
                .size = (uint64_t)(free_end - start),
                .mr = mr,
                .offset = (uint64_t)(start - base),
                .readonly = readonly,
            };

            g_array_insert_val(r->ranges, i, range);
            i++;
            next = i < r->ranges->len ? &g_array_index(r->ranges, FlatRange, i) : NULL;
        }
        start = next ? (__int128)next->addr + next->size : end;
        start = MAX(start, free_end);
    }
}

static __int128 region_size(const MemoryRegion *mr)
{
    return mr->size == UINT64_MAX ? (__int128)1 << 64 : (__int128)mr->size;
}

/* @base: address of the region's offset 0; [start, end): the window it may fill. */
static void render_region(Renderer *r, MemoryRegion *mr, __int128 base, __int128 start,
                          __int128 end)
{
    if (!mr->enabled || r->depth > 32) {
        return;
    }
    start = MAX(start, base);
    end = MIN(end, base + region_size(mr));
    if (start >= end) {
        return;
    }
    r->depth++;
    switch (mr->kind) {
    case MR_CONTAINER:
        for (guint i = 0; i < mr->children->len; i++) {
            MemoryRegion *sub = g_ptr_array_index(mr->children, i);

            render_region(r, sub, base + sub->addr, start, end);
        }
        break;
    case MR_ALIAS:
        render_region(r, mr->alias, base - mr->alias_offset, start, end);
        break;
    default:
        render_leaf(r, mr, mr->kind == MR_ROM, base, start, end);
    }
    r->depth--;
}

static bool ranges_equal(const FlatRange *a, const FlatRange *b)
{
    return a->addr == b->addr && a->size == b->size && a->mr == b->mr &&
           a->offset == b->offset && a->readonly == b->readonly;
}

static bool view_has(const FlatView *view, const FlatRange *range)
{
    for (unsigned i = 0; i < view->nr; i++) {
        if (ranges_equal(&view->ranges[i], range)) {
            return true;
        }
    }
    return false;
}

/* Tells the listener about RAM ranges of @view that @other lacks. */
static void notify_missing(AddressSpace *as, const FlatView *view, const FlatView *other, bool add)
{
    for (unsigned i = 0; as->listener && i < view->nr; i++) {
        const FlatRange *range = &view->ranges[i];

        if (range->mr->ram && !view_has(other, range)) {
            (add ? as->listener->region_add : as->listener->region_del)(as->listener, range);
        }
    }
}

/* Where the events of @view are. */
static GArray *place_events(const FlatView *view)
{
    GArray *placed = g_array_new(FALSE, FALSE, sizeof(PlacedEvent));

    for (unsigned i = 0; i < view->nr; i++) {
        const FlatRange *range = &view->ranges[i];
        const GPtrArray *events = range->mr->events;

        for (guint n = 0; events && n < events->len; n++) {
            const IoEvent *ev = g_ptr_array_index(events, n);
            PlacedEvent p = { range->addr + (ev->addr - range->offset), ev };

            if (ev->addr - range->offset < range->size) {
                g_array_append_val(placed, p);
            }
        }
    }
    return placed;
}

static bool has_event(const GArray *placed, const PlacedEvent *p)
{
    for (guint i = 0; i < placed->len; i++) {
        const PlacedEvent *q = &g_array_index(placed, PlacedEvent, i);

        if (q->addr == p->addr && q->ev == p->ev) {
            return true;
        }
    }
    return false;
}

/* Tells the listener about the events that @other lacks. */
static void notify_events(AddressSpace *as, const GArray *placed, const GArray *other, bool add)
{
    for (guint i = 0; as->listener && as->listener->event_add && i < placed->len; i++) {
        const PlacedEvent *p = &g_array_index(placed, PlacedEvent, i);

        if (!other || !has_event(other, p)) {
            (add ? as->listener->event_add : as->listener->event_del)(as->listener, p->addr,
                                                                      p->ev);
        }
    }
}

static void address_space_update(AddressSpace *as)
{
    Renderer r = { .ranges = g_array_new(FALSE, FALSE, sizeof(FlatRange)) };
    FlatView old = as->view, view;
    GArray *old_events = as->events, *events;

    render_region(&r, as->root, 0, 0, (__int128)1 << 64);
    view.nr = r.ranges->len;
    view.ranges = (FlatRange *)(void *)g_array_free(r.ranges, FALSE);
    events = place_events(&view);
    g_rw_lock_writer_lock(&as->lock);
    as->view = view;
    as->events = events;
    g_rw_lock_writer_unlock(&as->lock);
    __atomic_store_n(&as->nr_events, events->len, __ATOMIC_RELAXED);
    as->last_hit = 0;
    notify_events(as, old_events, events, false);
    notify_missing(as, &old, &as->view, false);
    notify_missing(as, &as->view, &old, true);
    notify_events(as, events, old_events, true);
    g_array_free(old_events, TRUE);
    g_free(old.ranges);
}

void memory_region_transaction_begin(void)
{
    transaction_depth++;
}

void memory_region_transaction_commit(void)
{
    assert(transaction_depth);
    if (--transaction_depth == 0 && topology_changed) {
        topology_changed = false;
        for (AddressSpace *as = address_spaces; as; as = as->next) {
            address_space_update(as);
        }
    }
}

static void topology_change(void)
{
    topology_changed = true;
    memory_region_transaction_begin();
    memory_region_transaction_commit();
}

void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr addr, MemoryRegion *sub,
                                         int priority)
{
    guint i;

    assert(mr->kind == MR_CONTAINER && !sub->container);
    sub->container = mr;
    sub->addr = addr;
    sub->priority = priority;
    for (i = 0; i < mr->children->len; i++) {
        if (((MemoryRegion *)g_ptr_array_index(mr->children, i))->priority <= priority) {
            break;
        }
    }
    g_ptr_array_insert(mr->children, (gint)i, sub);
    topology_change();
}

void memory_region_add_subregion(MemoryRegion *mr, hwaddr addr, MemoryRegion *sub)
{
    memory_region_add_subregion_overlap(mr, addr, sub, 0);
}

void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub)
{
    assert(sub->container == mr);
    sub->container = NULL;
    g_ptr_array_remove(mr->children, sub);
    topology_change();
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled != enabled) {
        mr->enabled = enabled;
        topology_change();
    }
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr != addr) {
        mr->addr = addr;
        topology_change();
    }
}

void memory_region_add_event(MemoryRegion *mr, const IoEvent *ev)
{
    assert(mr->kind == MR_IO);
    if (!mr->events) {
        mr->events = g_ptr_array_new();
    }
    g_ptr_array_add(mr->events, (gpointer)ev);
    topology_change();
}

void memory_region_del_event(MemoryRegion *mr, const IoEvent *ev)
{
    if (mr->events && g_ptr_array_remove(mr->events, (gpointer)ev)) {
        topology_change();
    }
}

/* Address spaces */

AddressSpace *address_space_new(const char *name, MemoryRegion *root)
{
    AddressSpace *as = g_new0(AddressSpace, 1);

    as->name = g_strdup(name);
    as->root = root;
    as->events = g_array_new(FALSE, FALSE, sizeof(PlacedEvent));
    g_rw_lock_init(&as->lock);
    as->next = address_spaces;
    address_spaces = as;
    address_space_update(as);
    return as;
}

void address_space_free(AddressSpace *as)
{
    AddressSpace **link = &address_spaces;

    if (!as) {
        return;
    }
    while (*link != as) {
        link = &(*link)->next;
    }
    *link = as->next;
    g_array_free(as->events, TRUE);
    g_rw_lock_clear(&as->lock);
    g_free(as->view.ranges);
    g_free(as->name);
    g_free(as);
}

const FlatView *address_space_view(const AddressSpace *as)
{
    return &as->view;
}

void address_space_set_listener(AddressSpace *as, MemoryListener *l)
{
    static const FlatView empty;

    as->listener = l;
    notify_missing(as, &as->view, &empty, true);
    notify_events(as, as->events, NULL, true);
}

MemoryListener *address_space_listener(const AddressSpace *as)
{
    return as->listener;
}

/* The index of the first range that ends after @addr. */
static unsigned search_view(const FlatView *v, hwaddr addr)
{
    unsigned lo = 0, hi = v->nr;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;

        if (v->ranges[mid].addr + (v->ranges[mid].size - 1) < addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* The range that holds @addr, or NULL; *gap: bytes to the next range then. BQL. */
static const FlatRange *find_range(AddressSpace *as, hwaddr addr, uint64_t *gap)
{
    const FlatView *v = &as->view;
    const FlatRange *last = &v->ranges[as->last_hit];
    unsigned lo;

    if (as->last_hit < v->nr && addr - last->addr < last->size) {
        return last;
    }
    lo = search_view(v, addr);
    if (lo < v->nr && v->ranges[lo].addr <= addr) {
        as->last_hit = lo;
        return &v->ranges[lo];
    }
    *gap = lo < v->nr ? v->ranges[lo].addr - addr : UINT64_MAX;
    return NULL;
}

static uint64_t ones(unsigned size)
{
    return ~0ull >> (64 - 8 * size);
}

static bool size_valid(const MemoryRegionOps *ops, unsigned size)
{
    return (!ops->valid_min || size >= ops->valid_min) &&
           (!ops->valid_max || size <= ops->valid_max);
}

/* One access of @size bytes, split or widened to what the device implements. */
static uint64_t io_read(MemoryRegion *mr, hwaddr offset, unsigned size)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned impl_max = ops->impl_max ? ops->impl_max : 4;
    unsigned impl_min = ops->impl_min ? ops->impl_min : 1;
    uint64_t value = 0;

    if (!ops->read || !size_valid(ops, size)) {
        return ones(size);
    }
    if (size < impl_min) {
        hwaddr base = ROUND_DOWN(offset, (hwaddr)impl_min);

        return (ops->read(mr->opaque, base, impl_min) >> (8 * (offset - base))) & ones(size);
    }
    for (unsigned done = 0; done < size; done += impl_max) {
        unsigned n = MIN(size - done, impl_max);

        value |= (ops->read(mr->opaque, offset + done, n) & ones(n)) << (8 * done);
    }
    return value;
}

static void io_write(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned impl_max = ops->impl_max ? ops->impl_max : 4;
    unsigned impl_min = ops->impl_min ? ops->impl_min : 1;

    if (!ops->write || !size_valid(ops, size)) {
        return;
    }
    if (size < impl_min) {
        hwaddr base = ROUND_DOWN(offset, (hwaddr)impl_min);

        ops->write(mr->opaque, base, (value & ones(size)) << (8 * (offset - base)), impl_min);
        return;
    }
    for (unsigned done = 0; done < size; done += impl_max) {
        unsigned n = MIN(size - done, impl_max);

        ops->write(mr->opaque, offset + done, (value >> (8 * done)) & ones(n), n);
    }
}

/* The largest naturally aligned access at @offset of at most @len bytes. */
static unsigned access_size(hwaddr offset, uint64_t len)
{
    unsigned size = 8;

    while (size > len || !IS_ALIGNED(offset, size)) {
        size /= 2;
    }
    return size;
}

/* Does the first piece of an access that lies in @range; returns its length. */
static uint64_t rw_range(const FlatRange *range, hwaddr addr, uint8_t *buf, uint64_t len,
                         bool is_write)
{
    hwaddr offset = range->offset + (addr - range->addr);
    uint64_t left = range->size - (addr - range->addr);
    uint64_t value = 0;
    unsigned size;

    if (range->mr->ram) {
        len = MIN(len, left);
        if (!is_write) {
            memcpy(buf, range->mr->ram->host + offset, len);
        } else if (!range->readonly) {
            memcpy(range->mr->ram->host + offset, buf, len);
        }
        return len;
    }
    /* A whole guest access (1, 2, 4, 8) goes as it is, aligned or not, to the device that its
     * address selects: a reset register at 0xcf9 does not break up a double word at 0xcf8. */
    size = len <= 8 && is_power_of_2(len) ? (unsigned)len : access_size(offset, MIN(len, left));
    if (is_write) {
        memcpy(&value, buf, size);
        io_write(range->mr, offset, value, size);
    } else {
        value = io_read(range->mr, offset, size);
        memcpy(buf, &value, size);
    }
    return size;
}

bool address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool is_write)
{
    uint8_t *p = buf;
    bool all = true;

    while (len) {
        uint64_t n;
        const FlatRange *range = find_range(as, addr, &n);

        if (range) {
            bool to_ram = is_write && range->mr->ram; /* a device may change the topology */

            n = rw_range(range, addr, p, len, is_write);
            if (to_ram) {
                address_space_mark_written(as, addr, n);
            }
        } else {
            n = MIN(n, len);
            all = false;
            qemu_log_mask(LOG_UNIMP, "%s: unassigned %s at 0x%" PRIx64 " size %" PRIu64 "\n",
                          as->name, is_write ? "write" : "read", addr, n);
            if (!is_write) {
                memset(p, 0xff, n);
            }
        }
        addr += n;
        p += n;
        len -= n;
    }
    return all;
}

bool address_space_debug_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool is_write)
{
    uint8_t *p = buf;

    while (len) {
        uint64_t n = MIN(len, 4096 - (addr & 4095));
        void *host = address_space_map_ram(as, addr, n, false);

        if (!host || !is_write) {
            if (!address_space_rw(as, addr, p, n, is_write)) {
                return false;
            }
        } else {
            memcpy(host, p, n);
            address_space_mark_written(as, addr, n);
        }
        addr += n;
        p += n;
        len -= n;
    }
    return true;
}

uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t value = 0;

    assert(size <= sizeof(value));
    address_space_rw(as, addr, &value, size, false);
    return value;
}

void address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size)
{
    assert(size <= sizeof(value));
    address_space_rw(as, addr, &value, size, true);
}

static void *map_range(const FlatRange *range, hwaddr addr, uint64_t *len, bool is_write)
{
    uint64_t into;

    if (!range || !range->mr->ram || (is_write && range->readonly)) {
        return NULL;
    }
    into = addr - range->addr;
    *len = MIN(*len, range->size - into);
    return range->mr->ram->host + range->offset + into;
}

/* For threads without the BQL. */
static void *map_locked(AddressSpace *as, hwaddr addr, uint64_t *len, bool is_write)
{
    const FlatView *v = &as->view;
    unsigned i;
    void *host;

    g_rw_lock_reader_lock(&as->lock);
    i = search_view(v, addr);
    host = map_range(i < v->nr && v->ranges[i].addr <= addr ? &v->ranges[i] : NULL, addr, len,
                     is_write);
    g_rw_lock_reader_unlock(&as->lock);
    return host;
}

void *address_space_map_ram_part(AddressSpace *as, hwaddr addr, uint64_t *len, bool is_write)
{
    uint64_t gap;

    return bql_locked() ? map_range(find_range(as, addr, &gap), addr, len, is_write)
                        : map_locked(as, addr, len, is_write);
}

bool address_space_fire_event(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size)
{
    bool fired = false;

    if (!__atomic_load_n(&as->nr_events, __ATOMIC_RELAXED)) {
        return false;
    }
    g_rw_lock_reader_lock(&as->lock);
    for (guint i = 0; i < as->events->len && !fired; i++) {
        const PlacedEvent *p = &g_array_index(as->events, PlacedEvent, i);

        if (p->addr == addr && (!p->ev->size || p->ev->size == size) &&
            (!p->ev->match || p->ev->data == (value & ones(size)))) {
            p->ev->fire(p->ev->opaque);
            fired = true;
        }
    }
    g_rw_lock_reader_unlock(&as->lock);
    return fired;
}

void *address_space_map_ram(AddressSpace *as, hwaddr addr, uint64_t len, bool is_write)
{
    uint64_t got = len;
    void *host = address_space_map_ram_part(as, addr, &got, is_write);

    return got == len ? host : NULL;
}

/* The dirty bits of [@addr, + @len); the view cannot change meanwhile. */
static void mark_dirty(const FlatView *v, hwaddr addr, uint64_t len)
{
    for (unsigned i = search_view(v, addr); i < v->nr && len; i++) {
        const FlatRange *r = &v->ranges[i];
        hwaddr start = MAX(addr, r->addr), into = start - r->addr;
        uint64_t skipped = start - addr, n;

        if (skipped >= len) {
            return;
        }
        n = MIN(len - skipped, r->size - into);
        if (r->mr->ram) {
            ram_mark_dirty(r->mr->ram, r->offset + into, n);
        }
        addr = start + n;
        len -= skipped + n;
    }
}

void address_space_mark_written(AddressSpace *as, hwaddr addr, uint64_t len)
{
    if (ram_dirty_logging()) {
        bool locked = bql_locked();

        if (!locked) {
            g_rw_lock_reader_lock(&as->lock);
        }
        mark_dirty(&as->view, addr, len);
        if (!locked) {
            g_rw_lock_reader_unlock(&as->lock);
        }
    }
    if (as->listener && as->listener->ram_written) {
        as->listener->ram_written(as->listener, addr, len);
    }
}

uint64_t address_space_discard(AddressSpace *as, hwaddr addr, uint64_t len)
{
    uint64_t done = 0;

    while (len) {
        uint64_t n;
        const FlatRange *range = find_range(as, addr, &n);

        if (range) {
            n = range->size - (addr - range->addr);
        }
        n = MIN(n, len);
        if (range && range->mr->kind == MR_RAM) {
            uint64_t gone = ram_block_discard(range->mr->ram,
                                              range->offset + (addr - range->addr), n);

            if (gone) {
                address_space_mark_written(as, addr, n);
            }
            done += gone;
        }
        addr += n;
        len -= n;
    }
    return done;
}

void address_space_print(AddressSpace *as, GString *out)
{
    static const char *const kinds[] = {
        [MR_RAM] = "ram", [MR_ROM] = "rom", [MR_IO] = "i/o",
    };

    g_string_append_printf(out, "FlatView: %s\n", as->name);
    for (unsigned i = 0; i < as->view.nr; i++) {
        const FlatRange *r = &as->view.ranges[i];

        g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s",
                               r->addr, r->addr + (r->size - 1), r->mr->priority,
                               kinds[r->mr->kind], r->mr->name);
        if (r->offset) {
            g_string_append_printf(out, " @%016" PRIx64, r->offset);
        }
        g_string_append_c(out, '\n');
    }
}
