#!/usr/bin/python3
"""The window under a display server of its own (Xvfb), used by xdotool: pointer, keyboard, consoles.

VMM_UI=all makes the long form: 10,000 characters, 10,000 chords and focus changes, every pixel.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("VMM_BUILD", "build")
LONG = os.environ.get("VMM_UI") == "all"
GUESTS = os.path.join(BUILD, "tests/ui/guest")
count = 0


def ok(good, name, why=""):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good and why:
        print("# " + why.replace("\n", "\n# "))


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], stdout=subprocess.PIPE, text=True, check=False).stdout


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Guest:
    """A running vmm with its window."""

    def __init__(self, image, *options):
        self.log = os.path.join(WORK, "console")
        open(self.log, "wb").close()
        if "-debugcon" not in options:
            options = (*options, "-debugcon", "file:" + self.log)
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "vmm"), "-accel", "interp", "-m", "16", "-net", "none", "-snapshot", "-name", image,
             "-drive", f"file={GUESTS}/{image}.img,format=raw", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if "file:" + self.log in options:
            wait_for(lambda: self.lines(), 60)
        wait_for(lambda: xdotool("search", "--onlyvisible", "--name", image + " - vmm"))
        self.window = xdotool("search", "--onlyvisible", "--name", image + " - vmm").split()[0]
        xdotool("windowmove", self.window, 0, 0)
        time.sleep(0.5)
        xdotool("windowfocus", self.window)
        time.sleep(0.2)

    def text(self):
        with open(self.log, "rb") as f:
            return f.read().decode("latin-1")

    def lines(self):
        return self.text().split("\n")[:-1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def test_pixels():
    """Every pixel of the picture, or some; by a program of our own, since there are 307,200."""
    sweep, pipe = os.path.join(WORK, "sweep"), os.path.join(WORK, "pipe")
    if subprocess.run(["cc", "-O2", "-o", sweep, "tests/ui/sweep.c", "-lX11"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        ok(True, "the absolute pointer meets every pixel # SKIP cc or libX11 is not installed")
        return
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    guest = Guest("pointer", "-debugcon", "file:" + pipe)
    time.sleep(2)
    result = subprocess.run([sweep, guest.window, "640", "480", "1" if LONG else "37", pipe], stdout=subprocess.PIPE,
                            text=True, check=False)
    ok(result.returncode == 0, "the absolute pointer meets every pixel: " + result.stdout.split("\n")[-2], result.stdout)
    guest.stop()
    os.close(end)


def test_buttons():
    guest = Guest("pointer")
    xdotool("mousemove", 300, 200, "sleep", 0.3)
    start = len(guest.lines())
    for button in (1, 2, 3):
        xdotool("click", button, "sleep", "0.1")
    xdotool("click", 5, "sleep", "0.1")
    time.sleep(0.3)
    reports = [[int(word, 16) for word in line.split()] for line in guest.lines()[start:]]
    buttons = [r[0] for r in reports]
    ok([b for b in buttons if b] == [0x20, 8, 0x10] and 1 in [r[3] for r in reports],
       "buttons and wheel, without a grab", str(reports))
    guest.stop()


def test_typing():
    guest = Guest("keys")
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:-_!?()[]{}/\\'\"+=*&%$#@<>|~^`"
    random.seed(5)
    text = "".join(random.choice(letters) for _ in range(10000 if LONG else 150))
    for i in range(0, len(text), 12):  # the BIOS has room for 15
        subprocess.run(["xdotool", "type", "--delay", "15", "--file", "-"], input=text[i:i + 12], text=True, check=False)
        if not wait_for(lambda: len(guest.text()) >= len(text[:i + 12]) + 2, 10):
            break
    typed = guest.text()[2:]
    ok(typed == text, f"{len(text)} characters typed arrive whole", f"{len(typed)} of {len(text)} characters")
    guest.stop()


def held_keys(lines):
    """The keys that are down after these scan codes."""
    held, prefix = set(), ""
    for code in lines:
        if code in ("e0", "e1"):
            prefix = code
            continue
        value = int(code, 16)
        key = (prefix, value & 0x7f)
        prefix = ""
        if key in (("e0", 0x2a), ("e0", 0x36)):
            continue  # the shifts that Print Screen and the grey keys make up
        if value & 0x80:
            held.discard(key)
        else:
            held.add(key)
    return held


def test_stuck():
    guest = Guest("scancodes")
    keys = ["a", "z", "Shift_L", "Control_L", "Alt_L", "Control_R", "Up", "F5", "KP_Enter", "space", "Delete"]
    random.seed(9)
    root = xdotool("search", "--maxdepth", "0", "--name", "").split()
    words, down = [], set()
    for _ in range(10000 if LONG else 250):
        dice = random.random()
        if dice < 0.3:
            words += ["windowfocus", guest.window if random.random() < 0.5 or not root else root[0]]
        elif dice < 0.65:
            down.add(key := random.choice(keys))
            words += ["keydown", key]
        else:
            down.discard(key := random.choice(keys))
            words += ["keyup", key]
    for i in range(0, len(words), 400):
        xdotool(*words[i:i + 400])
    xdotool("windowfocus", guest.window)
    xdotool(*[word for key in keys for word in ("keyup", key)])
    time.sleep(1)
    lines = guest.lines()[1:]
    held = held_keys(lines)
    ok(len(lines) > 100 and not held, "no key sticks after random chords and focus changes",
       f"{len(lines)} codes, held {held}")
    guest.stop()


def test_console():
    guest = Guest("keys")
    xdotool("key", "ctrl+alt+2")
    time.sleep(0.5)
    xdotool("type", "--delay", "20", "o /b 0xe9 0x4d")
    xdotool("key", "Return")
    good = wait_for(lambda: guest.text().endswith("M"), 10)
    ok(good, "Ctrl-Alt-2 is the monitor", guest.text())
    title = xdotool("getwindowname", guest.window)
    ok("monitor" in title and "keys - vmm" in title, "the title says so", title)
    xdotool("key", "ctrl+alt+1")
    time.sleep(0.3)
    xdotool("type", "--delay", "50", "x")
    ok(wait_for(lambda: guest.text().endswith("x"), 10), "Ctrl-Alt-1 is the guest", guest.text())
    xdotool("key", "ctrl+alt+g")
    time.sleep(0.8)
    title = xdotool("getwindowname", guest.window)
    ok("Ctrl-Alt-G" in title, "the title says how to leave the grab", title)
    guest.stop()


def main():
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            print(f"1..0 # SKIP {tool} is not installed")
            return 0
    number = 60
    while os.path.exists(f"/tmp/.X{number}-lock"):
        number += 1
    server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "800x600x24"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    os.environ["DISPLAY"] = f":{number}"
    os.environ["XDG_STATE_HOME"] = WORK
    os.environ["SDL_AUDIODRIVER"] = "dummy"
    try:
        wait_for(lambda: os.path.exists(f"/tmp/.X11-unix/X{number}"), 10)
        for test in (test_pixels, test_buttons, test_typing, test_stuck, test_console):
            test()
        print(f"1..{count}")
    finally:
        server.terminate()
        server.wait()
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as WORK:
        sys.exit(main())
