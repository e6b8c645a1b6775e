"""A strict fake of the gateway, and an account that is connected to it."""

from collections.abc import Iterator

import pytest

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.sms.tests.fake import NUMBER, SID, TOKEN, Fake, gateway
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team


@pytest.fixture
def fake() -> Iterator[Fake]:
    with gateway() as running:
        yield running


@pytest.fixture
def account(fake: Fake) -> ChannelAccount:
    values = {"account_sid": SID, "auth_token": TOKEN, "number": NUMBER, "api_url": fake.url}
    return channels.connect_account(actor=SYSTEM, kind="sms", name="SMS", team=make_team(), values=values)
