/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "isa-serial": a UART on eight I/O ports with a chardev behind it. BQL. */
#include "qemu/osdep.h"
#include "hw/char/serial.h"
#include "hw/char/uart16550.h"
#include "hw/core/machine.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"

/* Bytes the back end may owe before the transmitter stops saying it is empty. */
#define TX_BACKLOG_BYTES (64 * 1024)
#define NR_PORTS 4

typedef struct ISASerial {
    DeviceState dev;
    uint32_t index, iobase, irq; /* properties; all ones: by index */
    Chardev *chr;
    Uart16550 uart;
    MemoryRegion io;
    IRQLine line;
    bool level;
    QEMUTimer *rx_timer; /* fires four character times after the last byte */
    QEMUTimer *tx_timer; /* after a migration: the transmitter goes on */
} ISASerial;

static const uint16_t iobases[NR_PORTS] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
static const uint8_t irqs[NR_PORTS] = { 4, 3, 4, 3 };

unsigned isa_serial_iobase(unsigned index)
{
    return iobases[index];
}

unsigned isa_serial_irq(unsigned index)
{
    return irqs[index];
}

static void update(ISASerial *s)
{
    bool level = uart_irq(&s->uart);

    if (level != s->level) {
        s->level = level;
        irq_set(&s->line, level);
    }
    if (uart_rx_waiting(&s->uart) && !timer_pending(s->rx_timer)) {
        timer_mod_ns(s->rx_timer,
                     qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 4 * uart_char_ns(&s->uart));
    }
}

static void rx_timer_fired(void *opaque)
{
    ISASerial *s = opaque;

    uart_rx_timeout(&s->uart);
    update(s);
}

static void tx_drained(void *opaque)
{
    ISASerial *s = opaque;

    while (s->uart.tx_len) {
        uart_transmitted(&s->uart);
    }
    update(s);
}

static void transmit(ISASerial *s, uint8_t byte)
{
    update(s); /* the line drops before it can rise again: an edge for each character */
    if (s->chr) {
        chardev_write(s->chr, &byte, 1);
        if (chardev_write_pending(s->chr) > TX_BACKLOG_BYTES) {
            chardev_set_drain_cb(s->chr, tx_drained, s);
            return;
        }
    }
    uart_transmitted(&s->uart);
}

static uint64_t serial_read(void *opaque, hwaddr addr, unsigned size)
{
    ISASerial *s = opaque;
    unsigned room = uart_rx_room(&s->uart);
    uint8_t value = uart_read(&s->uart, addr & 7);

    update(s);
    if (s->chr && uart_rx_room(&s->uart) > room) {
        chardev_accept_input(s->chr);
    }
    return value;
}

static void serial_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    ISASerial *s = opaque;
    UartAction action = uart_write(&s->uart, addr & 7, (uint8_t)value);

    if (action.transmit) {
        transmit(s, action.byte);
    }
    update(s);
    if (s->chr && action.rx_room) {
        chardev_accept_input(s->chr);
    }
}

static const MemoryRegionOps serial_ops = {
    .read = serial_read, .write = serial_write, .impl_min = 1, .impl_max = 1,
};

static int serial_can_read(void *opaque)
{
    ISASerial *s = opaque;

    return (int)uart_rx_room(&s->uart);
}

static void serial_receive(void *opaque, const uint8_t *buf, int len)
{
    ISASerial *s = opaque;

    timer_del(s->rx_timer);
    for (int i = 0; i < len; i++) {
        uart_receive(&s->uart, buf[i]);
    }
    update(s);
}

static void serial_event(void *opaque, ChardevEvent event)
{
    ISASerial *s = opaque;

    if (event == CHR_EVENT_BREAK) {
        uart_receive_break(&s->uart);
        update(s);
    }
}

static const ChardevHandlers handlers = { serial_can_read, serial_receive, serial_event };

static bool serial_realize(DeviceState *dev, Error **errp)
{
    ISASerial *s = container_of(dev, ISASerial, dev);
    unsigned index = s->index == UINT32_MAX ? 0 : s->index;

    if (index >= NR_PORTS) {
        error_setg(errp, "Max. supported number of ISA serial ports is %d.", NR_PORTS);
        return false;
    }
    s->iobase = s->iobase == UINT32_MAX ? iobases[index] : s->iobase;
    s->irq = s->irq == UINT32_MAX ? irqs[index] : s->irq;
    if (s->irq > 15 || s->iobase > 0x10000 - UART_NR_REGS) {
        error_setg(errp, "isa-serial: iobase 0x%x or irq %u is out of range", s->iobase, s->irq);
        return false;
    }
    if (s->chr && !chardev_set_handlers(s->chr, &handlers, s, errp)) {
        return false;
    }
    s->line = current_machine->gsi[s->irq];
    s->rx_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, rx_timer_fired, s);
    s->tx_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, tx_drained, s);
    memory_region_init_io(&s->io, &serial_ops, s, "serial", UART_NR_REGS);
    memory_region_add_subregion(current_machine->system_io, s->iobase, &s->io);
    return true;
}

static void serial_reset(DeviceState *dev)
{
    ISASerial *s = container_of(dev, ISASerial, dev);

    timer_del(s->rx_timer);
    uart_reset(&s->uart);
    update(s);
}

/* What the transmitter holds was given to the source's back end: here it is sent already. */
static bool serial_applied(void *opaque, Error **errp)
{
    ISASerial *s = opaque;

    if (s->uart.tx_len) {
        timer_mod_ns(s->tx_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    }
    if (s->chr && uart_rx_room(&s->uart)) {
        chardev_accept_input(s->chr);
    }
    return true;
}

static const VMStateField serial_fields[] = {
    VMSTATE_STRUCT(ISASerial, uart, &vmstate_uart),
    VMSTATE_BOOL(ISASerial, level),
    VMSTATE_TIMER(ISASerial, rx_timer),
    VMSTATE_END,
};
static const VMStateDescription vmstate_serial = {
    "serial", .version = 1, .fields = serial_fields, .applied = serial_applied,
};

static const Property serial_props[] = {
    DEFINE_PROP(PROP_UINT32, ISASerial, index, "index", .default_val = UINT32_MAX),
    DEFINE_PROP(PROP_UINT32, ISASerial, iobase, "iobase", .default_val = UINT32_MAX),
    DEFINE_PROP(PROP_UINT32, ISASerial, irq, "irq", .default_val = UINT32_MAX),
    DEFINE_PROP(PROP_CHARDEV, ISASerial, chr, "chardev",
                .description = "ID of a chardev to use as a backend"),
    DEFINE_PROP_END,
};

const DeviceType type_isa_serial = {
    .object = {
        .name = "isa-serial",
        .parent = &type_device,
        .description = "16550A serial port",
        .instance_size = sizeof(ISASerial),
        .props = serial_props,
    },
    .bus = "ISA",
    .user_creatable = true,
    .migration = MIGRATION_VMSD(&vmstate_serial),
    .realize = serial_realize,
    .reset = serial_reset,
};

DeviceState *isa_serial_create(unsigned index, Chardev *chr, Error **errp)
{
    DeviceState *dev = qdev_new(&type_isa_serial, errp);

    if (dev) {
        container_of(dev, ISASerial, dev)->index = index;
        container_of(dev, ISASerial, dev)->chr = chr;
        if (!qdev_realize(dev, errp)) {
            object_free(&dev->object);
            return NULL;
        }
    }
    return dev;
}
