/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware configuration (QEMU's docs/specs/fw_cfg): numbered items, some of them files with names,
 * that firmware and guests read byte by byte through a port or by DMA. The first part is a plain
 * structure; the second the device on ports 0x510 to 0x51b. BQL.
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "hw/core/qdev.h"
#include "system/memory.h"

/* Item keys. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_HPET = 0x8004,
};

#define FW_CFG_MAX_FILES 64
#define FW_CFG_NAME_MAX 55 /* characters */
#define FW_CFG_NR_KEYS (FW_CFG_FILE_FIRST + FW_CFG_MAX_FILES)
#define FW_CFG_NR_ARCH_KEYS 8 /* from 0x8000 on */

/* Guest memory for DMA: as VirtQueueMem. */
typedef struct FwCfgMem {
    void *(*map)(void *opaque, uint64_t gpa, uint64_t *len, bool write);
    void (*written)(void *opaque, uint64_t gpa, uint64_t len);
} FwCfgMem;

typedef struct FwCfgItem {
    uint8_t *data; /* owned; NULL: there is no such item */
    uint32_t len;
} FwCfgItem;

typedef struct FwCfgFile {
    char name[FW_CFG_NAME_MAX + 1];
    uint16_t key;
} FwCfgFile;

typedef struct FwCfg {
    FwCfgItem items[FW_CFG_NR_KEYS], arch_items[FW_CFG_NR_ARCH_KEYS];
    FwCfgFile files[FW_CFG_MAX_FILES]; /* sorted by name; keys follow that order */
    unsigned nr_files;
    uint16_t key;    /* selected */
    uint32_t offset; /* of the next byte */
    uint64_t dma_addr;
    const FwCfgMem *mem;
    void *opaque;
} FwCfg;

void fw_cfg_init(FwCfg *s, const FwCfgMem *mem, void *opaque);
void fw_cfg_fini(FwCfg *s);
void fw_cfg_reset(FwCfg *s);
/* Items; contents are copied. Setting one again replaces it. */
void fw_cfg_set(FwCfg *s, uint16_t key, const void *data, size_t len);
void fw_cfg_set_int(FwCfg *s, uint16_t key, uint64_t value, unsigned bytes);
/* A file; false with QEMU's errors: the name is too long or taken, there are too many. */
bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp);

/* What the guest does. */
void fw_cfg_select(FwCfg *s, uint16_t key);
uint8_t fw_cfg_read(FwCfg *s);
/* Half of the descriptor's address as the guest wrote it; the low one starts the transfer. */
void fw_cfg_dma_write(FwCfg *s, unsigned offset, uint64_t value, unsigned size);
uint64_t fw_cfg_dma_read(unsigned offset, unsigned size);

/* --- Device ----------------------------------------------------------------------------------- */

typedef struct FwCfgDevice {
    DeviceState dev;
    FwCfg cfg;
    MemoryRegion comb_io, dma_io;
    uint32_t file_slots;
    bool dma_enabled;
} FwCfgDevice;

extern const DeviceType type_fw_cfg;

/* The board's, at /machine/fw_cfg. */
FwCfgDevice *fw_cfg_device_create(Error **errp);
/* The machine's, NULL: none. */
FwCfgDevice *fw_cfg_device_find(void);
/* -fw_cfg's argument. */
bool fw_cfg_add_option(const char *arg, Error **errp);

#endif
