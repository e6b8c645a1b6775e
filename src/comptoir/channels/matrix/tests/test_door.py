"""A homeserver's PUT below the address of an account comes in by the webhook door."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from comptoir.channels.models import ChannelAccount
from comptoir.core import crypto
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team

pytestmark = pytest.mark.django_db(transaction=True)
TRANSACTION = (Path(__file__).parent / "transactions/transaction.json").read_bytes()


@pytest.fixture
def account() -> ChannelAccount:
    secrets = crypto.encrypt_mapping({"access_token": "as", "hs_token": "secret"})
    options = {"mode": "service", "user_id": "@hub:example.org"}
    return make_account(make_team(), kind="matrix", options=options, credentials=secrets)


def call(path: str, body: bytes, *, method: str = "PUT", token: str = "secret") -> tuple[int, bytes]:
    sent: list[Any] = []
    scope = {"type": "http", "method": method, "path": path, "query_string": b"",
             "headers": [(b"authorization", f"Bearer {token}".encode())]}  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        door = WebhookDoor()
        await door(scope, receive, send)
        if door._connection is not None:
            await door._connection.close()

    asyncio.run(run())
    connections.close_all()
    return sent[0]["status"], sent[1]["body"]


def test_a_transaction_is_committed_once_and_answered_as_a_homeserver_expects(account: ChannelAccount) -> None:
    path = f"/in/{account.public_key}/_matrix/app/v1/transactions/7"
    assert call(path, TRANSACTION) == (200, b"{}")
    assert call(path, TRANSACTION) == (200, b"{}")
    assert Record.objects.filter(account=account).count() == 3


@pytest.mark.parametrize(
    ("case", "method", "path", "token", "body", "status"),
    [
        ("another token", "PUT", "/_matrix/app/v1/transactions/1", "other", TRANSACTION, 401),
        ("not JSON", "PUT", "/_matrix/app/v1/transactions/1", "secret", b"no", 400),
        ("nothing of use", "PUT", "/_matrix/app/v1/transactions/1", "secret", b'{"events": []}', 200),
        ("a trial", "POST", "/_matrix/app/v1/ping", "secret", b'{"transaction_id": "1"}', 200),
        ("a question for a user", "GET", "/_matrix/app/v1/users/%40x", "secret", b"", 405),
        ("another method", "DELETE", "", "secret", b"", 405),
    ],
)
def test_other_requests(
    account: ChannelAccount, case: str, method: str, path: str, token: str, body: bytes, status: int
) -> None:
    assert call(f"/in/{account.public_key}{path}", body, method=method, token=token)[0] == status, case
    assert not Record.objects.exists()


def test_an_address_that_nobody_has(account: ChannelAccount) -> None:
    assert call("/in/nobody/_matrix/app/v1/transactions/1", TRANSACTION)[0] == 404
