/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC model (Intel 82093AA; EOI register per ICH9 13.5.7). Called under the big lock. No SMI
 * or INIT wiring beyond passing the delivery mode on; pin polarity is the board's business.
 */
#include "qemu/osdep.h"

#include "hw/intc/ioapic.h"
#include "migration/vmstate.h"

#define OFS_IOREGSEL 0x00
#define OFS_IOWIN    0x10
#define OFS_EOIR     0x40

#define REG_ID     0x00
#define REG_VER    0x01
#define REG_ARB    0x02
#define REG_RTE0   0x10
#define RTE_RO     (IOAPIC_RTE_STATUS | IOAPIC_RTE_REMOTE_IRR)

void ioapic_init(IOAPIC *s, uint8_t version, bool ext_dest)
{
    assert(version == IOAPIC_VERSION_82093AA || version == IOAPIC_VERSION_EOIR);
    memset(s, 0, sizeof(*s));
    s->version = version;
    s->ext_dest = ext_dest;
    ioapic_reset(s);
}

void ioapic_reset(IOAPIC *s)
{
    s->id = 0;
    s->index = 0;
    s->dirty = 0;
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        s->rte[pin] = IOAPIC_RTE_MASKED;
        s->eois_line_high[pin] = 0;
        s->held_until_ns[pin] = 0;
    }
}

static unsigned rte_mode(uint64_t rte)
{
    return extract64(rte, IOAPIC_RTE_MODE_SHIFT, 3);
}

/* Level semantics exist for fixed and lowest priority only; the data sheet has SMI, NMI, INIT and
 * ExtINT treated as edges whatever the trigger bit says. */
static bool is_level(uint64_t rte)
{
    return (rte & IOAPIC_RTE_LEVEL) && rte_mode(rte) <= APIC_DM_LOWEST;
}

ApicMessage ioapic_message(const IOAPIC *s, unsigned pin)
{
    uint64_t addr;
    uint32_t data;

    ioapic_route(s, pin, &addr, &data);
    return msi_decode(addr, data, s->ext_dest);
}

static void route_of(uint64_t rte, uint64_t *addr, uint32_t *data)
{
    *addr = MSI_ADDR_BASE | extract64(rte, 48, 16) << 4 |
            (rte & IOAPIC_RTE_LOGICAL ? MSI_ADDR_LOGICAL : 0);
    *data = (uint32_t)(rte & (IOAPIC_RTE_VECTOR | 7ull << IOAPIC_RTE_MODE_SHIFT));
    if (is_level(rte)) {
        *data |= MSI_DATA_LEVEL | MSI_DATA_ASSERT;
    }
}

bool ioapic_route(const IOAPIC *s, unsigned pin, uint64_t *addr, uint32_t *data)
{
    assert(pin < IOAPIC_NUM_PINS);
    route_of(s->rte[pin], addr, data);
    return s->rte[pin] & IOAPIC_RTE_MASKED;
}

bool ioapic_route_in_service(const IOAPIC *s, unsigned pin, uint64_t *addr, uint32_t *data)
{
    uint64_t now_addr;
    uint32_t now_data;

    ioapic_route(s, pin, &now_addr, &now_data);
    route_of(s->sent_rte[pin], addr, data);
    return (s->rte[pin] & IOAPIC_RTE_REMOTE_IRR) && is_level(s->sent_rte[pin]) &&
           (*addr != now_addr || *data != now_data);
}

static void inject(IOAPIC *s, unsigned pin, IoapicMsg *out)
{
    out->pin = pin;
    out->msg = ioapic_message(s, pin);
    s->sent_rte[pin] = s->rte[pin];
    s->count.injections++;
    s->count.per_pin[pin]++;
}

