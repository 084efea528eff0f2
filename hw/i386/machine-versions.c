/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every machine version, in the order -M help prints them: families in rising order, versions of a
 * family in falling order of their text, machines without family last. CPU compat properties hang
 * on (major, minor) in target/i386; a row here needs compat lists only for other devices.
 */
#include "qemu/osdep.h"
#include "hw/i386/boards.h"

/* Said of versions of release 8.1 and before. */
#define TOO_OLD "machines more than 3 years old are subject to deletion after 6 years"

#define I440FX(_version, _major, _minor, ...)                                                   \
    { .name = "pc-i440fx-" _version, .desc = "Standard PC (i440FX + PIIX, 1996)",               \
      .board = &board_i440fx, .major = _major, .minor = _minor, .max_cpus = 255,                \
      .default_cpu_type = "qemu64", __VA_ARGS__ }

#define Q35(_version, _major, _minor, _max_cpus, ...)                                           \
    { .name = "pc-q35-" _version, .desc = "Standard PC (Q35 + ICH9, 2009)",                     \
      .board = &board_q35, .major = _major, .minor = _minor, .max_cpus = _max_cpus,             \
      .default_cpu_type = "qemu64", __VA_ARGS__ }

/* clang-format off */
const MachineVersion machine_versions[] = {
    I440FX("9.2", 9, 2),
    I440FX("9.1", 9, 1),
    I440FX("9.0", 9, 0),
    I440FX("8.2", 8, 2),
    I440FX("8.1", 8, 1, .deprecation_reason = TOO_OLD),
    I440FX("8.0", 8, 0, .deprecation_reason = TOO_OLD),
    I440FX("7.2", 7, 2, .deprecation_reason = TOO_OLD),
    I440FX("7.1", 7, 1, .deprecation_reason = TOO_OLD),
    I440FX("7.0", 7, 0, .deprecation_reason = TOO_OLD),
    I440FX("6.2", 6, 2, .deprecation_reason = TOO_OLD),
    I440FX("6.1", 6, 1, .deprecation_reason = TOO_OLD),
    I440FX("6.0", 6, 0, .deprecation_reason = TOO_OLD),
    I440FX("5.2", 5, 2, .deprecation_reason = TOO_OLD),
    I440FX("11.0", 11, 0, .alias = "pc", .is_default = true),
    I440FX("10.2", 10, 2),
    I440FX("10.1", 10, 1),
    I440FX("10.0", 10, 0),

    Q35("9.2", 9, 2, 4096),
    Q35("9.1", 9, 1, 4096),
    Q35("9.0", 9, 0, 4096),
    Q35("8.2", 8, 2, 1024),
    Q35("8.1", 8, 1, 1024, .deprecation_reason = TOO_OLD),
    Q35("8.0", 8, 0, 288, .deprecation_reason = TOO_OLD),
    Q35("7.2", 7, 2, 288, .deprecation_reason = TOO_OLD),
    Q35("7.1", 7, 1, 288, .deprecation_reason = TOO_OLD),
    Q35("7.0", 7, 0, 288, .deprecation_reason = TOO_OLD),
    Q35("6.2", 6, 2, 288, .deprecation_reason = TOO_OLD),
    Q35("6.1", 6, 1, 288, .deprecation_reason = TOO_OLD),
    Q35("6.0", 6, 0, 288, .deprecation_reason = TOO_OLD),
    Q35("5.2", 5, 2, 288, .deprecation_reason = TOO_OLD),
    Q35("11.0", 11, 0, 4096, .alias = "q35"),
    Q35("10.2", 10, 2, 4096),
    Q35("10.1", 10, 1, 4096),
    Q35("10.0", 10, 0, 4096),

    { .name = "none", .desc = "empty machine", .board = &board_none, .max_cpus = 1,
      .major = 11, .minor = 0 },
    { .name = NULL },
};
/* clang-format on */
