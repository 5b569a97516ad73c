#!/usr/bin/env python3
"""Runs the CPU loops of tests/bench/guest in vmm, in Debian's Bochs and in QEMU's TCG, and compares them.

    tests/bench/loops.py [-r ROUNDS] [-o DOCUMENT] [LOOP or GROUP ...]

The emulators boot the same disk image and wait at the serial port for the number of a loop and of passes. What is
measured is the CPU time of the emulator's process between two marks that the guest sends; the clocks of the guests
play no part. The emulators take turns and are stopped while it is not their turn. Each loop is first scaled to runs of about
TARGET seconds; the best of all rounds counts. With -o DOCUMENT (and all loops) a page with a table and a plot is
written. A peer that is not installed is left out.

Environment: VMM_BUILD (default build); VMM, BOCHS, QEMU: the programs.
"""
import argparse
import glob
import math
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tty

BUILD = os.environ.get("VMM_BUILD", "build")
IMAGE = os.path.join(BUILD, "tests/bench/guest/loops.img")
TARGET = 0.12
BOCHS_SHARE = "/usr/share/bochs"

BOCHS_CONFIG = """\
display_library: rfb, options="timeout=0"
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
megs: 64
cpu: model=corei7_haswell_4770, count=1, ips=4000000
clock: sync=none
ata0-master: type=disk, path="{image}", mode=flat, cylinders=8, heads=16, spt=32
boot: disk
com1: enabled=1, mode=term, dev={tty}
log: {log}
panic: action=fatal
"""


class Failed(Exception):
    """An emulator did not do what was asked."""


