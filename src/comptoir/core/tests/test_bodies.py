"""The limit in front of Django: declared and streamed bodies beyond it are not kept."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from comptoir.core import bodies


def ask(headers: Sequence[tuple[bytes, bytes]], parts: Sequence[bytes]) -> tuple[list[Any], list[Any]]:
    """Send a request with these parts; return what the application received and what the client was answered."""
    received: list[Any] = []
    answered: list[Any] = []
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(event: Any) -> None:
        answered.append(event)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while not received or (received[-1]["type"] == "http.request" and waiting):
            received.append(await receive())

    asyncio.run(bodies.guarded(application, {"headers": headers}, receive, send))
    return received, answered


@pytest.fixture(autouse=True)
def _small(settings: Any) -> None:
    settings.MAX_RECORD_BYTES = 10


def test_what_fits_passes() -> None:
    received, answered = ask([(b"content-length", b"10")], [b"12345", b"67890"])
    assert [event["body"] for event in received] == [b"12345", b"67890"] and answered == []


@pytest.mark.parametrize("length", [b"11", b"9" * 30, b"-1", b"ten"])
def test_a_declared_length_beyond_it_is_refused_unread(length: bytes) -> None:
    received, answered = ask([(b"content-length", length)], [b"x"])
    assert received == [] and answered[0]["status"] == 413 and b"larger than" in answered[1]["body"]


def test_a_stream_beyond_it_is_cut_off() -> None:
    received, _answered = ask([(b"transfer-encoding", b"chunked")], [b"12345", b"67890", b"x", b"y"])
    assert [event["type"] for event in received] == ["http.request", "http.request", "http.disconnect"]
