"""Building this project's programs, and what a running one takes. For Linux: memory is read from /proc."""

import os
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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
