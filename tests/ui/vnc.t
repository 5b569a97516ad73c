#!/usr/bin/python3
"""The VNC server, seen by a small viewer (tests/support/rfb.py): pictures, keys, pointer, consoles, bad clients."""
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from rfb import ALT, CTRL, RETURN, SHIFT, Refused, Viewer  # noqa: E402
from tap import ok, plan, skip_all, wait_for, wait_for_file  # noqa: E402

BUILD = os.environ.get("VMM_BUILD", "build")
GUESTS = os.path.join(BUILD, "tests/ui/guest")
ASCII = "".join(map(chr, range(0x20, 0x7f)))


class Vm:
    """A guest with a VNC server on a unix socket, and its monitor."""

    def __init__(self, work, image, *options, vnc=""):
        self.console, self.path, monitor = (os.path.join(work, name) for name in ("console", "vnc", "monitor"))
        open(self.console, "wb").close()
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "vmm"), "-accel", "interp", "-m", "32", "-net", "none", "-snapshot", "-name", image,
             "-drive", f"file={GUESTS}/{image}.img,format=raw", "-debugcon", "file:" + self.console, "-vnc",
             f"unix:{self.path}{vnc}", "-monitor", f"unix:{monitor},server,nowait", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_file(self.path)
        wait_for_file(monitor)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(60)
        self.monitor.connect(monitor)
        self.ask(None)
        self.work = work

    def ask(self, line):
        if line is not None:
            self.monitor.sendall(line.encode() + b"\n")
        got = b""
        while not got.endswith(b"(vmm) "):
            got += self.monitor.recv(65536)
        return got.decode("latin-1")

    def text(self):
        with open(self.console, "rb") as f:
            return f.read().decode("latin-1")

    def screen(self):
        file = os.path.join(self.work, "screen.ppm")
        self.ask(f"screendump {file}")
        with open(file, "rb") as f:
            _, size, _, pixels = f.read().split(b"\n", 3)
        return (*map(int, size.split()), pixels)

    def stop(self):
        self.process.terminate()
        return self.process.wait()


def test_pictures(work):
    vm = Vm(work, "vga")
    viewer = Viewer(vm.path)
    ok(viewer.version == b"RFB 003.008\n" and viewer.types == b"\x01" and viewer.name == "vga", "version, security, name",
       (viewer.version, viewer.types, viewer.name))
    for letter in "abcdefghijklmnopqr":
        there = wait_for(lambda: vm.text().endswith(letter + "\n"))
        wanted = vm.screen()
        got = viewer.picture(wanted)
        ok(there and got == wanted, f"picture {letter}, {wanted[0]} x {wanted[1]}", got[:2])
        viewer.tap(ord(" "))
    viewer.close()
    ok(vm.stop() == 0, "vmm ends")


def test_keys(work):
    vm = Vm(work, "keys", "-monitor", "vc")
    viewer = Viewer(vm.path)
    viewer.picture()
    wait_for(lambda: vm.text().startswith("R\n"))
    typed = ASCII

    def expect(name):
        ok(wait_for(lambda: len(vm.text()) >= len(typed) + 2, 20) and vm.text() == "R\n" + typed, name, vm.text())

    for i in range(0, len(ASCII), 12):
        for c in ASCII[i:i + 12]:
            viewer.tap(*((SHIFT, ord(c)) if c.isupper() or c in '~!@#$%^&*()_+{}|:"<>?' else (ord(c),)))
        wait_for(lambda: len(vm.text()) >= len(ASCII[:i + 12]) + 2, 10)
    expect("all characters with the Shift that a US keyboard needs")
    for c in "aB@/":
        viewer.tap(SHIFT, ord(c)) if c in "a/" else viewer.tap(ord(c))
    typed += "aB@/"
    expect("other modifiers than the guest needs")
    ok(viewer.has_extended_keys, "keys by position are offered")
    for code in (0x1e, 0x30, 0x9c, 0x02):
        viewer.tap_code(code)
    typed += "ab\r1"
    expect("keys by position")
    viewer.cut("Cut text")
    viewer.tap(CTRL, ALT, ord("v"))
    typed += "Cut text"
    expect("Ctrl-Alt-V types what was cut")
    viewer.key(SHIFT, True)
    viewer.close()
    wait_for(lambda: "Client" not in vm.ask("info vnc"))
    viewer = Viewer(vm.path)
    viewer.tap_code(0x1e)
    typed += "a"
    expect("a client that goes lets go of its keys")
    viewer.picture()
    before = vm.screen()
    viewer.tap(CTRL, ALT, ord("2"))
    for c in "info name":
        viewer.tap(ord(c))
    viewer.tap(RETURN)
    ok(wait_for(lambda: viewer.picture()[:2] == (640, 400), 10), "Ctrl-Alt-2 shows a console", viewer.picture()[:2])
    viewer.tap(CTRL, ALT, ord("1"))
    ok(viewer.picture(before) == before and vm.text() == "R\n" + typed,
       "Ctrl-Alt-1 shows the guest, which has not seen these keys", vm.text())
    viewer.close()
    vm.stop()


