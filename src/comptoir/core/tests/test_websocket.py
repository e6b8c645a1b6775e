"""The reading side of a WebSocket, against a server of the test's own on a real socket."""

import base64
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.core.errors import ChannelError
from comptoir.core.websocket import Frames, Message, ProtocolError, accept_of, masked, messages
from comptoir.testing.websocket import frame, handshake, read_frame


def never() -> bool:
    return False


@contextmanager
def serving(talk: Callable[[socket.socket, dict[str, str]], None]) -> Iterator[str]:
    """Serve one connection: `talk` gets the socket and the request's headers."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        line, _address = listener.accept()
        with line:
            talk(line, handshake(line))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}/subscribe"
    thread.join(5)
    listener.close()


def accept(line: socket.socket, headers: dict[str, str]) -> None:
    digest = hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    line.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def test_the_answer_to_a_key_is_that_of_the_standard() -> None:
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3


def test_messages_pings_and_the_close() -> None:
    said: list[tuple[int, bytes]] = []

    def talk(line: socket.socket, headers: dict[str, str]) -> None:
        assert headers["upgrade"] == "websocket"
        assert headers["sec-websocket-version"] == "13"
        accept(line, headers)
        line.sendall(frame(1, b"one") + frame(9, b"are you there"))
        said.append(read_frame(line))
        line.sendall(frame(1, b"t", last=False) + frame(9, b"") + frame(0, "wö".encode()))
        said.append(read_frame(line))
        line.sendall(frame(1, b"x" * 70_000) + frame(2, b"binary") + frame(8, struct.pack("!H", 1000)))
        said.append(read_frame(line))

    with serving(talk) as url:
        heard = list(messages(url, stopped=never))
    assert heard == ["one", "twö", "x" * 70_000]
    assert said == [(10, b"are you there"), (10, b""), (8, struct.pack("!H", 1000))]


def test_messages_that_come_with_the_handshake_are_not_lost() -> None:
    def talk(line: socket.socket, headers: dict[str, str]) -> None:
        accept(line, headers)
        line.sendall(frame(1, b"at once"))
        line.sendall(frame(8, b""))
        read_frame(line)

    with serving(talk) as url:
        assert list(messages(url, stopped=never)) == ["at once"]


def test_a_reader_that_is_to_stop_ends_within_a_second() -> None:
    ended = threading.Event()

    def talk(line: socket.socket, headers: dict[str, str]) -> None:
        accept(line, headers)
        ended.wait(5)

    with serving(talk) as url:
        began = time.monotonic()
        assert list(messages(url, stopped=lambda: time.monotonic() - began > 0.5)) == []
        assert time.monotonic() - began < 2
        ended.set()


@pytest.mark.parametrize(
    ("case", "answer", "why"),
    [
        ("no WebSocket", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"),
        ("refused", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
        ("another key", b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", "101"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_websocket_is_told_in_words(case: str, answer: bytes, why: str) -> None:
    with serving(lambda line, _headers: line.sendall(answer)) as url, pytest.raises(ChannelError, match=why):
        list(messages(url, stopped=never))


@pytest.mark.parametrize("sent", [b"\xf1\x00", frame(1, b"\xff"), b"\x81\x81abcd", b"\x83\x00"], ids=repr)
def test_what_breaks_the_protocol_ends_the_stream_in_words(sent: bytes) -> None:
    def talk(line: socket.socket, headers: dict[str, str]) -> None:
        accept(line, headers)
        line.sendall(sent)

    with serving(talk) as url, pytest.raises(ChannelError, match="cannot be read"):
        list(messages(url, stopped=never))


def test_silence_is_a_broken_line() -> None:
    def talk(line: socket.socket, headers: dict[str, str]) -> None:
        accept(line, headers)
        time.sleep(1.5)

    with serving(talk) as url, pytest.raises(ChannelError, match="said nothing"):
        list(messages(url, stopped=never, silence=0.6))


def test_a_private_address_is_refused(settings: object) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ()  # type: ignore[attr-defined]
    with pytest.raises(ChannelError, match="private"):
        list(messages("ws://127.0.0.1:9/x", stopped=never))


KINDS = st.sampled_from([1, 2])


@given(st.lists(st.tuples(KINDS, st.binary(max_size=300)), max_size=5), st.integers(1, 50))
def test_frames_in_any_pieces_are_the_same_messages(sent: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(frame(kind, payload) for kind, payload in sent)
    frames = Frames()
    heard = [m for at in range(0, len(stream), size) for m in frames.feed(stream[at : at + size])]
    assert heard == [Message(kind, payload) for kind, payload in sent]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_frames_otherwise_than_declared(data: bytes) -> None:
    try:
        Frames().feed(data)
    except ProtocolError as error:
        assert str(error)


def test_a_message_that_is_too_large_is_refused_before_it_is_here() -> None:
    with pytest.raises(ProtocolError, match="more than 100"):
        Frames(100).feed(b"\x81\x7e\x00\x65")
    with pytest.raises(ProtocolError, match="more than 100"):
        Frames(100).feed(frame(1, b"x" * 60, last=False) + frame(0, b"x" * 60))


@given(st.binary(max_size=125), st.binary(min_size=4, max_size=4))
def test_what_we_say_is_masked(payload: bytes, mask: bytes) -> None:
    sent = masked(10, payload, mask)
    assert sent[1] & 0x80
    assert bytes(b ^ mask[i % 4] for i, b in enumerate(sent[6:])) == payload
