/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of the MC146818A real-time clock (data sheet sections "Memory map", "Registers", "Update
 * cycle"), with the century byte of PCs. Big lock. Left out: daylight saving (DSE is stored), the
 * square wave output.
 */
#include "qemu/osdep.h"

#include "hw/rtc/mc146818.h"
#include "migration/vmstate.h"

enum {
    RTC_SECONDS, RTC_SECONDS_ALARM, RTC_MINUTES, RTC_MINUTES_ALARM, RTC_HOURS, RTC_HOURS_ALARM,
    RTC_WEEKDAY, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, RTC_C, RTC_D,
    RTC_CENTURY = 0x32, RTC_CENTURY_PS2 = 0x37,
};

#define A_UIP       0x80
#define A_DV_RUN    0x20
#define A_DV        0x70
#define B_SET       0x80
#define B_PIE       0x40
#define B_AIE       0x20
#define B_UIE       0x10
#define B_SQWE      0x08
#define B_BINARY    0x04
#define B_24H       0x02
#define C_FLAGS     0x70 /* PF, AF, UF: the bits of their enables in B */
#define C_IRQF      0x80
#define HOUR_PM     0x80
#define ALARM_ANY   0xc0 /* an alarm byte with these bits matches every value */
#define UIP_NS      244000
#define DAY_SECONDS 86400

/* --- Calendar ------------------------------------------------------------------------------- */

typedef struct Calendar {
    int sec, min, hour, weekday, day, month, year; /* weekday 1..7, Sunday 1 */
} Calendar;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 of a date in the Gregorian calendar. March is month 0 of the sums below, so
 * that the leap day is the last of its year. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    int m = (month + 9) % 12;
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * m + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_from_days(int64_t days, Calendar *c)
{
    int64_t z = days + 719468, era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int m = (int)((5 * doy + 2) / 153);

    c->day = (int)(doy - (153 * m + 2) / 5 + 1);
    c->month = m < 10 ? m + 3 : m - 9;
    c->year = (int)(yoe + era * 400 + (c->month <= 2));
    c->weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7) + 1;
}

static void calendar_from_seconds(int64_t t, Calendar *c)
{
    int64_t days = floor_div(t, DAY_SECONDS);
    int tod = (int)(t - days * DAY_SECONDS);

    date_from_days(days, c);
    c->sec = tod % 60;
    c->min = tod / 60 % 60;
    c->hour = tod / 3600;
}

static int64_t seconds_from_calendar(const Calendar *c)
{
    return days_from_date(c->year, c->month, c->day) * DAY_SECONDS + c->hour * 3600 + c->min * 60 +
           c->sec;
}

/* --- Registers and time --------------------------------------------------------------------- */

static uint8_t encode(const RTC *s, int v)
{
    return s->cmos[RTC_B] & B_BINARY ? v : (v / 10 % 10) << 4 | v % 10;
}

