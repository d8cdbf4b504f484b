#!/usr/bin/env python3
"""Loads collectors on this machine in turn and prints one table.

    scripts/compare.py [--spans N] [--console VENV] [--batch N] [--one-llm-in N] [--rounds N]

Sends examples/flood to the collector of `planoai obs` (with a viewers' listener and no viewer), to `planoai obs --json`
with a filter that evaluates every call and matches none, to a tonic server that discards every byte, with tokio's
default runtime and on a single thread, and, given a virtual environment with the Python package `planoai`, to the
collector of the Python console. All servers run on loopback throughout; they are loaded one after the other, in many
short rounds, after a warm-up round that fills buffers and logs. CPU and resident memory are read from /proc.
Figures are medians of the rounds, with minimum and maximum. Compare the ratio, the median of the ratios of all rounds:
absolute times depend on the machine and on its other load. The ratio of the fastest rounds, printed beside it, is the
least affected by that load.
"""

import argparse
import operator
import re
import statistics
import subprocess
import time

from programs import OBS, Server, cpu, release, resident

MIB = 1 << 20
DISCARDING = "discarding server"
CONSOLE = "Python console"

PYTHON_COLLECTOR = """
import sys, time
from planoai.obs.collector import LLMCallStore, ObsCollector
collector = ObsCollector(store=LLMCallStore(capacity=1000), host="127.0.0.1", port=int(sys.argv[1]))
collector.start()
print("listening on 127.0.0.1:" + sys.argv[1], file=sys.stderr, flush=True)
time.sleep(600)
"""


def take(server, load):
    """CPU seconds per million spans of this load, and the spans that the server takes a second."""
    before = cpu(server.pid)
    sent = subprocess.run([*load, "--to", server.address], capture_output=True, text=True, check=True).stdout
    accepted, took = re.search(r"accepted (\d+) .*, ([\d.]+) s,", sent).groups()
    # What was accepted may still be on its way into the store.
    time.sleep(0.2)
    return (cpu(server.pid) - before) / int(accepted) * 1e6, int(accepted) / float(took)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=300_000, help="spans a round")
    parser.add_argument("--console-spans", type=int, default=30_000, help="the Python console gets fewer")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--one-llm-in", type=int, default=1)
    parser.add_argument("--capacity", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--console", metavar="VENV", help="virtual environment with `planoai` from PyPI")
    arguments = parser.parse_args()

    flood, discard = release("--example", "flood"), release("--example", "discard")
    program = release("--bin", "planoai")
    obs = [program, *OBS, "--port", "0", "--capacity", str(arguments.capacity)]
    commands = {
        DISCARDING: [discard],
        "... on one thread": [discard, "--threads", "1"],
        "planoai obs": [*obs, "--serve-viewers", "127.0.0.1:0"],
        "... --json": [*obs, "--json", "--filter", "model:none"],
    }
    if arguments.console:
        commands[CONSOLE] = [f"{arguments.console}/bin/python", "-c", PYTHON_COLLECTOR, "4399"]

    def load(server):
        spans = arguments.console_spans if server.name == CONSOLE else arguments.spans
        shape = ["--batch", str(arguments.batch), "--one-llm-in", str(arguments.one_llm_in)]
        return [flood, *shape, "--spans", str(spans)]

    servers = []
    try:
        for name, command in commands.items():
            servers.append(Server(name, command))
        rounds = [[take(server, load(server)) for server in servers] for _ in range(arguments.rounds + 1)]
        report(servers, rounds[1:])
    finally:
        for server in servers:
            server.stop()


def report(servers, rounds):
    heads = f"{'CPU s/million':>15}{'least':>8}{'most':>8}{'ratio':>8}{'of least':>10}"
    print(f"{'collector':<20}{'spans/s':>12}{heads}{'RSS MiB':>10}")
    floor = [takes[0][0] for takes in rounds]
    for server, takes in zip(servers, zip(*rounds)):
        each, rates = zip(*takes)
        median = statistics.median(each)
        ratio = statistics.median(map(operator.truediv, each, floor))
        spread = f"{min(each):>8.2f}{max(each):>8.2f}"
        undisturbed = min(each) / min(floor)
        memory = resident(server.pid) / MIB
        ratios = f"{ratio:>8.2f}{undisturbed:>10.2f}"
        print(f"{server.name:<20}{max(rates):>12,.0f}{median:>15.2f}{spread}{ratios}{memory:>10.1f}")


if __name__ == "__main__":
    main()
