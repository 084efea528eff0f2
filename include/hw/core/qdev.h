/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: objects with a life cycle (new, properties, realize, reset, unrealize). BQL. */
#ifndef HW_CORE_QDEV_H
#define HW_CORE_QDEV_H

#include "hw/core/object.h"

typedef struct DeviceState DeviceState;
typedef struct BusState BusState;
typedef struct VMStateDescription VMStateDescription;

/* What happens to a device's state in a migration. Every DeviceType answers; the style suite fails
 * a type that does not. */
typedef struct MigrationAnswer {
    const VMStateDescription *vmsd;
    const char *blocked; /* why the machine cannot migrate while such a device exists */
    bool no_state;       /* nothing the guest could notice */
} MigrationAnswer;

#define MIGRATION_VMSD(v) { .vmsd = (v) }
#define MIGRATION_NO_STATE { .no_state = true }
#define MIGRATION_BLOCKED(why) { .blocked = (why) }

/* The class of a device. `object` comes first: a DeviceType is an ObjectType. */
typedef struct DeviceType {
    ObjectType object;
    const char *bus; /* "ISA", "PCI", "System", ...: where -device may plug it; NULL: nowhere */
    bool user_creatable;
    MigrationAnswer migration;
    /* Makes the device work: maps regions, connects lines. Undoes everything on failure. */
    bool (*realize)(DeviceState *dev, Error **errp);
    /* To the state after power-on. Also called once after realize. */
    void (*reset)(DeviceState *dev);
    void (*unrealize)(DeviceState *dev);
} DeviceType;

/* A place that devices plug into. Embedded in what provides it. */
struct BusState {
    const char *type; /* "PCI", "PCIE", "ISA", "virtio-serial-bus", ... */
    char *name;
    DeviceState *parent; /* NULL: main-system-bus */
    GPtrArray *devices;  /* of DeviceState, borrowed, in order of realization */
    bool internal;       /* not for -device */
    /* More lines about a device for `info qtree`; NULL: none. */
    void (*print_dev)(const DeviceState *dev, GString *out, int indent);
    /* Where @dev is on this bus, the same on both sides of a migration ("0000:00:1f.0"; new
     * string). NULL: devices are told apart by their order. */
    char *(*dev_path)(const DeviceState *dev);
};

struct DeviceState {
    Object object;
    char *id; /* of -device; NULL: none */
    bool from_user; /* made by -device */
    bool realized;
    BusState *bus;       /* where it is plugged; NULL: nowhere */
    GPtrArray *children; /* of BusState, borrowed: the buses it provides; NULL: none */
};

extern const ObjectType type_device; /* abstract root "device" */

/* A new, unrealized device; properties are set with object_set_prop_*(). */
DeviceState *qdev_new(const DeviceType *type, Error **errp);
/* Calls realize. The device joins the machine's reset list, in order of realization. When it has
 * no parent it gets a place in the tree: /machine/unattached/device[N], the lowest ones for CPUs;
 * those of -device below /machine/peripheral by id or /machine/peripheral-anon. On failure the
 * caller still owns @dev. */
bool qdev_realize(DeviceState *dev, Error **errp);
/* Board shorthand: new + realize; a failure is the board's. */
DeviceState *qdev_create(const DeviceType *type, Error **errp);
static inline const DeviceType *device_type(const DeviceState *dev)
{
    return (const DeviceType *)dev->object.type;
}
/* Puts @bus below @parent (NULL: the machine itself). @name is copied; NULL: the parent's id, else
 * TYPE.N in small letters. fini takes it away again. */
void qdev_bus_init(BusState *bus, const char *type, const char *name, DeviceState *parent);
void qdev_bus_fini(BusState *bus);
/* The bus named @name, NULL: none; the first one that takes devices of @type ("PCI" devices go to
 * PCI Express buses too). */
BusState *qdev_find_bus(const char *name);
BusState *qdev_find_bus_for(const char *type);
bool qdev_bus_takes(const BusState *bus, const char *type);
/* Calls @fn for each realized device, in order. */
void qdev_foreach(void (*fn)(void *opaque, DeviceState *dev), void *opaque);
/* The machine is complete: from now on -device means hot-plug, which no bus has. */
void qdev_machine_complete(void);
/* device_del: no device can be unplugged; says why. */
bool qdev_device_del(const char *id, Error **errp);

/* Resets all realized devices in order. */
void qdev_reset_all(void);
/* -device's argument, keyval or JSON. */
bool qdev_device_add(const char *arg, Error **errp);
/* Whether anybody may still set @name: false with the error of a property that does not exist, is
 * read-only, or belongs to a machine or device that is complete. */
bool object_check_settable(Object *obj, const char *name, Error **errp);
/* Text of "-device help" and "-device TYPE,help". */
void qdev_print_device_help(FILE *f);
bool qdev_print_type_help(const char *driver, FILE *f);
/* Text of "-machine TYPE,help". */
void object_type_print_help(const ObjectType *type, FILE *f);
/* Text of `info qtree`. */
void qdev_print_tree(GString *out);

#endif
