"""The ASGI application: webhooks, streams and static files have doors of their own, everything else is Django's."""

# ruff: noqa: E402  # the doors import models, which Django must have loaded before

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "comptoir.settings")

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django import setup
from django.conf import settings

setup(set_prefix=False)

from comptoir.channels.webchat import live as chat
from comptoir.core import bodies
from comptoir.core.handler import OneHopHandler
from comptoir.core.staticdoor import StaticDoor
from comptoir.desk import live
from comptoir.inbound import door

django_application = OneHopHandler()
_door = door.WebhookDoor()
_hub = live.LiveHub()
_static = StaticDoor()
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
    elif scope["path"].startswith(settings.STATIC_URL):
        await _static(scope, receive, send)
    elif chat.PATH.fullmatch(scope["path"]):
        await _chats(scope, receive, send)
    else:
        await bodies.guarded(django_application, scope, receive, send)  # type: ignore[arg-type]  # asgiref's types are narrower
