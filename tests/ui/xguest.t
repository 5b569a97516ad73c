#!/usr/bin/python3
"""A Debian guest with X.org, twm and xterm (tests/ui/make-xguest DIR), used through the window as a person would.

VMM_XGUEST names DIR; without it, or without Xvfb and xdotool, the test is skipped. VMM_XGUEST_PICTURE names a file
for a picture of the window at the end. The guest runs twice: with the relative mouse, which a click grabs, and with
the absolute pointer, which needs no grab. VMM_UI=all types 10,000 characters into a terminal and goes to every column
and row of pixels.
"""
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tap import ok, plan, skip_all, wait_for, xdotool  # noqa: E402

BUILD = os.environ.get("VMM_BUILD", "build")
GUEST = os.environ.get("VMM_XGUEST", "")
LONG = os.environ.get("VMM_UI") == "all"
BACKGROUND, WHITE = (0x2e, 0x5e, 0x7e), (255, 255, 255)
BOOT_SECONDS = 600


class Screen:
    """The guest's screen by the monitor's screendump."""

    def __init__(self, path, work):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = os.path.join(work, "screen.ppm")

    def pixel(self, x, y):
        if os.path.exists(self.file):
            os.remove(self.file)
        self.socket.sendall(f"screendump {self.file}\n".encode())
        if not wait_for(lambda: os.path.exists(self.file) and os.path.getsize(self.file) > 1000, 10):
            return None
        time.sleep(0.2)
        with open(self.file, "rb") as f:
            f.readline()
            width, height = map(int, f.readline().split())
            f.readline()
            data = f.read()
        if x >= width or y >= height:
            return None
        return tuple(data[(y * width + x) * 3:(y * width + x) * 3 + 3])


def use_relative(window, screen, _serial):
    def move(dx, dy):
        xdotool("mousemove_relative", "--", dx, dy)
        time.sleep(0.7)

    place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", window).split())
    ok((int(place["WIDTH"]), int(place["HEIGHT"])) == (1024, 768), "the window has the size of the guest's screen",
       str(place))
    ok(screen.pixel(400, 600) == BACKGROUND and screen.pixel(400, 300) == WHITE, "the desktop is there")
    xdotool("mousemove", int(place["X"]) + 512, int(place["Y"]) + 400, "click", 1)
    time.sleep(1)
    ok("Ctrl-Alt-G" in xdotool("getwindowname", window), "a click takes the mouse")
    # X puts the pointer into the middle of the screen: 512, 384.
    move(0, 216)
    xdotool("mousedown", 1)
    time.sleep(1)
    move(10, 20)
    xdotool("mouseup", 1)
    ok(wait_for(lambda: screen.pixel(800, 500) == WHITE, 60), "a terminal opens from the menu",
       str(screen.pixel(800, 500)))
    move(0, -120)
    xdotool("type", "--delay", "60", "uname -srm; echo -e '\\e[44m        \\e[0m'")
    xdotool("key", "Return")

    def has_blue():
        # The coloured blanks are in the third line or, where the command was wrapped, a line below.
        return any(sum(screen.pixel(330, y) or (255,)) < 300 and screen.pixel(330, y) != (0, 0, 0)
                   for y in range(375, 425, 5))

    ok(wait_for(has_blue, 60), "what is typed is carried out")
    # The first terminal, by its title bar, 60 to the right and 40 up.
    move(-322, -409)
    xdotool("mousedown", 1)
    time.sleep(0.5)
    for _ in range(4):
        move(15, -10)
    xdotool("mouseup", 1)
    ok(wait_for(lambda: screen.pixel(80, 250) == BACKGROUND and screen.pixel(730, 250) == WHITE, 30),
       "a window is moved by its title", f"{screen.pixel(80, 250)} {screen.pixel(730, 250)}")


def serial_text(path):
    with open(path, encoding="latin-1") as f:
        return f.read()


def enter(line):
    """Types a line that is not looked at character by character."""
    xdotool("type", "--delay", "40", line)
    xdotool("key", "Return")


def type_much(serial):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:-_!?()[]{}/\\'\"+=*&%$#@<>|~^`"
    random.seed(6)
    lines = ["".join(random.choice(letters) for _ in range(99)) for _ in range(100 if LONG else 4)]
    text = "\n".join(lines) + "\n"
    enter("cat >/tmp/t; md5sum </tmp/t >/dev/ttyS0")
    time.sleep(2)
    for line in lines:
        # xdotool leaves a newline at the end out.
        subprocess.run(["xdotool", "type", "--delay", "12", "--file", "-"], input=line, text=True, check=False)
        xdotool("key", "Return")
    time.sleep(3)
    xdotool("key", "ctrl+d")
    wanted = hashlib.md5(text.encode()).hexdigest()
    found = wait_for(lambda: re.search("[0-9a-f]{32}  -", serial_text(serial)), 120)
    whole = found and wanted in serial_text(serial)
    why = ""
    if found and not whole:
        enter("cat /tmp/t >/dev/ttyS0; echo end of text >/dev/ttyS0")
        wait_for(lambda: "end of text" in serial_text(serial), 60)
        arrived = serial_text(serial).replace("\r", "").split("  -\n")[-1].split("end of text")[0].split("\n")
        why = "\n".join(f"{a!r} became {b!r}" for a, b in zip(lines, arrived) if a != b)
    ok(whole, f"{len(text)} characters arrive whole in a terminal", why)


