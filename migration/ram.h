/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory in a migration stream: RAM sections. Content of one: block (2 bytes: its place in
 * the configuration), number of runs (2), number of pages (4), the pages, then the runs: first page
 * (8), number of pages (4), kind (4).
 */
#ifndef MIGRATION_RAM_H
#define MIGRATION_RAM_H

#include "migration/stream.h"
#include "system/ram-dirty.h"

typedef struct RamStats {
    uint64_t zero_pages, normal_pages;
    uint64_t dirty_syncs;
} RamStats;

/* What is still to be sent. The migration's thread; ram_save_collect() with the BQL too. */
typedef struct RamSave {
    unsigned nr;
    RAMBlock **blocks;
    unsigned long **bitmap; /* of each block: pages to send */
    uint64_t pages_left;
    unsigned block;         /* where the next section begins to look */
    uint64_t page;
    int pagemap_fd;           /* tells which pages nobody has touched; -1: it does not */
    uint64_t pagemap_at;      /* the piece of it in pagemap[]: page of the block, or UINT64_MAX */
    unsigned pagemap_block;
    uint64_t pagemap[512];
    GByteArray *section, *runs;
    unsigned nr_runs;
    RamStats stats;
} RamSave;

/* All pages of all blocks are to be sent. BQL. */
RamSave *ram_save_new(void);
void ram_save_free(RamSave *rs);
uint64_t ram_save_total_bytes(const RamSave *rs);
/* Adds what has been written since the last call. *newly: pages that were not waiting. BQL. */
bool ram_save_collect(RamSave *rs, uint64_t *newly, Error **errp);
/* Writes one section, if any page waits; rs->pages_left says whether more do. */
bool ram_save_section(RamSave *rs, MigWriter *w, Error **errp);

/* Whether @content is a valid RAM section for the memory of this machine; with @apply it is put
 * there. */
bool ram_load_section(const GByteArray *content, bool apply, Error **errp);

#endif
