#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that do their worst with many software CPUs: the process lives, its monitor answers, and
it does not grow beyond the guest's memory and the bound of the code cache.

--long: more seeds, longer runs."""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "functional"))
import vmm  # noqa: E402

GUEST_MIB = 256
# The code cache: twice MAX_BYTES of target/i386/tcg/block.c, and as much waiting to be freed; each
# vCPU has its own tables of 1 MiB; the rest is the program.
BOUND_MIB = GUEST_MIB + 4 * 64 + 64 * 1 + 150
ANSWER_LIMIT_S = 60     # the machine may be loaded: a hang, not a delay, is what is looked for
POLLS = 24
LONG = "--long" in sys.argv
SEEDS = range(1, 21 if LONG else 3)


def resident_mib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]) // 1024


class Hostile(vmm.TestCase):
    limit_s = 3000 if LONG else 600

    def storm(self, name, cpus, words, *more, polls=POLLS):
        """Asks the monitor all the time until the guest has passed, or long enough: it may have
        wrecked itself. Returns whether it passed."""
        with vmm.VMM("-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", str(cpus),
                     "-m", str(GUEST_MIB), "-no-shutdown", "-kernel", vmm.guest(name),
                     "-append", words, *more) as m:
            m.wait_serial("INFO: %s" % name, ANSWER_LIMIT_S * 2)
            m.cmd("stop", timeout=ANSWER_LIMIT_S)
            m.cmd("cont", timeout=ANSWER_LIMIT_S)
            for _ in range(polls):
                m.cmd("query-status", timeout=ANSWER_LIMIT_S)
                if "PASS: " + name in m.serial():
                    break
                time.sleep(0.25)
            m.hmp("info registers")
            m.cmd("stop", timeout=ANSWER_LIMIT_S)
            self.assertTrue(m.alive(), m.stderr())
            self.assertLess(resident_mib(m.proc.pid), BOUND_MIB)
            passed = "PASS: " + name in m.serial()
            m.cmd("system_reset", timeout=ANSWER_LIMIT_S)
            self.assertEqual(m.quit(), 0, m.stderr())
        return passed

    def test_64_cpus_that_patch_code_and_hammer_tables_ports_and_devices(self):
        passed = [self.storm("storm", 64, "seed=%d rounds=2000" % seed) for seed in SEEDS]
        self.assertTrue(any(passed))

    def test_the_same_one_vcpu_at_a_time(self):
        self.storm("storm", 8, "seed=1 rounds=2000", "-accel", "tcg,thread=single")

    def test_garbage_as_code_does_not_end_the_process(self):
        for seed in SEEDS:
            self.storm("garbage", 1, "seed=%d" % (1000 * seed), polls=POLLS // 4)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--long"]
    vmm.main()
