"""What a filter may be: read from what is stored, refused in words where its parts do not agree."""

from typing import Any

import pytest

from comptoir.conversations.filtering import DEFAULT, QueueFilter, from_json
from comptoir.conversations.rules import ordered_after
from comptoir.core.errors import InputError


@pytest.mark.parametrize(
    ("case", "stored", "expected"),
    [
        ("nothing is the default", {}, DEFAULT),
        ("labels", {"labels": [3, 1, 3], "label_match": "all"}, QueueFilter(labels=(3, 1), label_match="all")),
        ("either", {"waits": None, "sort": "activity"}, QueueFilter(waits=None, sort="activity")),
        ("a person", {"owner": "person", "assignee": 7}, QueueFilter(owner="person", assignee=7)),
        ("words on one line", {"words": " no \n dial\x00 "}, QueueFilter(words="no dial")),
        ("own fields", {"custom": [["offer", "Fibre"]]}, QueueFilter(custom=(("offer", "Fibre"),))),
    ],
)
def test_what_is_stored_is_read(case: str, stored: dict[str, Any], expected: QueueFilter) -> None:
    assert from_json(stored) == expected


@pytest.mark.parametrize(
    ("case", "stored", "field"),
    [
        ("unknown part", {"mood": "good"}, "mood"),
        ("unknown state", {"states": ["merged"]}, "states"),
        ("unknown order", {"sort": "due"}, "sort"),
        ("no order by wait of what does not wait", {"waits": None, "sort": "wait"}, "sort"),
        ("no order by priority of what does not wait", {"waits": False, "sort": "priority"}, "sort"),
        ("no long wait of what does not wait", {"waits": None, "sort": "newest", "waiting_minutes": 60}, "waits"),
        ("solved does not wait", {"states": ["solved"]}, None),
        ("a person without a name", {"owner": "person"}, "owner"),
        ("a name without a person", {"owner": "me", "assignee": 7}, "owner"),
        ("a number that is none", {"priority": "high"}, "priority"),
        ("true is no number", {"created_days": True}, "created_days"),
        ("too long ago", {"created_days": 100_000}, "created_days"),
        ("texts where ids are wanted", {"labels": ["1"]}, "labels"),
        ("not a list", {"teams": 3}, "teams"),
        ("a text that is no truth", {"unread": "yes"}, "unread"),
        ("half a pair", {"custom": [["offer"]]}, "custom"),
        ("words that are none", {"words": 7}, "words"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(case: str, stored: dict[str, Any], field: str | None) -> None:
    with pytest.raises(InputError) as caught:
        from_json(stored)
    assert caught.value.field == field
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "chosen",
    [
        DEFAULT,
        QueueFilter(waits=False, states=("pending", "solved"), sort="newest", languages=("fr",)),
        QueueFilter(labels=(1, 2), label_match="none", teams=(3,), custom=(("offer", "Fibre"), ("gesture", True))),
        QueueFilter(owner="person", assignee=4, waiting_minutes=30, unread=True, trouble=True, words="no tone"),
    ],
)
def test_a_filter_survives_being_stored(chosen: QueueFilter) -> None:
    assert from_json(chosen.as_json()) == chosen


@pytest.mark.parametrize(
    ("case", "mine", "current", "expected"),
    [
        ("from elsewhere", [1, 2, 3], 9, [1, 2, 3]),
        ("from the first", [1, 2, 3], 1, [2, 3]),
        ("from the middle", [1, 2, 3], 2, [3, 1]),
        ("from the last", [1, 2, 3], 3, [1, 2]),
        ("nothing", [], 1, []),
    ],
)
def test_next_walks_on(case: str, mine: list[int], current: int, expected: list[int]) -> None:
    assert ordered_after(mine, current) == expected
