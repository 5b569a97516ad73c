#!/usr/bin/python3
"""A Debian guest with X.org, twm and xterm (tests/ui/make-xguest DIR), used through the window as a person would.

VMM_XGUEST names DIR; without it, or without Xvfb and xdotool, the test is skipped. VMM_XGUEST_PICTURE names a file
for a picture of the window at the end.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("VMM_BUILD", "build")
GUEST = os.environ.get("VMM_XGUEST", "")
BACKGROUND, WHITE = (0x2e, 0x5e, 0x7e), (255, 255, 255)
BOOT_SECONDS = 600
count = 0


def ok(good, name, why=""):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good and why:
        print(f"# {why}")


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], stdout=subprocess.PIPE, text=True, check=False).stdout


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.3)
    return False


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


def use(window, screen):
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


def main(work):
    missing = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
    if missing or not os.path.exists(os.path.join(GUEST, "x.img")):
        print(f"1..0 # SKIP {missing[0] + ' is not installed' if missing else 'VMM_XGUEST names no guest'}")
        return
    number = 70
    while os.path.exists(f"/tmp/.X{number}-lock"):
        number += 1
    server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "1280x1024x24"], stderr=subprocess.DEVNULL)
    os.environ.update(DISPLAY=f":{number}", XDG_STATE_HOME=work, SDL_AUDIODRIVER="dummy")
    time.sleep(1)
    serial, monitor = os.path.join(work, "serial"), os.path.join(work, "monitor")
    vmm = subprocess.Popen(
        [os.path.join(BUILD, "vmm"), "-m", "512", "-name", "Debian", "-kernel", GUEST + "/vmlinuz", "-initrd",
         GUEST + "/initrd.gz", "-append", "console=ttyS0 no_timer_check quiet", "-drive",
         f"file={GUEST}/x.img,format=raw", "-snapshot", "-net", "none", "-serial", "file:" + serial, "-monitor",
         f"unix:{monitor},server,nowait"], stdout=subprocess.DEVNULL)
    try:
        def ready():
            with open(serial, encoding="latin-1") as f:
                return "X is ready" in f.read()
        ok(wait_for(lambda: os.path.exists(serial) and ready(), BOOT_SECONDS), "X starts")
        time.sleep(5)
        window = xdotool("search", "--onlyvisible", "--name", "Debian - vmm").split()[0]
        xdotool("windowmove", window, 100, 80)
        time.sleep(0.5)
        xdotool("windowfocus", window)
        use(window, Screen(monitor, work))
        if "VMM_XGUEST_PICTURE" in os.environ:
            subprocess.run(["import", "-window", window, os.environ["VMM_XGUEST_PICTURE"]], check=False)
        print(f"1..{count}")
    finally:
        vmm.terminate()
        vmm.wait()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(main(directory))
