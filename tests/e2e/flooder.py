"""Many connections to user.sock by one user: `flooder.py SOCKET KIND COUNT`, until COUNT of them have come to
an end or SIGTERM comes. Each is held as long as there is room for others; when it begins it says so on
standard error, and at the end what became of them is printed as JSON: how many were refused with an answer, closed without one, not taken by the kernel, not read, and
answered with anything else.

KIND  silent   says nothing
      garbage  what is no frame
      half     a frame that never comes whole
      slow     a frame, byte by byte
      huge     a frame of 16 MiB
      deaf     a request, and reads no answer"""

import json
import select
import signal
import socket
import struct
import sys
import time
from collections import Counter

import call

AT_ONCE = 400
REQUEST = call.framed({"status": {}})
SAYS = {"silent": b"", "garbage": b"\xff\x00\x1b[31m" * 100, "half": REQUEST[:9], "slow": REQUEST[:1],
        "huge": struct.pack(">I", 16 << 20) + b"x" * 100_000, "deaf": REQUEST}


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.setblocking(False)
    connection.connect(path)
    return connection


def fate(connection):
    """What the service said; the connection is over."""
    connection.setblocking(True)
    with connection:
        try:
            response = call.receive(connection)
        except (OSError, ValueError):
            response = None
    return "closed" if response is None else "refused" if "refused" in response else "answered"


class Flood:
    def __init__(self, path, kind):
        self.path, self.kind, self.open, self.came = path, kind, [], Counter()

    def begin_one(self):
        try:
            connection = connect(self.path)
        except (BlockingIOError, ConnectionRefusedError):
            self.came["not taken"] += 1
            time.sleep(0.001)
            return
        self.say(connection, SAYS[self.kind])
        self.open.append(connection)

    @staticmethod
    def say(connection, text):
        try:
            connection.send(text)
        except OSError:
            pass        # it is closed already

    def end_some(self, seconds):
        """Those that the service is done with, or, if this one does not listen, the oldest."""
        if self.kind == "deaf":
            self.open.pop(0).close()
            self.came["not read"] += 1
            return
        ready, _, _ = select.select(self.open, [], [], seconds)
        for connection in ready:
            self.open.remove(connection)
            self.came[fate(connection)] += 1
        if self.kind == "slow":
            for connection in self.open:
                self.say(connection, b" ")

    def run(self, count):
        for _ in range(count):
            self.begin_one()
            if len(self.open) >= AT_ONCE:
                self.end_some(0.1)
        while self.open:
            self.end_some(0.1)


class Over(Exception):
    """SIGTERM."""


def end(*_):
    raise Over


if __name__ == "__main__":
    flood = Flood(sys.argv[1], sys.argv[2])
    try:
        signal.signal(signal.SIGTERM, end)
        print("ready", file=sys.stderr, flush=True)
        flood.run(int(sys.argv[3]))
    except Over:
        pass
    print(json.dumps(flood.came))