class Emulator:
    """A running emulator; stopped whenever it is not measured."""

    def __init__(self, name, title, program):
        self.name, self.title, self.program = name, title, program
        self.process = None
        self.directory = tempfile.TemporaryDirectory(prefix="vmm-bench-")

    def command(self, tty_name):
        options = ["-m", "64", "-cpu", "max", "-display", "none", "-monitor", "none", "-net", "none", "-serial",
                   tty_name]
        drive = ["-drive", f"file={IMAGE},format=raw,snapshot=on"]
        return [self.program] + (["-accel", "tcg"] if self.name == "qemu" else []) + options + drive

    def start(self):
        master, slave = pty.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        self.channel, self.slave, self.text = master, slave, b""
        log = open(os.path.join(self.directory.name, "output"), "wb")
        self.process = subprocess.Popen(self.command(os.ttyname(slave)), stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, start_new_session=True)
        self.wait_line("ready", 60)
        self.pause()

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            os.close(self.channel)
            os.close(self.slave)
            self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            states = [line.rsplit(")", 1)[1].split()[0] for line in self.of_threads("stat")]
            if all(state in "TtZX" for state in states):
                return

    def of_threads(self, name):
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/{name}"):
            try:
                with open(path) as file:
                    yield file.read()
            except OSError:
                pass

    def cpu_time(self):
        """Of all its threads, running or not: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def wait_text(self, mark, seconds):
        """Reads until one of the bytes of mark is there."""
        deadline = time.monotonic() + seconds
        while not any(byte in self.text for byte in mark):
            if self.process.poll() is not None:
                raise Failed(f"{self.title} ended: {self.last_output()}")
            if time.monotonic() > deadline:
                raise Failed(f"{self.title}: no answer in {seconds} s")
            if select.select([self.channel], [], [], 0.2)[0]:
                self.text += os.read(self.channel, 4096)

    def read_line(self, seconds):
        self.wait_text(b"\n", seconds)
        line, self.text = self.text.split(b"\n", 1)
        return line.decode("latin-1").strip()

    def wait_line(self, wanted, seconds):
        while self.read_line(seconds) != wanted:
            pass

    def last_output(self):
        with open(os.path.join(self.directory.name, "output"), errors="replace") as file:
            text = file.read()
        reason = re.search(r"following message:\n(.*)", text)
        return reason[1] if reason else (text.strip().splitlines() or ["(no message)"])[-1]

    def send(self, text):
        os.write(self.channel, text.encode())
        self.process.send_signal(signal.SIGCONT)

    def loops(self):
        """The names of the loops, as (group, name)."""
        self.send("l\n")
        lines = []
        while True:
            line = self.read_line(20)
            if line == ".":
                self.pause()
                return lines
            lines.append(tuple(line.split()))

    def run(self, number, passes):
        """Seconds of CPU time and the checksum."""
        self.send(f"r {number} {passes}\n")
        self.wait_text(b"+", 60)
        begin = self.cpu_time()
        self.wait_text(b"=!", 60)
        end = self.cpu_time()
        answer = self.read_line(10)
        self.pause()
        if not answer.startswith("+= "):
            raise Failed(f"{self.title}: answer '{answer}'")
        return end - begin, answer[3:]

    def version(self):
        text = subprocess.run([self.program, "--help" if self.name == "bochs" else "--version"],
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        found = re.search(r"\d+\.[\d.]*\d", re.search(r"(?i)(emulator|version|vmm).*", text.stdout + text.stderr)[0])
        return found[0] if found else "?"


class Bochs(Emulator):
    def command(self, tty_name):
        directory = self.directory.name
        image = os.path.join(directory, "loops.img")
        shutil.copy(IMAGE, image)
        for lock in glob.glob(image + ".*"):
            os.unlink(lock)  # left by one that was killed
        config, commands = os.path.join(directory, "bochsrc"), os.path.join(directory, "commands")
        with open(config, "w") as file:
            file.write(BOCHS_CONFIG.format(share=BOCHS_SHARE, image=image, tty=tty_name,
                                           log=os.path.join(directory, "log")))
        with open(commands, "w") as file:
            file.write("c\n")
        usage = subprocess.run([self.program, "--help"], capture_output=True, text=True, errors="replace",
                               stdin=subprocess.DEVNULL)
        debugger = ["-rc", commands] if "-rc " in usage.stdout + usage.stderr else []
        return [self.program, "-q", "-f", config] + debugger


def find_emulators():
    found = [Emulator("vmm", "vmm", os.environ.get("VMM", os.path.join(BUILD, "vmm")))]
    peers = [(Bochs, "bochs", "Bochs", "bochs", "bochs, bochsbios, vgabios"),
             (Emulator, "qemu", "QEMU", "qemu-system-x86_64", "qemu-system-x86")]
    for kind, name, title, program, packages in peers:
        path = shutil.which(os.environ.get(name.upper(), program))
        if path is None or (kind is Bochs and not os.path.exists(f"{BOCHS_SHARE}/BIOS-bochs-latest")):
            print(f"loops: {title} is not installed (Debian: {packages}); its column stays empty", file=sys.stderr)
        else:
            found.append(kind(name, title, path))
    return found


def message(text):
    print(text, file=sys.stderr, flush=True)


def scaled(emulator, number):
    """How many passes take about TARGET seconds, and the checksum of one."""
    seconds, checksum = emulator.run(number, 1)
    passes = 1
    while seconds < TARGET / 3:
        passes = max(2 * passes, min(50 * passes, int(passes * 0.8 * TARGET / max(seconds, 1e-6))))
        seconds, _ = emulator.run(number, passes)
    return max(1, int(passes * TARGET / seconds)), checksum


def measure(emulators, number, rounds):
    """{emulator name: seconds per pass}, {name: checksum}"""
    passes, best, checksums = {}, {}, {}
    for e in emulators:
        try:
            passes[e.name], checksums[e.name] = scaled(e, number)
        except Failed as error:
            restart(e, error)
    for _ in range(rounds):
        for e in emulators:
            if e.name not in passes:
                continue
            try:
                seconds = e.run(number, passes[e.name])[0] / passes[e.name]
                best[e.name] = min(best.get(e.name, seconds), seconds)
            except Failed as error:
                restart(e, error)
                del passes[e.name]
    return best, checksums


def restart(emulator, error):
    message(f"loops: {error}")
    emulator.close()
    emulator.start()


def mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio(row, peer):
    """How many times faster vmm is than the peer."""
    best = row["best"]
    return best[peer] / best["vmm"] if peer in best and "vmm" in best else None


def show(value):
    return "-" if value is None else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def summary(rows, peers):
    """[(group, loops, {peer: geometric mean})], the last for all."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    result = []
    for group in groups + ["all"]:
        of_group = [row for row in rows if group in (row["group"], "all")]
        means = {peer: mean(r for r in (ratio(row, peer) for row in of_group) if r) for peer in peers}
        result.append((group, len(of_group), means))
    return result


