"""A strict fake of the Bot API, and an account that is connected to it."""

from collections.abc import Iterator

import pytest

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.telegram.tests.fake import TOKEN, USERNAME, Fake, telegram
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team


@pytest.fixture
def fake() -> Iterator[Fake]:
    with telegram() as running:
        yield running


@pytest.fixture
def account(fake: Fake) -> ChannelAccount:
    values = {"bot_token": TOKEN, "username": USERNAME, "api_url": fake.url}
    return channels.connect_account(actor=SYSTEM, kind="telegram", name="Bot", team=make_team(), values=values)