def test_pointer(work):
    vm = Vm(work, "pointer", "-cpu", "qemu64,hypervisor=kvm")
    viewer = Viewer(vm.path)
    wait_for(lambda: "R\n" in vm.text())
    wait_for(lambda: (viewer.picture()[0], viewer.height) == (640, 480))
    good = 0
    places = [(0, 0), (639, 479)] + [(random.randrange(640), random.randrange(480)) for _ in range(30)]
    for x, y in places:
        viewer.pointer(x, y)

        def seen():
            words = vm.text().split("\n")[-2].split()
            return len(words) >= 3 and (int(words[1], 16) * 639 + 32767) // 65535 == x and \
                (int(words[2], 16) * 479 + 32767) // 65535 == y
        good += wait_for(seen, 5)
    ok(good == len(places), "the pointer is where it points to", f"{good} of {len(places)}: {vm.text()[-60:]}")
    viewer.close()
    vm.stop()


def test_clients(work):
    vm = Vm(work, "text")
    first = Viewer(vm.path)
    second = Viewer(vm.path)
    ok(vm.ask("info vnc").count("Client: ") == 2, "two viewers share the screen", vm.ask("info vnc"))
    second.close()
    third = Viewer(vm.path, shared=False)
    ok(wait_for(lambda: vm.ask("info vnc").count("Client: ") == 1, 10), "who asks for it gets it alone", vm.ask("info vnc"))
    ok("asks for no password" in vm.ask("set_password vnc x") and "asks for no password" in vm.ask("change vnc password x"),
       "without password=on none can be set")
    # Clients that talk nonsense, and one that asks and never reads.
    for seed in range(60):
        junk = random.Random(seed)
        bad = socket.socket(socket.AF_UNIX)
        bad.connect(vm.path)
        try:
            if seed % 3 > 0:
                bad.sendall(b"RFB 003.008\n\x01\x01")
            bad.sendall(junk.randbytes(junk.randrange(1, 4000)))
        except OSError:
            pass
        bad.close()
    deaf = Viewer(vm.path)
    try:
        deaf.socket.settimeout(1)
        for _ in range(10000):
            deaf.ask(False)
    except OSError:
        pass
    start = time.monotonic()
    vm.ask("info status")
    ok(time.monotonic() - start < 2, "a client that takes nothing does not hold up the VM")
    ok(wait_for(lambda: vm.ask("info vnc").count("Client: ") <= 1, 30), "and is disconnected", vm.ask("info vnc"))
    last = Viewer(vm.path)
    ok(last.picture()[:2] == (720, 400), "the server goes on after bad clients")
    for viewer in (first, third, deaf, last):
        viewer.close()
    ok(vm.stop() == 0 and not os.path.exists(vm.path), "the socket is removed at the end")


def try_password(path, response):
    try:
        Viewer(path, response).close()
        return True
    except Refused:
        return False


def test_password(work):
    vm = Vm(work, "text", vnc=",password=on")
    ok(not try_password(vm.path, lambda challenge: challenge), "without a password set nobody gets in")
    vm.ask("change vnc password secret")
    ok(not try_password(vm.path, lambda challenge: bytes(16)), "a wrong answer is refused")

    # The key's bits are in the other order (RFC 6143, 7.2.2); the zero challenge would do for one block only.
    def answer(challenge):
        key = "".join(f"{int(f'{c:08b}'[::-1], 2):02x}" for c in b"secret\0\0")
        return subprocess.run(["openssl", "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-nopad", "-K",
                               key], input=challenge, capture_output=True, check=False).stdout
    if len(answer(bytes(16))) == 16:
        ok(try_password(vm.path, answer), "the right one is taken")
    ok("Auth: vnc" in vm.ask("info vnc"), "info vnc says so")
    vm.stop()


def test_ports(work):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1] - 5900
        command = [os.path.join(BUILD, "vmm"), "-accel", "interp", "-S", "-net", "none", "-monitor", "stdio"]
        done = subprocess.run([*command, "-vnc", f":{number}"], input="quit\n", capture_output=True, text=True, check=False)
        ok(done.returncode == 1 and "Address already in use; take another number" in done.stderr, "a port in use", done)
        done = subprocess.run([*command, "-display", f"vnc=127.0.0.1:{number},to={number + 20}"], input="info vnc\nquit\n",
                              capture_output=True, text=True, check=False)
        ok(done.returncode == 0 and "Server: 127.0.0.1:59" in done.stdout.replace(str(number + 5900), "") or
           "Server: 127.0.0.1:" in done.stdout, "to= goes on to the next", done)
    done = subprocess.run([*command, "-vnc", "none"], input="info vnc\nquit\n", capture_output=True, text=True,
                          env={**os.environ, "DISPLAY": "", "SDL_VIDEODRIVER": "dummy"}, check=False)
    ok("None" in done.stdout, "-vnc none is no server", done)


def main():
    if not os.path.exists(f"{GUESTS}/vga.img"):
        return skip_all("the guests are not built")
    for test in (test_pictures, test_keys, test_pointer, test_clients, test_password, test_ports):
        with tempfile.TemporaryDirectory() as work:
            test(work)
    plan()
    return 0


if __name__ == "__main__":
    sys.exit(main())
