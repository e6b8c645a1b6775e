"""An account's health: whether it works, what became of its events and why; what the channels can do, compared."""

from datetime import timedelta

import pytest

from comptoir.channels import services
from comptoir.channels.base import Channel
from comptoir.channels.models import AccountHealth
from comptoir.channels.registry import channels
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.desk.views.health import capability_words
from comptoir.inbound.models import Record, RecordState, Refusal
from comptoir.inbound.services import Refused, note_refusals
from comptoir.testing import builders


def _page(cast: Cast, path: str = "health/") -> str:
    response = cast.client(cast.admin).get(f"/channels/{cast.account.pk}/{path}")
    assert response.status_code == 200
    return response.content.decode()


def test_it_works_or_says_why_not(cast: Cast) -> None:
    assert "It works." in _page(cast)
    services.note_paused(account_id=cast.account.pk, until=clock.now() + timedelta(minutes=5))
    assert "The network asked us to wait until" in _page(cast)
    services.note_revoked(account_id=cast.account.pk, at=clock.now(), reason="Token <withdrawn>")
    page = _page(cast)
    assert "withdrawn the access" in page and "Token &lt;withdrawn&gt;" in page and "Connect it anew" in page
    assert "To be connected anew" in cast.client(cast.admin).get("/channels/").content.decode()
    agents = cast.client().get(f"/channels/{cast.account.pk}/health/").content.decode()
    assert "withdrawn the access" in agents and "Connect it anew" not in agents


def test_every_event_that_became_nothing_is_there_with_its_reason(cast: Cast) -> None:
    builders.make_record(cast.account, state=RecordState.FAILED, reason="Not readable: <x>")
    builders.make_record(cast.account, state=RecordState.IGNORED, reason="Somebody types.")
    refused = Refused(cast.account.pk, Refusal.Kind.REFUSED, "The signature is missing or wrong.", 7, b"x")
    note_refusals([refused], at=clock.now())
    note_refusals([refused], at=clock.now())
    page = _page(cast)
    assert "Not readable: &lt;x&gt;" in page and "Somebody types." in page
    assert "The signature is missing or wrong." in page and ">14<" in page


def test_what_was_set_aside_or_ignored_is_read_again(cast: Cast) -> None:
    failed = builders.make_record(cast.account, state=RecordState.FAILED)
    ignored = builders.make_record(cast.account, state=RecordState.IGNORED, external_id="other")
    client = cast.client(cast.lead)
    assert client.post(f"/channels/{cast.account.pk}/replay/", {"kind": "ignored"}).status_code == 302
    assert Record.objects.get(pk=ignored.pk).state == RecordState.PENDING
    assert Record.objects.get(pk=failed.pk).state == RecordState.FAILED
    client.post(f"/channels/{cast.account.pk}/replay/", {"kind": "done"})
    assert Record.objects.get(pk=failed.pk).state == RecordState.FAILED


def test_an_agent_replays_nothing_and_a_stranger_sees_nothing(cast: Cast) -> None:
    record = builders.make_record(cast.account, state=RecordState.FAILED)
    for client, status in ((cast.client(), 403), (cast.client(cast.stranger), 404)):
        assert client.post(f"/channels/{cast.account.pk}/replay/", {"kind": "failed"}).status_code in {status, 404}
    assert Record.objects.get(pk=record.pk).state == RecordState.FAILED
    assert cast.client(cast.stranger).get(f"/channels/{cast.account.pk}/health/").status_code == 404
    for path in ("replay", "templates"):
        assert cast.client(cast.stranger).post(f"/channels/{cast.account.pk}/{path}/").status_code == 404


def test_what_the_network_still_allows_is_drawn(cast: Cast) -> None:
    services.note_budget(account_id=cast.account.pk, name="posts", limit=300, left=12, resets_at=clock.now())
    services.note_budget(account_id=cast.account.pk, name="reads", limit=0, left=0, resets_at=None)
    page = _page(cast)
    assert "12 of 300" in page and 'width="4"' in page
    assert set(AccountHealth.objects.get(account=cast.account).budgets) == {"posts", "reads"}


def _offered() -> list[Channel]:
    return [channel for channel in channels().values() if not channel.is_inner]


def test_what_the_product_makes_itself_is_offered_to_nobody(cast: Cast) -> None:
    client = cast.client(cast.admin)
    inner = [channel.kind for channel in channels().values() if channel.is_inner]
    assert inner
    page = client.get("/channels/").content.decode()
    for kind in inner:
        assert f"/channels/new/{kind}/" not in page
        assert client.get(f"/channels/new/{kind}/").status_code == 404


def test_the_comparison_has_every_channel_and_every_capability(cast: Cast) -> None:
    page = cast.client().get("/channels/compare/").content.decode()
    for channel in _offered():
        assert f'href="/channels/guides/{channel.kind}/"' in page
        able = {capability for capability in channel.capabilities if capability in capability_words()}
        assert able or not channel.capabilities


@pytest.mark.parametrize("kind", sorted(channel.kind for channel in channels().values() if not channel.is_inner))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_channel_has_a_page_that_says_how_it_is_connected(cast: Cast, kind: str, language: str) -> None:
    cast.agent.language = language
    cast.agent.save()
    response = cast.client().get(f"/channels/guides/{kind}/")
    assert response.status_code == 200
    assert b"<script" not in response.content.split(b"<main", 1)[1]


def test_there_is_no_guide_of_a_channel_that_nobody_brought(cast: Cast) -> None:
    assert cast.client().get("/channels/guides/pigeon/").status_code == 404
