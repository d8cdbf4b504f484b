#!/usr/bin/env python3
"""Draws assets/screenshots/obs.svg from the output of the program.

    pip install rich; scripts/screenshot.py [--columns 140 --rows 38] [--keys "Down Down Enter"] [--out FILE]

Runs `planoai obs --demo` in tmux, presses keys, captures the screen with its colours and draws it as SVG.
"""

import argparse
import os
import subprocess
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
SESSION = "planoai-screenshot"

THEME = TerminalTheme(
    (16, 20, 28),
    (205, 211, 222),
    [(30, 34, 42), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194), (171, 178, 191)],
    [(92, 99, 112), (240, 130, 138), (170, 214, 140), (240, 208, 146), (125, 194, 250), (214, 146, 236), (110, 204, 214), (230, 234, 240)],
)

# The fonts of the reader's own machine: nothing is fetched when the picture is shown.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}<g class="{unique_id}-matrix" xml:space="preserve">{matrix}</g></g>
</svg>"""


def tmux(*arguments):
    return subprocess.run(["tmux", *arguments], check=True, capture_output=True, text=True).stdout


def capture(program, columns, rows, keys, seconds):
    command = f"{program} obs --demo --offline --host 127.0.0.1"
    environment = ["-e", "COLORTERM=truecolor", "-e", "LC_ALL=C.UTF-8"]
    tmux("new-session", "-d", "-s", SESSION, "-x", str(columns), "-y", str(rows), *environment, command)
    try:
        time.sleep(seconds)
        for key in keys:
            tmux("send-keys", "-t", SESSION, key)
            time.sleep(0.7)
        return tmux("capture-pane", "-t", SESSION, "-e", "-p")
    finally:
        tmux("kill-session", "-t", SESSION)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=140)
    parser.add_argument("--rows", type=int, default=38)
    parser.add_argument("--keys", default="")
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--program", default=Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "planoai")
    parser.add_argument("--out", default=ROOT / "assets" / "screenshots" / "obs.svg")
    arguments = parser.parse_args()
    screen = capture(arguments.program, arguments.columns, arguments.rows, arguments.keys.split(), arguments.seconds)
    console = Console(record=True, width=arguments.columns, file=open(os.devnull, "w"), force_terminal=True, color_system="truecolor")
    for line in screen.rstrip("\n").split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=False)
    Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
    svg = console.export_svg(title="planoai obs --demo", theme=THEME, code_format=FORMAT)
    # Renderers drop leading no-break spaces but keep plain ones under xml:space="preserve".
    Path(arguments.out).write_text(svg.replace("&#160;", " "))


if __name__ == "__main__":
    main()
