/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI fixed hardware: PM1a event and control blocks, PM timer, GPE0 block, SMI_CMD (ACPI 6.4, 4.8;
 * ICH9 13.8). The model is a plain struct that takes time as an argument. Big lock.
 */
#ifndef HW_ACPI_PM_H
#define HW_ACPI_PM_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"
#include "qemu/timer.h"
#include "system/memory.h"

#define ACPI_PM_HZ 3579545
#define ACPI_GPE_MAX_BYTES 8 /* each of status and enable */

/* PM1_STS and PM1_EN. */
#define ACPI_PM1_TMR    (1u << 0)
#define ACPI_PM1_GBL    (1u << 5)
#define ACPI_PM1_PWRBTN (1u << 8)
#define ACPI_PM1_RTC    (1u << 10)
#define ACPI_PM1_WAK    (1u << 15)
/* PM1_CNT. */
#define ACPI_CNT_SCI_EN (1u << 0)
#define ACPI_CNT_SLP_EN (1u << 13)

/* What a write to PM1_CNT with SLP_EN asks for. The SLP_TYP values are those of QEMU's boards. */
typedef enum AcpiSleep {
    ACPI_SLEEP_NONE,
    ACPI_SLEEP_S5, /* SLP_TYP 0, and 2 (S4): power off */
    ACPI_SLEEP_S3, /* SLP_TYP 1 */
    ACPI_SLEEP_BAD,
} AcpiSleep;

typedef struct AcpiPm {
    uint16_t sts, en, cnt;
    uint8_t gpe_bytes; /* of status, and of enable */
    uint8_t gpe_sts[ACPI_GPE_MAX_BYTES], gpe_en[ACPI_GPE_MAX_BYTES];
    uint8_t acpi_enable, acpi_disable; /* values for SMI_CMD */
    uint8_t apm_cmd, apm_sts;          /* 0xb2, 0xb3 */
    uint32_t smi_en, smi_sts;
    uint64_t next_overflow; /* tick at which bit 23 of the timer changes next */
} AcpiPm;

void acpi_pm_init(AcpiPm *s, unsigned gpe_bytes, uint8_t acpi_enable, uint8_t acpi_disable);
void acpi_pm_reset(AcpiPm *s, int64_t now_ns);
/* PM1 event block: status bytes 0, 1 (write 1 to clear), enable bytes 2, 3. */
uint8_t acpi_pm1_evt_read(AcpiPm *s, unsigned byte, int64_t now_ns);
void acpi_pm1_evt_write(AcpiPm *s, unsigned byte, uint8_t value, int64_t now_ns);
/* PM1 control, bytes 0 and 1. */
uint8_t acpi_pm1_cnt_read(const AcpiPm *s, unsigned byte);
AcpiSleep acpi_pm1_cnt_write(AcpiPm *s, unsigned byte, uint8_t value);
/* The 24-bit timer. */
uint32_t acpi_pm_timer(int64_t now_ns);
/* GPE0 block: status, then enable bytes. */
uint8_t acpi_gpe_read(const AcpiPm *s, unsigned byte);
void acpi_gpe_write(AcpiPm *s, unsigned byte, uint8_t value);
/* An event (hotplug): sets its status bit. */
void acpi_gpe_raise(AcpiPm *s, unsigned bit);
/* Port 0xb2 (@port 0): ACPI enable and disable; 0xb3. */
void acpi_apm_write(AcpiPm *s, unsigned port, uint8_t value);
uint8_t acpi_apm_read(const AcpiPm *s, unsigned port);
void acpi_pm_power_button(AcpiPm *s);
/* Level of the SCI: an enabled event while in ACPI mode (SCI_EN). */
bool acpi_pm_sci(AcpiPm *s, int64_t now_ns);
/* When acpi_pm_sci() may rise by itself (timer overflow), or -1. */
int64_t acpi_pm_next_ns(const AcpiPm *s);

extern const VMStateDescription vmstate_acpi_pm;

/*
 * The device: regions for the board to map.
 * io (128 bytes, at PMBASE): PM1 events +0, PM1 control +4, timer +8, q35 also GPE0 +0x20, SMI
 * +0x30
 *   gpe (pc): the GPE0 block on its own
 *   ports 0xb2 and 0xb3 are mapped by realize.
 */
typedef struct AcpiPmDevice {
    DeviceState dev;
    IRQLine sci;  /* set by acpi_pm_device_create() */
    bool is_ich9;
    AcpiPm pm;
    QEMUTimer *timer;
    MemoryRegion io, evt, cnt, tmr, gpe, smi, apm;
} AcpiPmDevice;

extern const DeviceType type_acpi_pm;

/* @is_ich9: q35 (GPE0 of 2 * 8 bytes inside io, SMI_CMD values 2 and 3), else PIIX4 (GPE0 of 2 * 2
 * bytes, values 0xf1 and 0xf0). */
AcpiPmDevice *acpi_pm_device_create(IRQLine sci, bool is_ich9, Error **errp);
/* acpi_gpe_raise() and the SCI. */
void acpi_pm_device_gpe(AcpiPmDevice *s, unsigned bit);

#endif
