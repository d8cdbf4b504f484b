#!/usr/bin/env python3
"""Measures the memory of a kept call, as the growth of resident memory between few and many kept calls, and of evicted names.

    scripts/memory.py [--from 100000] [--to 1000000] [--rate 120000] [--gone 10000000]

Fills `planoai obs` with calls from examples/flood, its span log bounded at 1 MiB, once with 500 sessions and once with one
session per call, and prints how many bytes of resident memory a call added. Then sends calls, one session per call, through a
ring of 1,000 at full speed, and prints resident memory after a tenth of them and after all. All on loopback.
"""

import argparse
import subprocess
import time

from programs import OBS, Server, release, resident

FEW_SESSIONS = 500
MIB = 1 << 20


class Filled:
    """A collector that keeps so many calls, to be filled from examples/flood."""

    def __init__(self, capacity):
        self.flood = release("--example", "flood")
        bounds = ["--capacity", str(capacity), "--span-memory", "1MiB"]
        served = ["--port", "0", "--serve-viewers", "127.0.0.1:0"]
        self.server = Server("planoai obs", [release("--bin", "planoai"), *OBS, *bounds, *served])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def after(self, calls, sessions, rate=0):
        """Resident memory after so many calls more."""
        load = ["--spans", str(calls), "--sessions", str(sessions), "--rate", str(rate)]
        subprocess.run([self.flood, "--to", self.server.address, *load], stdout=subprocess.DEVNULL, check=True)
        time.sleep(1)
        return resident(self.server.pid)


def bytes_a_call(few, many, sessions, rate):
    with Filled(many) as collector:
        before = collector.after(few, sessions, rate)
        return (collector.after(many - few, sessions, rate) - before) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="few", type=int, default=100_000)
    parser.add_argument("--to", dest="many", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=120_000)
    parser.add_argument("--gone", type=int, default=10_000_000)
    arguments = parser.parse_args()
    for sessions in (FEW_SESSIONS, arguments.many):
        each = bytes_a_call(arguments.few, arguments.many, sessions, arguments.rate)
        print(f"{sessions:>10,} sessions: {each:.0f} bytes a kept call")
    with Filled(1_000) as collector:
        for sessions in (arguments.gone // 10, arguments.gone):
            now = collector.after(sessions, sessions)
            print(f"{sessions:>10,} sessions through a ring of 1,000: {now / MIB:.0f} MiB")


if __name__ == "__main__":
    main()
