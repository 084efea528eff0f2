/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending and loading guest memory. Pages are copied before they are sent: the guest may write them
 * at the same time, and the checksum must fit. */
#include "qemu/osdep.h"
#include "block/block.h"
#include "hw/core/machine.h"
#include "migration/ram.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { KIND_ZERO, KIND_DATA, RUN_BYTES = 16, HEAD_BYTES = 8, WORD_BITS = 64 };
/* Zero runs of so many pages are given back to the host. */
enum { DROP_PAGES = 16 };

/* ---- Sending --------------------------------------------------------------------------------- */

RamSave *ram_save_new(void)
{
    RamSave *rs = g_new0(RamSave, 1);
    unsigned i = 0;

    for (RAMBlock *rb = ram_blocks(); rb; rb = rb->next) {
        rs->nr++;
    }
    rs->blocks = g_new0(RAMBlock *, rs->nr);
    rs->bitmap = g_new0(unsigned long *, rs->nr);
    for (RAMBlock *rb = ram_blocks(); rb; rb = rb->next, i++) {
        uint64_t pages = ram_block_pages(rb);

        rs->blocks[i] = rb;
        rs->bitmap[i] = g_new0(unsigned long, ram_block_bitmap_longs(rb));
        memset(rs->bitmap[i], 0xff, pages / WORD_BITS * sizeof(unsigned long));
        if (pages % WORD_BITS) {
            rs->bitmap[i][pages / WORD_BITS] = (1ul << pages % WORD_BITS) - 1;
        }
        rs->pages_left += pages;
    }
    rs->section = mig_section_new();
    rs->runs = g_byte_array_new();
    rs->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    rs->pagemap_at = UINT64_MAX;
    return rs;
}

void ram_save_free(RamSave *rs)
{
    if (!rs) {
        return;
    }
    for (unsigned i = 0; i < rs->nr; i++) {
        g_free(rs->bitmap[i]);
    }
    if (rs->pagemap_fd >= 0) {
        close(rs->pagemap_fd);
    }
    g_free(rs->bitmap);
    g_free(rs->blocks);
    g_byte_array_unref(rs->section);
    g_byte_array_unref(rs->runs);
    g_free(rs);
}

uint64_t ram_save_total_bytes(const RamSave *rs)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < rs->nr; i++) {
        bytes += rs->blocks[i]->size_bytes;
    }
    return bytes;
}

bool ram_save_collect(RamSave *rs, uint64_t *newly, Error **errp)
{
    rs->pagemap_at = UINT64_MAX;
    rs->stats.dirty_syncs++;
    if (!ram_dirty_collect(current_machine->memory, rs->bitmap, newly, errp)) {
        return false;
    }
    rs->pages_left += *newly;
    return true;
}

/* The next page that waits, from the cursor on; false: none. */
static bool find_next(RamSave *rs)
{
    for (unsigned tries = 0; tries <= rs->nr; tries++) {
        uint64_t pages = ram_block_pages(rs->blocks[rs->block]);
        const unsigned long *map = rs->bitmap[rs->block];

        while (rs->page < pages) {
            unsigned long word = map[rs->page / WORD_BITS] >> rs->page % WORD_BITS;

            if (word) {
                rs->page += (unsigned)__builtin_ctzl(word);
                return true;
            }
            rs->page = ROUND_UP(rs->page + 1, WORD_BITS);
        }
        rs->page = 0;
        rs->block = (rs->block + 1) % rs->nr;
    }
    return false;
}

/* Nobody has touched the page since the memory was made: it reads as zeroes, but need not. */
static bool never_touched(RamSave *rs, const RAMBlock *rb, uint64_t page)
{
    enum { PRESENT_OR_SWAPPED = 3, PER_PIECE = ARRAY_SIZE(rs->pagemap) };
    uint64_t piece = ROUND_DOWN(page, PER_PIECE);

    if (rb->fd >= 0 || rb->shared || rs->pagemap_fd < 0) {
        return false;
    }
    if (rs->pagemap_at != piece || rs->pagemap_block != rs->block) {
        off_t at = (off_t)(((uintptr_t)rb->host / RAM_PAGE_BYTES + piece) * sizeof(uint64_t));

        memset(rs->pagemap, 0xff, sizeof(rs->pagemap));
        if (pread(rs->pagemap_fd, rs->pagemap, sizeof(rs->pagemap), at) < 0) {
            close(rs->pagemap_fd);
            rs->pagemap_fd = -1;
            return false;
        }
        rs->pagemap_at = piece;
        rs->pagemap_block = rs->block;
    }
    return !(rs->pagemap[page - piece] >> 62 & PRESENT_OR_SWAPPED);
}

/* The run that is being made. */
typedef struct Run {
    uint64_t first;
    uint32_t count, kind;
} Run;

static void close_run(RamSave *rs, Run *run)
{
    if (run->count) {
        mig_put_be(rs->runs, run->first, 8);
        mig_put_be(rs->runs, run->count, 4);
        mig_put_be(rs->runs, run->kind, 4);
        rs->nr_runs++;
        run->count = 0;
    }
}

