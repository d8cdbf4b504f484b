#!/usr/bin/env python3
"""What a kept call takes: resident memory between a few kept calls and many.

    scripts/memory.py [--from 100000] [--to 1000000] [--rate 120000]

Fills `planoai obs` with calls from examples/flood, its span log bounded at 1 MiB, once with 500 sessions and once with every
session another, and prints how many bytes of resident memory a call added. All on loopback.
"""

import argparse
import re
import subprocess
import sys
import time

from programs import release, resident

FEW_SESSIONS = 500


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="few", type=int, default=100_000)
    parser.add_argument("--to", dest="many", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=120_000)
    arguments = parser.parse_args()
    flood, program = release("--example", "flood"), release("--bin", "planoai")
    for sessions in (FEW_SESSIONS, arguments.many):
        command = [program, "obs", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off"]
        command += ["--capacity", str(arguments.many), "--span-memory", "1MiB", "--serve-viewers", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = (re.search(r"listening on (\S+:\d+)", line) for line in process.stderr)
        address = (next(filter(None, lines), None) or sys.exit("the program did not start"))[1]
        load = [flood, "--to", address, "--sessions", str(sessions), "--rate", str(arguments.rate)]

        def filled(calls):
            subprocess.run([*load, "--spans", str(calls)], stdout=subprocess.DEVNULL, check=True)
            time.sleep(1)
            return resident(process.pid)

        try:
            few = filled(arguments.few)
            each = (filled(arguments.many - arguments.few) - few) / (arguments.many - arguments.few)
        finally:
            process.terminate()
            process.wait(10)
        print(f"{sessions:>9,} sessions: {each:.0f} bytes a kept call")


if __name__ == "__main__":
    main()
