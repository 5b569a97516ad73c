#!/usr/bin/python3
"""The window under a display server of its own (Xvfb), used by xdotool: pointer, keyboard, consoles.

VMM_UI=all makes the long form: 10,000 characters, 10,000 chords and focus changes, every pixel.
"""
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tap import ok, plan, skip_all, wait_for, wait_for_file, xdotool  # noqa: E402

BUILD = os.environ.get("VMM_BUILD", "build")
LONG = os.environ.get("VMM_UI") == "all"
GUESTS = os.path.join(BUILD, "tests/ui/guest")


class Guest:
    """A running vmm with its window."""

    def __init__(self, image, *options, title=None):
        self.log = os.path.join(WORK, "console")
        open(self.log, "wb").close()
        if "-debugcon" not in options:
            options = (*options, "-debugcon", "file:" + self.log)
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "vmm"), "-accel", "interp", "-m", "16", "-net", "none", "-snapshot", "-name", image,
             "-drive", f"file={GUESTS}/{image}.img,format=raw", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if "file:" + self.log in options:
            wait_for(self.text, 60)
        wait_for(lambda: xdotool("search", "--onlyvisible", "--name", (title or image) + " - vmm"))
        self.window = xdotool("search", "--onlyvisible", "--name", (title or image) + " - vmm").split()[0]
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


def geometry(window):
    place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", window).split())
    return (int(place["WIDTH"]), int(place["HEIGHT"])) if "WIDTH" in place else None


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent, as long as an XEvent."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong),
                ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 12)]


def press_close(window):
    """What a window manager sends when the close button is pressed."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    protocols, delete = (x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    message = ClientMessage(type=33, window=int(window), message_type=protocols, format=32)
    message.data[0] = delete
    x11.XSendEvent(display, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XSync(display, 0)
    x11.XCloseDisplay(display)


def is_gone(process):
    return process.poll() is not None


def test_window():
    guest = Guest("text", "-name", "sizes", title="sizes")
    ok(wait_for(lambda: geometry(guest.window) == (720, 400), 10), "the window has the size of the picture",
       str(geometry(guest.window)))
    xdotool("key", "ctrl+alt+minus", "sleep", 0.5)
    smaller = geometry(guest.window)
    xdotool("key", "ctrl+alt+u", "sleep", 0.5)
    ok(smaller == (540, 300) and geometry(guest.window) == (720, 400), "Ctrl-Alt-minus and -U change the size",
       f"{smaller} {geometry(guest.window)}")
    xdotool("key", "ctrl+alt+p", "sleep", 1)
    paused = xdotool("getwindowname", guest.window)
    xdotool("key", "ctrl+alt+p", "sleep", 1)
    running = xdotool("getwindowname", guest.window)
    ok("[paused]" in paused and "[running]" in running, "Ctrl-Alt-P pauses, and the title says so", paused + running)
    xdotool("windowsize", guest.window, 650, 410, "sleep", 0.7)
    press_close(guest.window)
    time.sleep(0.7)
    asked = not is_gone(guest.process)
    xdotool("key", "n", "sleep", 0.5)
    ok(asked and not is_gone(guest.process), "a window whose guest runs asks before it closes")
    press_close(guest.window)
    xdotool("sleep", 0.7, "key", "y")
    ok(wait_for(lambda: is_gone(guest.process), 10), "and closes when the answer is yes")
    guest = Guest("text", "-name", "sizes", title="sizes")
    ok(wait_for(lambda: geometry(guest.window) == (650, 410), 10), "the next window of that name has the same size",
       str(geometry(guest.window)))
    guest.stop()
    guest = Guest("text", "-no-quit")
    press_close(guest.window)
    time.sleep(1)
    ok(not is_gone(guest.process), "-no-quit")
    guest.stop()


def test_full_screen():
    if shutil.which("openbox") is None:
        ok(True, "Ctrl-Alt-F is full screen and back # SKIP openbox, a window manager, is not installed")
        return
    manager = subprocess.Popen(["openbox", "--sm-disable"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    guest = Guest("text")
    xdotool("windowactivate", guest.window, "sleep", 0.5, "key", "ctrl+alt+f")
    full = wait_for(lambda: geometry(guest.window) == (800, 600), 5)
    xdotool("key", "ctrl+alt+f")
    back = wait_for(lambda: geometry(guest.window) == (720, 400), 5)
    ok(full and back, "Ctrl-Alt-F is full screen and back", f"{full} {back} {geometry(guest.window)}")
    guest.stop()
    manager.terminate()
    manager.wait()


def clipboard(*words, text=None):
    return subprocess.run(["xclip", "-selection", "clipboard", *words], input=text, stdout=subprocess.PIPE, text=True,
                          check=False).stdout


def test_clipboard():
    if shutil.which("xclip") is None:
        ok(True, "text goes to and comes from the clipboard # SKIP xclip is not installed")
        return
    guest = Guest("text")
    # The guest's text begins somewhere; the word "cursor" of it is found on the screen by its line.
    for row in range(25):
        xdotool("mousemove", 45, row * 16 + 8, "click", "--repeat", 3, "--delay", 60, 1, "sleep", 0.3)
        taken = clipboard("-o", "-t", "UTF8_STRING").strip()
        if "blinks" in taken:
            break
    ok(taken == "The cursor blinks.", "a line is copied with three clicks", taken)
    guest.stop()
    guest = Guest("keys")
    subprocess.run(["xclip", "-selection", "clipboard", "-i"], input="Clip \u2013 \u201cx\u201d 1", text=True, check=False,
                   stdout=subprocess.DEVNULL)
    xdotool("key", "ctrl+alt+v")
    ok(wait_for(lambda: guest.text().endswith('Clip - "x" 1'), 10), "Ctrl-Alt-V types the clipboard", guest.text())
    guest.stop()


def test_no_display():
    """Without a display: an error where a window was asked for, the terminal where not."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [os.path.join(BUILD, "vmm"), "-accel", "interp", "-m", "16", "-net", "none", "-timeout", "3"]
    asked = subprocess.run([*command, "-display", "sdl"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, env=environment, check=False)
    ok(asked.returncode not in (0, None) and "cannot open a window" in asked.stderr, "-display sdl without a display",
       asked.stderr)
    silent = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment, check=False)
    ok("cannot open a window" in silent.stderr and "using the terminal" in silent.stderr,
       "the terminal takes the window's place", silent.stderr)


def main():
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            return skip_all(f"{tool} is not installed")
    number = 60
    while os.path.exists(f"/tmp/.X{number}-lock"):
        number += 1
    server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "800x600x24"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    os.environ["DISPLAY"] = f":{number}"
    os.environ["XDG_STATE_HOME"] = WORK
    os.environ["SDL_AUDIODRIVER"] = "dummy"
    try:
        wait_for_file(f"/tmp/.X11-unix/X{number}", 10)
        for test in (test_pixels, test_buttons, test_typing, test_stuck, test_console, test_window, test_full_screen, test_clipboard, test_no_display):
            test()
        plan()
    finally:
        server.terminate()
        server.wait()
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as WORK:
        sys.exit(main())
