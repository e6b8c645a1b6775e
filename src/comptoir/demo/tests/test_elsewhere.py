"""An installation that is no demo: nothing of it may appear there."""

import pytest
from django.test import Client

from comptoir.channels.models import ChannelAccount
from comptoir.demo import seed
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_team, make_user

pytestmark = pytest.mark.django_db


def test_the_demo_never_mixes_with_a_real_installation() -> None:
    make_user(make_team())
    with pytest.raises(SystemExit, match="a folder of its own"):
        seed.ensure()
    assert not ChannelAccount.objects.exists()


def test_there_is_no_shop_outside_the_demo(client: Client) -> None:
    assert client.get("/demo/").status_code == 404
    assert client.post("/demo/write", {"road": "email"}).status_code == 404
    assert not Record.objects.exists()
