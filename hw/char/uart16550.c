/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UART model, TL16C550D. Pure; called under the BQL by the device around it. Not modelled: parity
 * and framing errors, DMA modes. */
#include "qemu/osdep.h"
#include "hw/char/uart16550.h"
#include "migration/vmstate.h"

enum {
    IER_RDI = 0x01, IER_THRI = 0x02, IER_RLSI = 0x04, IER_MSI = 0x08,
    IIR_NONE = 0x01, IIR_MSI = 0x00, IIR_THRI = 0x02, IIR_RDI = 0x04, IIR_RLSI = 0x06,
    IIR_CTI = 0x0c, IIR_FIFO = 0xc0,
    FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04,
    LCR_DLAB = 0x80,
    MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_DELTA = 0x0f,
    LSR_ERRORS = UART_LSR_OE | UART_LSR_BI | 0x0c,
};

static bool fifo_on(const Uart16550 *u)
{
    return u->fcr & FCR_ENABLE;
}

static unsigned capacity(const Uart16550 *u)
{
    return fifo_on(u) ? UART_FIFO_BYTES : 1;
}

static unsigned trigger_level(const Uart16550 *u)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifo_on(u) ? levels[u->fcr >> 6] : 1;
}

void uart_reset(Uart16550 *u)
{
    *u = (Uart16550){
        .divisor = 12, /* 9600 */
        .mcr = MCR_OUT2,
        .lsr = UART_LSR_THRE | UART_LSR_TEMT,
        .msr = MSR_DCD | MSR_DSR | MSR_CTS,
    };
}

static void rx_clear(Uart16550 *u)
{
    u->rx_head = u->rx_len = 0;
    u->timeout_pending = false;
    u->lsr &= ~UART_LSR_DR;
}

static void rx_put(Uart16550 *u, uint8_t byte)
{
    if (u->rx_len == capacity(u)) {
        u->lsr |= UART_LSR_OE;
        if (!fifo_on(u)) {
            u->rx_fifo[u->rx_head] = byte; /* without FIFO the new byte replaces the old one */
        }
        return;
    }
    u->rx_fifo[(u->rx_head + u->rx_len) % UART_FIFO_BYTES] = byte;
    u->rx_len++;
    u->lsr |= UART_LSR_DR;
}

static uint8_t rx_get(Uart16550 *u)
{
    uint8_t byte = u->rx_fifo[u->rx_head];

    u->timeout_pending = false;
    if (u->rx_len) {
        u->rx_head = (u->rx_head + 1) % UART_FIFO_BYTES;
        u->rx_len--;
    }
    if (!u->rx_len) {
        u->lsr &= ~(UART_LSR_DR | UART_LSR_BI);
    }
    return byte;
}

/* The pending interrupt of the highest priority, IIR_NONE when there is none. */
static uint8_t pending(const Uart16550 *u)
{
    if ((u->ier & IER_RLSI) && (u->lsr & LSR_ERRORS)) {
        return IIR_RLSI;
    }
    if ((u->ier & IER_RDI) && u->rx_len >= trigger_level(u)) {
        return IIR_RDI;
    }
    if ((u->ier & IER_RDI) && u->timeout_pending) {
        return IIR_CTI;
    }
    if ((u->ier & IER_THRI) && u->thre_pending) {
        return IIR_THRI;
    }
    if ((u->ier & IER_MSI) && (u->msr & MSR_DELTA)) {
        return IIR_MSI;
    }
    return IIR_NONE;
}

bool uart_irq(const Uart16550 *u)
{
    return pending(u) != IIR_NONE;
}

static uint8_t read_iir(Uart16550 *u)
{
    uint8_t iir = pending(u);

    if (iir == IIR_THRI) {
        u->thre_pending = false;
    }
    return iir | (fifo_on(u) ? IIR_FIFO : 0);
}

