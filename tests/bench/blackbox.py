#!/usr/bin/env python3
"""What the black box and disabled trace events cost, in instructions of the host, counted by callgrind.

    tests/bench/blackbox.py [LOOP or GROUP ...]

Builds three more trees: one as it is, one that keeps neither the path of branches nor the trail of device accesses, one that does not ask whether
an access is to be traced (core/trail.h). Runs the CPU loops of tests/bench/guest on all three under valgrind, and prints how many
instructions more the ordinary program takes. These are counts: the host need not be quiet.
"""
import glob
import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("loops", os.path.join(here, "loops.py"))
loops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(loops)
BUILD = os.environ.get("VMM_BUILD", "build")
WITHOUT = {"black box": "BLACKBOX_KEPT=0", "trace events": "TRACES_KEPT=0"}
SOURCES = ["core/bus_access", "accel/blackbox", "accel/interp/*"]
PASSES = 600


def tree_with(macro):
    """A copy of the tree in which only what the black box concerns is compiled anew."""
    tree = f"{BUILD}-{macro.lower().replace('=', '-')}"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(BUILD, tree, ignore=shutil.ignore_patterns("tests", "guest*"), symlinks=True)
    for pattern in SOURCES:
        for path in glob.glob(f"{tree}/{pattern}.o"):
            os.unlink(path)
    os.unlink(f"{tree}/libvmm.a")
    os.unlink(f"{tree}/vmm")
    with open(f"{BUILD}/config.mak") as config:
        opt = re.search(r"^OPT *:?= *(.*)$", config.read(), re.M)[1]
    subprocess.run(["make", "-j2", f"BUILD={tree}", f"OPT={opt} -D{macro}", f"{tree}/vmm"], check=True, stdout=subprocess.DEVNULL)
    return tree


def count(tree, number, passes, folder):
    """Instructions that the CPU's thread takes for a whole run: of all threads it has the most to do."""
    image, out = f"{folder}/image", f"{folder}/out"
    script = f'"r {number} {passes}"'
    subprocess.run(["nasm", "-f", "bin", "-o", image, f'-DLOOPS="{BUILD}/tests/bench/guest/loops.img"', f"-DSCRIPT={script}",
                    "tests/bench/guest/flat.asm"], check=True)
    subprocess.run(["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}", f"{tree}/vmm", "-accel", "interp", "-cpu", "max",
                    "-m", "64", "-flat", image, "-32"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    totals = [0]
    for path in glob.glob(f"{out}*"):
        with open(path) as file:
            totals += [int(line.split()[1]) for line in file if line.startswith("totals:")]
        os.unlink(path)
    return max(totals)


def print_line(group, name, counts):
    print(f"{group:12} {name:20} {counts[0]:14,}", *(f"{100 * (counts[0] / other - 1):+8.2f} %" for other in counts[1:]), flush=True)


def main():
    subprocess.run(["make", f"BUILD={BUILD}", f"{BUILD}/vmm", f"{BUILD}/tests/bench/guest/loops.img"], check=True,
                   stdout=subprocess.DEVNULL)
    trees = [tree_with("BLACKBOX_KEPT=1")] + [tree_with(macro) for macro in WITHOUT.values()]
    vmm = loops.Emulator("vmm", "vmm", f"{BUILD}/vmm")
    vmm.start()
    names = vmm.loops()
    vmm.close()
    print(f"{'':33} {'instructions':>14}", *(f"{what:>10}" for what in WITHOUT))
    ratios = []
    for number, (group, name) in enumerate(names):
        if sys.argv[1:] and group not in sys.argv[1:] and name not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            counts = [count(tree, number, 100 + PASSES, folder) - count(tree, number, 100, folder) for tree in trees]
        ratios.append([math.log(counts[0] / other) for other in counts[1:]])
        print_line(group, name, counts)
    means = [math.exp(sum(column) / len(ratios)) for column in zip(*ratios)]
    print(f"{'geometric mean of all':48}", *(f"{100 * (mean - 1):+8.2f} %" for mean in means))


if __name__ == "__main__":
    main()
