"""The serving side of a WebSocket, as much of it as tests need; written apart from core/websocket.py."""

import socket
import struct


def handshake(line: socket.socket) -> dict[str, str]:
    """Read a request; return its headers, and the path as ':path'."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(4096)
    first, *rest = data.decode().split("\r\n\r\n")[0].split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _colon, value in (one.partition(":") for one in rest)}
    return {**headers, ":path": first.split()[1]}


def frame(kind: int, payload: bytes, *, last: bool = True) -> bytes:
    """Return a frame of a server."""
    if len(payload) < 126:
        size = bytes([len(payload)])
    elif len(payload) < 65_536:
        size = b"\x7e" + struct.pack("!H", len(payload))
    else:
        size = b"\x7f" + struct.pack("!Q", len(payload))
    return bytes([kind | (0x80 if last else 0)]) + size + payload


def read_frame(line: socket.socket) -> tuple[int, bytes]:
    """Read a short frame of a client, which must be masked."""
    head = _exactly(line, 2)
    assert head[0] & 0x80, "a control frame in pieces"
    assert head[1] & 0x80, "the client did not mask"
    mask = _exactly(line, 4)
    payload = _exactly(line, head[1] & 0x7F)
    return head[0] & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = line.recv(count - len(data))
        if not more:
            raise ConnectionError("the client has gone")
        data += more
    return data
