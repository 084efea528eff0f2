/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of the ACPI fixed hardware (ACPI 6.4, 4.8.3 and 4.8.4; ICH9 13.8.3). Big lock. Left out:
 * bus master status, sleep button, wake events (there is no S3).
 */
#include "qemu/osdep.h"

#include "hw/acpi/pm.h"
#include "migration/vmstate.h"

#define TIMER_BITS   24
#define OVERFLOW     (1ull << (TIMER_BITS - 1)) /* TMR_STS: the top bit changes */
#define PM1_EVENTS   (ACPI_PM1_TMR | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_RTC)
#define SMI_EN_APMC  (1u << 5)

static uint64_t ticks_at(int64_t now_ns)
{
    return now_ns < 0 ? 0 : muldiv64(now_ns, ACPI_PM_HZ, NANOSECONDS_PER_SECOND);
}

static int64_t ns_at(uint64_t ticks)
{
    return (int64_t)(((unsigned __int128)ticks * NANOSECONDS_PER_SECOND + ACPI_PM_HZ - 1) /
                     ACPI_PM_HZ);
}

void acpi_pm_init(AcpiPm *s, unsigned gpe_bytes, uint8_t acpi_enable, uint8_t acpi_disable)
{
    assert(gpe_bytes <= ACPI_GPE_MAX_BYTES);
    memset(s, 0, sizeof(*s));
    s->gpe_bytes = gpe_bytes;
    s->acpi_enable = acpi_enable;
    s->acpi_disable = acpi_disable;
    acpi_pm_reset(s, 0);
}

void acpi_pm_reset(AcpiPm *s, int64_t now_ns)
{
    s->sts = 0;
    s->en = 0;
    s->cnt = 0;
    memset(s->gpe_sts, 0, sizeof(s->gpe_sts));
    memset(s->gpe_en, 0, sizeof(s->gpe_en));
    s->apm_cmd = 0;
    s->apm_sts = 0;
    s->smi_en = SMI_EN_APMC; /* tells firmware that SMM is set up: there is none */
    s->smi_sts = 0;
    s->next_overflow = ROUND_DOWN(ticks_at(now_ns), OVERFLOW) + OVERFLOW;
}

uint32_t acpi_pm_timer(int64_t now_ns)
{
    return ticks_at(now_ns) & ((1u << TIMER_BITS) - 1);
}

static void check_overflow(AcpiPm *s, int64_t now_ns)
{
    uint64_t now = ticks_at(now_ns);

    if (now >= s->next_overflow) {
        s->sts |= ACPI_PM1_TMR;
        s->next_overflow = ROUND_DOWN(now, OVERFLOW) + OVERFLOW;
    }
}

uint8_t acpi_pm1_evt_read(AcpiPm *s, unsigned byte, int64_t now_ns)
{
    uint16_t value;

    check_overflow(s, now_ns);
    value = byte < 2 ? s->sts : s->en;
    return value >> (byte & 1) * 8;
}

void acpi_pm1_evt_write(AcpiPm *s, unsigned byte, uint8_t value, int64_t now_ns)
{
    unsigned shift = (byte & 1) * 8;

    check_overflow(s, now_ns);
    if (byte < 2) {
        s->sts &= ~(value << shift);
    } else {
        s->en = (s->en & ~(0xff << shift)) | value << shift;
    }
}

uint8_t acpi_pm1_cnt_read(const AcpiPm *s, unsigned byte)
{
    return s->cnt >> (byte & 1) * 8;
}

AcpiSleep acpi_pm1_cnt_write(AcpiPm *s, unsigned byte, uint8_t value)
{
    static const AcpiSleep types[8] = {
        ACPI_SLEEP_S5, ACPI_SLEEP_S3, ACPI_SLEEP_S5, [3 ... 7] = ACPI_SLEEP_BAD,
    };
    unsigned shift = (byte & 1) * 8;
    uint16_t cnt = (s->cnt & ~(0xff << shift)) | value << shift;

    s->cnt = cnt & ~ACPI_CNT_SLP_EN; /* write only */
    return cnt & ACPI_CNT_SLP_EN ? types[cnt >> 10 & 7] : ACPI_SLEEP_NONE;
}

uint8_t acpi_gpe_read(const AcpiPm *s, unsigned byte)
{
    if (byte < s->gpe_bytes) {
        return s->gpe_sts[byte];
    }
    byte -= s->gpe_bytes;
    return byte < s->gpe_bytes ? s->gpe_en[byte] : 0;
}

void acpi_gpe_write(AcpiPm *s, unsigned byte, uint8_t value)
{
    if (byte < s->gpe_bytes) {
        s->gpe_sts[byte] &= ~value;
        return;
    }
    byte -= s->gpe_bytes;
    if (byte < s->gpe_bytes) {
        s->gpe_en[byte] = value;
    }
}

void acpi_gpe_raise(AcpiPm *s, unsigned bit)
{
    assert(bit / 8 < s->gpe_bytes);
    s->gpe_sts[bit / 8] |= 1u << (bit & 7);
}

void acpi_apm_write(AcpiPm *s, unsigned port, uint8_t value)
{
    if (port) {
        s->apm_sts = value;
        return;
    }
    s->apm_cmd = value;
    if (value == s->acpi_enable) {
        s->cnt |= ACPI_CNT_SCI_EN;
    } else if (value == s->acpi_disable) {
        s->cnt &= ~ACPI_CNT_SCI_EN;
    }
}

uint8_t acpi_apm_read(const AcpiPm *s, unsigned port)
{
    return port ? s->apm_sts : s->apm_cmd;
}

void acpi_pm_power_button(AcpiPm *s)
{
    s->sts |= ACPI_PM1_PWRBTN;
}

bool acpi_pm_sci(AcpiPm *s, int64_t now_ns)
{
    uint32_t events;

    check_overflow(s, now_ns);
    events = s->sts & s->en & PM1_EVENTS;
    for (unsigned i = 0; i < s->gpe_bytes; i++) {
        events |= s->gpe_sts[i] & s->gpe_en[i];
    }
    return events && (s->cnt & ACPI_CNT_SCI_EN);
}

int64_t acpi_pm_next_ns(const AcpiPm *s)
{
    bool wanted = (s->en & ACPI_PM1_TMR) && !(s->sts & ACPI_PM1_TMR);

    return wanted ? ns_at(s->next_overflow) : -1;
}

/* --- State ----------------------------------------------------------------------------------- */

static bool pm_post_load(void *opaque, uint32_t version, Error **errp)
{
    const AcpiPm *s = opaque;

    if (s->next_overflow % OVERFLOW) {
        error_setg(errp, "acpi-pm/next_overflow: the timer does not overflow at %" PRIu64,
                   s->next_overflow);
        return false;
    }
    return true;
}

static const VMStateField pm_fields[] = {
    VMSTATE_UINT(AcpiPm, sts),
    VMSTATE_UINT(AcpiPm, en),
    VMSTATE_UINT(AcpiPm, cnt),
    VMSTATE_BYTES(AcpiPm, gpe_sts),
    VMSTATE_BYTES(AcpiPm, gpe_en),
    VMSTATE_UINT(AcpiPm, apm_cmd),
    VMSTATE_UINT(AcpiPm, apm_sts),
    VMSTATE_UINT(AcpiPm, smi_en),
    VMSTATE_UINT(AcpiPm, smi_sts),
    VMSTATE_UINT_MAX(AcpiPm, next_overflow, 1ull << 54),
    VMSTATE_END,
};
const VMStateDescription vmstate_acpi_pm = {
    "acpi-pm", .version = 1, .fields = pm_fields, .post_load = pm_post_load,
};
