"""Who takes a conversation, by one table; and what the guard lets through."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from comptoir.routing.rules import guard
from comptoir.routing.rules.assignment import Candidate, Need, Presence, choose, presence_of

HERE, AWAY, OFF = Presence.AVAILABLE, Presence.AWAY, Presence.OFFLINE
ANA = Candidate(1, "Ana", HERE, load=4, capacity=10, skills={"language:fr": 1})
BEN = Candidate(2, "Ben", HERE, load=2, capacity=4, skills={"language:fr": 3})
CAT = Candidate(3, "Cat", HERE, load=3, capacity=10, skills={"channel:webchat": 2})
ALL = (ANA, BEN, CAT)
MAIL = Need("email", "fr")
KNOWN = replace(MAIL, last_agent=1)
BEN_AWAY, ANA_AWAY = replace(BEN, presence=AWAY), replace(ANA, presence=AWAY)
ANA_FULL_OF_MAIL = replace(ANA, capacity_by_channel={"email": 2}, load_by_channel={"email": 2})


@pytest.mark.parametrize(
    ("case", "mode", "people", "need", "last", "sticky", "person", "why"),
    [
        ("the round begins", "round_robin", ALL, MAIL, None, False, 1, "round_robin"),
        ("the round goes on", "round_robin", ALL, MAIL, 1, False, 2, "round_robin"),
        ("the round begins again", "round_robin", ALL, MAIL, 3, False, 1, "round_robin"),
        ("the round passes over who is away", "round_robin", (ANA, BEN_AWAY, CAT), MAIL, 1, False, 3, "round_robin"),
        ("the share of the capacity counts", "least_loaded", ALL, MAIL, None, False, 3, "least_loaded"),
        ("the best speaker", "by_skill", ALL, MAIL, None, False, 2, "by_skill"),
        ("a skill for the channel", "by_skill", ALL, Need("webchat", "de"), None, False, 3, "by_skill"),
        ("nobody knows it", "by_skill", ALL, Need("email", "de"), None, False, 3, "no_skill"),
        ("the best speaker is full", "by_skill", (ANA, replace(BEN, load=4), CAT), MAIL, None, False, 1, "by_skill"),
        ("who answered before", "least_loaded", ALL, KNOWN, None, True, 1, "sticky"),
        ("who answered before, unasked", "least_loaded", ALL, KNOWN, None, False, 3, "least_loaded"),
        ("who answered before is away", "least_loaded", (ANA_AWAY, CAT), KNOWN, None, True, 3, "least_loaded"),
        ("not to who lost it", "least_loaded", ALL, replace(MAIL, not_for=3), None, False, 1, "least_loaded"),
        ("off shift", "least_loaded", (ANA, replace(CAT, is_on_shift=False)), MAIL, None, False, 1, "least_loaded"),
        ("all away", "least_loaded", (ANA_AWAY, replace(BEN, presence=OFF)), MAIL, None, False, None, "nobody"),
        ("all full", "least_loaded", (replace(ANA, load=10),), MAIL, None, False, None, "full"),
        ("full of this channel", "least_loaded", (ANA_FULL_OF_MAIL, CAT), MAIL, None, False, 3, "least_loaded"),
        ("an empty team", "round_robin", (), MAIL, None, False, None, "nobody"),
    ],
)  # fmt: skip
def test_who_takes_it(
    case: str, mode: str, people: tuple[Candidate, ...], need: Need, last: int | None, sticky: bool,
    person: int | None, why: str,
) -> None:  # fmt: skip
    choice = choose(mode, people, need, last=last, is_sticky=sticky)
    assert (choice.person, choice.why) == (person, why)


@pytest.mark.parametrize(
    ("chosen", "has_desk", "expected"),
    [
        ("available", True, HERE),
        ("available", False, OFF),
        ("away", True, AWAY),
        ("away", False, OFF),
        ("offline", True, OFF),
    ],
)
def test_presence(chosen: str, has_desk: bool, expected: Presence) -> None:
    assert presence_of(chosen, has_desk=has_desk) is expected


@pytest.mark.parametrize(
    ("case", "depth", "fired", "expected"),
    [
        ("set off by a customer", 1, 0, ""),
        ("a chain of three", 3, 0, ""),
        ("a chain of four", 4, 0, "depth"),
        ("one below the limit", 1, 9, ""),
        ("the limit", 1, 10, "limit"),
    ],
)
def test_the_guard_stops_loops(case: str, depth: int, fired: int, expected: str) -> None:
    assert guard.stops(depth=depth, fired=fired, limit=10) == expected


NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("case", "is_automatic", "ago", "expected"),
    [
        ("the first", False, None, ""),
        ("an hour after the last", False, 1, "recent"),
        ("a day after the last", False, 24, ""),
        ("to a machine", True, None, "automatic"),
    ],
)
def test_automatic_replies_are_rare_and_never_to_machines(
    case: str, is_automatic: bool, ago: int | None, expected: str
) -> None:
    last = NOW - timedelta(hours=ago) if ago else None
    assert guard.holds_reply(is_automatic=is_automatic, last_reply=last, at=NOW) == expected


def test_yesterdays_news_is_history() -> None:
    assert guard.is_history(NOW - timedelta(hours=25), NOW)
    assert not guard.is_history(NOW - timedelta(hours=23), NOW)