def point(serial, place):
    """Where X sees the pointer, on every column and every row."""
    enter("where >/dev/ttyS0")
    ok(wait_for(lambda: "where 1024 768" in serial_text(serial), 60), "the guest tells where it sees the pointer")
    step = 1 if LONG else 61
    wanted = [(x, x * 767 // 1023) for x in range(0, 1024, step)] + [(1023 - y, y) for y in range(0, 768, step)]
    missing = []
    with open(serial, encoding="latin-1") as f:
        f.seek(0, os.SEEK_END)
        text = ""

        def seen():
            nonlocal text
            text = (text + f.read())[-200:]
            lines = text.split("\n")[:-1]
            return lines[-1].split() if lines else None

        for x, y in wanted:
            xdotool("mousemove", int(place["X"]) + x, int(place["Y"]) + y)
            if not wait_for(lambda: seen() == [str(x), str(y)], 5):
                missing.append((x, y))
    xdotool("click", 1)
    ok(not missing, f"X in the guest sees the pointer where it is, at {len(wanted)} pixels", str(missing[:10]))
    ok(wait_for(lambda: "where button" in serial_text(serial), 30), "a click arrives without a grab")


def use_absolute(window, screen, serial):
    place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", window).split())
    at = lambda x, y: (int(place["X"]) + x, int(place["Y"]) + y)
    xdotool("mousemove", *at(300, 700), "sleep", 1, "mousedown", 1, "sleep", 1)
    # The menu opens around the pointer, its first line below the title.
    xdotool("mousemove", *at(310, 720), "sleep", 1, "mouseup", 1)
    ok(wait_for(lambda: screen.pixel(800, 500) == WHITE, 60), "a terminal opens from the menu, without a grab",
       str(screen.pixel(800, 500)))
    ok("Ctrl-Alt-G" not in xdotool("getwindowname", window), "the mouse was not taken")
    xdotool("mousemove", *at(600, 500), "sleep", 2)
    type_much(serial)
    enter("printf '\\ec'; uname -a; ls --color=always /; df -h /; head -5 /proc/cpuinfo")
    time.sleep(4)
    point(serial, place)
    xdotool("mousemove", *at(500, 91), "sleep", 1, "mousedown", 1, "sleep", 0.5)
    for i in range(1, 5):
        xdotool("mousemove", *at(500 + 15 * i, 91 - 10 * i), "sleep", 0.3)
    xdotool("mouseup", 1)
    ok(wait_for(lambda: screen.pixel(80, 250) == BACKGROUND and screen.pixel(770, 250) == WHITE, 30),
       "a window is moved by its title, without a grab", f"{screen.pixel(80, 250)} {screen.pixel(770, 250)}")


def main(work):
    missing = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
    if missing or not os.path.exists(os.path.join(GUEST, "x.img")):
        return skip_all(missing[0] + " is not installed" if missing else "VMM_XGUEST names no guest")
    number = 70
    while os.path.exists(f"/tmp/.X{number}-lock"):
        number += 1
    server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "1280x1024x24"], stderr=subprocess.DEVNULL)
    os.environ.update(DISPLAY=f":{number}", XDG_STATE_HOME=work, SDL_AUDIODRIVER="dummy")
    time.sleep(1)
    try:
        if "--absolute" not in sys.argv:
            session(os.path.join(work, "relative"), [], use_relative)
        session(os.path.join(work, "absolute"), ["-cpu", "default,hypervisor=kvm"], use_absolute)
        plan()
    finally:
        server.terminate()
        server.wait()


def session(work, options, steps):
    os.mkdir(work)
    serial, monitor = os.path.join(work, "serial"), os.path.join(work, "monitor")
    vmm = subprocess.Popen(
        [os.path.join(BUILD, "vmm"), "-accel", "interp", "-m", "512", "-name", "Debian", "-kernel", GUEST + "/vmlinuz",
         "-initrd", GUEST + "/initrd.gz", "-append", "console=ttyS0 no_timer_check quiet", "-drive",
         f"file={GUEST}/x.img,format=raw", "-snapshot", "-net", "none", "-serial", "file:" + serial, "-monitor",
         f"unix:{monitor},server,nowait", *options], stdout=subprocess.DEVNULL)
    try:
        ok(wait_for(lambda: os.path.exists(serial) and "X is ready" in serial_text(serial), BOOT_SECONDS), "X starts")
        time.sleep(5)
        window = xdotool("search", "--onlyvisible", "--name", "Debian - vmm").split()[0]
        xdotool("windowmove", window, 100, 80)
        time.sleep(0.5)
        xdotool("windowfocus", window)
        steps(window, Screen(monitor, work), serial)
        if "VMM_XGUEST_PICTURE" in os.environ:
            subprocess.run(["import", "-window", window, os.environ["VMM_XGUEST_PICTURE"]], check=False)
    finally:
        vmm.terminate()
        vmm.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(main(directory))
