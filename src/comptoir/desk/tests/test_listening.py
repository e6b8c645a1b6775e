"""The pages of listening: they work, a stranger is refused and nothing changes, the wrong method is refused."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comptoir.accounts.models import Role, User
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.inbound.models import Record
from comptoir.listening.models import Burst, Hit, Search, Source
from comptoir.testing.builders import (
    make_account,
    make_burst,
    make_mention,
    make_search,
    make_source,
    make_team,
    make_user,
)


def shown(client: Client, name: str = "listening", query: str = "", *numbers: int) -> str:
    response = client.get(reverse(name, args=numbers) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_lists_what_the_teams_searches_found_newest_first(cast: Cast) -> None:
    now, search = clock.now(), make_search(cast.team, name="Our name")
    make_mention(search, text="the older one", at=now - timedelta(hours=2))
    make_mention(search, text="the newer <b>one</b>", at=now - timedelta(hours=1), reach=1200)
    make_mention(make_search(make_team()), text="of another team")
    page = shown(cast.client())
    assert page.index("the newer") < page.index("the older one")
    assert "the newer &lt;b&gt;one" in page
    assert "of another team" not in page
    assert "Our name (2)" in page
    assert 'rel="noopener noreferrer nofollow"' in page
    assert "of another team" in shown(cast.client(cast.stranger)) or "of another team" not in page


def test_pages_follow_each_other_without_gap_or_doubling(cast: Cast) -> None:
    now, search = clock.now(), make_search(cast.team)
    for n in range(65):
        make_mention(search, text=f"mention-{n:02}.", at=now - timedelta(minutes=n // 3))  # many at one instant
    client, seen, query = cast.client(), list[str](), ""
    for _page in range(3):
        page = shown(client, query=query)
        seen += [f"mention-{n:02}." for n in range(65) if f"mention-{n:02}." in page]
        at = page.find('rel="next"')
        query = (
            page[page.rfind('href="', 0, at) + 6 : page.rfind('"', 0, at - 1)].replace("&amp;", "&") if at > 0 else ""
        )
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 65


def test_the_list_is_narrowed_by_search_and_state(cast: Cast) -> None:
    one, two = make_search(cast.team), make_search(cast.team)
    first, _second = make_mention(one, text="first-text"), make_mention(two, text="second-text")
    client = cast.client()
    page = shown(client, query=f"?search={one.pk}")
    assert "first-text" in page
    assert "second-text" not in page
    assert client.post(reverse("mention_dismissal", args=[first.pk])).status_code == 302
    assert "first-text" not in shown(client)
    assert "first-text" in shown(client, query="?show=dismissed")
    assert client.post(reverse("mention_dismissal", args=[first.pk]), {"undo": "1"}).status_code == 302
    assert "first-text" in shown(client)
    for odd in ("?search=x", "?search=-1", "?show=x", "?before=x", "?before=9-9", "?search=99999999999999999999999"):
        shown(client, query=odd)


def test_the_chart_has_words_for_who_does_not_see_it(cast: Cast) -> None:
    search = make_search(cast.team)
    for _n in range(3):
        make_mention(search)
    make_mention(search, at=clock.now() - timedelta(days=5))
    page = shown(cast.client())
    assert 'role="img" aria-labelledby="chart-title chart-words"' in page
    assert "4 mentions." in page
    assert page.count('<th scope="row">') == 30
    assert page.count("<rect ") == 2


def test_an_empty_page_says_what_it_is_for(cast: Cast) -> None:
    assert "No saved search yet" in shown(cast.client())
    assert "New search" in shown(cast.client(cast.lead))


def test_a_mention_is_turned_into_a_conversation(cast: Cast) -> None:
    mention = make_mention(make_search(cast.team), text="Ondavelle in the press")
    client = cast.client()
    address = reverse("mention_conversation", args=[mention.pk])
    assert "No account of your team can answer it here" in client.get(address).content.decode()
    response = client.post(address)
    assert (response.status_code, response.headers["Location"]) == (302, "/listening/?show=made")
    record = Record.objects.get(account__kind="mention")
    assert record.account.team == cast.team
    assert Hit.objects.get().asked_by == cast.agent
    assert "The conversation is being made." in shown(client, query="?show=made")


def test_an_account_of_another_team_cannot_be_chosen(cast: Cast) -> None:
    mention = make_mention(make_search(cast.team))
    theirs = make_account(make_team(), kind="sandbox")
    cast.client().post(reverse("mention_conversation", args=[mention.pk]), {"account": theirs.pk})
    cast.client().post(reverse("mention_conversation", args=[mention.pk]), {"team": theirs.team_id})
    assert not Record.objects.exists()


POSTS = ["mention_dismissal", "mention_conversation"]


@pytest.mark.parametrize("name", POSTS)
def test_a_stranger_finds_no_mention_and_changes_nothing(cast: Cast, name: str) -> None:
    mention = make_mention(make_search(cast.team))
    address = reverse(name, args=[mention.pk])
    for method in ("get", "post"):
        status = getattr(cast.client(cast.stranger), method)(address).status_code
        assert status in {404, 405}
        assert getattr(Client(), method)(address).status_code == 302
    hit = Hit.objects.get()
    assert (hit.dismissed_at, hit.record) == (None, None)
    assert not Record.objects.exists()


@pytest.mark.parametrize("name", POSTS)
def test_an_auditor_changes_nothing(cast: Cast, name: str) -> None:
    mention = make_mention(make_search(cast.team))
    auditor = make_user(cast.team, role=Role.AUDITOR)
    assert cast.client(auditor).post(reverse(name, args=[mention.pk])).status_code == 403
    assert Hit.objects.get().dismissed_at is None
    assert "Turn into" not in shown(cast.client(auditor))


def test_the_wrong_method_is_refused(cast: Cast) -> None:
    mention, burst = make_mention(search := make_search(cast.team)), make_burst(search)
    client = cast.client(cast.admin)
    assert client.get(reverse("mention_dismissal", args=[mention.pk])).status_code == 405
    assert client.get(reverse("burst_dismissal", args=[burst.pk])).status_code == 405
    assert client.get(reverse("listening_search_deletion", args=[search.pk])).status_code == 405
    assert client.get(reverse("listening_source_deletion", args=[mention.source_id])).status_code == 405
    assert client.post(reverse("listening")).status_code == 405
    assert client.post(reverse("listening_settings")).status_code == 405


def test_an_alert_stands_on_the_page_and_in_the_navigation_until_a_lead_notes_it(cast: Cast) -> None:
    burst = make_burst(make_search(cast.team, name="Our name"), count=12)
    make_burst(make_search(make_team(), name="Their name"))
    page = shown(cast.client(cast.lead))
    assert "12 mentions within 15 minutes" in page
    assert "Their name" not in page
    assert "Many mentions at once" in cast.client(cast.lead).get("/").content.decode()
    assert "Many mentions at once" not in cast.client(cast.agent).get("/").content.decode()
    address = reverse("burst_dismissal", args=[burst.pk])
    for user in (cast.agent, cast.stranger):
        assert cast.client(user).post(address).status_code == 404
    assert Burst.objects.get(pk=burst.pk).dismissed_at is None
    assert cast.client(cast.lead).post(address).status_code == 302
    assert "12 mentions within 15 minutes" not in shown(cast.client(cast.lead))


def typed(cast: Cast, **changed: object) -> dict[str, object]:
    return {
        "name": "Our name", "team": cast.team.pk, "words": "Ondavelle\nonda-velle", "phrases": "my box",
        "handles": "@ondavelle", "hashtags": "#panne", "exclusions": "@spam", "languages": ["fr"], "is_active": "on",
        "do": "save", **changed,
    }  # fmt: skip


def test_a_lead_makes_changes_and_deletes_a_search(cast: Cast) -> None:
    client, source = cast.client(cast.lead), make_source(name="The Courier")
    assert "One a line" in shown(client, "listening_search_new")
    response = client.post(reverse("listening_search_new"), typed(cast, sources=[source.pk], makes_conversations="on"))
    assert response.status_code == 302
    search = Search.objects.get()
    assert search.wanted == {
        "words": ["Ondavelle", "onda-velle"], "phrases": ["my box"], "handles": ["ondavelle"], "hashtags": ["panne"],
        "exclusions": ["@spam"], "languages": ["fr"],
    }  # fmt: skip
    assert (search.team, search.makes_conversations, list(search.sources.all())) == (cast.team, True, [source])
    assert "@ondavelle" in shown(client, "listening_search", "", search.pk)
    assert "Our name" in shown(client, "listening_settings")
    client.post(reverse("listening_search", args=[search.pk]), typed(cast, name="Other", is_active=""))
    search.refresh_from_db()
    assert (search.name, search.is_active, search.sources.count()) == ("Other", False, 0)
    client.post(reverse("listening_search_deletion", args=[search.pk]))
    assert not Search.objects.exists()


def test_a_search_is_tried_with_the_last_mentions_before_it_is_saved(cast: Cast) -> None:
    other = make_search(cast.team)
    make_mention(other, text="My box is dead", language="fr")
    make_mention(other, text="nothing of the kind", language="fr")
    make_mention(make_search(make_team()), text="my box, of another team", language="fr")
    page = cast.client(cast.lead).post(reverse("listening_search_new"), typed(cast, do="try")).content.decode()
    assert "1 of the last 2 mentions" in page
    assert "My box is dead" in page
    assert "of another team" not in page
    assert Search.objects.count() == 2


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"words": "", "phrases": "", "handles": "", "hashtags": ""}, "at least one word"),
        ({"words": "a"}, "one letter"),
        ({"name": ""}, "required"),
        ({"team": "999999"}, "valid choice"),
        ({"sources": ["999999"]}, "valid choice"),
        ({"languages": ["xx"]}, "valid choice"),
    ],
)
def test_what_cannot_be_listened_for_is_refused_in_words(cast: Cast, changed: dict[str, object], why: str) -> None:
    response = cast.client(cast.lead).post(reverse("listening_search_new"), typed(cast, **changed))
    assert response.status_code == 422
    assert why in response.content.decode()
    assert not Search.objects.exists()


@pytest.mark.parametrize("who", ["agent", "stranger"])
def test_searches_are_changed_by_leads_of_their_team_alone(cast: Cast, who: str) -> None:
    search, user = make_search(cast.team, name="Ours"), getattr(cast, who)
    client = cast.client(user)
    assert client.get(reverse("listening_search", args=[search.pk])).status_code == 404
    assert client.post(reverse("listening_search", args=[search.pk]), typed(cast)).status_code == 404
    assert client.post(reverse("listening_search_deletion", args=[search.pk])).status_code == 404
    if who == "agent":
        assert client.get(reverse("listening_settings")).status_code == 403
        assert client.post(reverse("listening_search_new"), typed(cast)).status_code == 403
    else:
        assert "Ours" not in shown(client, "listening_settings")
        assert client.post(reverse("listening_search_new"), typed(cast)).status_code == 422  # not their team
    search.refresh_from_db()
    assert (search.name, Search.objects.count()) == ("Ours", 1)


SOURCE = {
    "kind": "mastodon",
    "name": "Social",
    "address": "https://social.example",
    "token": "sesame",
    "is_active": "on",
}


def test_an_administrator_manages_sources_and_the_token_is_never_shown(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert client.post(reverse("listening_source_new"), SOURCE).status_code == 302
    source = Source.objects.get()
    assert b"sesame" not in bytes(source.credentials)
    assert "sesame" not in shown(client, "listening_source", "", source.pk)
    assert client.post(reverse("listening_source_new"), SOURCE).status_code == 422
    Source.objects.filter(pk=source.pk).update(last_error="It is <gone>", last_error_at=clock.now())
    assert "It is &lt;gone&gt;" in shown(client, "listening_settings")
    client.post(reverse("listening_source", args=[source.pk]), SOURCE | {"name": "Other", "token": ""})
    source.refresh_from_db()
    assert (source.name, bool(source.credentials), source.last_error) == ("Other", True, "")
    client.post(reverse("listening_source_deletion", args=[source.pk]))
    assert not Source.objects.exists()


def test_a_source_inside_our_network_can_be_named_but_not_with_a_user(cast: Cast) -> None:
    for address in ("file:///etc/passwd", "https://u:p@social.example", "gopher://x"):
        response = cast.client(cast.admin).post(reverse("listening_source_new"), SOURCE | {"address": address})
        assert response.status_code == 422
    assert not Source.objects.exists()


@pytest.mark.parametrize("who", ["agent", "lead"])
def test_sources_are_administrators_alone(cast: Cast, who: str) -> None:
    source, user = make_source(), getattr(cast, who)
    assert isinstance(user, User)
    client = cast.client(user)
    assert client.post(reverse("listening_source_new"), SOURCE).status_code == 403
    assert client.get(reverse("listening_source", args=[source.pk])).status_code == 403
    assert client.post(reverse("listening_source", args=[source.pk]), SOURCE).status_code == 403
    assert client.post(reverse("listening_source_deletion", args=[source.pk])).status_code == 403
    assert list(Source.objects.all()) == [source]
    source.refresh_from_db()
    assert source.name == "The Lyon Courier"


def test_the_page_costs_the_same_however_many_mentions(cast: Cast) -> None:
    search, client, costs = make_search(cast.team), cast.client(), list[int]()
    shown(client)
    for many in (2, 28):
        for _n in range(many):
            make_mention(search, make_search(cast.team))
        with CaptureQueriesContext(connection) as seen:
            shown(client)
        costs.append(len(seen))
    assert costs[0] == costs[1]
    assert costs[0] <= 24
