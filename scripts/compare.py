#!/usr/bin/env python3
"""Loads collectors on this machine in turn and prints one table.

    scripts/compare.py [--spans N] [--console VENV] [--batch N] [--one-llm-in N] [--rounds N]

Runs examples/flood against `planoai obs --json` (its stdout thrown away), against a tonic server that discards
every byte, as tokio runs it by default and on a single thread, and, when a virtual environment with the Python
package `planoai` is given, against the Python console's collector. All on loopback, one after the other, in
several rounds, each run bounded. CPU and resident memory are read from /proc, so this is for Linux. Figures are
medians of the rounds, with the least and the most. What counts are the ratios within one table: absolute times
depend on the machine.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")

DISCARDING = "discarding server"

PYTHON_COLLECTOR = """
import sys, time
from planoai.obs.collector import LLMCallStore, ObsCollector
collector = ObsCollector(store=LLMCallStore(capacity=1000), host="127.0.0.1", port=int(sys.argv[1]))
collector.start()
print("listening on 127.0.0.1:" + sys.argv[1], file=sys.stderr, flush=True)
time.sleep(600)
"""


def release(kind, name):
    subprocess.run(["cargo", "build", "--quiet", "--release", kind, name], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return target / ("examples" if kind == "--example" else "") / name


def usage(pid):
    """CPU seconds and resident MiB of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
    return (int(stat[11]) + int(stat[12])) / TICKS, resident


def measure(name, server, flood, options):
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            found = re.search(r"listening on (\S+)", line)
            if found:
                break
        else:
            sys.exit(f"{name} did not start")
        before, _ = usage(process.pid)
        sent = subprocess.run([flood, "--to", found.group(1), *options], capture_output=True, text=True, check=True).stdout
        accepted, took = re.search(r"accepted (\d+) .*, ([\d.]+) s,", sent).groups()
        time.sleep(0.5)
        cpu, resident = usage(process.pid)
        return name, int(accepted), float(took), cpu - before, resident
    finally:
        process.terminate()
        process.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--console-spans", type=int, default=50_000, help="the Python console gets fewer")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--one-llm-in", type=int, default=1)
    parser.add_argument("--capacity", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--console", metavar="VENV", help="virtual environment with `planoai` from PyPI")
    arguments = parser.parse_args()

    flood, discard = release("--example", "flood"), release("--example", "discard")
    program = release("--bin", "planoai")
    shape = ["--batch", str(arguments.batch), "--one-llm-in", str(arguments.one_llm_in)]
    obs = [program, "obs", "--json", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off", "--filter", "model:none"]
    servers = {
        DISCARDING: [discard],
        "... on one thread": [discard, "--threads", "1"],
        "planoai obs": [*obs, "--capacity", str(arguments.capacity)],
    }
    load = [*shape, "--spans", str(arguments.spans)]
    results = [measure(name, server, flood, load) for _ in range(arguments.rounds) for name, server in servers.items()]
    if arguments.console:
        console = [f"{arguments.console}/bin/python", "-c", PYTHON_COLLECTOR, "4399"]
        results.append(measure("Python console", console, flood, [*shape, "--spans", str(arguments.console_spans)]))
    report(results)


def report(results):
    def each(name):
        return [cpu / accepted * 1e6 for other, accepted, _, cpu, _ in results if other == name]

    floor = statistics.median(each(DISCARDING))
    print(f"{'collector':<20}{'spans/s':>12}{'CPU s/million':>15}{'least':>8}{'most':>8}{'ratio':>8}{'RSS MiB':>10}")
    for name in dict.fromkeys(name for name, *_ in results):
        cpu = statistics.median(each(name))
        rate = max(accepted / took for other, accepted, took, _, _ in results if other == name)
        resident = max(resident for other, *_, resident in results if other == name)
        spread = f"{min(each(name)):>8.2f}{max(each(name)):>8.2f}"
        print(f"{name:<20}{rate:>12,.0f}{cpu:>15.2f}{spread}{cpu / floor:>8.2f}{resident:>10.1f}")


if __name__ == "__main__":
    main()
