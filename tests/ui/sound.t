#!/usr/bin/python3
"""The speaker, played by a guest in real time: what `wavcapture` writes, what SDL's sound device is given (its driver
that writes a file, and PulseAudio's null sink where that is installed), and that underruns are counted."""
import array
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tap import ok, plan, skip, skip_all, wait_for, wait_for_file  # noqa: E402

BUILD = os.environ.get("VMM_BUILD", "build")
IMAGE = os.path.join(BUILD, "tests/ui/guest/tune.img")
RATE = 44100
NOTES = [1193182 / divisor for divisor in (2712, 2280, 1810, 1356)]
NOTE_MS, GAP_MS = 400, 100
TUNE_MS = 4 * NOTE_MS + 3 * GAP_MS


def find_notes(samples):
    """(start, end, frequency) of each sound, start and end in samples."""
    loud = [i for i in range(len(samples)) if abs(samples[i]) > 100]
    notes = []
    start = last = None
    for i in loud + [None]:
        if start is not None and (i is None or i - last > RATE * 20 // 1000):
            notes.append((start, last + 1))
            start = None
        if i is not None:
            start = i if start is None else start
            last = i
    result = []
    for start, end in notes:
        # Where the signal rises through 0, the first and last of it.
        rises = [i for i in range(start + 100, end - 1) if samples[i] < 0 <= samples[i + 1]]
        frequency = (len(rises) - 1) * RATE / (rises[-1] - rises[0]) if len(rises) > 2 else 0
        result.append((start, end, frequency))
    return result


def is_tune(notes):
    return len(notes) == 4 and all(abs(n[2] / wanted - 1) < 0.01 for n, wanted in zip(notes, NOTES))


def length_of(notes):
    return (notes[-1][1] - notes[0][0]) * 1000 / RATE if notes else 0


def is_long(notes):
    return abs(length_of(notes) - TUNE_MS) < 20 and all(abs((n[1] - n[0]) * 1000 / RATE - NOTE_MS) < 20 for n in notes)


def is_busy():
    """Whether the host has more to do than it can: then real time is no measure."""
    return os.getloadavg()[0] > os.cpu_count()


def check(name, notes):
    if not (is_tune(notes) and is_long(notes)) and is_busy():
        skip(name + ": pitch and length", "the host has too much to do for sound in real time")
        return
    told = ", ".join(f"{start / RATE:.3f}-{end / RATE:.3f} s {frequency:.1f} Hz" for start, end, frequency in notes)
    ok(is_tune(notes), f"{name}: pitch within 1 %", told)
    ok(is_tune(notes) and is_long(notes), f"{name}: length within 20 ms ({length_of(notes) - TUNE_MS:+.1f} ms)", told)


def play_in_real_time(machine, path, channels=1):
    """The notes of one tune that a sound device was given; the best of some, since the host may be late."""
    for _ in range(4):
        start = os.path.getsize(path) // 4 * 4
        machine.play()
        time.sleep(0.5)
        notes = find_notes(samples_of(path, start, channels))
        if is_tune(notes) and is_long(notes):
            break
    return notes


def samples_of(path, header=0, channels=1):
    with open(path, "rb") as f:
        data = f.read()[header:]
    return array.array("h", data[:len(data) // 2 * 2])[::channels]


class Machine:
    def __init__(self, work, *options, **environment):
        self.console = os.path.join(work, "console")
        monitor = os.path.join(work, "monitor")
        for path in (self.console, monitor):
            if os.path.exists(path):
                os.remove(path)
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "vmm"), "-accel", "interp", "-display", "none", "-m", "16", "-net", "none", "-snapshot",
             "-drive", f"file={IMAGE},format=raw", "-debugcon", "file:" + self.console, "-monitor",
             f"unix:{monitor},server,nowait", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, **environment})
        wait_for_file(monitor)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(monitor)
        self.socket.settimeout(10)
        self.answer()
        wait_for(lambda: "R" in self.text())

    def text(self):
        if not os.path.exists(self.console):
            return ""
        with open(self.console, encoding="latin-1") as f:
            return f.read()

    def answer(self):
        data = b""
        while not data.endswith(b"(vmm) "):
            data += self.socket.recv(4096)
        return data.decode()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.answer()

    def play(self):
        before = self.text().count("e")
        self.say("sendkey spc")
        wait_for(lambda: self.text().count("e") > before, 20)
        time.sleep(0.3)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def test_capture(work):
    path = os.path.join(work, "tune.wav")
    machine = Machine(work, "-audiodev", "none,id=a", "-machine", "pcspk-audiodev=a")
    for _ in range(4):
        machine.say(f"wavcapture {path} {RATE} 16 1")
        machine.play()
        machine.say("stopcapture 0")
        notes = find_notes(samples_of(path, 44))
        if is_tune(notes) and is_long(notes):
            break
    machine.stop()
    check("wavcapture", notes)
    path = os.path.join(work, "all.wav")
    machine = Machine(work, "-audiodev", f"wav,id=a,path={path}", "-machine", "pcspk-audiodev=a")
    notes = play_in_real_time(machine, path, 2)
    machine.stop()
    check("-audiodev wav", notes)


