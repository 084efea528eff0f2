/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test-machine.c and its guest programs (machine-guest.S) share. */
#ifndef TESTS_KVM_TEST_MACHINE_H
#define TESTS_KVM_TEST_MACHINE_H

#define GUEST_CODE    0x10000
#define GUEST_GDT     0x5000
#define GUEST_IDT     0x4000
#define GUEST_MAILBOX 0x7000
#define GUEST_STACK   0x9000
#define GUEST_TABLES  0x20000

#define PORT_ECHO   0x600 /* reads give what was written last */
#define PORT_STREAM 0x610 /* a queue of bytes */
#define PORT_LINE   0x620 /* the level of I/O APIC pin TEST_PIN */
#define PORT_NOP    0x630
#define PORT_DONE   0x640 /* ends the test with this result */
#define PORTS_BYTES 0x50

#define TEST_PIN    20
#define TEST_VECTOR 0x51

/* Offsets in the mailbox. */
#define MB_SPIV    0x20
#define MB_SPIV_RB 0x24
#define MB_LVR     0x28
#define MB_COUNT   0x2c
#define MB_COUNTER 0x30

#endif
