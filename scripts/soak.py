#!/usr/bin/env python3
"""Runs `planoai obs --json` under honest and hostile traffic and checks that its memory does not grow and no call is lost.

    scripts/soak.py [--minutes 60] [--rate 20000] [--seed 1]

`--minutes 2` is the form for CI. examples/flood sends honest spans at the given rate; meanwhile a second flood is killed
mid-stream repeatedly, and hostile clients send bombs, garbage, truncated requests, floods of HTTP/2 frames and attack
strings. All on loopback and bounded in time. At the end it checks:

* every accepted call of the honest flood and of the honest requests of hostile clients was written once, or reported
  as skipped by the writer;
* the counters of `--stats` agree: every span received ended in exactly one counter, all accepted calls were counted,
  all counted calls were written, and refused requests were counted as refused;
* resident memory and the number of open files do not grow after the warm-up;
* the program still answers, and exits with code 0 on a signal.

For Linux: memory is read from /proc.
"""

import argparse
import gzip
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from programs import release, resident

HOST = "127.0.0.1"
MIB = 1 << 20
# What may be added between the first and the last quarter after warming up.
GROWTH = 24 * MIB
FILES = 64
ATTACK = "\x1b]0;pwned\x07\x1b[?1049l\u202e\u009b2J" + "\u0301" * 50 + "\r\n=1+1"


