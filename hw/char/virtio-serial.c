/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Console device (virtio 1.2, 5.3): up to 31 ports, each a chardev on the host side; "virtconsole"
 * and "virtserialport" plug into its bus. BQL.
 *
 *   queues   0 receive port 0   1 transmit port 0   2 control to driver   3 control from driver
 *            2n+2 receive port n   2n+3 transmit port n
 */
#include "qemu/osdep.h"
#include "chardev/char.h"
#include "hw/virtio/virtio-pci.h"
#include "hw/virtio/virtio-serial.h"
#include "qemu/log.h"
#include "qemu/timer.h"

enum {
    F_MULTIPORT = 1,
    F_EMERG_WRITE = 2,

    MAX_PORTS = 31,
    DATA_QUEUE = 128,
    CONTROL_QUEUE = 32,
    Q_CONTROL_IN = 2,
    Q_CONTROL_OUT = 3,

    MSG_DEVICE_READY = 0,
    MSG_PORT_ADD = 1,
    MSG_PORT_READY = 3,
    MSG_CONSOLE_PORT = 4,
    MSG_PORT_OPEN = 6,
    MSG_PORT_NAME = 7,

    RX_BYTES = 4096,        /* kept for a guest that has no buffers */
    TX_PIECE_BYTES = 16384, /* copied at once */
    TX_BACKLOG_BYTES = 64 * 1024,
    MAX_MESSAGES = MAX_PORTS * 8, /* waiting for the driver */
};

#define AUTO_NR UINT32_MAX

typedef struct VirtIOSerial VirtIOSerial;

typedef struct SerialPort {
    DeviceState dev;
    VirtIOSerial *serial;
    Chardev *chr;
    char *name;
    uint32_t nr;
    bool host_open, guest_open;
    uint8_t rx[RX_BYTES];
    size_t rx_len;
    VirtQueueElement *tx; /* being written; NULL: none */
    size_t tx_done;
    uint64_t tx_skip;     /* bytes of the next request that were written before a migration */
    bool told_open;       /* what the guest knows of host_open */
    QEMUTimer *tell;      /* after a migration: to tell the guest of what is different here */
} SerialPort;

typedef struct ControlMessage {
    uint32_t id;
    uint16_t event, value;
} ControlMessage;

struct VirtIOSerial {
    VirtIODevice vdev;
    uint32_t max_ports;
    bool emergency_write;
    BusState bus;
    bool bus_in_tree;
    SerialPort *port[MAX_PORTS];
    GQueue messages; /* of GBytes: to the driver, which has no buffer for them yet */
    GArray *saved_messages; /* of ControlMessage: the same for a migration; NULL: none */
};

static VirtIOSerial *serial_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOSerial, vdev);
}

static bool is_console(const SerialPort *p)
{
    return device_type(&p->dev) == &type_virtconsole;
}

static unsigned rx_queue(const SerialPort *p)
{
    return p->nr ? 2 * p->nr + 2 : 0;
}

/* --- Control messages (5.3.6.2) -------------------------------------------------------------- */

static bool multiport(const VirtIOSerial *s)
{
    return virtio_has(&s->vdev, F_MULTIPORT);
}

static void flush_messages(VirtIOSerial *s)
{
    VirtQueue *vq = virtio_queue(&s->vdev, Q_CONTROL_IN);
    bool any = false;

    while (!g_queue_is_empty(&s->messages)) {
        VirtQueueElement *e = virtqueue_pop(vq);
        g_autoptr(GBytes) msg = NULL;
        gsize len;
        const void *data;

        if (!e) {
            break;
        }
        msg = g_queue_pop_head(&s->messages);
        data = g_bytes_get_data(msg, &len);
        virtqueue_push(vq, e, iov_from_buf(e->in_sg, e->in_num, 0, data, len));
        any = true;
    }
    if (any) {
        virtio_notify(&s->vdev, Q_CONTROL_IN);
    }
}

/* A name follows the message that announces it. */
static void queue_message(VirtIOSerial *s, const ControlMessage *head)
{
    const SerialPort *p = head->id < MAX_PORTS ? s->port[head->id] : NULL;
    const char *text = head->event == MSG_PORT_NAME && p ? p->name : NULL;
    GByteArray *msg = g_byte_array_new();

    g_byte_array_append(msg, (const guint8 *)head, sizeof(*head));
    if (text) {
        g_byte_array_append(msg, (const guint8 *)text, (guint)strlen(text) + 1);
    }
    g_queue_push_tail(&s->messages, g_byte_array_free_to_bytes(msg));
}

