/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware configuration: items, files, reading, DMA; see fw_cfg.h. Plain structure, BQL. */
#include "qemu/osdep.h"
#include "hw/nvram/fw_cfg.h"

enum {
    ENTRY_MASK = 0xbfff, /* of a key: without the write bit */
    ARCH_LOCAL = 0x8000,

    DMA_ERROR = 1 << 0,
    DMA_READ = 1 << 1,
    DMA_SKIP = 1 << 2,
    DMA_SELECT = 1 << 3,
    DMA_WRITE = 1 << 4,
    DESCRIPTOR_BYTES = 16, /* control, length, address */

    DIR_ENTRY_BYTES = 64,
    DIR_NAME_BYTES = 56,
    ID_DMA = 1 << 1,
};

#define SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

static uint32_t ld_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void st_be32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

/* --- Items ----------------------------------------------------------------------------------- */

static FwCfgItem *item_of(FwCfg *s, uint16_t key)
{
    unsigned n = key & 0x3fff;

    if (key & ARCH_LOCAL) {
        return n < FW_CFG_NR_ARCH_KEYS ? &s->arch_items[n] : NULL;
    }
    return n < FW_CFG_NR_KEYS ? &s->items[n] : NULL;
}

void fw_cfg_set(FwCfg *s, uint16_t key, const void *data, size_t len)
{
    FwCfgItem *item = item_of(s, key);

    assert(item && len <= UINT32_MAX);
    g_free(item->data);
    item->data = g_malloc(MAX(len, 1));
    memcpy(item->data, data, len);
    item->len = (uint32_t)len;
}

void fw_cfg_set_int(FwCfg *s, uint16_t key, uint64_t value, unsigned bytes)
{
    fw_cfg_set(s, key, &value, bytes); /* little endian, as the host */
}

/* The directory: a count, then size, key and name of each file; numbers are big endian. */
static void update_directory(FwCfg *s)
{
    size_t len = 4 + (size_t)DIR_ENTRY_BYTES * s->nr_files;
    g_autofree uint8_t *dir = g_malloc0(len);

    st_be32(dir, s->nr_files);
    for (unsigned i = 0; i < s->nr_files; i++) {
        uint8_t *entry = dir + 4 + (size_t)DIR_ENTRY_BYTES * i;

        st_be32(entry, s->items[s->files[i].key].len);
        entry[4] = (uint8_t)(s->files[i].key >> 8);
        entry[5] = (uint8_t)s->files[i].key;
        g_strlcpy((char *)entry + 8, s->files[i].name, DIR_NAME_BYTES);
    }
    fw_cfg_set(s, FW_CFG_FILE_DIR, dir, len);
}

bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp)
{
    unsigned at = 0;

    if (strlen(name) > FW_CFG_NAME_MAX) {
        error_setg(errp, "name too long (max. %d char)", FW_CFG_NAME_MAX);
        return false;
    }
    if (len > UINT32_MAX) {
        error_setg(errp, "fw_cfg file %s is longer than 4 GiB", name);
        return false;
    }
    while (at < s->nr_files && strcmp(s->files[at].name, name) < 0) {
        at++;
    }
    if (at < s->nr_files && !strcmp(s->files[at].name, name)) {
        error_setg(errp, "duplicate fw_cfg file name: %s", name);
        return false;
    }
    if (s->nr_files == FW_CFG_MAX_FILES) {
        error_setg(errp, "more than %d fw_cfg files", FW_CFG_MAX_FILES);
        return false;
    }
    for (unsigned i = s->nr_files++; i > at; i--) {
        s->files[i] = s->files[i - 1];
        s->files[i].key++;
        s->items[s->files[i].key] = s->items[s->files[i - 1].key];
    }
    s->files[at].key = (uint16_t)(FW_CFG_FILE_FIRST + at);
    g_strlcpy(s->files[at].name, name, sizeof(s->files[at].name));
    s->items[s->files[at].key] = (FwCfgItem){ NULL };
    fw_cfg_set(s, s->files[at].key, data, len);
    update_directory(s);
    return true;
}

