"""What the page's scripts ask for by themselves does not stand in the way of what a person asks for."""

import asyncio
import io
import threading
import time
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from comptoir.core.handler import THREADS, OneHopHandler


def _request(*headers: tuple[bytes, bytes]) -> ASGIRequest:
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": list(headers), "root_path": "",
        "server": ("testserver", 80),
    }  # fmt: skip
    return ASGIRequest(scope, io.BytesIO())


def test_a_page_does_not_wait_for_a_crowd_of_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    names: list[str] = []

    def answer(self: OneHopHandler, request: ASGIRequest) -> HttpResponse:
        names.append(threading.current_thread().name)
        if "HTTP_COMPTOIR_UNASKED" in request.META:
            assert gate.wait(10)
        return HttpResponse("ok")

    monkeypatch.setattr(OneHopHandler, "get_response", answer)

    async def crowd() -> float:
        handler = OneHopHandler()
        unasked = [
            asyncio.create_task(handler.get_response_async(_request((b"comptoir-unasked", b"1"))))
            for _ in range(4 * THREADS)
        ]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        response = await asyncio.wait_for(handler.get_response_async(_request()), 5)
        took = time.monotonic() - began
        assert response.status_code == 200
        gate.set()
        await asyncio.gather(*unasked)
        return took

    assert asyncio.run(crowd()) < 5  # it came although every refresh was still held
    assert sum(name.startswith("look") for name in names) == 4 * THREADS
