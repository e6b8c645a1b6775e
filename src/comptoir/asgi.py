"""The ASGI application: the webhook door and the live updates are answered here, everything else by Django."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "comptoir.settings")

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from comptoir.desk import live
from comptoir.inbound import door

_door = door.WebhookDoor()
_hub = live.LiveHub()


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
    else:
        await django_application(scope, receive, send)  # type: ignore[arg-type]  # asgiref's types are narrower