/* Delivers a level-triggered pin that is high, unmasked, not in service and not held back. */
static bool service_pin(IOAPIC *s, unsigned pin, IoapicMsg *out)
{
    uint64_t rte = s->rte[pin];

    if (!(s->line & BIT(pin)) || !is_level(rte) || s->held_until_ns[pin] ||
        (rte & (IOAPIC_RTE_MASKED | IOAPIC_RTE_REMOTE_IRR))) {
        return false;
    }
    s->rte[pin] |= IOAPIC_RTE_REMOTE_IRR;
    inject(s, pin, out);
    return true;
}

static void service_into(IOAPIC *s, unsigned pin, IoapicMsgs *out)
{
    if (out->nr < IOAPIC_NUM_PINS && service_pin(s, pin, &out->msg[out->nr])) {
        out->nr++;
    }
}

static void msgs_clear(IoapicMsgs *out)
{
    out->nr = 0;
    out->ended = 0;
}

void ioapic_service(IOAPIC *s, IoapicMsgs *out)
{
    msgs_clear(out);
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        service_into(s, pin, out);
    }
}

bool ioapic_set_pin(IOAPIC *s, unsigned pin, bool level, IoapicMsg *out)
{
    bool was_high;

    assert(pin < IOAPIC_NUM_PINS);
    was_high = s->line & BIT(pin);
    if (!level) {
        s->line &= ~BIT(pin);
        s->eois_line_high[pin] = 0;
        s->held_until_ns[pin] = 0;
        return false;
    }
    s->line |= BIT(pin);
    if (is_level(s->rte[pin])) {
        return service_pin(s, pin, out);
    }
    if (was_high || (s->rte[pin] & IOAPIC_RTE_MASKED)) {
        return false; /* edges at a masked pin are lost (82093AA 3.2.4, interrupt mask) */
    }
    inject(s, pin, out);
    return true;
}

/* --- EOI ------------------------------------------------------------------------------------ */

/* The line did not drop: deliver again, but not for ever at full speed. */
static void redeliver(IOAPIC *s, unsigned pin, int64_t now_ns, IoapicMsgs *out)
{
    if (++s->eois_line_high[pin] >= IOAPIC_STORM_EOIS) {
        s->eois_line_high[pin] = 0;
        s->held_until_ns[pin] = now_ns + IOAPIC_STORM_DELAY_NS;
        s->count.delayed_injections++;
        return;
    }
    service_into(s, pin, out);
}

static bool eoi_pin(IOAPIC *s, unsigned pin, uint8_t vector, int64_t now_ns, IoapicMsgs *out)
{
    uint64_t rte = s->rte[pin];

    if ((rte & IOAPIC_RTE_VECTOR) != vector || !(rte & IOAPIC_RTE_LEVEL) ||
        !(rte & IOAPIC_RTE_REMOTE_IRR)) {
        return false;
    }
    s->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
    if ((s->line & BIT(pin)) && !(rte & IOAPIC_RTE_MASKED)) {
        redeliver(s, pin, now_ns, out);
    } else {
        s->eois_line_high[pin] = 0;
    }
    return true;
}

static void eoi(IOAPIC *s, uint8_t vector, int64_t now_ns, IoapicMsgs *out)
{
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (eoi_pin(s, pin, vector, now_ns, out)) {
            out->ended |= BIT(pin);
        }
    }
}

void ioapic_eoi(IOAPIC *s, uint8_t vector, int64_t now_ns, IoapicMsgs *out)
{
    msgs_clear(out);
    s->count.broadcast_eois++;
    eoi(s, vector, now_ns, out);
}

void ioapic_not_accepted(IOAPIC *s, unsigned pin)
{
    assert(pin < IOAPIC_NUM_PINS);
    s->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
}

int64_t ioapic_next_ns(const IOAPIC *s)
{
    int64_t next = -1;

    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        int64_t t = s->held_until_ns[pin];

        if (t && (next < 0 || t < next)) {
            next = t;
        }
    }
    return next;
}

void ioapic_timer(IOAPIC *s, int64_t now_ns, IoapicMsgs *out)
{
    msgs_clear(out);
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (s->held_until_ns[pin] && now_ns >= s->held_until_ns[pin]) {
            s->held_until_ns[pin] = 0;
            service_into(s, pin, out);
        }
    }
}