# ---- the page ----

INTRODUCTION = """\
# Performance

Written by `make bench` (`tests/bench/loops.py`); do not edit.

The same {count} loops run in `vmm` (its interpreter), in Bochs {bochs} and in QEMU {qemu} (`-accel tcg`), each in a bare machine
booted from the disk image of `tests/bench/guest`. What counts is the CPU time of the emulator's process between
a command on the serial line and the answer; the emulators take turns, the best of {rounds} runs of about {target} ms is taken.
Measured on {cpu}, {date}. Single rows are good to about 15 %.

A number is how many times faster `vmm` is than the peer: above 1 `vmm` is faster.

![Speed of vmm against the peers by groups](images/performance.svg)
"""

GROUP_NOTES = {
    "integer": "arithmetic, multiply, divide, hashes, bit manipulation",
    "branches": "sorting, a bytecode interpreter, calls, indirect calls, byte loops",
    "memory": "`rep` strings, word and SSE copies, pointer chases, updates",
    "float": "SSE and x87",
    "simd": "SSE, AES, AVX2, FMA",
    "code": "patched immediates, code written at run time, data beside code",
    "system": "system calls, interrupts, page faults, CR3, ports, text screen",
    "32-bit": "protected mode, flat segments",
    "16-bit": "real mode",
}


def table(header, lines):
    text = "| " + " | ".join(header) + " |\n|" + "|".join("---" if i == 0 else "---:" for i in range(len(header))) + "|\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines)


def cpu_model():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"model name\s*: (.*)", file.read())
    return found[1] if found else "an unknown CPU"


def write_document(path, rows, emulators, rounds):
    peers = [e.name for e in emulators if e.name != "vmm"]
    titles = {e.name: e.title for e in emulators}
    versions = {e.name: e.version() for e in emulators}
    groups = summary(rows, peers)
    columns = [f"against {titles[p]}" for p in peers]
    text = INTRODUCTION.format(count=len(rows), bochs=versions.get("bochs", "(not installed)"),
                               qemu=versions.get("qemu", "(not installed)"), rounds=rounds, target=int(TARGET * 1000),
                               cpu=cpu_model(), date=time.strftime("%d %B %Y"))
    text += "\n## Groups (geometric means)\n\n"
    text += table(["group", "loops", *columns],
                  [[f"{group} ({GROUP_NOTES[group]})" if group in GROUP_NOTES else f"**{group}**", str(count),
                    *(show(means[p]) for p in peers)] for group, count, means in groups])
    text += "\n## Loops\n\nMicroseconds of CPU time for one pass of the loop; a pass means another thing in each loop.\n\n"
    text += table(["loop", "group", "vmm", *(titles[p] for p in peers), *columns],
                  [[row["name"], row["group"],
                    *(show(row["best"][e.name] * 1e6) if e.name in row["best"] else "-" for e in emulators),
                    *(show(ratio(row, p)) for p in peers)] for row in rows])
    differing = [row["name"] for row in rows if len(set(row["checksums"].values())) > 1]
    if differing:
        text += f"\nThe results of these loops are not the same in all emulators: {', '.join(differing)}.\n"
    with open(path, "w") as file:
        file.write(text)
    images = os.path.join(os.path.dirname(path), "images")
    os.makedirs(images, exist_ok=True)
    with open(os.path.join(images, "performance.svg"), "w") as file:
        file.write(plot(groups, [(p, titles[p]) for p in peers]))


