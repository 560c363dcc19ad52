"""One request to the service, as a program of somebody's own sends it: `call.py SOCKET < request > response`.

Frames are a length in four bytes, most significant first, and so many bytes of JSON. Frames that say
that the service is at work are passed over. With `raw` behind the socket the input is sent as it is."""

import json
import socket
import struct
import sys


# How long the service may leave a caller without a word (s).
LONGEST = 120


def receive(connection):
    """The next frame; None at the end."""
    try:
        head = connection.recv(4, socket.MSG_WAITALL)
    except ConnectionResetError:
        return None
    if len(head) < 4:
        return None
    return json.loads(connection.recv(*struct.unpack(">I", head), socket.MSG_WAITALL))


def framed(request, version=1):
    text = json.dumps({"version": version, "request": request}).encode()
    return struct.pack(">I", len(text)) + text


def call(path, request):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", LONGEST, 0))
        connection.connect(str(path))
        try:
            connection.sendall(request if isinstance(request, bytes) else framed(request))
            connection.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass    # refused before it was read
        while (response := receive(connection)) and "wait" in response:
            pass
        return response


if __name__ == "__main__":
    is_raw = sys.argv[2:] == ["raw"]
    print(json.dumps(call(sys.argv[1], sys.stdin.buffer.read() if is_raw else json.load(sys.stdin))))
