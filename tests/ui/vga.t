#!/usr/bin/python3
"""The pictures of tests/ui/guest/vga.asm and vga2.asm: pixel by pixel as recorded (tests/ui/vga.sums), and as QEMU draws them where
QEMU is right. `vga.t --record` writes the record from vmm's pictures; look at them before."""
import hashlib
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tap import ok, plan, skip_all, wait_for, wait_for_file  # noqa: E402

BUILD = os.environ.get("VMM_BUILD", "build")
SUMS = "tests/ui/vga.sums"
NAMES = {
    "a": "text, 9 dots, all characters and colours", "b": "text, 8 dots, two fonts", "c": "mode 13h",
    "d": "320 x 400 in planes, latches", "e": "write modes 0, 2, 3", "f": "start address, panning, split",
    "g": "CGA 320 x 200", "h": "CGA 640 x 200", "i": "odd/even addressing", "j": "DAC and pixel mask",
    "k": "page flip", "l": "8 bits", "m": "15 bits", "n": "16 bits", "o": "24 bits", "p": "32 bits",
    "q": "virtual screen", "r": "2560 x 1600",
}
NAMES2 = {
    "2a": "mode 7, underlines", "2b": "40 columns", "2c": "50 lines of 8 x 8", "2d": "text scrolled by dots, split",
    "2e": "screen off", "2f": "mode 13h, start address, split", "2g": "360 x 480, unchained", "2h": "read mode 1",
    "2i": "640 x 350, EGA colours, a plane off", "2j": "lines of 1024 pixels, 16 colours",
    "2k": "VBE 102h, 4 bits", "2l": "VBE 101h, linear, DAC of 8 bits", "2m": "VBE 110h, 15 bits, linear",
    "2n": "VBE 114h, 16 bits, banks", "2o": "VBE 112h, 24 bits, linear", "2p": "VBE 144h, 32 bits, linear",
    "2q": "VBE 107h, 8 bits, banks", "2r": "VBE display start: second page", "2s": "VBE logical lines, display start",
    "2t": "2560 x 1600, 32 bits",
}
GUESTS = {"vga": NAMES, "vga2": NAMES2}
# Frames a second by the retrace bit, with the VGA's clocks and totals.
RETRACE = {"mode 3": 28322000 / (900 * 449), "mode 13h": 25175000 / (800 * 449), "mode 12h": 25175000 / (800 * 525)}
# Where QEMU 7.2 does not do as the VGA manual says.
QEMU_DIFFERS = {
    "i": "QEMU writes one plane of an odd/even pair only",
    "j": "QEMU has no pixel mask (port 3C6h)",
    "2b": "QEMU gives 40 columns 8 dots each",
    "2d": "QEMU neither pans nor splits text",
    "2e": "QEMU shows the picture though the sequencer has the screen off",
    "2k": "QEMU stays black",
}
# QEMU widens 6-bit colours by their lowest bit, not their highest, and 5-bit ones (15 bits a pixel) by zeros.
TOLERANCE = {"m": 7, "2m": 7}
TOLERANCE_DAC = 3


def split_picture(picture):
    _, size, _, pixels = picture.split(b"\n", 3)
    width, height = map(int, size.split())
    return width, height, pixels


