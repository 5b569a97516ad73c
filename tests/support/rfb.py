"""A small VNC viewer (RFC 6143): raw and DesktopSize encodings, keys, pointer."""
import socket
import struct
import time

RAW, DESKTOP_SIZE, EXTENDED_KEY = 0, -223, -258
SHIFT, CTRL, ALT, RETURN = 0xffe1, 0xffe3, 0xffe9, 0xff0d


class Refused(Exception):
    """The server does not let this client in."""


class Viewer:
    """Connected and through the handshake when made."""

    def __init__(self, address, response=None, shared=True, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.connect(address)  # waits for a server that is busy
        self.socket.settimeout(timeout)
        self.version = self.read(12)
        self.socket.sendall(b"RFB 003.008\n")
        self.types = self.read(self.read(1)[0])
        self.socket.sendall(bytes([2 if response is not None else 1]))
        if response is not None:
            self.challenge = self.read(16)
            self.socket.sendall(response(self.challenge))
        if struct.unpack(">I", self.read(4))[0] != 0:
            raise Refused(self.read(struct.unpack(">I", self.read(4))[0]).decode())
        self.socket.sendall(bytes([shared]))
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.read(struct.unpack(">I", self.read(4))[0]).decode()
        self.has_extended_keys = False
        # 32 bits a pixel, little-endian, depth 24, red at bit 16.
        self.socket.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        encodings = (RAW, DESKTOP_SIZE, EXTENDED_KEY)
        self.socket.sendall(struct.pack(">BxH", 2, len(encodings)) + b"".join(struct.pack(">i", e) for e in encodings))
        self.pixels = bytearray(self.width * self.height * 4)

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), 1 << 20))
            if not part:
                raise ConnectionError("the server has gone")
            data += part
        return data

    def ask(self, incremental):
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def take_rectangle(self):
        """Whether it had pixels."""
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == DESKTOP_SIZE:
            self.width, self.height = width, height
            self.pixels = bytearray(width * height * 4)
        elif encoding == EXTENDED_KEY:
            self.has_extended_keys = True
        elif encoding == RAW:
            data = self.read(width * height * 4)
            for line in range(height):
                at = ((y + line) * self.width + x) * 4
                self.pixels[at:at + width * 4] = data[line * width * 4:(line + 1) * width * 4]
            return True
        else:
            raise ValueError(f"encoding {encoding}")
        return False

    def take_message(self):
        """Whether there were pixels in it."""
        kind = self.read(1)[0]
        if kind == 0:
            return any([self.take_rectangle() for _ in range(struct.unpack(">xH", self.read(3))[0])])
        if kind == 3:
            self.read(struct.unpack(">3xI", self.read(7))[0])
        elif kind != 2:
            raise ValueError(f"message {kind}")
        return False

    def picture(self, wanted=None, seconds=10):
        """The screen as (width, height, RGB bytes), asked for until it is `wanted` or the time is over."""
        got = None
        for _ in range(int(seconds * 10)):
            self.ask(False)
            while not self.take_message():
                pass
            size = (self.width, self.height)
            rgb = bytearray(len(self.pixels) // 4 * 3)
            rgb[0::3], rgb[1::3], rgb[2::3] = self.pixels[2::4], self.pixels[1::4], self.pixels[0::4]
            got = (*size, bytes(rgb))
            if wanted is None or got == wanted:
                break
            time.sleep(0.1)
        return got

    def key(self, keysym, down):
        self.socket.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def tap(self, *keysyms):
        """Pressed one after the other, released in the other direction."""
        for keysym in keysyms:
            self.key(keysym, True)
        for keysym in reversed(keysyms):
            self.key(keysym, False)

    def tap_code(self, code, keysym=0):
        """By the make code of set 1."""
        for down in (1, 0):
            self.socket.sendall(struct.pack(">BBHII", 255, 0, down, keysym, code))

    def pointer(self, x, y, buttons=0):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def cut(self, text):
        data = text.encode("latin-1")
        self.socket.sendall(struct.pack(">B3xI", 6, len(data)) + data)

    def close(self):
        self.socket.close()
