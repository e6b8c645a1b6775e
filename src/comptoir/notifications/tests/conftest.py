"""The cast of the notifications' tests."""

from dataclasses import dataclass

import pytest

from comptoir.accounts.models import Team, User
from comptoir.conversations.models import Conversation
from comptoir.notifications.services import run_once
from comptoir.testing import builders


@dataclass
class Cast:
    """A team with a conversation of Ada's, her colleague Tom, and Eve of another team."""

    team: Team
    ada: User
    tom: User
    eve: User
    row: Conversation


@pytest.fixture
def cast(db: None) -> Cast:
    """Return the cast; the follower has begun to listen."""
    team = builders.make_team()
    ada, tom = builders.make_user(team, name="Ada"), builders.make_user(team, name="Tom")
    row = builders.make_conversation(builders.make_account(team), assignee=ada)
    run_once()
    return Cast(team, ada, tom, builders.make_user(builders.make_team(), name="Eve"), row)