static void send_message(SerialPort *p, uint16_t event, uint16_t value)
{
    VirtIOSerial *s = p->serial;
    ControlMessage head = { .id = p->nr, .event = event, .value = value };

    if (event == MSG_PORT_OPEN) {
        p->told_open = value;
    }
    if (multiport(s) && s->messages.length < MAX_MESSAGES) {
        queue_message(s, &head);
        flush_messages(s);
    }
}

static void add_ports(VirtIOSerial *s)
{
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->port[i]) {
            send_message(s->port[i], MSG_PORT_ADD, 1);
        }
    }
}

static void port_ready(SerialPort *p)
{
    if (is_console(p)) {
        send_message(p, MSG_CONSOLE_PORT, 1);
    }
    if (p->name && *p->name) {
        send_message(p, MSG_PORT_NAME, 1);
    }
    if (p->host_open) {
        send_message(p, MSG_PORT_OPEN, 1);
    }
}

static void flush_rx(SerialPort *p);

static void handle_message(VirtIOSerial *s, const ControlMessage *m)
{
    SerialPort *p = m->id < s->max_ports ? s->port[m->id] : NULL;

    if (m->event == MSG_DEVICE_READY) {
        if (m->value) {
            add_ports(s);
        }
        return;
    }
    if (!p) {
        guest_error("virtio-serial: message %u about port %u, which does not exist\n", m->event,
                    m->id);
        return;
    }
    if (m->event == MSG_PORT_READY && m->value) {
        port_ready(p);
    } else if (m->event == MSG_PORT_OPEN) {
        p->guest_open = m->value != 0;
        flush_rx(p);
    }
}

static void handle_control_out(VirtIOSerial *s)
{
    VirtQueue *vq = virtio_queue(&s->vdev, Q_CONTROL_OUT);
    VirtQueueElement *e;

    while ((e = virtqueue_pop(vq)) != NULL) {
        ControlMessage m;
        size_t got = iov_to_buf(e->out_sg, e->out_num, 0, &m, sizeof(m));

        virtqueue_push(vq, e, 0);
        if (got == sizeof(m)) {
            handle_message(s, &m);
        }
    }
    virtio_notify(&s->vdev, Q_CONTROL_OUT);
}

/* --- From the host --------------------------------------------------------------------------- */

/* Without ports the console of port 0 is always open. */
static bool guest_listens(const SerialPort *p)
{
    return p->serial->vdev.status & VIRTIO_DRIVER_OK && !p->serial->vdev.broken &&
           (p->guest_open || (!multiport(p->serial) && p->nr == 0));
}

static void flush_rx(SerialPort *p)
{
    VirtIODevice *vdev = &p->serial->vdev;
    VirtQueue *vq = virtio_queue(vdev, rx_queue(p));
    bool any = false;

    while (p->rx_len && guest_listens(p)) {
        VirtQueueElement *e = virtqueue_pop(vq);
        size_t n;

        if (!e) {
            break;
        }
        n = iov_from_buf(e->in_sg, e->in_num, 0, p->rx, p->rx_len);
        virtqueue_push(vq, e, n);
        memmove(p->rx, p->rx + n, p->rx_len - n);
        p->rx_len -= n;
        any = true;
        if (!n) {
            break; /* buffers without room: the driver's mistake */
        }
    }
    if (any) {
        virtio_notify(vdev, rx_queue(p));
    }
    if (p->chr && guest_listens(p) && p->rx_len < RX_BYTES) {
        chardev_accept_input(p->chr);
    }
}

static int chr_can_read(void *opaque)
{
    const SerialPort *p = opaque;

    return guest_listens(p) ? (int)(RX_BYTES - p->rx_len) : 0;
}

static void chr_read(void *opaque, const uint8_t *buf, int len)
{
    SerialPort *p = opaque;
    size_t n = MIN((size_t)len, RX_BYTES - p->rx_len);

    memcpy(p->rx + p->rx_len, buf, n);
    p->rx_len += n;
    flush_rx(p);
}

static void chr_event(void *opaque, ChardevEvent event)
{
    SerialPort *p = opaque;
    bool open = p->host_open;

    if (event == CHR_EVENT_OPENED) {
        open = true;
    } else if (event == CHR_EVENT_CLOSED && !is_console(p)) {
        open = false;
    }
    if (open != p->host_open) {
        p->host_open = open;
        send_message(p, MSG_PORT_OPEN, open);
    }
}

static const ChardevHandlers chr_handlers = {
    .can_read = chr_can_read, .read = chr_read, .event = chr_event,
};

/* --- From the guest -------------------------------------------------------------------------- */