/* Adds the page at the cursor. */
static void add_page(RamSave *rs, Run *run, unsigned *data_pages)
{
    const RAMBlock *rb = rs->blocks[rs->block];
    const uint8_t *host = rb->host + (rs->page << RAM_PAGE_BITS);
    bool zero;

    rs->bitmap[rs->block][rs->page / WORD_BITS] &= ~(1ul << rs->page % WORD_BITS);
    rs->pages_left--;
    zero = never_touched(rs, rb, rs->page) || buffer_is_zero(host, RAM_PAGE_BYTES);
    if (run->kind != (zero ? KIND_ZERO : KIND_DATA) || rs->page != run->first + run->count) {
        close_run(rs, run);
        run->kind = zero ? KIND_ZERO : KIND_DATA;
        run->first = rs->page;
    }
    run->count++;
    if (zero) {
        rs->stats.zero_pages++;
    } else {
        g_byte_array_append(rs->section, host, RAM_PAGE_BYTES);
        rs->stats.normal_pages++;
        (*data_pages)++;
    }
    rs->page++;
}

static void fill_head(GByteArray *section, unsigned block, unsigned nr_runs, unsigned pages)
{
    g_autoptr(GByteArray) head = g_byte_array_new();

    mig_put_be(head, block, 2);
    mig_put_be(head, nr_runs, 2);
    mig_put_be(head, pages, 4);
    memcpy(section->data + MIG_SECTION_BYTES, head->data, HEAD_BYTES);
}

bool ram_save_section(RamSave *rs, MigWriter *w, Error **errp)
{
    static const uint8_t head[HEAD_BYTES];
    enum { LOOK_AT_PAGES = 64 * 1024 }; /* of zeroes: then the caller looks at the limits */
    Run run = { 0 };
    unsigned data_pages = 0, looked = 0, block;

    if (!rs->nr || !find_next(rs)) {
        return true;
    }
    block = rs->block;
    mig_section_clear(rs->section);
    g_byte_array_append(rs->section, head, sizeof(head));
    g_byte_array_set_size(rs->runs, 0);
    rs->nr_runs = 0;
    do {
        add_page(rs, &run, &data_pages);
    } while (data_pages < MIG_RAM_PAGES && rs->nr_runs < MIG_RAM_PAGES - 1 &&
             ++looked < LOOK_AT_PAGES && find_next(rs) && rs->block == block);
    close_run(rs, &run);
    fill_head(rs->section, block, rs->nr_runs, data_pages);
    g_byte_array_append(rs->section, rs->runs->data, rs->runs->len);
    return mig_write_section(w, MIG_RAM, rs->section, errp);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static RAMBlock *block_number(unsigned n)
{
    RAMBlock *rb = ram_blocks();

    while (rb && n--) {
        rb = rb->next;
    }
    return rb;
}

static void load_zeroes(RAMBlock *rb, const Run *run)
{
    uint8_t *host = rb->host + (run->first << RAM_PAGE_BITS);
    size_t len = (size_t)run->count << RAM_PAGE_BITS;

    if (run->count >= DROP_PAGES && rb->fd < 0 && !rb->shared &&
        madvise(host, len, MADV_DONTNEED) == 0) {
        return;
    }
    for (size_t at = 0; at < len; at += RAM_PAGE_BYTES) {
        if (!buffer_is_zero(host + at, RAM_PAGE_BYTES)) {
            memset(host + at, 0, RAM_PAGE_BYTES);
        }
    }
}

/* Goes over the runs; with @apply they are carried out. */
static bool walk_runs(RAMBlock *rb, MigBuf runs, unsigned nr_runs, const uint8_t *data,
                      unsigned data_pages, bool apply, Error **errp)
{
    uint64_t pages = ram_block_pages(rb);
    unsigned used = 0;

    for (unsigned i = 0; i < nr_runs; i++) {
        Run run = { .first = mig_get_be(&runs, 8), .count = (uint32_t)mig_get_be(&runs, 4),
                    .kind = (uint32_t)mig_get_be(&runs, 4) };

        if (run.first >= pages || run.count == 0 || run.count > pages - run.first ||
            run.kind > KIND_DATA || (run.kind == KIND_DATA && run.count > data_pages - used)) {
            error_setg(errp, "RAM section: %s: bad run of %u pages, kind %u, at page 0x%" PRIx64,
                       rb->idstr, run.count, run.kind, run.first);
            return false;
        }
        if (apply && run.kind == KIND_ZERO) {
            load_zeroes(rb, &run);
        } else if (apply) {
            memcpy(rb->host + (run.first << RAM_PAGE_BITS),
                   data + ((size_t)used << RAM_PAGE_BITS), (size_t)run.count << RAM_PAGE_BITS);
        }
        used += run.kind == KIND_DATA ? run.count : 0;
    }
    if (used != data_pages) {
        error_setg(errp, "RAM section: %s: %u pages, %u of them in runs", rb->idstr, data_pages,
                   used);
        return false;
    }
    return true;
}

bool ram_load_section(const GByteArray *content, bool apply, Error **errp)
{
    MigBuf b = mig_buf(content);
    unsigned block = (unsigned)mig_get_be(&b, 2), nr_runs = (unsigned)mig_get_be(&b, 2);
    unsigned data_pages = (unsigned)mig_get_be(&b, 4);
    const uint8_t *data;
    RAMBlock *rb = block_number(block);

    if (b.failed || data_pages > MIG_RAM_PAGES ||
        content->len != HEAD_BYTES + (size_t)data_pages * RAM_PAGE_BYTES +
                        (size_t)nr_runs * RUN_BYTES) {
        error_setg(errp, "RAM section: %u bytes do not fit %u pages and %u runs", content->len,
                   data_pages, nr_runs);
        return false;
    }
    if (!rb) {
        error_setg(errp, "RAM section: there is no block %u", block);
        return false;
    }
    data = mig_get_bytes(&b, (size_t)data_pages * RAM_PAGE_BYTES);
    return walk_runs(rb, b, nr_runs, data, data_pages, false, errp) &&
           (!apply || walk_runs(rb, b, nr_runs, data, data_pages, true, errp));
}
