"""No request body fills the disk: Django keeps a whole body before a view may say no, so the limit stands before it.

Views refuse what is too large for them in their own words, up to this limit; beyond it the connection is answered here,
without a byte of it being kept.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


async def guarded(application: Application, scope: Event, receive: Receive, send: Send) -> None:
    """Pass a request on to the application, as long as its body stays within MAX_RECORD_BYTES."""
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > settings.MAX_RECORD_BYTES:
        await _refuse(send, headers.get(b"accept-language", b""))
        return
    kept = 0

    async def counted() -> Event:
        """Hand over the next part; a body that grows beyond the limit (without a declared length) is cut off."""
        nonlocal kept
        event = await receive()
        kept += len(event.get("body", b""))
        return event if kept <= settings.MAX_RECORD_BYTES else {"type": "http.disconnect"}

    await application(scope, counted, send)


async def _refuse(send: Send, languages: bytes) -> None:
    with translation.override("fr" if languages[:2].lower() == b"fr" else "en"):
        words = _("This is larger than %(count)d MB.") % {"count": settings.MAX_RECORD_BYTES // 1024**2}
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})
