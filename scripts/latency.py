#!/usr/bin/env python3
"""From a key to the changed screen, and what a steady load costs, with the screen drawn.

    scripts/latency.py [--kept N] [--rate N] [--keys N]

Runs `planoai obs` in a pseudo-terminal, fills it with calls, then presses `?` and Esc by turns while examples/flood sends
spans at a given rate, and measures the time until the help has come or gone. Prints the distribution, and the share of one
core that the program took meanwhile. All on loopback and bounded; CPU is read from /proc, so this is for Linux.
"""

import argparse
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from compare import release, usage


# A word of the help that stands nowhere else.
HELP = b"Ctrl-d"


def read_until(screen, wanted, at_most=10.0):
    """Reads what is drawn until `wanted` is among it."""
    seen, end = b"", time.monotonic() + at_most
    while wanted not in seen:
        left = end - time.monotonic()
        if left <= 0 or not select.select([screen], [], [], left)[0]:
            raise SystemExit(f"{wanted} never came")
        seen += os.read(screen, 1 << 16)
    return seen


def drain(screen):
    while select.select([screen], [], [], 0)[0]:
        os.read(screen, 1 << 16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--port", type=int, default=4396)
    arguments = parser.parse_args()

    flood, program = release("--example", "flood"), release("--bin", "planoai")
    child, screen = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        options = ["--offline", "--host", "127.0.0.1", "--port", str(arguments.port), "--http-port", "off"]
        os.execv(program, [str(program), "obs", *options, "--capacity", str(arguments.kept)])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    target = ["--to", f"127.0.0.1:{arguments.port}"]
    read_until(screen, b"planoai")
    filling = subprocess.Popen([flood, *target, "--spans", str(arguments.kept), "--batch", "512"], stdout=subprocess.DEVNULL)
    while filling.poll() is None:
        select.select([screen], [], [], 0.1)
        drain(screen)
    seconds = max(5, arguments.keys // 5 + 2)
    steady = [flood, *target, "--spans", str(arguments.rate * seconds), "--rate", str(arguments.rate), "--batch", "64"]
    load = subprocess.Popen([*steady, "--at-most", f"{seconds}s"], stdout=subprocess.DEVNULL)
    before, started, took = usage(child)[0], time.monotonic(), []
    try:
        for nth in range(arguments.keys):
            time.sleep(0.1)
            drain(screen)
            pressed = time.monotonic()
            os.write(screen, b"?" if nth % 2 == 0 else b"\x1b")
            if nth % 2 == 0:
                read_until(screen, HELP)
                took.append((time.monotonic() - pressed) * 1e3)
        share = (usage(child)[0] - before) / (time.monotonic() - started)
    finally:
        load.terminate()
        os.write(screen, b"\x1bq")
    took.sort()
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]
    print(f"{arguments.kept:,} kept, {arguments.rate:,} spans/s: key to screen p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, "
          f"{share * 100:.1f}% of a core")


if __name__ == "__main__":
    main()
