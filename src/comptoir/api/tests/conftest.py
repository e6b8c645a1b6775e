"""A person with a team, an account and a conversation, their tokens, and a client that speaks JSON."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.api.services import create_token
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    body: Any
    headers: Any


class Caller:
    """A program with a token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make one request; a body is sent as JSON, bytes as they are."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = Client().generic(
            method, f"/api/v1{path}", content, content_type="application/json", headers=sent | headers
        )
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status_code, json.loads(response.content) if is_json else response.content, response.headers
        )


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter: its people, its conversation and callers with each scope."""

    team: Team
    user: User
    account: ChannelAccount
    conversation: Conversation
    read: Caller
    write: Caller
    admin: Caller

    def token(self, *scopes: str) -> Caller:
        """Return a caller with exactly these scopes."""
        return Caller(create_token(actor=actor_of(self.user), user=self.user, name="test", scopes=scopes))


def open_counter(kind: str = "email") -> Counter:
    """Make a counter of its own."""
    team = make_team()
    user = make_user(team, role=Role.ADMIN)
    account = make_account(team, kind=kind)
    conversation = make_conversation(account)
    callers = [
        Caller(create_token(actor=actor_of(user), user=user, name="test", scopes=scopes))
        for scopes in (["read"], ["read", "write"], ["read", "write", "admin"])
    ]
    return Counter(team, user, account, conversation, *callers)


@pytest.fixture
def counter(db: None) -> Counter:
    return open_counter()


@pytest.fixture
def stranger(db: None) -> Counter:
    return open_counter()
