/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of the hand-over, and the disks. */
#include "qemu/osdep.h"
#include "block/block-backend.h"
#include "migration/switchover.h"

static bool send_mark(MigChannel *ch, MigSectionType type, Error **errp)
{
    MigWriter w;
    bool ok;

    mig_writer_init(&w, &ch->sink);
    ok = mig_write_mark(&w, type, errp);
    mig_writer_fini(&w);
    return ok;
}

/* The destination's text, if it is one. */
static void set_refusal(const GByteArray *content, Error **errp)
{
    MigBuf b = mig_buf(content);
    g_autofree char *text = mig_get_text(&b);

    error_setg(errp, "the destination refused the guest: %s", text ? text : "no reason given");
}

static bool await_mark(MigChannel *ch, MigSectionType wanted, Error **errp)
{
    MigReader r;
    bool ok;

    mig_reader_init(&r, &ch->source);
    ok = mig_read_section(&r, errp);
    if (ok && r.type == MIG_REFUSED) {
        set_refusal(r.content, errp);
        ok = false;
    } else if (ok && r.type != wanted) {
        error_setg(errp, "the destination answered with '%s' instead of '%s'",
                   mig_section_name(r.type), mig_section_name(wanted));
        ok = false;
    }
    mig_reader_fini(&r);
    return ok;
}

bool switchover_await_loaded(MigChannel *ch, Error **errp)
{
    return await_mark(ch, MIG_LOADED, errp);
}

bool switchover_give(MigWriter *w, MigChannel *ch, Error **errp)
{
    if (!mig_write_mark(w, MIG_GO, errp) || !await_mark(ch, MIG_TAKEN, errp)) {
        error_prepend(errp, "the guest may run at the destination, it stays stopped here: ");
        return false;
    }
    return true;
}

bool switchover_offer(MigReader *r, MigChannel *ch, Error **errp)
{
    if (!send_mark(ch, MIG_LOADED, errp) || !mig_read_section(r, errp)) {
        return false;
    }
    if (r->type != MIG_GO) {
        error_setg(errp, "%s section: out of place in the migration stream",
                   mig_section_name(r->type));
        return false;
    }
    return true;
}

bool switchover_taken(MigChannel *ch, Error **errp)
{
    return send_mark(ch, MIG_TAKEN, errp);
}

void switchover_refuse(MigChannel *ch, const char *why)
{
    g_autoptr(GByteArray) section = mig_section_new();
    MigWriter w;

    mig_writer_init(&w, &ch->sink);
    mig_put_text(section, why);
    mig_write_section(&w, MIG_REFUSED, section, NULL); /* the peer may have gone */
    mig_writer_fini(&w);
}

bool switchover_release_disks(Error **errp)
{
    blk_drain_all();
    return bdrv_inactivate_all(errp);
}

bool switchover_take_disks(Error **errp)
{
    return bdrv_activate_all(errp);
}