class Lines(threading.Thread):
    """Reads the program's output, so that it never waits, and counts calls by their lines."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.calls, self.merged, self.bytes, self.controls = stream, 0, 0, 0, 0
        self.stats = []
        self.start()

    def run(self):
        rest = b""
        while chunk := self.stream.read1(MIB):
            whole, end, tail = (rest + chunk).rpartition(b"\n")
            lines = whole + end
            self.calls += lines.count(b'"revision":1,') + lines.count(b'"revision":1}')
            self.merged += lines.count(b'"merged":true')
            if b'{"stats":' in lines:
                self.stats += [json.loads(line)["stats"] for line in lines.split(b"\n") if line.startswith(b'{"stats":')]
            self.bytes += len(lines)
            self.controls += lines.count(b"\x1b") + lines.count(b"\xc2\x9b") + lines.count(b"\x07")
            rest = tail


class Program:
    def __init__(self, binary):
        arguments = ["obs", "--json", "--offline", "--host", HOST, "--port", "0", "--http-port", "0", "--stats=10s"]
        self.process = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = Lines(self.process.stdout)
        self.grpc, self.http = self.address(), self.address()
        self.said = []
        threading.Thread(target=self.listen, daemon=True).start()

    def address(self):
        for line in self.process.stderr:
            if found := re.search(rb"listening on 127\.0\.0\.1:(\d+)", line):
                return (HOST, int(found[1]))
        sys.exit("the program did not start")

    def listen(self):
        self.said.extend(line.decode(errors="replace").rstrip() for line in self.process.stderr)

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None
        self.lines.join(30)
        return code


def otlp(text, number):
    """One honest call in OTLP/JSON whose texts are hostile."""
    attribute = lambda key: {"key": key, "value": {"stringValue": text}}
    keys = ["gen_ai.response.model", "gen_ai.conversation.id", "gen_ai.provider.name", "user.id", "error.type"]
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number & (1 << 64) - 1:016x}",
        "name": text,
        "startTimeUnixNano": str(time.time_ns()),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}, *map(attribute, keys)],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def head(length, extra=""):
    return f"POST /v1/traces HTTP/1.1\r\nhost: a\r\n{extra}content-length: {length}\r\n\r\n".encode()


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
BOMB = gzip.compress(bytes(80 * MIB), 1)
JSON = "content-type: application/json\r\nconnection: close\r\n"
PROTOBUF = "content-type: application/x-protobuf\r\nconnection: close\r\n"


class Hostile(threading.Thread):
    """A client that does something different, and mostly bad, each time."""

    def __init__(self, program, seed, until):
        super().__init__(daemon=True)
        self.program, self.dice, self.until = program, random.Random(seed), until
        self.accepted, self.done, self.wrong = 0, 0, []
        self.start()

    def run(self):
        deeds = [self.attack, self.bomb, self.garbage, self.half, self.resets, self.pings, self.crowd, self.flood, self.slow]
        while time.monotonic() < self.until:
            try:
                self.dice.choice(deeds)()
            except OSError:
                # Being cut off is what a hostile client must expect.
                pass
            self.done += 1
            time.sleep(self.dice.uniform(0, 0.2))

    def connect(self, address):
        stream = socket.create_connection(address, 20)
        stream.settimeout(20)
        return stream

    def either(self):
        return self.dice.choice([self.program.grpc, self.program.http])

    def abort(self, stream):
        """Closes with a reset instead of an end."""
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()

    def post(self, request, status):
        with self.connect(self.program.http) as stream:
            stream.sendall(request)
            answer = stream.recv(4096)
        if answer and b" %d " % status not in answer.split(b"\r\n")[0]:
            self.wrong.append(f"{answer[:60]!r} instead of {status}")
        return answer

    def attack(self):
        text = ATTACK * self.dice.choice([1, 1, 10, 1000])
        number = self.dice.getrandbits(127) + 1
        body = otlp(text, number)
        if b" 200 " in self.post(head(len(body), JSON) + body, 200)[:20]:
            self.accepted += 1

    def bomb(self):
        self.post(head(len(BOMB), PROTOBUF + "content-encoding: gzip\r\n") + BOMB, 413)

    def garbage(self):
        with self.connect(self.either()) as stream:
            stream.sendall(self.dice.randbytes(self.dice.randrange(1, 65536)))
            stream.shutdown(socket.SHUT_WR)
            stream.recv(4096)

    def half(self):
        stream = self.connect(self.either())
        stream.sendall(head(100_000, JSON) + b"{" * self.dice.randrange(50_000))
        self.abort(stream)

    def resets(self):
        streams = (2 * nth + 1 for nth in range(2000))
        deed = b"".join(frame(1, 4, s, b"\x83\x86\x84") + frame(3, 0, s, bytes([0, 0, 0, 8])) for s in streams)
        with self.connect(self.either()) as stream:
            stream.sendall(PREFACE + deed)

    def pings(self):
        with self.connect(self.either()) as stream:
            stream.sendall(PREFACE + frame(6, 0, 0, bytes(8)) * 20_000)

    def crowd(self):
        crowd = [self.connect(self.either()) for _ in range(100)]
        for stream in crowd:
            self.abort(stream)

    def flood(self):
        # 200,000 empty spans: more than a request may bring.
        spans = b"\x12\x00" * 200_000
        for tag in (0x12, 0x0A):
            size, length = len(spans), b""
            while size > 127:
                length, size = length + bytes([size & 127 | 128]), size >> 7
            spans = bytes([tag]) + length + bytes([size]) + spans
        self.post(head(len(spans), PROTOBUF) + spans, 413)

    def slow(self):
        with self.connect(self.either()) as stream:
            for byte in head(10, JSON)[:20]:
                stream.send(bytes([byte]))
                time.sleep(0.05)


class Killed(threading.Thread):
    """A flood that never ends well: killed mid-stream, over and over."""

    def __init__(self, program, flood, seed, until):
        super().__init__(daemon=True)
        self.program, self.flood, self.dice, self.until, self.killed = program, flood, random.Random(seed), until, 0
        self.start()

    def run(self):
        to = "%s:%d" % self.program.grpc
        while time.monotonic() < self.until - 3:
            options = ["--to", to, "--rate", "1000", "--batch", "100", "--one-llm-in", "1000", "--at-most", "20s"]
            process = subprocess.Popen([self.flood, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.dice.uniform(0.2, 2))
            process.kill()
            process.wait()
            self.killed += 1


def honest(program, flood, rate, seconds):
    """Starts the honest flood: every span is a call."""
    options = ["--to", "%s:%d" % program.grpc, "--rate", str(rate), "--spans", str(rate * seconds), "--batch", "500"]
    return subprocess.Popen([flood, *options, "--at-most", f"{seconds}s"], stdout=subprocess.PIPE, text=True)


def account(stats, wanted, written, at_most):
    """What is wrong with the program's own account."""
    if not stats:
        return ["no account was written"]
    wrong = []
    for one in stats:
        ends = sum(one[key] for key in ("llm_calls", "merged", "not_llm", "rejected", "spans_refused"))
        if one["spans_received"] != ends:
            wrong.append(f"{one['spans_received']} spans received, {ends} accounted for")
    last = stats[-1]
    if not wanted <= last["llm_calls"] <= at_most:
        wrong.append(f"{wanted} calls accepted, {last['llm_calls']} counted")
    if last["llm_calls"] != written:
        wrong.append(f"{last['llm_calls']} calls counted, {written} written")
    if last["requests_refused"] == 0:
        wrong.append("hostile requests were not counted as refused")
    return wrong[:5]


