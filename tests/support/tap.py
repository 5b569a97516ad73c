"""What the tests in Python share: TAP lines, and waiting for a condition."""
import os
import subprocess
import time


class Tap:
    """Counts and prints TAP lines."""

    def __init__(self):
        self.count = 0

    def ok(self, good, name, why=""):
        """One result; `why` is printed as comment lines where it is not good."""
        self.count += 1
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        if not good and why:
            print("# " + str(why).replace("\n", "\n# "))

    def skip(self, name, why):
        self.ok(True, f"{name} # SKIP {why}")

    def plan(self):
        print(f"1..{self.count}")


TAP = Tap()
ok, skip, plan = TAP.ok, TAP.skip, TAP.plan


def skip_all(why):
    """The whole file is skipped; returns the exit status."""
    print(f"1..0 # SKIP {why}")
    return 0


def wait_for(condition, seconds=60, pause=0.05):
    """Whether `condition` came true within that time; asked every `pause` seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(pause)
    return False


def wait_for_file(path, seconds=60):
    return wait_for(lambda: os.path.exists(path), seconds)


def xdotool(*words):
    """What xdotool prints."""
    return subprocess.run(["xdotool", *map(str, words)], stdout=subprocess.PIPE, text=True, check=False).stdout
