"""The ASGI application: the webhook door, the live updates and waiting chats are answered here, everything else by Django."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "comptoir.settings")

from collections.abc import Awaitable, Callable, MutableMapping  # noqa: E402  # Django reads its settings first
from typing import Any  # noqa: E402

from django.core.asgi import get_asgi_application  # noqa: E402

django_application = get_asgi_application()

from comptoir.channels.webchat import live as chat
from comptoir.desk import live
from comptoir.inbound import door

_door = door.WebhookDoor()
_hub = live.LiveHub()
_chats = chat.ChatHub()


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer one connection."""
    if scope["type"] != "http":
        raise ValueError(f"Comptoir speaks HTTP only, not {scope['type']}.")
    if scope["path"].startswith(door.PREFIX):
        await _door(scope, receive, send)
    elif scope["path"] == live.PATH:
        await _hub(scope, receive, send)
    elif chat.PATH.fullmatch(scope["path"]):
        await _chats(scope, receive, send)
    else:
        await django_application(scope, receive, send)  # type: ignore[arg-type]  # asgiref's types are narrower
