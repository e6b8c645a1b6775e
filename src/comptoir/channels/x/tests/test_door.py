"""The door of X: the address is checked, what is signed is kept, what is not leaves nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.x import verify
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team

pytestmark = pytest.mark.django_db(transaction=True)
BODY = (Path(__file__).parent.parent / "fixtures/message-mention.json").read_bytes()
HEADER = b"x-twitter-webhooks-signature"


@pytest.fixture
def account() -> ChannelAccount:
    values = {"user_id": "1111", "consumer_secret": "s", "client_id": "c", "token": "t"}
    return channels.connect_account(actor=SYSTEM, kind="x", name="X", team=make_team(), values=values)


def knock(account: ChannelAccount, *, body: bytes = b"", signature: str = "", query: str = "") -> tuple[int, bytes]:
    """Send one request to the account's address: a POST of a body, or a GET with a query."""
    scope = {
        "type": "http", "method": "GET" if query else "POST", "path": f"/in/{account.public_key}",
        "headers": [(HEADER, signature.encode())], "query_string": query.encode(),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        door = WebhookDoor()
        await door(scope, receive, send)
        if door._connection is not None:
            await door._connection.close()

    asyncio.run(run())
    return sent[0]["status"], sent[1]["body"]


def test_the_address_is_checked_by_the_platform(account: ChannelAccount) -> None:
    assert knock(account, query="crc_token=abc") == (
        200,
        json.dumps({"response_token": verify.sign(b"abc", "s")}).encode(),
    )
    assert knock(account, query="nothing=1")[0] == 400


def test_what_is_signed_is_kept_once(account: ChannelAccount) -> None:
    for _time in range(2):
        assert knock(account, body=BODY, signature=verify.sign(BODY, "s"))[0] == 200
    assert Record.objects.filter(account=account).count() == 1


def test_what_is_not_signed_leaves_nothing(account: ChannelAccount) -> None:
    assert knock(account, body=BODY, signature=verify.sign(BODY, "other"))[0] == 401
    assert knock(account, body=BODY)[0] == 401
    assert not Record.objects.exists()


def test_what_is_for_another_account_is_not_taken(account: ChannelAccount) -> None:
    account.options = {**account.options, "user_id": "9"}
    account.save()
    assert knock(account, body=BODY, signature=verify.sign(BODY, "s"))[0] == 200
    assert not Record.objects.exists()