def middle(samples):
    return sorted(samples)[len(samples) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=20_000, help="honest spans a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seconds = max(20, round(options.minutes * 60))
    planoai, flood = release("--bin", "planoai"), release("--example", "flood")

    program = Program(planoai)
    until = time.monotonic() + seconds
    sender = honest(program, flood, options.rate, seconds)
    clients = [Hostile(program, options.seed + nth, until) for nth in range(4)]
    killer = Killed(program, flood, options.seed, until)
    memory = []
    while time.monotonic() < until and program.process.poll() is None:
        memory.append(resident(program.process.pid))
        time.sleep(1)
    report = sender.communicate(timeout=60)[0]
    for thread in [*clients, killer]:
        thread.join(60)

    failures = [wrong for client in clients for wrong in client.wrong[:3]]
    check = lambda holds, what: holds or failures.append(what)
    alive = program.process.poll() is None
    check(alive, "the program died")
    if alive:
        last = Hostile(program, 0, 0)
        last.join()
        last.attack()
        check(last.accepted == 1, "the program does not answer any more")
        # Connections that were cut off need a moment to be let go of.
        deadline = time.monotonic() + 30
        while program.files() > FILES and time.monotonic() < deadline:
            time.sleep(0.5)
        check(program.files() <= FILES, f"{program.files()} files are still open")
        clients.append(last)
    code = program.end()
    check(code == 0, f"exit code {code}")

    found = re.search(r"accepted (\d+) spans", report or "")
    accepted = int(found[1]) if found else 0
    check(accepted > 0, f"the honest flood failed: {report!r}")
    wanted = accepted + sum(client.accepted for client in clients)
    # The killed floods send a call with each 1,000 spans, and what was accepted of them nobody knows.
    unknown = killer.killed * 60
    skipped = sum(int(number) for line in program.said for number in re.findall(r"(\d+) calls were evicted", line))
    written = program.lines.calls - program.lines.merged + skipped
    check(wanted <= written <= wanted + unknown, f"{wanted} calls accepted, {written} written")
    failures += account(program.lines.stats, wanted, written, wanted + unknown)
    check(program.lines.controls == 0, "control characters in the output")

    warm = memory[len(memory) // 3 :]
    quarter = max(1, len(warm) // 4)
    before, after = middle(warm[:quarter]), middle(warm[-quarter:])
    check(after - before <= GROWTH, f"memory grew from {before // MIB} to {after // MIB} MiB")

    print(report.strip())
    print(f"calls accepted {wanted}, written {written} (at most {unknown} of killed clients), {program.lines.bytes // MIB} MiB")
    print(f"accounts checked {len(program.lines.stats)}")
    print(f"hostile deeds {sum(client.done for client in clients)}, clients killed {killer.killed}")
    print(f"memory {before // MIB} -> {after // MIB} MiB, at most {max(memory) // MIB} MiB; exit code {code}")
    for line in program.said[-3:]:
        print(f"it said: {line}")
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