/* Writes what is left of the request; false: the peer must read first. */
static bool write_some(SerialPort *p)
{
    uint8_t piece[TX_PIECE_BYTES];
    size_t n;

    while (p->chr && p->host_open && p->tx_done < p->tx->out_bytes) {
        if (chardev_write_pending(p->chr) > TX_BACKLOG_BYTES) {
            return false;
        }
        n = iov_to_buf(p->tx->out_sg, p->tx->out_num, p->tx_done, piece, sizeof(piece));
        chardev_write(p->chr, piece, (int)n);
        p->tx_done += n;
    }
    return true;
}

static void handle_tx(SerialPort *p)
{
    VirtIODevice *vdev = &p->serial->vdev;
    unsigned n = rx_queue(p) + 1;
    VirtQueue *vq = virtio_queue(vdev, n);
    bool any = false;

    for (;;) {
        if (!p->tx) {
            p->tx = virtqueue_pop(vq);
            p->tx_done = p->tx_skip;
            p->tx_skip = 0;
        }
        if (!p->tx || !write_some(p)) {
            break;
        }
        virtqueue_push(vq, g_steal_pointer(&p->tx), 0);
        any = true;
    }
    if (any) {
        virtio_notify(vdev, n);
    }
}

static void chr_drained(void *opaque)
{
    SerialPort *p = opaque;

    virtio_queue_notify(&p->serial->vdev, rx_queue(p) + 1);
}

/* --- The device ------------------------------------------------------------------------------ */

static void serial_handle_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIOSerial *s = serial_of(vdev);
    unsigned nr = n < 2 ? 0 : n / 2 - 1;
    SerialPort *p = nr < s->max_ports ? s->port[nr] : NULL;

    if (n == Q_CONTROL_IN) {
        flush_messages(s);
    } else if (n == Q_CONTROL_OUT) {
        handle_control_out(s);
    } else if (p && n % 2) {
        handle_tx(p);
    } else if (p) {
        flush_rx(p);
    }
}

static void serial_get_config(VirtIODevice *vdev, uint8_t *config)
{
    uint32_t max_ports = serial_of(vdev)->max_ports;

    memcpy(config + 4, &max_ports, 4); /* columns and rows are not told */
}

/* Output for when nothing else works: a character at offset 8. */
static void serial_set_config(VirtIODevice *vdev, const uint8_t *config)
{
    VirtIOSerial *s = serial_of(vdev);
    SerialPort *p = s->port[0];

    if (s->emergency_write && config[8] && p && is_console(p) && p->chr) {
        chardev_write(p->chr, config + 8, 1);
    }
}

static void serial_reset_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIOSerial *s = serial_of(vdev);
    unsigned nr = n < 2 ? 0 : n / 2 - 1;

    if (n % 2 && n != Q_CONTROL_OUT && nr < s->max_ports && s->port[nr]) {
        g_clear_pointer(&s->port[nr]->tx, g_free);
        s->port[nr]->tx_skip = 0;
    }
}

static void serial_reset(VirtIODevice *vdev)
{
    VirtIOSerial *s = serial_of(vdev);

    g_queue_clear_full(&s->messages, (GDestroyNotify)g_bytes_unref);
    for (unsigned i = 0; i < s->max_ports && i < MAX_PORTS; i++) {
        if (s->port[i]) {
            s->port[i]->guest_open = false;
            s->port[i]->rx_len = 0;
            s->port[i]->told_open = is_console(s->port[i]);
        }
    }
}

static bool serial_realize(VirtIODevice *vdev, Error **errp)
{
    VirtIOSerial *s = serial_of(vdev);
    const char *id = vdev->dev.bus->parent->id;
    g_autofree char *name = g_strdup_printf("%s.0", id ? id : "virtio-serial-bus");

    if (!s->max_ports) {
        error_setg(errp, "Maximum number of serial ports not specified");
        return false;
    }
    if (s->max_ports > MAX_PORTS) {
        error_setg(errp, "maximum ports supported: %u", MAX_PORTS);
        return false;
    }
    virtio_add_queue(vdev, DATA_QUEUE);
    virtio_add_queue(vdev, DATA_QUEUE);
    virtio_add_queue(vdev, CONTROL_QUEUE);
    virtio_add_queue(vdev, CONTROL_QUEUE);
    for (unsigned i = 1; i < s->max_ports; i++) {
        virtio_add_queue(vdev, DATA_QUEUE);
        virtio_add_queue(vdev, DATA_QUEUE);
    }
    vdev->host_features |= (uint64_t)(s->max_ports > 1) << F_MULTIPORT;
    vdev->config_bytes = s->emergency_write ? 12 : 8;
    qdev_bus_init(&s->bus, "virtio-serial-bus", name, &vdev->dev);
    s->bus_in_tree = true;
    return true;
}