/* --- Registers ------------------------------------------------------------------------------ */

static uint32_t read_window(const IOAPIC *s)
{
    unsigned n = s->index - REG_RTE0;

    switch (s->index) {
    case REG_ID:
    case REG_ARB:
        return (uint32_t)s->id << 24;
    case REG_VER:
        return s->version | (IOAPIC_NUM_PINS - 1) << 16;
    default:
        return n < 2 * IOAPIC_NUM_PINS ? (uint32_t)(s->rte[n / 2] >> (n & 1 ? 32 : 0)) : 0;
    }
}

uint64_t ioapic_read(IOAPIC *s, uint64_t offset, unsigned size)
{
    switch (offset & 0xff) {
    case OFS_IOREGSEL:
        return s->index;
    case OFS_IOWIN:
        return size == 4 ? read_window(s) : 0;
    default:
        return 0;
    }
}

static void write_rte(IOAPIC *s, unsigned pin, bool high, uint32_t value, IoapicMsgs *out)
{
    uint64_t old = s->rte[pin];
    uint64_t rte = deposit64(old, high ? 32 : 0, 32, value);

    rte = (rte & ~RTE_RO) | (old & RTE_RO);
    if (!(rte & IOAPIC_RTE_LEVEL)) {
        /* Guests without an EOI register rely on this: Linux and Xen flip the trigger mode to edge
         * and back to end a level interrupt. */
        rte &= ~IOAPIC_RTE_REMOTE_IRR;
    }
    s->rte[pin] = rte;
    s->dirty |= BIT(pin);
    s->eois_line_high[pin] = 0;
    s->held_until_ns[pin] = 0;
    service_into(s, pin, out);
}

static void write_window(IOAPIC *s, uint32_t value, IoapicMsgs *out)
{
    unsigned n = s->index - REG_RTE0;

    if (s->index == REG_ID) {
        s->id = (value >> 24) & 0xf;
    } else if (n < 2 * IOAPIC_NUM_PINS) {
        write_rte(s, n / 2, n & 1, value, out);
    }
}

void ioapic_write(IOAPIC *s, uint64_t offset, uint64_t value, unsigned size, int64_t now_ns,
                  IoapicMsgs *out)
{
    msgs_clear(out);
    switch (offset & 0xff) {
    case OFS_IOREGSEL:
        s->index = value & 0xff;
        break;
    case OFS_IOWIN:
        if (size == 4) {
            write_window(s, (uint32_t)value, out);
        }
        break;
    case OFS_EOIR:
        if (size == 4 && s->version >= IOAPIC_VERSION_EOIR) {
            s->count.directed_eois++;
            eoi(s, value & 0xff, now_ns, out);
        }
        break;
    }
}

uint32_t ioapic_take_dirty(IOAPIC *s)
{
    uint32_t dirty = s->dirty;

    s->dirty = 0;
    return dirty;
}

/* --- info ioapic ---------------------------------------------------------------------------- */

static void dump_pin(const IOAPIC *s, GString *out, unsigned pin)
{
    static const char *const modes[] = { "fixed", "lowest", "SMI", "...",
                                         "NMI", "INIT", "...", "extINT" };
    uint64_t rte = s->rte[pin];
    unsigned dest = (unsigned)(rte >> 56) |
                    (s->ext_dest ? (unsigned)extract64(rte, 49, 7) << 8 : 0);

    g_string_append_printf(out, "  pin %-2u 0x%016" PRIx64 " dest=%x vec=%-3u %s %-5s %-6s %-6s "
                           "%s\n", pin, rte, dest, (unsigned)(rte & 0xff),
                           rte & IOAPIC_RTE_POLARITY ? "active-lo" : "active-hi",
                           rte & IOAPIC_RTE_LEVEL ? "level" : "edge",
                           rte & IOAPIC_RTE_MASKED ? "masked" : "", modes[rte_mode(rte)],
                           rte & IOAPIC_RTE_LOGICAL ? "logical" : "physical");
}