static int decode(const RTC *s, uint8_t v)
{
    return s->cmos[RTC_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const RTC *s, int hour)
{
    if (s->cmos[RTC_B] & B_24H) {
        return encode(s, hour);
    }
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const RTC *s, uint8_t v)
{
    if (s->cmos[RTC_B] & B_24H) {
        return decode(s, v);
    }
    return decode(s, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static bool running(const RTC *s)
{
    return !(s->cmos[RTC_B] & B_SET) && (s->cmos[RTC_A] & A_DV) == A_DV_RUN;
}

/* Puts @seconds into the time registers. */
static void set_registers(RTC *s, int64_t seconds)
{
    Calendar c;

    calendar_from_seconds(seconds, &c);
    s->cmos[RTC_SECONDS] = encode(s, c.sec);
    s->cmos[RTC_MINUTES] = encode(s, c.min);
    s->cmos[RTC_HOURS] = encode_hour(s, c.hour);
    s->cmos[RTC_WEEKDAY] = encode(s, c.weekday);
    s->cmos[RTC_DAY] = encode(s, c.day);
    s->cmos[RTC_MONTH] = encode(s, c.month);
    s->cmos[RTC_YEAR] = encode(s, c.year % 100);
    s->cmos[RTC_CENTURY] = encode(s, c.year / 100 % 100);
    s->cmos[RTC_CENTURY_PS2] = s->cmos[RTC_CENTURY];
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The time the registers hold; nonsense is brought into range. */
static int64_t get_registers(const RTC *s)
{
    Calendar c = {
        .sec = clamp(decode(s, s->cmos[RTC_SECONDS]), 0, 59),
        .min = clamp(decode(s, s->cmos[RTC_MINUTES]), 0, 59),
        .hour = clamp(decode_hour(s, s->cmos[RTC_HOURS]), 0, 23),
        .day = clamp(decode(s, s->cmos[RTC_DAY]), 1, 31),
        .month = clamp(decode(s, s->cmos[RTC_MONTH]), 1, 12),
        .year = clamp(decode(s, s->cmos[RTC_YEAR]), 0, 99) +
                clamp(decode(s, s->cmos[RTC_CENTURY]), 0, 99) * 100,
    };

    return seconds_from_calendar(&c);
}

static int64_t guest_seconds(const RTC *s, int64_t now_ns)
{
    return floor_div(now_ns + s->offset_frac_ns, NANOSECONDS_PER_SECOND) + s->offset_s;
}

/* When guest_seconds() becomes @second. */
static int64_t ns_of_second(const RTC *s, int64_t second)
{
    return (second - s->offset_s) * NANOSECONDS_PER_SECOND - s->offset_frac_ns;
}

static int64_t guest_fraction(const RTC *s, int64_t now_ns)
{
    return now_ns - ns_of_second(s, guest_seconds(s, now_ns));
}

/* The guest's time is @seconds and @ns at @now_ns. */
static void set_offset(RTC *s, int64_t seconds, int64_t ns, int64_t now_ns)
{
    int64_t rest = ns - now_ns, rest_s = floor_div(rest, NANOSECONDS_PER_SECOND);

    s->offset_s = seconds + rest_s;
    s->offset_frac_ns = rest - rest_s * NANOSECONDS_PER_SECOND;
}

/* Time goes on from the registers. */
static void start_clock(RTC *s, int64_t now_ns)
{
    set_offset(s, get_registers(s), s->fraction_ns, now_ns);
}

static void stop_clock(RTC *s, int64_t now_ns)
{
    set_registers(s, guest_seconds(s, now_ns));
    s->fraction_ns = guest_fraction(s, now_ns);
}

/* --- Alarm, periodic and update flags ------------------------------------------------------- */

static bool alarm_byte_matches(int alarm, int value)
{
    return alarm < 0 || alarm == value;
}

/* Alarm registers as numbers, -1 for "any". */
static void decode_alarm(const RTC *s, int alarm[3])
{
    static const uint8_t regs[] = { RTC_SECONDS_ALARM, RTC_MINUTES_ALARM, RTC_HOURS_ALARM };

    for (unsigned i = 0; i < 3; i++) {
        uint8_t v = s->cmos[regs[i]];

        if ((v & ALARM_ANY) == ALARM_ANY) {
            alarm[i] = -1;
        } else {
            alarm[i] = i == 2 ? decode_hour(s, v) : decode(s, v);
        }
    }
}

/* First second after @from (of guest time) at which the alarm matches, -1 when none does. */
static int64_t next_alarm(const RTC *s, int64_t from)
{
    int64_t first = from + 1, day = floor_div(first, DAY_SECONDS) * DAY_SECONDS;
    int tod = (int)(first - day), alarm[3];

    decode_alarm(s, alarm);
    if (alarm[0] > 59 || alarm[1] > 59 || alarm[2] > 23) {
        return -1;
    }
    for (int t = tod; t < 2 * DAY_SECONDS;) {
        if (!alarm_byte_matches(alarm[2], t / 3600 % 24)) {
            t = (t / 3600 + 1) * 3600;
        } else if (!alarm_byte_matches(alarm[1], t / 60 % 60)) {
            t = (t / 60 + 1) * 60;
        } else if (!alarm_byte_matches(alarm[0], t % 60)) {
            t++;
        } else {
            return day + t;
        }
    }
    return -1;
}

/* Period of the periodic flag in 32.768 kHz ticks; 0: none. */
static uint32_t period_ticks(const RTC *s)
{
    unsigned rate = s->cmos[RTC_A] & 15;

    if (!rate || (s->cmos[RTC_A] & A_DV) > A_DV_RUN) {
        return 0;
    }
    return 1u << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static int64_t oscillator_ticks(int64_t now_ns)
{
    return (int64_t)((__int128)now_ns * 32768 / NANOSECONDS_PER_SECOND);
}

static int64_t oscillator_ns(int64_t ticks)
{
    return (int64_t)(((__int128)ticks * NANOSECONDS_PER_SECOND + 32767) / 32768);
}

/* The flags that rise between two times. */
static uint8_t flags_between(const RTC *s, int64_t from, int64_t to)
{
    uint32_t period = period_ticks(s);
    uint8_t flags = 0;

    if (period && oscillator_ticks(from) / period != oscillator_ticks(to) / period) {
        flags |= B_PIE;
    }
    if (running(s)) {
        int64_t a = guest_seconds(s, from), b = guest_seconds(s, to), alarm;

        if (a != b) {
            flags |= B_UIE;
            alarm = next_alarm(s, a);
            flags |= alarm >= 0 && alarm <= b ? B_AIE : 0;
        }
    }
    return flags;
}

static void sync_flags(RTC *s, int64_t now_ns)
{
    if (now_ns > s->synced_ns) {
        s->cmos[RTC_C] |= flags_between(s, s->synced_ns, now_ns);
    }
    s->synced_ns = now_ns;
    s->cmos[RTC_C] &= ~C_IRQF;
    if (s->cmos[RTC_C] & s->cmos[RTC_B] & C_FLAGS) {
        s->cmos[RTC_C] |= C_IRQF;
    }
}

bool rtc_irq(RTC *s, int64_t now_ns)
{
    sync_flags(s, now_ns);
    return s->cmos[RTC_C] & C_IRQF;
}

static void earlier(int64_t *next, int64_t t)
{
    if (*next < 0 || t < *next) {
        *next = t;
    }
}

int64_t rtc_next_ns(RTC *s, int64_t now_ns)
{
    uint8_t wanted;
    int64_t next = -1, second;

    sync_flags(s, now_ns);
    if (s->cmos[RTC_C] & C_IRQF) {
        return -1; /* stays high until the guest reads register C */
    }
    wanted = s->cmos[RTC_B] & C_FLAGS;
    if ((wanted & B_PIE) && period_ticks(s)) {
        int64_t period = period_ticks(s);

        earlier(&next, oscillator_ns((oscillator_ticks(now_ns) / period + 1) * period));
    }
    if (!running(s)) {
        return next;
    }
    second = guest_seconds(s, now_ns);
    if (wanted & B_UIE) {
        earlier(&next, ns_of_second(s, second + 1));
    }
    if ((wanted & B_AIE) && next_alarm(s, second) >= 0) {
        earlier(&next, ns_of_second(s, next_alarm(s, second)));
    }
    return next;
}

/* --- Ports ---------------------------------------------------------------------------------- */

static bool is_time(unsigned n)
{
    return (n <= RTC_YEAR && n != RTC_SECONDS_ALARM && n != RTC_MINUTES_ALARM &&
            n != RTC_HOURS_ALARM) || n == RTC_CENTURY || n == RTC_CENTURY_PS2;
}

uint8_t rtc_read(RTC *s, unsigned port, int64_t now_ns)
{
    unsigned n = s->index;
    uint8_t value;

    if (!(port & 1)) {
        return 0xff;
    }
    sync_flags(s, now_ns);
    if (is_time(n) && running(s)) {
        set_registers(s, guest_seconds(s, now_ns));
    }
    value = s->cmos[n];
    if (n == RTC_A && running(s) && guest_fraction(s, now_ns) >= NANOSECONDS_PER_SECOND - UIP_NS) {
        value |= A_UIP;
    }
    if (n == RTC_C) {
        s->cmos[RTC_C] = 0;
    }
    return value;
}

/* A change of A or B may stop or start the clock. */
static void write_control(RTC *s, unsigned n, uint8_t value, int64_t now_ns)
{
    bool was_running = running(s);
    uint8_t old_dv = s->cmos[RTC_A] & A_DV;

    if (was_running) {
        stop_clock(s, now_ns);
    }
    if (n == RTC_A) {
        s->cmos[RTC_A] = value & ~A_UIP;
    } else {
        s->cmos[RTC_B] = value & B_SET ? value & ~B_UIE : value;
        if (was_running) {
            set_registers(s, guest_seconds(s, now_ns)); /* the format may have changed */
        }
    }
    if (n == RTC_A && old_dv != A_DV_RUN && (value & A_DV) == A_DV_RUN) {
        s->fraction_ns = NANOSECONDS_PER_SECOND / 2; /* first update after half a second */
    }
    if (running(s)) {
        start_clock(s, now_ns);
    }
}

static void write_time(RTC *s, unsigned n, uint8_t value, int64_t now_ns)
{
    if (running(s)) {
        stop_clock(s, now_ns);
    }
    s->cmos[n] = value;
    if (n == RTC_CENTURY_PS2 || n == RTC_CENTURY) {
        s->cmos[RTC_CENTURY] = value;
        s->cmos[RTC_CENTURY_PS2] = value;
    }
    if (running(s)) {
        start_clock(s, now_ns);
    }
}

void rtc_write(RTC *s, unsigned port, uint8_t value, int64_t now_ns)
{
    unsigned n = s->index;

    if (!(port & 1)) {
        s->index = value & 0x7f; /* bit 7 masks NMIs; there is no source of them */
        return;
    }
    sync_flags(s, now_ns);
    if (n == RTC_A || n == RTC_B) {
        write_control(s, n, value, now_ns);
    } else if (is_time(n)) {
        write_time(s, n, value, now_ns);
    } else if (n != RTC_C && n != RTC_D) {
        s->cmos[n] = value;
    }
    sync_flags(s, now_ns);
}

/* --- Life cycle ----------------------------------------------------------------------------- */

void rtc_init(RTC *s, int64_t now_ns, int64_t offset_ns)
{
    memset(s, 0, sizeof(*s));
    s->cmos[RTC_A] = A_DV_RUN | 6;
    s->cmos[RTC_B] = B_24H;
    s->cmos[RTC_D] = 0x80; /* VRT: the battery is good */
    set_offset(s, 0, offset_ns, 0);
    s->synced_ns = now_ns;
    set_registers(s, guest_seconds(s, now_ns));
}

void rtc_reset(RTC *s, int64_t now_ns)
{
    s->cmos[RTC_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[RTC_C] = 0;
    s->synced_ns = now_ns;
}

static void set16(RTC *s, unsigned n, uint64_t value, uint64_t max)
{
    value = value < max ? value : max;
    s->cmos[n] = value;
    s->cmos[n + 1] = value >> 8;
}

void rtc_set_pc_config(RTC *s, uint64_t below_4g_bytes, uint64_t above_4g_bytes,
                       unsigned nr_cpus)
{
    uint64_t below_kib = below_4g_bytes / KiB, above_64k = above_4g_bytes / (64 * KiB);
    uint64_t ext_kib = below_kib > 1024 ? below_kib - 1024 : 0;

    s->cmos[0x14] = 0x06; /* equipment: FPU and PS/2 mouse */
    set16(s, 0x15, 640, 640);
    set16(s, 0x17, ext_kib, 65535);
    set16(s, 0x30, ext_kib, 65535);
    set16(s, 0x34, below_kib > 16 * 1024 ? (below_kib - 16 * 1024) / 64 : 0, 65535);
    s->cmos[0x5b] = above_64k;
    s->cmos[0x5c] = above_64k >> 8;
    s->cmos[0x5d] = above_64k >> 16;
    s->cmos[0x5f] = nr_cpus - 1;
}

/* --- State ----------------------------------------------------------------------------------- */

#define MAX_OFFSET_S (10000ll * 366 * DAY_SECONDS) /* the registers hold years 0 to 9999 */

static bool rtc_post_load(void *opaque, uint32_t version, Error **errp)
{
    const RTC *s = opaque;

    if (s->offset_s < -MAX_OFFSET_S || s->offset_s > MAX_OFFSET_S) {
        error_setg(errp, "mc146818rtc/offset_s: the clock cannot be %" PRId64 " s off",
                   s->offset_s);
        return false;
    }
    return true;
}

static const VMStateField rtc_fields[] = {
    VMSTATE_BYTES(RTC, cmos),
    VMSTATE_UINT_MAX(RTC, index, RTC_CMOS_BYTES - 1),
    VMSTATE_SINT(RTC, offset_s),
    VMSTATE_UINT_MAX(RTC, offset_frac_ns, NANOSECONDS_PER_SECOND - 1),
    VMSTATE_UINT_MAX(RTC, fraction_ns, NANOSECONDS_PER_SECOND - 1),
    VMSTATE_UINT_MAX(RTC, synced_ns, INT64_MAX / 2),
    VMSTATE_END,
};
const VMStateDescription vmstate_rtc = {
    "mc146818rtc", .version = 1, .fields = rtc_fields, .post_load = rtc_post_load,
};
