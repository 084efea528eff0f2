/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg with a guest that may do anything: the input is a small guest memory, then operations
 * (select, read, DMA with any descriptor, writes of any size to the DMA registers). Checked: no
 * access outside memory, reads past an item give zero.
 */
#include "qemu/osdep.h"
#include "hw/nvram/fw_cfg.h"

#define MEMORY_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *map(void *opaque, uint64_t gpa, uint64_t *len, bool write)
{
    if (gpa >= MEMORY_BYTES || (write && gpa < 64)) { /* the first bytes are ROM */
        return NULL;
    }
    *len = MIN(*len, MEMORY_BYTES - gpa);
    return (uint8_t *)opaque + gpa;
}

static void written(void *opaque, uint64_t gpa, uint64_t len)
{
    assert(gpa >= 64 && gpa < MEMORY_BYTES && len <= MEMORY_BYTES - gpa);
}

static void operate(FwCfg *s, const uint8_t *op)
{
    uint64_t value;

    memcpy(&value, op + 1, 8);
    switch (op[0] & 7) {
    case 0:
        fw_cfg_select(s, (uint16_t)value);
        break;
    case 1: case 2:
        for (unsigned i = 0; i < op[1]; i++) {
            fw_cfg_read(s);
        }
        break;
    case 3:
        fw_cfg_dma_write(s, op[0] >> 4, value, 1u << (op[0] >> 3 & 3));
        break;
    case 4:
        fw_cfg_dma_read(op[0] >> 3 & 4, 4);
        break;
    case 5:
        fw_cfg_reset(s);
        break;
    default: /* a descriptor in memory */
        fw_cfg_dma_write(s, 4, __builtin_bswap32(value % MEMORY_BYTES), 4);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const FwCfgMem mem = { .map = map, .written = written };
    g_autofree uint8_t *memory = g_malloc0(MEMORY_BYTES);
    size_t in_memory = MIN(size, MEMORY_BYTES);
    FwCfg s;

    memcpy(memory, data, in_memory / 2);
    fw_cfg_init(&s, &mem, memory);
    fw_cfg_add_file(&s, "opt/b", "twelve bytes", 12, NULL);
    fw_cfg_add_file(&s, "opt/a", "", 0, NULL);
    fw_cfg_set_int(&s, FW_CFG_IRQ0_OVERRIDE, 1, 4);
    for (size_t at = in_memory / 2; at + 9 <= size; at += 9) {
        operate(&s, data + at);
    }
    fw_cfg_select(&s, FW_CFG_SIGNATURE);
    assert(fw_cfg_read(&s) == 'Q');
    fw_cfg_fini(&s);
    return 0;
}
