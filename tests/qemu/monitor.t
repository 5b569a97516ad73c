#!/usr/bin/env python3
"""Compares vmm's monitor with QEMU's, byte by byte, over the guests of states.asm.

    tests/qemu/monitor.t            runs vmm, and compares with recorded/
    tests/qemu/monitor.t --record   runs qemu-system-x86_64, and writes recorded/
    tests/qemu/monitor.t --show N   prints what vmm says of guest N

Both get the same options and the same commands by a socket. The guests are the same image files, and say on port E9h that
they have arrived.
"""
import difflib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
CASES = ['real mode', 'protected mode', '32-bit paging', 'PAE', 'long mode, 64 bits', 'long mode, ring 3',
         'compatibility mode, ring 3', 'virtual 8086 mode', 'AVX, two CPUs, HLT']
MORE_OPTIONS = {9: ['-cpu', 'max', '-smp', '2']}
PROMPT = b'(qemu) '
# What differs on purpose (docs/monitor.md): TCG does not note in TR that a TSS is busy; this I/O APIC is an 82093AA; after
# power-on the x87 control word is 0040h, as the manuals say, until software sets it.
DIFFERENT = [
    (re.compile(r'^(TR =.*) 00008900 DPL=0 TSS(\d\d)-avl$', re.M), r'\1 00008b00 DPL=0 TSS\2-busy', None),
    (re.compile(r'^FCW=037f FSW=0000 \[ST=0\] FTW=00 MXCSR=00001f80$', re.M),
     'FCW=0040 FSW=0000 [ST=0] FTW=00 MXCSR=00001f80', 9),
    (re.compile(r'^ioapic0: ver=0x20 ', re.M), 'ioapic0: ver=0x11 ', None),
]
OPTIONS = ['-m', '32', '-cpu', 'qemu64', '-display', 'none', '-net', 'none', '-serial', 'null', '-boot', 'c']


def commands(case):
    for line in open(os.path.join(here, 'commands.txt')):
        line = line.rstrip('\n')
        only = re.match(r'(\d):', line)
        if line and not line.startswith('#') and (only is None or only[1] == str(case)):
            yield line[2:] if only else line


def wait_for(what, test):
    end = time.time() + 60
    while not test():
        if time.time() > end:
            sys.exit(f'{what}: nothing for a minute')
        time.sleep(0.02)


class Monitor:
    """A guest that has arrived, and its monitor."""

    def __init__(self, program, case, folder):
        image, path, port = (os.path.join(folder, name) for name in ('image', 'monitor', 'port'))
        subprocess.run(['nasm', f'-DCASE={case}', '-f', 'bin', '-o', image, os.path.join(here, 'states.asm')], check=True)
        open(port, 'w').close()
        self.process = subprocess.Popen(
            [*program, *OPTIONS, *MORE_OPTIONS.get(case, []), '-monitor', f'unix:{path},server,nowait', '-debugcon', f'file:{port}',
             '-drive', f'file={image},format=raw,snapshot=on'], stdin=subprocess.DEVNULL)
        wait_for('the monitor', lambda: os.path.exists(path))
        wait_for('the guest', lambda: b'R' in open(port, 'rb').read())
        time.sleep(0.2)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.answer()
        self.ask('stop')

    def answer(self):
        data = b''
        while not data.endswith(PROMPT):
            more = self.socket.recv(65536)
            if not more:
                sys.exit('the monitor has gone')
            data += more
        return data[:-len(PROMPT)]

    def ask(self, command):
        self.socket.sendall(command.encode() + b'\n')
        echo, _, text = self.answer().partition(b'\r\n')
        return text.decode().replace('\r\n', '\n')

    def close(self):
        self.socket.sendall(b'quit\n')
        self.process.wait(60)


def transcript(program, case):
    with tempfile.TemporaryDirectory(prefix='vmm-qemu.') as folder:
        monitor = Monitor(program, case, folder)
        text = ''.join(f'(qemu) {command}\n{monitor.ask(command)}' for command in commands(case))
        monitor.close()
    return text


def recorded(case):
    return os.path.join(here, 'recorded', f'{case}.txt')


def record():
    os.makedirs(os.path.join(here, 'recorded'), exist_ok=True)
    for case in range(1, len(CASES) + 1):
        text = transcript(['qemu-system-x86_64', '-accel', 'tcg'], case)
        with open(recorded(case), 'w') as file:
            file.write(text)


def vmm_transcript(case):
    vmm = os.path.join(os.environ.get('VMM_BUILD', 'build'), 'vmm')
    return transcript([vmm, '-accel', 'interp', '-mon-prompt', '(qemu) '], case)


def compare():
    failures = 0
    print(f'1..{len(CASES)}')
    for case, name in enumerate(CASES, 1):
        text = open(recorded(case)).read()
        for pattern, ours, only in DIFFERENT: # only: in this case, or in all
            text = pattern.sub(ours, text) if only in (None, case) else text
        want = text.splitlines()
        have = vmm_transcript(case).splitlines()
        difference = list(difflib.unified_diff(want, have, 'QEMU', 'vmm', lineterm='', n=1))
        print(('not ok' if difference else 'ok'), case, '-', name)
        for line in difference:
            print('#', line)
        failures += difference != []
    return failures > 0


if __name__ == '__main__':
    if sys.argv[1:] == ['--record']:
        record()
    elif sys.argv[1:2] == ['--show']:
        print(vmm_transcript(int(sys.argv[2])), end='')
    else:
        sys.exit(compare())
