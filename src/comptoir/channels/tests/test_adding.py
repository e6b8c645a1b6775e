"""A channel is one folder and nothing else: this one is written at run time, and everything finds it.

The same folder as docs/adding-a-channel.md walks through.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from comptoir import channels as package
from comptoir import pipeline
from comptoir.accounts.models import Role
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.desk.templatetags import desk
from comptoir.inbound import log
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.testing import builders

PAGE = settings.BASE_DIR.parent.parent / "docs/adding-a-channel.md"
FILES = re.compile(r"^`pigeon/([\w.]+)`\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def pigeon(tmp_path: Path) -> Iterator[None]:
    """Write the folder that the documentation walks through, where Comptoir finds it."""
    folder = tmp_path / "pigeon"
    folder.mkdir()
    found = FILES.findall(PAGE.read_text(encoding="utf-8"))
    assert {name for name, _text in found} >= {
        "adapter.py",
        "parse.py",
        "verify.py",
        "client.py",
        "icon.svg",
        "guide.en.md",
    }
    for name, text in [("__init__.py", ""), *found]:
        (folder / name).write_text(text, encoding="utf-8")
    package.__path__.append(str(tmp_path))
    _forget()
    yield
    package.__path__.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("comptoir.channels.pigeon")]:
        del sys.modules[name]
    _forget()


def _forget() -> None:
    channels.cache_clear()
    desk.drawing.cache_clear()
    desk.icon.cache_clear()


async def _knock(key: str, body: bytes, secret: str) -> int:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    door = WebhookDoor()
    headers = [(b"pigeon-ring", secret.encode())]
    await door({"type": "http", "method": "POST", "path": f"/in/{key}", "headers": headers}, receive, send)
    if door._teller is not None:
        await door._teller
    if door._connection is not None:
        await door._connection.close()
    return int(sent[0]["status"])


@pytest.mark.django_db(transaction=True)
def test_the_folder_of_the_documentation_is_a_whole_channel(pigeon: None) -> None:
    team = builders.make_team("Service")
    admin = builders.make_user(team, role=Role.ADMIN)
    client = Client()
    client.force_login(admin)
    # The connect form, the comparison, the guide and the icon come from the folder.
    assert "Ring of the pigeons" in client.get("/channels/new/pigeon/").content.decode()
    assert "Pigeon" in client.get("/channels/compare/").content.decode()
    assert "Feed it" in client.get("/channels/guides/pigeon/").content.decode()
    values = {"name": "Loft", "team": team.pk, "f_ring": "r1ng", "is_active": "on"}
    assert client.post("/channels/new/pigeon/", values).status_code == 302
    account = ChannelAccount.objects.get(kind="pigeon")
    # In by the door, out by the sender.
    body = json.dumps({"id": "1", "from": "ada", "name": "Ada", "text": "My line is dead"}).encode()
    assert asyncio.run(_knock(account.public_key, body, "wrong")) == 401
    assert asyncio.run(_knock(account.public_key, body, "r1ng")) == 200
    assert asyncio.run(_knock(account.public_key, body, "r1ng")) == 200
    assert Record.objects.count() == 1  # INV-02
    assert pipeline.digest_shards(log.busy_shards(), limit=10) == 1
    conversation = Conversation.objects.get()
    assert (conversation.channel, conversation.contact.name) == ("pigeon", "Ada")
    page = client.get("/").content.decode()
    assert 'aria-label="Pigeon"' in page and 'd="M3 12' in page  # its own drawing
    url = f"/conversations/{conversation.pk}/messages/"
    assert client.post(url, {"kind": "reply", "text": "We look into it."}).status_code == 302
    Delivery.objects.update(due_at=clock.now())
    assert sender.send_one()
    assert Delivery.objects.get().state == "sent"
    assert Message.objects.filter(kind="out").count() == 1
