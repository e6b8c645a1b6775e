"""Search with filters on a database: each filter narrows, wrong ones are told, nobody sees another team's words."""

import re
from datetime import timedelta
from typing import Any

import pytest

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation, ReadMark, State
from comptoir.core import clock
from comptoir.desk.queries import files, search
from comptoir.desk.queries.narrowing import narrow
from comptoir.desk.tests.conftest import Cast
from comptoir.testing import builders


@pytest.fixture
def archive(cast: Cast) -> dict[str, Conversation]:
    """Four conversations that say 'zebra', each different in everything else."""
    now = clock.now()
    other = builders.make_account(cast.team, kind="webchat", address="chat")
    foreign = builders.make_account(cast.stranger.teams.get(), kind="sandbox", address="elsewhere@example.org")
    mine = builders.make_conversation(
        cast.account, contact=builders.make_contact("Zoé Petit", address="zoe@example.net"), subject="mine",
        text="zebra one", assignee=cast.agent, at=now - timedelta(days=40),
    )  # fmt: skip
    toms = builders.make_conversation(
        other, contact=builders.make_contact("Marc Durand"), subject="toms", text="zebra two", assignee=cast.colleague,
        state=State.SOLVED, at=now - timedelta(days=3),
    )  # fmt: skip
    free = builders.make_conversation(cast.account, subject="free", text="zebra three", state=State.PENDING)
    builders.make_message(mine, kind="out", user=cast.colleague, text="zebra answer", at=now - timedelta(days=39))
    builders.make_message(mine, kind="note", user=cast.agent, text="zebra note", at=now - timedelta(days=38))
    paper = builders.make_message(free, text="zebra paper", subject="")
    builders.make_attachment(paper, filename="Facture_Été-2026.pdf")
    builders.make_conversation(foreign, subject="foreign", text="zebra foreign")
    ReadMark.objects.create(user=cast.agent, conversation=toms, read_at=now)
    return {"mine": mine, "toms": toms, "free": free}


def texts(user: User, query: str) -> set[str]:
    asked, narrowing = narrow(user, query)
    assert not asked.troubles, asked.troubles
    return {hit.text.removeprefix("zebra ") for hit in search.search_messages(asked, narrowing).hits}


ALL = {"one", "two", "three", "answer", "note", "paper"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zebra", ALL),
        ("zebra from:zoe", {"one"}),
        ("zebra de:petit", {"one"}),
        ("zebra from:tom", {"answer"}),
        ("zebra from:me", {"note"}),
        ("zebra to:zoe@example.net", {"answer"}),
        ("zebra to:service@example.org", {"one", "three", "paper"}),
        ("zebra channel:webchat", {"two"}),
        ("zebra team:service", ALL),
        ("zebra assignee:me", {"one", "answer", "note"}),
        ("zebra assignee:none", {"three", "paper"}),
        ("zebra is:mine", {"one", "answer", "note"}),
        ("zebra responsable:tom", {"two"}),
        ("zebra is:solved", {"two"}),
        ("zebra is:pending is:solved", {"two", "three", "paper"}),
        ("zebra is:waiting", {"one", "answer", "note"}),
        ("zebra is:unread", ALL - {"two"}),
        ("zebra is:note", {"note"}),
        ("zebra is:sent", {"answer"}),
        ("zebra is:received -three", {"one", "two", "paper"}),
        ("zebra before:7d", {"one", "answer", "note"}),
        ("zebra after:7d", {"two", "three", "paper"}),
        ("zebra after:10d before:today", {"two"}),
        ("zebra has:attachment", {"paper"}),
        ("has:attachment", {"paper"}),
        ("is:note", {"note"}),
        ("assignee:me", {"note"}),  # a conversation is shown once, by its last message
        ("is:pending", {"paper"}),
        ("before:7d is:received", {"one"}),
    ],
)
def test_each_filter_narrows(cast: Cast, archive: Any, query: str, found: set[str]) -> None:
    assert texts(cast.agent, query) == found


def test_a_conversation_by_its_number(cast: Cast, archive: dict[str, Conversation]) -> None:
    assert texts(cast.agent, f"zebra in:{archive['free'].pk}") == {"three", "paper"}
    assert texts(cast.stranger, f"zebra in:{archive['free'].pk}") == set()


@pytest.mark.parametrize(
    "query", ["zebra", "zebra is:open", "zebra after:90d", "zebra from:ada", "is:open", "after:1y"]
)
def test_another_teams_words_are_never_found(cast: Cast, archive: Any, query: str) -> None:
    assert "foreign" not in texts(cast.agent, query)
    assert texts(cast.stranger, query) <= {"foreign"}


@pytest.mark.parametrize("query", ["zebra", "zebra after:1y", "zebra is:open", "zebra from:ada"])
@pytest.mark.parametrize("sizes", [(3000, 150_000), (4, 8)])
def test_pages_follow_each_other_and_meet_every_message_once(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, query: str, sizes: tuple[int, int]
) -> None:
    monkeypatch.setattr(search, "PROBE", sizes[0])
    monkeypatch.setattr(search, "WALK", sizes[1])
    monkeypatch.setattr(search, "DATED_WALK", sizes[1])
    for number in range(30):
        builders.make_message(cast.conversation, text=f"zebra {number}")
        builders.make_message(cast.conversation, text="nothing", kind="note", user=cast.agent)
    asked, narrowing = narrow(cast.agent, query)
    seen: list[int] = []
    place: search.Place | None = None
    for _turn in range(40):
        asked, narrowing = narrow(cast.agent, query)
        page = search.search_messages(asked, narrowing, after=place)
        seen += [hit.id for hit in page.hits]
        if page.more is None:
            break
        place = search.Place.read(str(page.more))
        assert place == page.more
    assert len(seen) == len(set(seen)) == 30