static void serial_init(Object *obj)
{
    g_queue_init(&((VirtIOSerial *)obj)->messages);
}

static void serial_finalize(Object *obj)
{
    VirtIOSerial *s = (VirtIOSerial *)obj;

    g_queue_clear_full(&s->messages, (GDestroyNotify)g_bytes_unref);
    g_clear_pointer(&s->saved_messages, g_array_unref);
    if (s->bus_in_tree) {
        qdev_bus_fini(&s->bus);
    }
}

static const Property serial_props[] = {
    DEFINE_PROP(PROP_UINT32, VirtIOSerial, max_ports, "max_ports", .default_val = MAX_PORTS),
    DEFINE_PROP(PROP_BOOL, VirtIOSerial, emergency_write, "emergency-write", .default_val = true,
                .description = "on/off"),
    DEFINE_PROP_END,
};

static const VirtIOFeature serial_features[] = {
    { F_EMERG_WRITE, offsetof(VirtIOSerial, emergency_write) }, VIRTIO_FEATURE_END,
};

/* --- State ----------------------------------------------------------------------------------- */

static bool serial_prepare_save(void *opaque, Error **errp)
{
    VirtIOSerial *s = opaque;

    g_clear_pointer(&s->saved_messages, g_array_unref);
    s->saved_messages = g_array_new(FALSE, TRUE, sizeof(ControlMessage));
    for (GList *l = s->messages.head; l; l = l->next) {
        g_array_append_vals(s->saved_messages, g_bytes_get_data(l->data, NULL), 1);
    }
    return true;
}

static bool serial_applied(void *opaque, Error **errp)
{
    VirtIOSerial *s = opaque;

    g_queue_clear_full(&s->messages, (GDestroyNotify)g_bytes_unref);
    for (guint i = 0; i < s->saved_messages->len; i++) {
        queue_message(s, &g_array_index(s->saved_messages, ControlMessage, i));
    }
    return true;
}

static const VMStateField message_fields[] = {
    VMSTATE_UINT_MAX(ControlMessage, id, MAX_PORTS - 1),
    VMSTATE_UINT(ControlMessage, event),
    VMSTATE_UINT(ControlMessage, value),
    VMSTATE_END,
};
static const VMStateDescription vmstate_message = {
    "message", .version = 1, .fields = message_fields,
};
static const VMStateField serial_fields[] = {
    VMSTATE_STRUCT(VirtIOSerial, vdev, &vmstate_virtio),
    VMSTATE_LIST(VirtIOSerial, saved_messages, ControlMessage, &vmstate_message, MAX_MESSAGES),
    VMSTATE_END,
};
static const VMStateDescription vmstate_serial = {
    "virtio-console", .version = 1, .fields = serial_fields,
    .prepare_save = serial_prepare_save, .applied = serial_applied,
};

/* --- Type ------------------------------------------------------------------------------------ */

const VirtIODeviceType type_virtio_serial_device = {
    .device = {
        .object = {
            .name = "virtio-serial-device",
            .parent = &type_virtio_device,
            .instance_size = sizeof(VirtIOSerial),
            .props = serial_props,
            .instance_init = serial_init,
            .instance_finalize = serial_finalize,
        },
        .bus = "virtio-bus",
        .migration = MIGRATION_VMSD(&vmstate_serial),
        .realize = virtio_device_realize,
        .unrealize = virtio_device_unrealize,
    },
    .device_id = VIRTIO_ID_CONSOLE,
    .feature_props = serial_features,
    .realize = serial_realize,
    .reset = serial_reset,
    .reset_queue = serial_reset_queue,
    .handle_queue = serial_handle_queue,
    .get_config = serial_get_config,
    .set_config = serial_set_config,
};

/* --- Ports ----------------------------------------------------------------------------------- */

static bool choose_nr(SerialPort *p, Error **errp)
{
    VirtIOSerial *s = p->serial;

    if (p->nr == AUTO_NR) {
        p->nr = is_console(p) ? 0 : 1; /* port 0 is for consoles */
        while (p->nr < s->max_ports && s->port[p->nr]) {
            p->nr++;
        }
        if (p->nr >= s->max_ports) {
            error_setg(errp, "virtio-serial-bus: Maximum port limit for this device reached");
            return false;
        }
    }
    if (p->nr == 0 && !is_console(p)) {
        error_setg(errp, "Port number 0 on virtio-serial devices reserved for virtconsole devices "
                         "for backward compatibility.");
        return false;
    }
    if (p->nr >= s->max_ports) {
        error_setg(errp, "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u",
                   s->max_ports - 1);
        return false;
    }
    if (s->port[p->nr]) {
        error_setg(errp, "virtio-serial-bus: A port already exists at id %u", p->nr);
        return false;
    }
    return true;
}