/* Modem inputs: in loopback the modem outputs come back (data sheet 8.6.7). */
static uint8_t modem_lines(const Uart16550 *u)
{
    if (!(u->mcr & MCR_LOOP)) {
        return MSR_DCD | MSR_DSR | MSR_CTS;
    }
    return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
           (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(Uart16550 *u)
{
    uint8_t now = modem_lines(u), changed = (u->msr ^ now) & 0xf0;
    uint8_t delta = changed >> 4;

    if (now & MSR_RI) {
        delta &= ~(MSR_RI >> 4); /* only the trailing edge of RI counts */
    }
    u->msr = now | (u->msr & MSR_DELTA) | delta;
}

uint8_t uart_read(Uart16550 *u, unsigned reg)
{
    uint8_t value;

    switch (reg) {
    case UART_RBR_THR:
        return u->lcr & LCR_DLAB ? u->divisor & 0xff : rx_get(u);
    case UART_IER:
        return u->lcr & LCR_DLAB ? u->divisor >> 8 : u->ier;
    case UART_IIR_FCR:
        return read_iir(u);
    case UART_LCR:
        return u->lcr;
    case UART_MCR:
        return u->mcr;
    case UART_LSR:
        value = u->lsr;
        u->lsr &= ~LSR_ERRORS;
        return value;
    case UART_MSR:
        value = u->msr;
        u->msr &= ~MSR_DELTA;
        return value;
    default:
        return u->scr;
    }
}

static void write_fcr(Uart16550 *u, uint8_t value)
{
    bool switched = (u->fcr ^ value) & FCR_ENABLE;

    if (switched || (value & FCR_CLEAR_RX)) {
        rx_clear(u);
    }
    if (switched || (value & FCR_CLEAR_TX)) {
        u->tx_len = 0;
        u->lsr |= UART_LSR_THRE | UART_LSR_TEMT;
        u->thre_pending = true;
    }
    u->fcr = value & FCR_ENABLE ? value & (0xc0 | FCR_ENABLE) : 0;
}

static void write_ier(Uart16550 *u, uint8_t value)
{
    uint8_t turned_on = value & ~u->ier;

    u->ier = value & 0x0f;
    if ((turned_on & IER_THRI) && (u->lsr & UART_LSR_THRE)) {
        u->thre_pending = true; /* data sheet: enabling it with THR empty interrupts at once */
    }
}

static UartAction write_thr(Uart16550 *u, uint8_t value)
{
    if (u->mcr & MCR_LOOP) {
        rx_put(u, value);
        u->thre_pending = true;
        return (UartAction){ 0 };
    }
    u->thre_pending = false;
    u->lsr &= ~(UART_LSR_THRE | UART_LSR_TEMT);
    if (u->tx_len < UINT8_MAX) {
        u->tx_len++;
    }
    return (UartAction){ .transmit = true, .byte = value };
}

UartAction uart_write(Uart16550 *u, unsigned reg, uint8_t value)
{
    unsigned room = uart_rx_room(u);
    UartAction action = { 0 };

    switch (reg) {
    case UART_RBR_THR:
        if (!(u->lcr & LCR_DLAB)) {
            return write_thr(u, value);
        }
        u->divisor = (u->divisor & 0xff00) | value;
        break;
    case UART_IER:
        if (u->lcr & LCR_DLAB) {
            u->divisor = (u->divisor & 0xff) | value << 8;
        } else {
            write_ier(u, value);
        }
        break;
    case UART_IIR_FCR:
        write_fcr(u, value);
        break;
    case UART_LCR:
        u->lcr = value;
        break;
    case UART_MCR:
        u->mcr = value & 0x1f;
        update_modem(u);
        break;
    case UART_SCR:
        u->scr = value;
        break;
    default: /* LSR and MSR are for factory tests: writes are ignored */
        break;
    }
    action.rx_room = uart_rx_room(u) > room;
    return action;
}

unsigned uart_rx_room(const Uart16550 *u)
{
    return u->mcr & MCR_LOOP ? 0 : capacity(u) - MIN(u->rx_len, capacity(u));
}

void uart_receive(Uart16550 *u, uint8_t byte)
{
    u->timeout_pending = false;
    rx_put(u, byte);
}

void uart_receive_break(Uart16550 *u)
{
    rx_put(u, 0);
    u->lsr |= UART_LSR_BI;
}

void uart_transmitted(Uart16550 *u)
{
    if (u->tx_len && --u->tx_len == 0) {
        u->lsr |= UART_LSR_THRE | UART_LSR_TEMT;
        u->thre_pending = true;
    }
}

bool uart_rx_waiting(const Uart16550 *u)
{
    return (u->ier & IER_RDI) && u->rx_len && u->rx_len < trigger_level(u) && !u->timeout_pending;
}

void uart_rx_timeout(Uart16550 *u)
{
    u->timeout_pending = u->rx_len != 0;
}

int64_t uart_char_ns(const Uart16550 *u)
{
    unsigned bits = 1 + 5 + (u->lcr & 3) + (u->lcr & 4 ? 2 : 1) + (u->lcr & 8 ? 1 : 0);
    unsigned divisor = u->divisor ? u->divisor : 1;

    return NANOSECONDS_PER_SECOND * bits * divisor / 115200;
}

/* --- State ----------------------------------------------------------------------------------- */

static const VMStateField uart_fields[] = {
    VMSTATE_UINT(Uart16550, divisor),
    VMSTATE_UINT(Uart16550, ier),
    VMSTATE_UINT(Uart16550, fcr),
    VMSTATE_UINT(Uart16550, lcr),
    VMSTATE_UINT(Uart16550, mcr),
    VMSTATE_UINT(Uart16550, lsr),
    VMSTATE_UINT(Uart16550, msr),
    VMSTATE_UINT(Uart16550, scr),
    VMSTATE_BYTES(Uart16550, rx_fifo),
    VMSTATE_UINT_MAX(Uart16550, rx_head, UART_FIFO_BYTES - 1),
    VMSTATE_UINT_MAX(Uart16550, rx_len, UART_FIFO_BYTES),
    VMSTATE_UINT_MAX(Uart16550, tx_len, UART_FIFO_BYTES),
    VMSTATE_BOOL(Uart16550, thre_pending),
    VMSTATE_BOOL(Uart16550, timeout_pending),
    VMSTATE_END,
};
const VMStateDescription vmstate_uart = { "16550A", .version = 1, .fields = uart_fields };