@pytest.mark.parametrize("text", ["", "x", "-1", "5,", ",5", "2026-01-01,5", "2026-01-01T00:00,5", "9" * 30, "é,1"])
def test_a_damaged_link_to_a_page_begins_at_the_top(text: str) -> None:
    assert search.Place.read(text) in {None, search.Place(None, 5)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("facture", True), ("FACTURES", False), ("fact ete", True), ("2026", True), ("été-2026", True),
        ("-facture", False), ("facture is:solved", False), ("facture is:pending", True), ("facture before:7d", False),
        ("has:attachment", True), ("facture from:ada", True), ("facture from:zoe", False), ("&|!()", False),
    ],
)  # fmt: skip
def test_files_are_found_by_the_beginnings_of_the_words_of_their_name(
    cast: Cast, archive: Any, query: str, found: bool
) -> None:
    for user, expected in ((cast.agent, found), (cast.stranger, False)):
        asked, narrowing = narrow(user, query)
        assert bool(files.search_files(asked, narrowing).hits) is expected


@pytest.mark.parametrize("rare", [5000, -1])
def test_files_come_in_pages(cast: Cast, monkeypatch: pytest.MonkeyPatch, rare: int) -> None:
    monkeypatch.setattr(files, "RARE", rare)
    for number in range(25):
        builders.make_attachment(cast.message, filename=f"photo-{number}.jpg", content=b"x")
    asked, narrowing = narrow(cast.agent, "photo")
    first = files.search_files(asked, narrowing)
    rest = files.search_files(asked, narrowing, after=first.more)
    assert (len(first.hits), len(rest.hits), rest.more) == (20, 5, None)


def test_the_page_tells_back_what_it_understood_and_what_it_did_not(cast: Cast, archive: Any) -> None:
    page = cast.client().get("/search", {"q": "zebra is:pending from:nobodyatall channel:fax"}).content.decode()
    assert re.search(r'class="chip">Pending<a href="\?q=zebra%20from', page)
    assert "nobody is called “nobodyatall”" in page
    assert "There are: " in page
    assert "<mark>zebra</mark> three" in page


def test_the_tabs_count_what_they_hold_and_people_come_first_when_nothing_was_said(cast: Cast, archive: Any) -> None:
    client = cast.client()
    page = client.get("/search", {"q": "durand"}).content.decode()
    assert re.search(r'tab=contacts" aria-current="page">Contacts <small>1</small>', page)
    assert "Marc Durand" in page
    page = client.get("/search", {"q": "facture", "tab": "files"}).content.decode()
    assert "<mark>Facture</mark>_Été-2026.pdf" in page


def test_nothing_but_noise_finds_nothing_and_says_so(cast: Cast) -> None:
    page = cast.client().get("/search", {"q": "&|!()*:"}).content.decode()
    assert "Nothing was found" in page


def test_the_empty_page_teaches_in_the_persons_language(cast: Cast) -> None:
    User.objects.filter(pk=cast.agent.pk).update(language="fr")
    page = cast.client().get("/search").content.decode()
    assert "équipe:" in page and "après:" in page


def test_a_hit_far_back_leads_to_the_page_that_shows_it(cast: Cast) -> None:
    long_ago = builders.make_message(cast.conversation, text="zanzibar", at=clock.now() - timedelta(days=9))
    builders.make_attachment(long_ago, filename="zanzibar.txt")
    client = cast.client()
    for count, is_far in ((0, False), (55, True)):
        for _ in range(count):
            builders.make_message(cast.conversation, text="later")
        for tab in ("messages", "files"):
            page = client.get("/search", {"q": "zanzibar", "tab": tab}).content.decode()
            link = re.search(rf'href="(/conversations/[^"]*#m{long_ago.pk})"', page)
            assert link is not None and ("?before=" in link[1]) is is_far
            shown = client.get(link[1].replace("&amp;", "&").partition("#")[0]).content.decode()
            assert f'id="m{long_ago.pk}"' in shown


@pytest.mark.usefixtures("archive")
def test_a_search_does_not_tell_that_somebody_elses_customer_exists(cast: Cast) -> None:
    foreign = builders.make_account(cast.stranger.teams.get(), kind="sandbox", address="hidden@example.org")
    theirs = builders.make_contact("Odile Secret", address="odile@example.net")
    builders.make_conversation(foreign, contact=theirs, text="zebra")
    for query in ("zebra from:odile", "zebra to:odile", "zebra to:hidden@example.org"):
        asked, _narrowing = narrow(cast.agent, query)
        assert [trouble.reason for trouble in asked.troubles] == ["nobody"], query
        asked, _narrowing = narrow(cast.stranger, query)
        assert not asked.troubles, query


def test_who_was_absorbed_is_found_by_the_person_they_became(cast: Cast) -> None:
    kept = builders.make_contact("Anna Roy")
    old = builders.make_contact("Annette Roy", merged_into=kept)
    builders.make_conversation(cast.account, contact=kept, text="zebra kept")
    asked, narrowing = narrow(cast.agent, "from:annette")
    assert (asked.troubles, narrowing.values["authors"]) == ((), [old.pk])