static bool check_name(const SerialPort *p, Error **errp)
{
    for (unsigned i = 0; p->name && *p->name && i < p->serial->max_ports; i++) {
        const SerialPort *other = p->serial->port[i];

        if (other && other->name && !strcmp(other->name, p->name)) {
            error_setg(errp, "virtio-serial-bus: A port already exists by name %s", p->name);
            return false;
        }
    }
    return true;
}

/* The guest runs here now: it hears when its peer is not the same, and both directions go on. */
static void port_tell(void *opaque)
{
    SerialPort *p = opaque;

    if (p->told_open != p->host_open && guest_listens(p)) {
        send_message(p, MSG_PORT_OPEN, p->host_open);
    }
    virtio_queue_notify(&p->serial->vdev, rx_queue(p) + 1);
    flush_rx(p);
}

static bool port_realize(DeviceState *dev, Error **errp)
{
    SerialPort *p = container_of(dev, SerialPort, dev);

    if (!dev->bus) {
        error_setg(errp, "No 'virtio-serial-bus' bus found for device '%s'",
                   dev->object.type->name);
        return false;
    }
    p->serial = container_of(dev->bus, VirtIOSerial, bus);
    if (!check_name(p, errp) || !choose_nr(p, errp)) {
        return false;
    }
    p->host_open = is_console(p);
    if (p->chr) {
        if (!chardev_set_handlers(p->chr, &chr_handlers, p, errp)) {
            return false;
        }
        chardev_set_drain_cb(p->chr, chr_drained, p);
    }
    p->serial->port[p->nr] = p;
    p->told_open = is_console(p);
    p->tell = timer_new_ns(QEMU_CLOCK_VIRTUAL, port_tell, p);
    return true;
}

static void port_finalize(Object *obj)
{
    timer_free(((SerialPort *)obj)->tell);
}

/* --- State of a port -------------------------------------------------------------------------- */

/* A request that is half written goes back into the queue: it is taken again, and what was written
 * is left out then. */
static bool port_prepare_save(void *opaque, Error **errp)
{
    SerialPort *p = opaque;

    if (p->tx) {
        p->tx_skip = p->tx_done;
        virtqueue_unpop(virtio_queue(&p->serial->vdev, rx_queue(p) + 1), g_steal_pointer(&p->tx));
        timer_mod_ns(p->tell, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    }
    return true;
}

static bool port_applied(void *opaque, Error **errp)
{
    SerialPort *p = opaque;

    g_clear_pointer(&p->tx, g_free);
    timer_mod_ns(p->tell, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    return true;
}

static const VMStateField port_fields[] = {
    VMSTATE_BOOL(SerialPort, guest_open),
    VMSTATE_BOOL(SerialPort, told_open),
    VMSTATE_BYTES(SerialPort, rx),
    VMSTATE_UINT_MAX(SerialPort, rx_len, RX_BYTES),
    VMSTATE_UINT(SerialPort, tx_skip),
    VMSTATE_END,
};
static const VMStateDescription vmstate_port = {
    "virtio-console-port", .version = 1, .fields = port_fields,
    .prepare_save = port_prepare_save, .applied = port_applied,
};

static const Property port_props[] = {
    DEFINE_PROP(PROP_CHARDEV, SerialPort, chr, "chardev",
                .description = "ID of a chardev to use as a backend"),
    DEFINE_PROP(PROP_UINT32, SerialPort, nr, "nr", .default_val = AUTO_NR),
    DEFINE_PROP(PROP_STRING, SerialPort, name, "name"),
    DEFINE_PROP_END,
};

#define PORT_TYPE(_name)                                                                        \
    {                                                                                            \
        .object = {                                                                              \
            .name = _name,                                                                       \
            .parent = &type_device,                                                              \
            .instance_size = sizeof(SerialPort),                                                 \
            .props = port_props,                                                                 \
            .instance_finalize = port_finalize,                                                  \
        },                                                                                       \
        .bus = "virtio-serial-bus",                                                              \
        .user_creatable = true,                                                                  \
        .migration = MIGRATION_VMSD(&vmstate_port),                                              \
        .realize = port_realize,                                                                 \
    }

const DeviceType type_virtconsole = PORT_TYPE("virtconsole");
const DeviceType type_virtserialport = PORT_TYPE("virtserialport");