void fw_cfg_init(FwCfg *s, const FwCfgMem *mem, void *opaque)
{
    *s = (FwCfg){ .mem = mem, .opaque = opaque };
    fw_cfg_set(s, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_set_int(s, FW_CFG_ID, 1 | (mem ? ID_DMA : 0), 4);
    update_directory(s);
}

void fw_cfg_fini(FwCfg *s)
{
    for (unsigned i = 0; i < FW_CFG_NR_KEYS; i++) {
        g_clear_pointer(&s->items[i].data, g_free);
    }
    for (unsigned i = 0; i < FW_CFG_NR_ARCH_KEYS; i++) {
        g_clear_pointer(&s->arch_items[i].data, g_free);
    }
}

void fw_cfg_reset(FwCfg *s)
{
    fw_cfg_select(s, FW_CFG_SIGNATURE);
    s->dma_addr = 0;
}

/* --- Port ------------------------------------------------------------------------------------ */

void fw_cfg_select(FwCfg *s, uint16_t key)
{
    s->key = key & ENTRY_MASK;
    s->offset = 0;
}

/* Bytes of the selected item that are left; beyond them are zeroes. */
static uint32_t bytes_left(FwCfg *s, const uint8_t **data)
{
    const FwCfgItem *item = item_of(s, s->key);

    if (!item || !item->data || s->offset >= item->len) {
        return 0;
    }
    *data = item->data + s->offset;
    return item->len - s->offset;
}

uint8_t fw_cfg_read(FwCfg *s)
{
    const uint8_t *data;

    if (!bytes_left(s, &data)) {
        return 0;
    }
    s->offset++;
    return *data;
}

/* --- DMA ------------------------------------------------------------------------------------- */

/* Copies from @data, NULL: zeroes, to guest memory. False where there is no RAM. */
static bool dma_put(FwCfg *s, uint64_t gpa, const uint8_t *data, uint64_t len)
{
    while (len) {
        uint64_t n = len;
        void *host = s->mem->map(s->opaque, gpa, &n, true);

        if (!host) {
            return false;
        }
        if (data) {
            memcpy(host, data, n);
            data += n;
        } else {
            memset(host, 0, n);
        }
        s->mem->written(s->opaque, gpa, n);
        gpa += n;
        len -= n;
    }
    return true;
}

static bool dma_get(FwCfg *s, uint64_t gpa, uint8_t *buf, uint64_t len)
{
    while (len) {
        uint64_t n = len;
        const void *host = s->mem->map(s->opaque, gpa, &n, false);

        if (!host) {
            return false;
        }
        memcpy(buf, host, n);
        buf += n;
        gpa += n;
        len -= n;
    }
    return true;
}

static bool dma_transfer(FwCfg *s, uint32_t control, uint32_t len, uint64_t gpa)
{
    const uint8_t *data = NULL;
    uint32_t n;
    bool ok;

    if (control & DMA_SELECT) {
        fw_cfg_select(s, (uint16_t)(control >> 16));
    }
    n = MIN(bytes_left(s, &data), len);
    if (control & DMA_READ) {
        ok = dma_put(s, gpa, data, n) && dma_put(s, gpa + n, NULL, len - n);
    } else if (control & DMA_WRITE) {
        return len == 0; /* no item can be written */
    } else {
        ok = true; /* skip, or select alone */
        n = control & DMA_SKIP ? n : 0;
    }
    s->offset += n;
    return ok;
}

static void dma_start(FwCfg *s)
{
    uint64_t at = s->dma_addr;
    uint8_t d[DESCRIPTOR_BYTES], result[4];
    bool ok;

    s->dma_addr = 0;
    if (!dma_get(s, at, d, sizeof(d))) {
        st_be32(result, DMA_ERROR);
    } else {
        ok = dma_transfer(s, ld_be32(d), ld_be32(d + 4),
                          (uint64_t)ld_be32(d + 8) << 32 | ld_be32(d + 12));
        st_be32(result, ok ? 0 : DMA_ERROR);
    }
    dma_put(s, at, result, sizeof(result));
}

/* The registers are big endian. */
static uint64_t swap(uint64_t v, unsigned bytes)
{
    return __builtin_bswap64(v) >> (64 - 8 * bytes);
}

void fw_cfg_dma_write(FwCfg *s, unsigned offset, uint64_t value, unsigned size)
{
    value = swap(value, size);
    if (size == 4 && offset == 0) {
        s->dma_addr = value << 32;
    } else if (size == 4 && offset == 4) {
        s->dma_addr |= value;
        dma_start(s);
    } else if (size == 8 && offset == 0) {
        s->dma_addr = value;
        dma_start(s);
    }
}

uint64_t fw_cfg_dma_read(unsigned offset, unsigned size)
{
    return swap(SIGNATURE << (8 * offset) >> (64 - 8 * size), size);
}
