#!/usr/bin/env python3
"""What a kept call takes: resident memory between a few kept calls and many.

    scripts/memory.py [--from 100000] [--to 1000000] [--rate 120000]

Fills `planoai obs` with calls from examples/flood, its span log bounded at 1 MiB, once with 500 sessions and once with every
session another, and prints how many bytes of resident memory a call added. All on loopback.
"""

import argparse
import subprocess
import time

from programs import OBS, Server, release, resident

FEW_SESSIONS = 500


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="few", type=int, default=100_000)
    parser.add_argument("--to", dest="many", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=120_000)
    arguments = parser.parse_args()
    flood, program = release("--example", "flood"), release("--bin", "planoai")
    for sessions in (FEW_SESSIONS, arguments.many):
        kept = ["--capacity", str(arguments.many), "--span-memory", "1MiB"]
        server = Server("planoai obs", [program, *OBS, "--port", "0", *kept, "--serve-viewers", "127.0.0.1:0"])
        load = [flood, "--to", server.address, "--sessions", str(sessions), "--rate", str(arguments.rate)]

        def filled(calls):
            subprocess.run([*load, "--spans", str(calls)], stdout=subprocess.DEVNULL, check=True)
            time.sleep(1)
            return resident(server.pid)

        try:
            few = filled(arguments.few)
            each = (filled(arguments.many - arguments.few) - few) / (arguments.many - arguments.few)
        finally:
            server.stop()
        print(f"{sessions:>9,} sessions: {each:.0f} bytes a kept call")


if __name__ == "__main__":
    main()
