#!/usr/bin/env python3
"""-chardev, -mon, several monitors, and what goes wrong with them."""
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tap import ok, plan  # noqa: E402

vmm = os.path.join(os.environ.get('VMM_BUILD', 'build'), 'vmm')


def run(*arguments, text=''):
    return subprocess.run([vmm, '-accel', 'interp', '-display', 'none', '-net', 'none', '-S', *arguments], input=text,
                          capture_output=True, text=True, timeout=120)


def ask(path, line):
    """One line to the monitor on a socket; what comes until the prompt."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    for _ in range(600):
        try:
            s.connect(path)
            break
        except OSError:
            time.sleep(0.1)
    got = b''
    while not got.endswith(b'(vmm) '):
        got += s.recv(4096)
    s.sendall(line.encode() + b'\n')
    got = b''
    while not got.endswith(b'(vmm) ') and (piece := s.recv(4096)):
        got += piece
    s.close()
    return got.decode()


with tempfile.TemporaryDirectory() as folder:
    done = run('-chardev', 'stdio,id=c', '-mon', 'chardev=c', text='info status\nquit\n')
    ok(done.returncode == 0 and 'VM status: paused (prelaunch)' in done.stdout, 'a monitor on a named connection', done)
    one, two = os.path.join(folder, 'one'), os.path.join(folder, 'two')
    process = subprocess.Popen([vmm, '-accel', 'interp', '-display', 'none', '-net', 'none', '-S', '-monitor',
                                f'unix:{one},server,nowait', '-chardev',
                                f'socket,id=second,path={two},server=on,wait=off', '-mon', 'second'],
                               stderr=subprocess.DEVNULL)
    ok('paused (prelaunch)' in ask(one, 'info status'), 'the first of two monitors')
    ok('paused (prelaunch)' in ask(two, 'info status'), 'the second of two monitors')
    ask(two, 'quit')
    ok(process.wait(60) == 0, 'quit from the second')
    out = os.path.join(folder, 'out')
    done = run('-chardev', f'file,id=f,path={out}', '-serial', 'chardev:f', '-e',
               'o /b 0x3fb 3; o /b 0x3f8 0x41; quit')
    ok(done.returncode == 0 and open(out).read() == 'A', 'a serial port on a named file', done)
    done = run('-chardev', 'stdio,id=c,mux=on', '-serial', 'chardev:c', '-mon', 'chardev=c', '-e', 'quit')
    ok(done.returncode == 0, 'a shared connection', done)

    out = os.path.join(folder, 'qmp')
    done = run('-chardev', f'file,id=q,path={out}', '-mon', 'chardev=q,mode=control', '-e', 'quit')
    ok(done.returncode == 0 and open(out).read().startswith('{"QMP":'), 'a monitor for programs on a named connection', done)

    for name, arguments, message in [
            ('no id', ['-chardev', 'stdio'], '-chardev: id= is missing'),
            ('the same id twice', ['-chardev', 'null,id=a', '-chardev', 'null,id=a'],
             '-chardev: there are two connections with id=a'),
            ('an unknown backend', ['-chardev', 'spicevmc,id=a'], "-chardev: 'spicevmc' is not supported"),
            ('a socket to nowhere', ['-chardev', 'socket,id=a'], '-chardev: socket needs either path='),
            ('an unknown word', ['-chardev', 'file,id=a,pth=x'], 'pth'),
            ('an unknown id', ['-serial', 'chardev:x'], '-serial: there is no -chardev with id=x'),
            ('used twice', ['-chardev', 'null,id=a', '-serial', 'chardev:a', '-serial', 'chardev:a'],
             "-serial: the connection 'a' is in use already"),
            ('an unknown kind of monitor', ['-chardev', 'null,id=a', '-mon', 'chardev=a,mode=foo'],
             '-mon: mode=foo: must be readline (for people) or control (QMP)')]:
        done = run(*arguments)
        ok(done.returncode == 1 and message in done.stderr, name, done)
plan()