def same_in_qemu(letter, ours, qemu):
    """Whether two pictures are the same but for what QEMU is known to do otherwise."""
    width, height, a = split_picture(ours)
    qemu_width, qemu_height, b = split_picture(qemu)
    if (width, height) != (qemu_width, qemu_height):
        return False
    if letter == "f":
        # QEMU has no panning: above the split its picture is ours 3 dots (6 pixels) to the left.
        rows = [(a[y * width * 3:(y * width + width - 16) * 3], b[(y * width + 6) * 3:((y + 1) * width - 10) * 3])
                for y in range(300)]
        a, b = b"".join(row[0] for row in rows), b"".join(row[1] for row in rows)
    limit = TOLERANCE.get(letter, TOLERANCE_DAC)
    different = [i // 3 for i, (p, q) in enumerate(zip(a, b)) if abs(p - q) > limit]
    if letter in ("a", "2a", "2c"):
        # QEMU draws B0h-BFh through into the ninth dot, too; the VGA does so with C0h-DFh only.
        lines = 8 if letter == "2c" else 16
        different = [i for i in different
                     if i % width % 9 != 8 or (i // width // lines * 80 + i % width // 9) % 256 & 0xf0 != 0xb0]
    return not different


class Machine:
    def __init__(self, work, name, image, *command):
        self.console = os.path.join(work, name + ".console")
        monitor = os.path.join(work, name + ".monitor")
        self.work = work
        self.name = name
        self.process = subprocess.Popen(
            [*command, "-display", "none", "-m", "32", "-net", "none", "-snapshot", "-drive",
             f"file={image},format=raw", "-debugcon", "file:" + self.console, "-monitor",
             f"unix:{monitor},server,nowait"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_file(monitor)
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.connect(monitor))

    def connect(self, path):
        try:
            self.socket.connect(path)
            return True
        except OSError:
            return False

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")
        while select.select([self.socket], [], [], 0)[0] and self.socket.recv(65536):
            pass

    def text(self):
        with open(self.console, encoding="latin-1") as f:
            return f.read()

    def wait_picture(self, letter):
        def there():
            with open(self.console, "rb") as f:
                return (letter[-1] + "\n").encode() in f.read()
        return wait_for(lambda: os.path.exists(self.console) and there())

    def picture(self, letter):
        """Width, height and pixels, once two dumps in a row are the same; between them there is time for some frames,
        since a start address is taken at the next one only."""
        last = None
        for attempt in range(20):
            path = os.path.join(self.work, f"{self.name}-{letter}{attempt}.ppm")
            self.say(f"screendump {path}")

            def complete():
                try:
                    with open(path, "rb") as f:
                        f.readline()
                        width, height = map(int, f.readline().split())
                        f.readline()
                        return len(f.read()) == width * height * 3
                except (OSError, ValueError):
                    return False

            if wait_for(complete, 10):
                with open(path, "rb") as f:
                    data = f.read()
                if data == last:
                    return data
                last = data
            time.sleep(0.15)
        return last

    def next(self):
        self.say("sendkey spc")


def compare(work, guest, record, sums):
    """The pictures of a guest; the machines that ran it, at its end."""
    image = os.path.join(BUILD, f"tests/ui/guest/{guest}.img")
    machines = [Machine(work, guest + "-vmm", image, os.path.join(BUILD, "vmm"), "-accel", "interp")]
    if shutil.which("qemu-system-x86_64"):
        machines.append(Machine(work, guest + "-qemu", image, "qemu-system-x86_64", "-accel", "tcg", "-vga", "std"))
    for letter, name in GUESTS[guest].items():
        pictures = [m.picture(letter) if m.wait_picture(letter) else None for m in machines]
        if pictures[0] is None:
            ok(False, name, "no picture")
            break
        sums[letter] = hashlib.sha256(pictures[0]).hexdigest()
        if "VMM_UI_PICTURES" in os.environ:
            for m, picture in zip(machines, pictures):
                with open(os.path.join(os.environ["VMM_UI_PICTURES"], f"{letter}-{m.name}.ppm"), "wb") as f:
                    f.write(picture or b"")
        if "--record" not in sys.argv:
            ok(sums[letter] == record.get(letter), f"{name}: as recorded")
        if len(pictures) > 1 and letter in QEMU_DIFFERS:
            ok(True, f"{name}: as in QEMU # SKIP {QEMU_DIFFERS[letter]}")
        elif len(pictures) > 1:
            ok(pictures[1] is not None and same_in_qemu(letter, *pictures), f"{name}: as in QEMU")
        for m in machines:
            m.next()
    return machines


def check_retrace(machine):
    """The median of 32 frames in 1/1193182 s, as the guest measured them: it may be late and miss some."""
    wait_for(lambda: ".\n" in machine.text())
    lines = [line.split()[1:] for line in machine.text().split("\n") if line.startswith("t ")]
    rates = [1193182 / max(sorted(int(word, 16) for word in line)[len(line) // 2], 1) for line in lines]
    ok(len(rates) == 3 and all(abs(rate / wanted - 1) < 0.03 for rate, wanted in zip(rates, RETRACE.values())),
       "the retrace bit comes with the rate of the mode's frames", f"{rates} {RETRACE}")


def main(work):
    if not all(os.path.exists(os.path.join(BUILD, f"tests/ui/guest/{guest}.img")) for guest in GUESTS):
        return skip_all("the guests are not built")
    record = {}
    if os.path.exists(SUMS):
        with open(SUMS, encoding="ascii") as f:
            record = dict(line.split() for line in f)
    sums = {}
    for guest in GUESTS:
        machines = compare(work, guest, record, sums)
        if guest == "vga2":
            check_retrace(machines[0])
        for m in machines:
            m.process.terminate()
            m.process.wait()
    if "--record" in sys.argv:
        with open(SUMS, "w", encoding="ascii") as f:
            f.writelines(f"{letter} {value}\n" for letter, value in sums.items())
    plan()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(main(directory))
