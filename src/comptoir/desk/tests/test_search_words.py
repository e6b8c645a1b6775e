"""The words of a search: what is a filter, what it means, what is told. No database here."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.desk.search_words import LONGEST, OFFERED, Known, Person, day_of, split, understand

TODAY = date(2026, 11, 26)
KNOWN = Known(
    today=TODAY,
    me=7,
    channels={"email": ["E-mail", "Courriel"], "webchat": ["Web chat"]},
    teams={1: "Service", 2: "Relations presse", 3: "Serv"},
    people=[Person(7, "Camille Roux", "camille@example.org"), Person(8, "Tom Okafor", "tom@example.org")],
)


@pytest.mark.parametrize(
    ("typed", "words", "filters"),
    [
        ("dead line", "dead line", []),
        ("Re: hello 12:30 https://a.example/x", "Re: hello 12:30 https://a.example/x", []),
        ('"dial tone" -modem', '"dial tone" -modem', []),
        ("« ligne morte » -“à bientôt”", '"ligne morte" -"à bientôt"', []),
        ("refund from:ada", "refund", [("from", "ada")]),
        ('from:"Ada Martin" refund', "refund", [("from", "Ada Martin")]),
        ("de:«Ada Martin»", "", [("from", "Ada Martin")]),
        ("from:me", "", [("from", (7,))]),
        ("à:ada a:ada to:ada", "", [("to", "ada")] * 3),
        ("channel:EMAIL canal:courriel", "", [("channel", "email"), ("channel", "email")]),
        ("team:presse équipe:serv", "", [("team", (2,)), ("team", (3,))]),
        ("assignee:me assignee:none responsable:tom", "", [("assignee", v) for v in [(7,), (0,), (8,)]]),
        ("is:open est:résolue is:UNREAD est:à-moi", "", [("is", v) for v in ["open", "solved", "unread", "mine"]]),
        ("has:attachment avec:pièce-jointe", "", [("has", "attachment")] * 2),
        ("in:#42 dans:7", "", [("in", (42,)), ("in", (7,))]),
        ("before:yesterday avant:hier", "", [("before", date(2026, 11, 25))] * 2),
    ],
)
def test_words_and_filters_are_told_apart(typed: str, words: str, filters: list[Any]) -> None:
    asked = understand(typed, KNOWN)
    assert asked.words == words
    assert [(found.name, found.value) for found in asked.filters] == filters
    assert asked.troubles == ()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("from:", "empty"),
        ("-from:ada", "out"),
        ("channel:fax", "channel"),
        ("team:nobody", "team"),
        ("assignee:zoe", "assignee"),
        ("before:31/02/2026", "before"),
        ("after:soon", "after"),
        ("after:9999y", "after"),
        ("is:lost", "is"),
        ("has:hope", "has"),
        ("in:12a", "in"),
        ("in:²", "in"),
        ("label:vip", "labels"),
    ],
)
def test_a_wrong_filter_is_told_and_the_rest_is_searched(typed: str, reason: str) -> None:
    asked = understand(f"refund {typed} later", KNOWN)
    assert [(trouble.part.text, trouble.reason) for trouble in asked.troubles] == [(typed, reason)]
    assert asked.words == "refund later"
    assert asked.filters == ()


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("today", TODAY),
        ("aujourd’hui", TODAY),
        ("hier", date(2026, 11, 25)),
        ("7d", date(2026, 11, 19)),
        ("7j", date(2026, 11, 19)),
        ("2w", date(2026, 11, 12)),
        ("1m", date(2026, 10, 27)),
        ("2026", date(2026, 1, 1)),
        ("2026-11", date(2026, 11, 1)),
        ("2026-11-03", date(2026, 11, 3)),
        ("3/11/2026", date(2026, 11, 3)),
        ("03.11.2026", date(2026, 11, 3)),
        ("2026-13", None),
        ("0000", None),
        ("x", None),
    ],
)
def test_days_by_date_and_by_distance(typed: str, day: date | None) -> None:
    assert day_of(typed, TODAY) == day


def test_a_chip_leads_to_the_search_without_it() -> None:
    asked = understand('refund from:"Ada Martin" is:open', KNOWN)
    assert asked.without(asked.filters[0].part) == "refund is:open"


@given(st.text(max_size=400))
def test_nothing_that_is_typed_raises_or_is_lost(text: str) -> None:
    asked = understand(text, KNOWN)
    assert "".join("".join(part.text for part in split(text)).split()) == "".join(text[:LONGEST].split())
    assert len(asked.filters) + len(asked.troubles) == sum(bool(part.filter) for part in asked.parts)


@given(
    st.sampled_from(["from", "to", "is", "before", "after", "in", "channel", "assignee", "team"]), st.text(max_size=30)
)
def test_no_value_of_a_filter_raises(name: str, value: str) -> None:
    understand(f'{name}:{value} {name}:"{value}"', KNOWN)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_everything_that_completion_offers_is_understood(language: str) -> None:
    for name, (written, values) in OFFERED[language].items():
        for value in values:
            asked = understand(written + value, KNOWN)
            assert [found.name for found in asked.filters] == [name], written + value