/* "  IRR      3 9\n" */
static void dump_pins(GString *out, const char *name, uint32_t pins)
{
    g_string_append_printf(out, "  %-8s ", name);
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (pins & BIT(pin)) {
            g_string_append_printf(out, "%u ", pin);
        }
    }
    g_string_append(out, pins ? "\n" : "(none)\n");
}

void ioapic_dump_pins(const IOAPIC *s, GString *out)
{
    uint32_t remote_irr = 0;

    g_string_append_printf(out, "ver=0x%x id=0x%02x sel=0x%02x", s->version, s->id, s->index);
    if (s->index >= REG_RTE0 && s->index < REG_RTE0 + 2 * IOAPIC_NUM_PINS) {
        g_string_append_printf(out, " (redir[%u])", (s->index - REG_RTE0) / 2u);
    }
    g_string_append_c(out, '\n');
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        dump_pin(s, out, pin);
        remote_irr |= s->rte[pin] & IOAPIC_RTE_REMOTE_IRR ? BIT(pin) : 0;
    }
    dump_pins(out, "IRR", s->line);
    dump_pins(out, "Remote IRR", remote_irr);
}

void ioapic_dump(const IOAPIC *s, GString *out)
{
    ioapic_dump_pins(s, out);
    g_string_append_printf(out,
                           "  injections %" PRIu64 ", broadcast EOIs %" PRIu64 ", directed EOIs %"
                           PRIu64 ", delayed re-injections %" PRIu64 "\n",
                           s->count.injections, s->count.broadcast_eois, s->count.directed_eois,
                           s->count.delayed_injections);
}

/* --- State ----------------------------------------------------------------------------------- */

/* The version is configuration, written to be compared. The storm limiter restarts. */
static void ioapic_pre_load(void *opaque)
{
    IOAPIC *s = opaque;

    memset(s->eois_line_high, 0, sizeof(s->eois_line_high));
    memset(s->held_until_ns, 0, sizeof(s->held_until_ns));
    memset(s->sent_rte, 0, sizeof(s->sent_rte));
}

static void ioapic_pre_save(void *opaque)
{
    IOAPIC *s = opaque;

    memcpy(s->saved_rte, s->rte, sizeof(s->rte));
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (s->lost_eois & BIT(pin)) {
            s->saved_rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
        }
    }
    s->lost_eois = 0;
}

static bool ioapic_post_load(void *opaque, uint32_t version, Error **errp)
{
    IOAPIC *s = opaque;

    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if ((s->saved_rte[pin] & (IOAPIC_RTE_REMOTE_IRR | IOAPIC_RTE_LEVEL)) ==
            IOAPIC_RTE_REMOTE_IRR) {
            error_setg(errp, "ioapic/rte[%u]: remote IRR of an edge-triggered pin", pin);
            return false;
        }
    }
    memcpy(s->rte, s->saved_rte, sizeof(s->rte));
    s->dirty = (1u << IOAPIC_NUM_PINS) - 1;
    return true;
}

static const VMStateField ioapic_fields[] = {
    VMSTATE_UINT_MAX(IOAPIC, id, 0x0f),
    VMSTATE_UINT(IOAPIC, index),
    VMSTATE_UINT_MAX(IOAPIC, line, (1u << IOAPIC_NUM_PINS) - 1),
    { .name = "rte", .offset = offsetof(IOAPIC, saved_rte), .kind = VMS_UINT,
      .size = sizeof(uint64_t), .count = IOAPIC_NUM_PINS },
    VMSTATE_END,
};
const VMStateDescription vmstate_ioapic = {
    "ioapic", .version = 1, .fields = ioapic_fields,
    .pre_save = ioapic_pre_save, .pre_load = ioapic_pre_load, .post_load = ioapic_post_load,
};
