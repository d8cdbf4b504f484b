#!/usr/bin/env python3
"""Measures the latency of the screen and its CPU time.

    scripts/latency.py [--kept N] [--rate N] [--batch N] [--keys N]

Runs `planoai obs` in a pseudo-terminal and measures the time to its first frame and the share of one core that it takes
while idle. Then fills it with calls, presses `?` and Esc in turn while examples/flood sends spans at a given
rate, and measures the time until the help is drawn. Prints the distribution, and the share of one core that the program
used meanwhile, drawing the help included; with `--keys 0` that of ten seconds without keys. All on loopback and bounded.
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

from programs import OBS, cpu, release

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


def draw(screen, seconds):
    """Lets it draw for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([screen], [], [], left)[0]:
            os.read(screen, 1 << 16)


def start(program, port, kept):
    """A program that has drawn its first frame, its screen, and after how many ms that was."""
    started = time.monotonic()
    child, screen = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(program, [str(program), *OBS, "--port", str(port), "--capacity", str(kept)])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    read_until(screen, b"planoai")
    return child, screen, (time.monotonic() - started) * 1e3


def press(screen, keys):
    """How many ms the help takes to come, each time it is asked for."""
    took = []
    for nth in range(keys):
        draw(screen, 0.1)
        pressed = time.monotonic()
        os.write(screen, b"?" if nth % 2 == 0 else b"\x1b")
        if nth % 2 == 0:
            read_until(screen, HELP)
            took.append((time.monotonic() - pressed) * 1e3)
    return sorted(took)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--port", type=int, default=4396)
    arguments = parser.parse_args()

    flood, program = release("--example", "flood"), release("--bin", "planoai")
    child, screen, first_frame = start(program, arguments.port, arguments.kept)

    def share(of):
        """What `of` gives, and the percentage of a core that the program takes meanwhile."""
        before, started = cpu(child), time.monotonic()
        given = of()
        return given, (cpu(child) - before) / (time.monotonic() - started) * 100

    draw(screen, 1)
    _, idle = share(lambda: draw(screen, 10))
    print(f"first frame after {first_frame:.0f} ms, idle {idle:.2f}% of a core")
    target = [flood, "--to", f"127.0.0.1:{arguments.port}"]
    filling = subprocess.Popen([*target, "--spans", str(arguments.kept), "--batch", "512"], stdout=subprocess.DEVNULL)
    while filling.poll() is None:
        draw(screen, 0.1)
    # Longer than it can take.
    seconds = max(15, arguments.keys)
    steady = ["--spans", str(arguments.rate * seconds), "--rate", str(arguments.rate), "--batch", str(arguments.batch)]
    load = subprocess.Popen([*target, *steady, "--at-most", f"{seconds}s"], stdout=subprocess.DEVNULL)
    try:
        took, busy = share(lambda: press(screen, arguments.keys) or draw(screen, 10))
    finally:
        load.terminate()
        os.write(screen, b"\x1bq")
    print(f"{arguments.kept:,} kept, {arguments.rate:,} spans/s, {arguments.batch} a request: {busy:.1f}% of a core")
    if took:
        p50, p99 = (took[min(len(took) - 1, int(len(took) * part))] for part in (0.5, 0.99))
        print(f"key to screen p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
