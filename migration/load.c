/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a stream, from a peer or a snapshot: header, configuration, sections, end. Everything a
 * stream says is checked; nothing but memory changes before mig_load_apply().
 */
#include "qemu/osdep.h"
#include "migration/internal.h"
#include "qemu/timer.h"
#include "system/runstate.h"

void mig_load_init(MigLoad *l, MigSource *source, bool dry_run)
{
    *l = (MigLoad){ .dry_run = dry_run };
    mig_reader_init(&l->reader, source);
}

void mig_load_fini(MigLoad *l)
{
    mig_reader_fini(&l->reader);
    g_clear_pointer(&l->devices, g_byte_array_unref);
}

/* ---- The state section ----------------------------------------------------------------------- */

void mig_state_put(const MigMachineState *s, GByteArray *section)
{
    mig_put_be(section, (uint64_t)s->clock_ns, 8);
    mig_put_text(section, runstate_name(s->runstate));
}

bool mig_state_parse(const GByteArray *content, MigMachineState *s, Error **errp)
{
    MigBuf b = mig_buf(content);
    g_autofree char *name = NULL;
    int runstate;

    s->clock_ns = (int64_t)mig_get_be(&b, 8);
    name = mig_get_text(&b);
    runstate = name ? qapi_enum_parse(&qapi_type_RunState, name) : -1;
    if (b.failed || b.p != b.end || runstate < 0) {
        error_setg(errp, "state section: malformed, or an unknown run state");
        return false;
    }
    /* A clock beyond 290 years would overflow when deadlines are added to it. */
    if (s->clock_ns < 0 || s->clock_ns > INT64_MAX / 2) {
        error_setg(errp, "state section: the clock cannot be %" PRId64, s->clock_ns);
        return false;
    }
    s->runstate = (RunState)runstate;
    return true;
}

/* ---- Sections -------------------------------------------------------------------------------- */

bool mig_load_read_config(MigLoad *l, Error **errp)
{
    if (!mig_read_header(&l->reader, errp) || !mig_read_section(&l->reader, errp)) {
        return false;
    }
    if (l->reader.type != MIG_CONFIG) {
        error_setg(errp, "the migration stream begins with a %s section, not with the "
                   "configuration", mig_section_name(l->reader.type));
        return false;
    }
    return true;
}

bool mig_load_compare_config(MigLoad *l, Error **errp)
{
    g_autoptr(MigConfig) saved = mig_config_parse(l->reader.content, errp);
    g_autoptr(MigConfig) here = NULL;

    if (!saved) {
        return false;
    }
    here = mig_config_new(migration_machine_ops());
    l->have_config = mig_config_compare(saved, here, migration_machine_ops(), errp);
    return l->have_config;
}

bool mig_load_config(MigLoad *l, Error **errp)
{
    return mig_load_read_config(l, errp) && mig_load_compare_config(l, errp);
}

static bool take_devices(MigLoad *l)
{
    l->devices = l->reader.content;
    l->reader.content = g_byte_array_new();
    return true;
}

/* *end: this was the last one. */
static bool take_section(MigLoad *l, bool *end, Error **errp)
{
    switch (l->reader.type) {
    case MIG_RAM:
        return ram_load_section(l->reader.content, !l->dry_run, errp);
    case MIG_STATE:
        if (!l->have_state) {
            l->have_state = mig_state_parse(l->reader.content, &l->state, errp);
            return l->have_state;
        }
        break;
    case MIG_DEVICES:
        if (!l->devices) {
            return take_devices(l);
        }
        break;
    case MIG_DESCRIPTION: /* for people */
        return true;
    case MIG_END:
        if (l->have_state && l->devices) {
            *end = true;
            return true;
        }
        break;
    default:
        break;
    }
    error_setg(errp, "%s section: out of place in the migration stream",
               mig_section_name(l->reader.type));
    return false;
}

bool mig_load_sections(MigLoad *l, Error **errp)
{
    bool end = false;

    assert(l->have_config);
    while (!end) {
        if (!mig_read_section(&l->reader, errp) || !take_section(l, &end, errp)) {
            return false;
        }
    }
    return true;
}

bool mig_load_apply(MigLoad *l, Error **errp)
{
    int64_t old_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    if (!device_states_check(l->devices->data, l->devices->len, errp)) {
        return false;
    }
    qemu_clock_set_virtual_ns(l->state.clock_ns);
    if (!device_states_load(l->devices->data, l->devices->len, errp)) {
        qemu_clock_set_virtual_ns(old_ns);
        return false;
    }
    return true;
}
