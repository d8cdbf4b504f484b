"""Building this project's programs, and what a running one takes. For Linux: memory is read from /proc."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `planoai obs` by itself on loopback, `--port` still to be said.
OBS = ["obs", "--offline", "--host", "127.0.0.1", "--http-port", "off"]


def release(kind, name):
    """The path of `--bin NAME` or `--example NAME`, built as it is released."""
    subprocess.run(["cargo", "build", "--quiet", "--release", kind, name], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return target / ("examples" if kind == "--example" else "") / name


def cpu(pid):
    """Seconds that the threads of a process have run, those that ended among them: clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def resident(pid):
    """Bytes of resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


class Server:
    """A running collector and its addresses."""

    def __init__(self, name, command):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self.name = name
        self.process = subprocess.Popen(command, **quiet, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        lines = (re.search(r"listening on (\S+:\d+)", line) for line in self.process.stderr)
        found = next(filter(None, lines), None) or sys.exit(f"{name} did not start")
        self.address = found.group(1)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
