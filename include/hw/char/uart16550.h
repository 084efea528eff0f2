/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UART model (TI TL16C550D data sheet; the superset PC software expects of a 16550A). A plain
 * structure: no lock, no clock, no back end. The device around it moves bytes and watches time.
 */
#ifndef HW_CHAR_UART16550_H
#define HW_CHAR_UART16550_H

#include "qemu/osdep.h"

typedef struct VMStateDescription VMStateDescription;

#define UART_FIFO_BYTES 16

enum {
    UART_RBR_THR, /* with LCR.DLAB: divisor low */
    UART_IER,     /* with LCR.DLAB: divisor high */
    UART_IIR_FCR,
    UART_LCR,
    UART_MCR,
    UART_LSR,
    UART_MSR,
    UART_SCR,
    UART_NR_REGS,
};

#define UART_LSR_DR 0x01
#define UART_LSR_OE 0x02
#define UART_LSR_BI 0x10
#define UART_LSR_THRE 0x20
#define UART_LSR_TEMT 0x40

typedef struct Uart16550 {
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint8_t rx_fifo[UART_FIFO_BYTES];
    uint8_t rx_head, rx_len;
    uint8_t tx_len;      /* bytes the back end has not taken yet */
    bool thre_pending;   /* transmitter-empty interrupt not yet acknowledged */
    bool timeout_pending; /* characters waited in the FIFO below the trigger level */
} Uart16550;

/* What a register write asks of the device around the model. */
typedef struct UartAction {
    bool transmit; /* send @byte to the back end; uart_transmitted() when it took it */
    uint8_t byte;
    bool rx_room;  /* the receiver can take more than before */
} UartAction;

void uart_reset(Uart16550 *u);
/* @reg 0..7. Reads have the side effects of the chip (RBR, IIR, LSR, MSR). */
uint8_t uart_read(Uart16550 *u, unsigned reg);
UartAction uart_write(Uart16550 *u, unsigned reg, uint8_t value);
/* Level of the interrupt output. OUT2 does not gate it. */
bool uart_irq(const Uart16550 *u);
/* How many bytes uart_receive() takes without an overrun; 0 in loopback. */
unsigned uart_rx_room(const Uart16550 *u);
/* A byte (or a break) from the line; without room LSR.OE is set and the byte is lost. */
void uart_receive(Uart16550 *u, uint8_t byte);
void uart_receive_break(Uart16550 *u);
/* The back end took a byte: the transmitter is empty again when it took all. */
void uart_transmitted(Uart16550 *u);
/* Four character times passed without a byte: call when uart_rx_waiting() was true that long. */
void uart_rx_timeout(Uart16550 *u);
/* Bytes wait below the trigger level and the interrupt is enabled. */
bool uart_rx_waiting(const Uart16550 *u);
/* Time of one character on the line by divisor and format (base clock 1.8432 MHz). */
int64_t uart_char_ns(const Uart16550 *u);

extern const VMStateDescription vmstate_uart;

#endif
