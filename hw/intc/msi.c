/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coding of interrupt messages as MSI address and data (SDM volume 3, 11.11). Pure functions. */
#include "qemu/osdep.h"

#include "hw/intc/msi.h"
#include "hw/intc/seoib.h"

ApicMessage msi_decode(uint64_t addr, uint32_t data, bool ext_dest)
{
    ApicMessage msg = {
        .dest = extract64(addr, 12, 8),
        .vector = data & 0xff,
        .mode = extract32(data, 8, 3),
        .logical = addr & MSI_ADDR_LOGICAL,
        .redir_hint = addr & MSI_ADDR_REDIR_HINT,
        .level = data & MSI_DATA_LEVEL,
    };

    if (ext_dest) {
        msg.dest |= extract64(addr, 5, 7) << 8;
    } else if (msg.dest == 0xff && !msg.logical) {
        msg.dest = APIC_DEST_BROADCAST;
    }
    msg.deassert = msg.level && !(data & MSI_DATA_ASSERT);
    return msg;
}

void msi_encode(const ApicMessage *msg, uint64_t *addr, uint32_t *data)
{
    *addr = MSI_ADDR_BASE | (uint64_t)(msg->dest & 0xff) << 12 |
            (msg->dest == APIC_DEST_BROADCAST ? 0 : (uint64_t)extract32(msg->dest, 8, 7) << 5) |
            (msg->redir_hint ? MSI_ADDR_REDIR_HINT : 0) | (msg->logical ? MSI_ADDR_LOGICAL : 0);
    *data = msg->vector | (uint32_t)msg->mode << 8;
    if (msg->level) {
        *data |= MSI_DATA_LEVEL | (msg->deassert ? 0 : MSI_DATA_ASSERT);
    }
}

const char *seoib_mode_name(SeoibMode mode)
{
    static const char *const names[] = { "quirked", "not-advertised", "respected" };

    return mode < ARRAY_SIZE(names) ? names[mode] : "?";
}
