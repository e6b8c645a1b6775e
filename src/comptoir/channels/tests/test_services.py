"""INV-08: credentials are ciphertext at rest and show nowhere; connect forms are refused in words."""

import logging

import pytest

from comptoir.channels import services as channels
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.core.errors import InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team

pytestmark = pytest.mark.django_db
SECRET = "hunter2-hunter2"  # of this test alone


@pytest.fixture
def account() -> ChannelAccount:
    values = {"secret": SECRET, "url": "https://example.org/hook"}
    return channels.connect_account(actor=SYSTEM, kind="sandbox", name="Essai", team=make_team(), values=values)


def test_inv_08_a_secret_is_nowhere_in_clear(account: ChannelAccount, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    account.refresh_from_db()
    config = channels.account_config(account)
    assert config.credentials == {"secret": SECRET}
    shown = [
        bytes(account.credentials).decode(),
        str(account.options),
        repr(account),
        repr(config),
        str(list(Event.objects.values())),
        caplog.text,
    ]
    assert not any(SECRET in text for text in shown)


@pytest.mark.parametrize("values", [{"secret": "", "url": ""}, {"url": ""}])
def test_an_empty_or_missing_secret_keeps_the_old_one(account: ChannelAccount, values: dict[str, str]) -> None:
    channels.update_account(
        actor=SYSTEM, account=account, name="Essai", team=account.team, values=values, address="",
        signature="", is_active=True,
    )  # fmt: skip
    account.refresh_from_db()
    assert channels.account_config(account).credentials == {"secret": SECRET}


@pytest.mark.parametrize(
    ("label", "kind", "values", "words"),
    [
        ("no such channel", "pigeon", {}, "no channel"),
        ("missing", "sandbox", {"url": ""}, "needed"),
        ("unknown field", "sandbox", {"secret": "x", "colour": "red"}, "not a setting"),
    ],
)
def test_wrong_forms_are_refused_and_nothing_is_made(label: str, kind: str, values: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        channels.connect_account(actor=SYSTEM, kind=kind, name="x", team=make_team(), values=values)
    assert not ChannelAccount.objects.exists()


def test_health_tells_the_error_and_forgets_it_when_it_works_again(account: ChannelAccount) -> None:
    at = account.created_at
    channels.note_error(account_id=account.pk, at=at, reason="The password is wrong.")
    assert AccountHealth.objects.get(account=account).last_error == "The password is wrong."
    channels.note_connected(account_id=account.pk, at=at)
    health = AccountHealth.objects.get(account=account)
    assert (health.last_error, health.last_error_at, health.connected_at) == ("", None, at)