def test_device(work):
    path = os.path.join(work, "disk.raw")
    machine = Machine(work, "-audiodev", "sdl,id=a", "-machine", "pcspk-audiodev=a", SDL_AUDIODRIVER="disk",
                      SDL_DISKAUDIOFILE=path, SDL_DISKAUDIODELAY="12")  # its own 11 ms are 5 % too fast
    check("SDL", play_in_real_time(machine, path))
    before = machine.say("info audio")
    ok("a: sdl (disk), underruns " in before, "info audio names the driver", before)
    # The guest is stopped in the middle of a note: the device runs dry.
    machine.say("sendkey spc")
    time.sleep(0.6)
    machine.say("stop")
    time.sleep(0.5)
    after = machine.say("info audio")
    underruns = [int(text.split("underruns ")[1].split(",")[0]) for text in (before, after)]
    if underruns[1] <= underruns[0] and is_busy():
        skip("an underrun is counted", "the host has too much to do for sound in real time")
    else:
        ok(underruns[1] > underruns[0], "an underrun is counted", f"{before} {after}")
    machine.stop()


def test_pulse(work):
    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        skip("PulseAudio", "not installed")
        return
    address = os.path.join(work, "pulse")
    environment = {"PULSE_SERVER": "unix:" + address, "PULSE_RUNTIME_PATH": work, "HOME": work}
    pulse = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "-L",
         f"module-null-sink sink_name=vmm rate={RATE}", "-L", "module-native-protocol-unix auth-anonymous=1 socket=" +
         address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    wait_for_file(address, 10)
    path = os.path.join(work, "pulse.raw")
    with open(path, "wb") as out:
        recorder = subprocess.Popen(["parec", "-d", "vmm.monitor", "--format=s16le", f"--rate={RATE}", "--channels=1"],
                                    stdout=out, stderr=subprocess.DEVNULL, env={**os.environ, **environment})
        time.sleep(1)
        machine = Machine(work, "-audiodev", "sdl,id=a", "-machine", "pcspk-audiodev=a",
                          **environment, SDL_AUDIODRIVER="pulseaudio")
        check("PulseAudio", play_in_real_time(machine, path))
        told = machine.say("info audio")
        machine.stop()
        for process in (recorder, pulse):
            process.terminate()
            process.wait()
    ok("a: sdl (pulseaudio)" in told, "info audio names PulseAudio", told)


def main():
    if not os.path.exists(IMAGE):
        return skip_all("the guest is not built")
    for test in (test_capture, test_device, test_pulse):
        with tempfile.TemporaryDirectory() as work:
            test(work)
    plan()


if __name__ == "__main__":
    sys.exit(main())
