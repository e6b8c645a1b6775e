"""The cast of the desk's tests: one team with a conversation, an agent of it, and a stranger of another team."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.test import Client

from comptoir.accounts.models import Role, Team, User
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, Message
from comptoir.testing import builders


@dataclass
class Cast:
    """Who and what a test needs."""

    team: Team
    agent: User
    colleague: User
    admin: User
    lead: User
    stranger: User
    account: ChannelAccount
    conversation: Conversation
    message: Message

    def client(self, user: User | None = None) -> Client:
        """Return a browser in which a person is signed in (the agent, if nobody is named)."""
        client = Client()
        client.force_login(user or self.agent)
        return client


@pytest.fixture
def cast(db: None) -> Cast:
    """Return the cast, in the database."""
    team, other = builders.make_team("Service"), builders.make_team("Elsewhere")
    account = builders.make_account(team, kind="sandbox", address="service@example.org")
    conversation = builders.make_conversation(account)
    return Cast(
        team=team,
        agent=builders.make_user(team, name="Camille Roux"),
        colleague=builders.make_user(team, name="Tom Okafor"),
        admin=builders.make_user(team, name="Ada Admin", role=Role.ADMIN),
        lead=builders.make_user(team, name="Lea Lead", role=Role.LEAD),
        stranger=builders.make_user(other, name="Sam Stranger", role=Role.ADMIN),
        account=account,
        conversation=conversation,
        message=conversation.messages.get(),
    )


@pytest.fixture
def agent(db: None) -> User:
    """Return an administrator who is alone in a team."""
    return builders.make_user(builders.make_team("Service"), name="Camille Roux", role=Role.ADMIN)


@pytest.fixture
def conversation(agent: User) -> Conversation:
    """Return a conversation of the agent's team."""
    account = builders.make_account(agent.teams.get(), kind="sandbox", address="service@example.org")
    return builders.make_conversation(account, subject="No dial tone")


@pytest.fixture
def browse_as(chromium: Any, site: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a fresh profile in which a person is signed in; the test fails on any script error."""
    contexts = []
    troubles: list[str] = []

    def browse(user: User, path: str, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options})
        contexts.append(context)
        client = Client()
        client.force_login(user)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if "Security Policy" in message.text else None)
        page.goto(site.url + path)
        return page

    yield browse
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def browse(browse_as: Callable[..., Any], agent: User) -> Callable[..., Any]:
    """Open an address as the agent."""
    return partial(browse_as, agent)
