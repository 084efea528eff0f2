/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI fixed hardware as a device: regions, SCI, power button, power off. Big lock. */
#include "qemu/osdep.h"

#include "hw/acpi/pm.h"
#include "hw/core/machine.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "system/runstate.h"

#define IO_BYTES     128
#define ICH9_GPE_OFS 0x20
#define ICH9_SMI_OFS 0x30

static int64_t pm_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void update_sci(AcpiPmDevice *s)
{
    int64_t next;

    irq_set(&s->sci, acpi_pm_sci(&s->pm, pm_now()));
    next = acpi_pm_next_ns(&s->pm);
    if (next < 0) {
        timer_del(s->timer);
    } else {
        timer_mod_ns(s->timer, next);
    }
}

static void pm_timer_cb(void *opaque)
{
    update_sci(opaque);
}

static uint64_t evt_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPmDevice *s = opaque;

    return acpi_pm1_evt_read(&s->pm, addr & 3, pm_now());
}

static void evt_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    AcpiPmDevice *s = opaque;

    acpi_pm1_evt_write(&s->pm, addr & 3, (uint8_t)value, pm_now());
    update_sci(s);
}

static uint64_t cnt_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPmDevice *s = opaque;

    return acpi_pm1_cnt_read(&s->pm, addr & 1);
}

static void cnt_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    AcpiPmDevice *s = opaque;

    switch (acpi_pm1_cnt_write(&s->pm, addr & 1, (uint8_t)value)) {
    case ACPI_SLEEP_S5:
        vm_request_shutdown(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case ACPI_SLEEP_S3:
    case ACPI_SLEEP_BAD:
        /* TODO: S3 (a suspended run state and wake events); the tables do not offer _S3. */
        guest_error("acpi: sleep type %u is not supported\n", (unsigned)(value >> 2 & 7));
        break;
    case ACPI_SLEEP_NONE:
        break;
    }
    update_sci(s);
}

static uint64_t tmr_read(void *opaque, hwaddr addr, unsigned size)
{
    return acpi_pm_timer(pm_now()) >> (addr & 3) * 8;
}

static void ignore_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static uint64_t gpe_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPmDevice *s = opaque;

    return acpi_gpe_read(&s->pm, (unsigned)addr);
}

static void gpe_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    AcpiPmDevice *s = opaque;

    acpi_gpe_write(&s->pm, (unsigned)addr, (uint8_t)value);
    update_sci(s);
}

static uint64_t smi_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPmDevice *s = opaque;

    return addr < 4 ? s->pm.smi_en : s->pm.smi_sts;
}

static void smi_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    AcpiPmDevice *s = opaque;

    if (addr < 4) {
        s->pm.smi_en = (uint32_t)value;
    }
}

static uint64_t apm_read(void *opaque, hwaddr addr, unsigned size)
{
    AcpiPmDevice *s = opaque;

    return acpi_apm_read(&s->pm, addr & 1);
}

static void apm_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    AcpiPmDevice *s = opaque;

    acpi_apm_write(&s->pm, addr & 1, (uint8_t)value);
    update_sci(s);
}

static const MemoryRegionOps evt_ops = { .read = evt_read, .write = evt_write, .impl_max = 1 };
static const MemoryRegionOps cnt_ops = { .read = cnt_read, .write = cnt_write, .impl_max = 1 };
static const MemoryRegionOps tmr_ops = { .read = tmr_read, .write = ignore_write, .impl_max = 4 };
static const MemoryRegionOps gpe_ops = { .read = gpe_read, .write = gpe_write, .impl_max = 1 };
static const MemoryRegionOps smi_ops = {
    .read = smi_read, .write = smi_write, .impl_min = 4, .impl_max = 4,
};
static const MemoryRegionOps apm_ops = { .read = apm_read, .write = apm_write, .impl_max = 1 };

static void power_button(void *opaque)
{
    AcpiPmDevice *s = opaque;

    acpi_pm_power_button(&s->pm);
    update_sci(s);
}

void acpi_pm_device_gpe(AcpiPmDevice *s, unsigned bit)
{
    acpi_gpe_raise(&s->pm, bit);
    update_sci(s);
}

static bool pm_realize(DeviceState *dev, Error **errp)
{
    AcpiPmDevice *s = container_of(dev, AcpiPmDevice, dev);

    acpi_pm_init(&s->pm, s->is_ich9 ? 8 : 2, s->is_ich9 ? 0x02 : 0xf1, s->is_ich9 ? 0x03 : 0xf0);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, pm_timer_cb, s);
    memory_region_init(&s->io, "acpi", IO_BYTES);
    memory_region_init_io(&s->evt, &evt_ops, s, "acpi-evt", 4);
    memory_region_init_io(&s->cnt, &cnt_ops, s, "acpi-cnt", 2);
    memory_region_init_io(&s->tmr, &tmr_ops, s, "acpi-tmr", 4);
    memory_region_init_io(&s->gpe, &gpe_ops, s, "acpi-gpe0", s->pm.gpe_bytes * 2u);
    memory_region_init_io(&s->smi, &smi_ops, s, "acpi-smi", 8);
    memory_region_init_io(&s->apm, &apm_ops, s, "apm-io", 2);
    memory_region_add_subregion(&s->io, 0, &s->evt);
    memory_region_add_subregion(&s->io, 4, &s->cnt);
    memory_region_add_subregion(&s->io, 8, &s->tmr);
    if (s->is_ich9) {
        memory_region_add_subregion(&s->io, ICH9_GPE_OFS, &s->gpe);
        memory_region_add_subregion(&s->io, ICH9_SMI_OFS, &s->smi);
    }
    memory_region_add_subregion(current_machine->system_io, 0xb2, &s->apm);
    vm_set_powerdown_handler(power_button, s);
    return true;
}

static void pm_device_reset(DeviceState *dev)
{
    AcpiPmDevice *s = container_of(dev, AcpiPmDevice, dev);

    acpi_pm_reset(&s->pm, pm_now());
    update_sci(s);
}

static const VMStateField pm_device_fields[] = {
    VMSTATE_STRUCT(AcpiPmDevice, pm, &vmstate_acpi_pm),
    VMSTATE_TIMER(AcpiPmDevice, timer),
    VMSTATE_END,
};
static const VMStateDescription vmstate_pm_device = {
    "acpi-pm", .version = 1, .fields = pm_device_fields,
};

const DeviceType type_acpi_pm = {
    .object = {
        .name = "acpi-pm",
        .parent = &type_device,
        .instance_size = sizeof(AcpiPmDevice),
    },
    .bus = "System",
    .migration = MIGRATION_VMSD(&vmstate_pm_device),
    .realize = pm_realize,
    .reset = pm_device_reset,
};

AcpiPmDevice *acpi_pm_device_create(IRQLine sci, bool is_ich9, Error **errp)
{
    DeviceState *dev = qdev_new(&type_acpi_pm, errp);
    AcpiPmDevice *s = container_of(dev, AcpiPmDevice, dev);

    if (!dev) {
        return NULL;
    }
    s->sci = sci;
    s->is_ich9 = is_ich9;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
