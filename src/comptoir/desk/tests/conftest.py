"""The cast of the desk's tests: one team with a conversation, an agent of it, and a stranger of another team."""

from dataclasses import dataclass

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
