"""Static files before Django: WhiteNoise's index and its headers, sent the ASGI way.

WhiteNoise's own middleware hands Django a synchronous file, which under ASGI is read into memory through a thread for
every request; here a file is read once per request, in one piece, without touching Django's middleware.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

_META = {b"if-none-match": "HTTP_IF_NONE_MATCH", b"if-modified-since": "HTTP_IF_MODIFIED_SINCE"}
_META |= {b"accept-encoding": "HTTP_ACCEPT_ENCODING", b"range": "HTTP_RANGE"}


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


class StaticDoor:
    """The ASGI application behind STATIC_URL: GET and HEAD of what was collected."""

    def __init__(self) -> None:
        self._files = WhiteNoiseMiddleware(_nothing).files

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Send one file, the compressed form that the browser accepts."""
        found = self._files.get(scope["path"])
        status, headers, body = 404, [(b"content-type", b"text/plain")], b"Not found"
        if found is not None:
            asked = {_META[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _META}
            response = found.get_response(scope["method"], asked)
            status = int(response.status)
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
            body = b""
            if response.file is not None:
                with response.file as file:
                    body = await asyncio.to_thread(file.read)
        headers += [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"cross-origin")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