def plot(groups, peers):
    """Horizontal bars on a logarithmic scale, one for each group and peer."""
    colours = {"bochs": "#3b6fb6", "qemu": "#d98032"}
    left, width, height = 90, 560, 22 + 16 * len(peers)
    values = [v for _, _, means in groups for v in means.values() if v]
    low = min(-1.0, math.floor(math.log10(min(values)))) if values else -1.0
    high = max(1.0, math.ceil(math.log10(max(values)))) if values else 1.0

    def x(value):
        return left + width * (math.log10(value) - low) / (high - low)

    bottom = 40 + height * len(groups)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{bottom + 40}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i, (peer, title) in enumerate(peers):
        lines.append(f'<rect x="{left + 150 * i}" y="10" width="12" height="12" fill="{colours[peer]}"/>'
                     f'<text x="{left + 150 * i + 18}" y="20">against {title}</text>')
    for exponent in range(int(low), int(high) + 1):
        at = x(10.0 ** exponent)
        lines.append(f'<line x1="{at:.1f}" y1="34" x2="{at:.1f}" y2="{bottom}" '
                     f'stroke="{"#000" if exponent == 0 else "#ccc"}"/>'
                     f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{10.0 ** exponent:g}</text>')
    lines.append(f'<text x="{left + width / 2}" y="{bottom + 34}" text-anchor="middle">'
                 'times faster than the peer (logarithmic)</text>')
    for i, (group, _, means) in enumerate(groups):
        top = 40 + height * i
        lines.append(f'<text x="{left - 8}" y="{top + 8 * len(peers) + 8}" text-anchor="end">{group}</text>')
        for j, (peer, _) in enumerate(peers):
            if means[peer]:
                begin, end = sorted((x(1), x(means[peer])))
                lines.append(f'<rect x="{begin:.1f}" y="{top + 4 + 16 * j}" width="{end - begin:.1f}" height="14" '
                             f'fill="{colours[peer]}"/><text x="{end + 4:.1f}" y="{top + 15 + 16 * j}">'
                             f'{show(means[peer])}</text>')
    return "\n".join(lines + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description="CPU loops in vmm, Bochs and QEMU.")
    parser.add_argument("-r", "--rounds", type=int, default=2)
    parser.add_argument("-o", "--output", metavar="DOCUMENT")
    parser.add_argument("-p", "--peers", help="peers to run, comma-separated (bochs,qemu); default: all there are")
    parser.add_argument("only", nargs="*", metavar="LOOP or GROUP")
    options = parser.parse_args()
    emulators = find_emulators()
    if options.peers is not None:
        emulators = [e for e in emulators if e.name in ["vmm", *options.peers.split(",")]]
    running = []
    try:
        for e in emulators:
            try:
                e.start()
                running.append(e)
            except Failed as error:
                message(f"loops: {error}; left out")
        if not running or running[0].name != "vmm":
            return 1
        loops = running[0].loops()
        peers = [e.name for e in running if e.name != "vmm"]
        print(f"{'loop':<14}{'group':<10}" + "".join(f"{e.title + ' us':>14}" for e in running) +
              "".join(f"{'x ' + p:>10}" for p in peers))
        rows = []
        for number, (group, name) in enumerate(loops):
            if options.only and group not in options.only and name not in options.only:
                continue
            best, checksums = measure(running, number, options.rounds)
            row = {"name": name, "group": group, "best": best, "checksums": checksums}
            rows.append(row)
            print(f"{name:<14}{group:<10}" +
                  "".join(f"{show(best[e.name] * 1e6) if e.name in best else '-':>14}" for e in running) +
                  "".join(f"{show(ratio(row, p)):>10}" for p in peers) +
                  ("" if len(set(checksums.values())) <= 1 else "   results differ"), flush=True)
        print()
        for group, count, means in summary(rows, peers):
            print(f"{group:<14}{str(count) + ' loops':<10}" + "".join(f"{'':>14}" for _ in running) +
                  "".join(f"{show(means[p]):>10}" for p in peers))
        if options.output and not options.only:
            write_document(options.output, rows, running, options.rounds)
        return 0 if all("vmm" in row["best"] for row in rows) else 1
    finally:
        for e in emulators:
            e.close()


if __name__ == "__main__":
    sys.exit(main())
