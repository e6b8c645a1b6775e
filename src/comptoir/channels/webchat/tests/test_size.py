"""The widget is small: everything that a visitor's browser loads for the chat, compressed, is at most 15 kB."""

from pathlib import Path

import brotli
import pytest
from django.conf import settings
from django.test import Client

from comptoir.testing.builders import make_account, make_team

STATIC = Path(settings.BASE_DIR) / "static"
FILES = ("widget/chat.js", "widget/chat-frame.js", "widget/proof.js", "widget/chat.css", "css/tokens.css")
MOST = 15_000
FIRST = 3_000  # what every page of a site pays, whether its visitor chats or not


def compressed(content: bytes) -> int:
    return len(brotli.compress(content))


@pytest.mark.django_db
def test_the_whole_widget_fits() -> None:
    account = make_account(make_team(), kind="webchat", options={"title": "Horizon"})
    frame = Client().get(f"/c/webchat/{account.public_key}/?lang=fr").content
    for name in FILES[1:]:
        assert f"/static/{name}".encode() in frame or name == "widget/proof.js"  # which chat-frame.js imports
    assert compressed(frame) + sum(compressed((STATIC / name).read_bytes()) for name in FILES) <= MOST


def test_the_button_alone_is_smaller_still() -> None:
    assert compressed((STATIC / FILES[0]).read_bytes()) <= FIRST
