/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "fw_cfg_io" and -fw_cfg. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/user-object.h"
#include "hw/nvram/fw_cfg.h"
#include "migration/vmstate.h"
#include "qemu/keyval.h"

#define PORT 0x510
#define DMA_PORT 0x514

/* --- Ports ----------------------------------------------------------------------------------- */

static uint64_t comb_read(void *opaque, hwaddr addr, unsigned size)
{
    return fw_cfg_read(opaque);
}

/* A word at the first port selects; bytes, which once wrote items, do nothing. */
static void comb_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    if (size == 2 && addr == 0) {
        fw_cfg_select(opaque, (uint16_t)value);
    }
}

static uint64_t dma_read(void *opaque, hwaddr addr, unsigned size)
{
    return fw_cfg_dma_read((unsigned)addr, size);
}

static void dma_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    fw_cfg_dma_write(opaque, (unsigned)addr, value, size);
}

static const MemoryRegionOps comb_ops = {
    .read = comb_read, .write = comb_write, .impl_max = 2, .valid_max = 2,
};
static const MemoryRegionOps dma_ops = { .read = dma_read, .write = dma_write, .impl_max = 8 };

static void *map_guest(void *opaque, uint64_t gpa, uint64_t *len, bool write)
{
    return address_space_map_ram_part(current_machine->memory, gpa, len, write);
}

static void guest_written(void *opaque, uint64_t gpa, uint64_t len)
{
    address_space_mark_written(current_machine->memory, gpa, len);
}

static const FwCfgMem guest_mem = { .map = map_guest, .written = guest_written };

/* --- Life cycle ------------------------------------------------------------------------------ */

static bool fw_cfg_realize(DeviceState *dev, Error **errp)
{
    FwCfgDevice *s = container_of(dev, FwCfgDevice, dev);

    fw_cfg_init(&s->cfg, s->dma_enabled ? &guest_mem : NULL, s);
    memory_region_init_io(&s->comb_io, &comb_ops, &s->cfg, "fwcfg", 2);
    memory_region_add_subregion(current_machine->system_io, PORT, &s->comb_io);
    if (s->dma_enabled) {
        memory_region_init_io(&s->dma_io, &dma_ops, &s->cfg, "fwcfg.dma", 8);
        memory_region_add_subregion(current_machine->system_io, DMA_PORT, &s->dma_io);
    }
    return true;
}

static void fw_cfg_device_reset(DeviceState *dev)
{
    fw_cfg_reset(&container_of(dev, FwCfgDevice, dev)->cfg);
}

static const Property fw_cfg_props[] = {
    DEFINE_PROP(PROP_BOOL, FwCfgDevice, dma_enabled, "dma_enabled", .default_val = true),
    DEFINE_PROP(PROP_UINT32, FwCfgDevice, file_slots, "x-file-slots",
                .default_val = FW_CFG_MAX_FILES),
    DEFINE_PROP_END,
};

/* The items are configuration, the same at both ends. */
static const VMStateField fw_cfg_fields[] = {
    VMSTATE_UINT(FwCfg, key), VMSTATE_UINT(FwCfg, offset), VMSTATE_UINT(FwCfg, dma_addr),
    VMSTATE_END,
};
static const VMStateDescription vmstate_fw_cfg = {
    "fw_cfg", .version = 1, .fields = fw_cfg_fields,
};
static const VMStateField fw_cfg_device_fields[] = {
    VMSTATE_STRUCT(FwCfgDevice, cfg, &vmstate_fw_cfg), VMSTATE_END,
};
static const VMStateDescription vmstate_fw_cfg_device = {
    "fw_cfg", .version = 1, .fields = fw_cfg_device_fields,
};

const DeviceType type_fw_cfg = {
    .object = {
        .name = "fw_cfg_io",
        .parent = &type_device,
        .instance_size = sizeof(FwCfgDevice),
        .props = fw_cfg_props,
    },
    .migration = MIGRATION_VMSD(&vmstate_fw_cfg_device),
    .realize = fw_cfg_realize,
    .reset = fw_cfg_device_reset,
};

FwCfgDevice *fw_cfg_device_create(Error **errp)
{
    DeviceState *dev = qdev_new(&type_fw_cfg, errp);

    if (!dev) {
        return NULL;
    }
    object_add_child(&current_machine->object, "fw_cfg", &dev->object);
    return qdev_realize(dev, errp) ? container_of(dev, FwCfgDevice, dev) : NULL;
}

FwCfgDevice *fw_cfg_device_find(void)
{
    return (FwCfgDevice *)object_get_child(&current_machine->object, "fw_cfg");
}

/* --- -fw_cfg --------------------------------------------------------------------------------- */

/* No object of ours makes the contents of a file. */
static bool refuse_generator(const char *id, Error **errp)
{
    Object *obj = user_object_find(id);

    if (!obj) {
        error_setg(errp, "Cannot find object ID '%s'", id);
    } else {
        error_setg(errp, "Object ID '%s' is not a 'fw_cfg-data-generator' subclass", id);
    }
    return false;
}

static bool add_item(FwCfg *cfg, const char *name, const char *file, const char *string,
                     Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *contents = NULL;
    gsize len;

    if (string) {
        return fw_cfg_add_file(cfg, name, string, strlen(string), errp);
    }
    if (!g_file_get_contents(file, &contents, &len, &gerr)) {
        error_setg(errp, "can't load %s: %s", file, gerr->message);
        return false;
    }
    return fw_cfg_add_file(cfg, name, contents, len, errp);
}

static const char *given(const Keyval *kv, const char *key, unsigned *nr)
{
    const char *value = keyval_get(kv, key);

    if (!value || !*value) {
        return NULL;
    }
    *nr += 1;
    return value;
}

bool fw_cfg_add_option(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "name", errp);
    FwCfgDevice *dev = fw_cfg_device_find();
    const char *name, *file, *string, *gen_id;
    unsigned nr = 0, nr_names = 0;

    if (!kv) {
        return false;
    }
    name = given(kv, "name", &nr_names);
    file = given(kv, "file", &nr);
    string = given(kv, "string", &nr);
    gen_id = given(kv, "gen_id", &nr);
    if (!keyval_check_unused(kv, errp)) {
        return false;
    }
    if (!dev) {
        error_setg(errp, "fw_cfg device not available");
        return false;
    }
    if (!name || nr != 1) {
        error_setg(errp, "name, plus exactly one of file, string and gen_id, are needed");
        return false;
    }
    if (strlen(name) > FW_CFG_NAME_MAX) {
        error_setg(errp, "name too long (max. %d char)", FW_CFG_NAME_MAX);
        return false;
    }
    if (gen_id) {
        return refuse_generator(gen_id, errp);
    }
    if (strncmp(name, "opt/", 4)) {
        warn_report("externally provided fw_cfg item names should be prefixed with \"opt/\"");
    }
    return add_item(&dev->cfg, name, file, string, errp);
}
