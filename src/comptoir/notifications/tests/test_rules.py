"""Who is told of what, and when a mail may leave."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.notifications.rules import Happened, Hours, Scene, is_quiet, joins, mail_at, recipients

ADA, TOM, SAM, EVE = 1, 2, 3, 4  # Eve is in another team
SCENE = Scene(frozenset({ADA, TOM, SAM}), assignee=ADA, followers=frozenset({SAM, EVE}), author=TOM)


@pytest.mark.parametrize(
    ("label", "kind", "actor", "facts", "expected"),
    [
        ("mentioned", "note.added", TOM, {"mentions": [ADA, SAM]}, ("mention", {ADA, SAM})),
        ("mentioning oneself", "note.added", TOM, {"mentions": [TOM]}, ("mention", set())),
        ("mentioned in another team (INV-06)", "note.added", TOM, {"mentions": [EVE]}, ("mention", set())),
        ("a note without a mention", "note.added", TOM, {}, ("mention", set())),
        ("mentions that are no list", "note.added", TOM, {"mentions": "ada"}, ("mention", set())),
        ("given to Ada by Tom", "conversation.assigned", TOM, {"to": ADA}, ("assigned", {ADA})),
        ("taken by Ada", "conversation.assigned", ADA, {"to": ADA}, ("assigned", set())),
        ("given to Ada by a rule", "conversation.assigned", None, {"to": ADA}, ("assigned", {ADA})),
        ("released", "conversation.assigned", TOM, {"to": None}, ("assigned", set())),
        ("the customer writes", "message.received", None, {"automatic": ""}, ("reply", {ADA, SAM})),
        ("a machine writes", "message.received", None, {"automatic": "bounce"}, ("", set())),
        ("an answer failed", "reply.failed", None, {}, ("trouble", {TOM})),
        ("an answer is in doubt", "reply.unconfirmed", None, {}, ("trouble", {TOM})),
        ("a new conversation", "conversation.created", None, {"team": 1}, ("new", {ADA, TOM, SAM})),
        ("a reminder", "reminder.due", None, {"person": ADA}, ("reminder", {ADA})),
        ("a rule", "rule.notified", None, {"people": [ADA, EVE]}, ("rule", {ADA})),
        ("anything else", "conversation.woke", None, {}, ("", set())),
    ],
)
def test_who_is_told(label: str, kind: str, actor: int | None, facts: dict[str, Any], expected: Any) -> None:
    found, people = recipients(Happened(kind, actor, facts), SCENE)
    assert (found, set(people)) == expected, label


def test_who_writes_a_note_and_whom_it_mentions_follows() -> None:
    assert joins(Happened("note.added", TOM, {"mentions": [ADA, EVE]}), SCENE) == {ADA, TOM}
    assert joins(Happened("conversation.assigned", TOM, {"to": ADA}), SCENE) == frozenset()


PARIS = ZoneInfo("Europe/Paris")
NIGHT = {"quiet_from": time(19), "quiet_until": time(8)}
NOON = {"quiet_from": time(12), "quiet_until": time(14)}


def at(hour: int, minute: int = 0, day: int = 26, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("label", "instant", "hours", "quiet"),
    [
        ("none", at(3), {}, False),
        ("at night", at(3), NIGHT, True),
        ("in the evening", at(18), NIGHT, True),  # 19:00 in Paris
        ("a minute before", at(17, 59), NIGHT, False),
        ("at its end", at(7), NIGHT, False),
        ("at noon", at(11, 30), NOON, True),
        ("in the morning", at(9), NOON, False),
        ("of no length", at(9), {"quiet_from": time(10), "quiet_until": time(10)}, False),
    ],
)
def test_quiet_hours(label: str, instant: datetime, hours: dict[str, time], quiet: bool) -> None:
    assert is_quiet(instant, Hours(**hours), PARIS) is quiet, label


@pytest.mark.parametrize(
    ("label", "choice", "instant", "hours", "expected"),
    [
        ("by no mail", "", at(9), {}, None),
        ("at once is a minute later", "now", at(9, 10), {}, at(9, 11)),
        ("at once, at night: in the morning", "now", at(22), NIGHT, at(7, day=27)),
        ("at once, at the edge of the night", "now", at(17, 59), NIGHT, at(7, day=27)),
        ("with the hour", "digest", at(9, 10), {}, at(10)),
        ("at the hour: with the next", "digest", at(9), {}, at(10)),
        ("with the hour, at night: in the morning", "digest", at(1), NIGHT, at(7)),
        ("with the day", "digest", at(9), {"digest": "daily"}, at(7, day=27)),
        ("with the day, before its hour", "digest", at(5), {"digest": "daily"}, at(7)),
        ("with a day whose hour is quiet", "digest", at(20), {"digest": "daily", "digest_hour": 7, **NIGHT},
         at(7, day=27)),
        ("over the change to summer time", "digest", datetime(2026, 3, 28, 12, tzinfo=UTC), {"digest": "daily"},
         datetime(2026, 3, 29, 6, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_when_a_mail_may_leave(label: str, choice: str, instant: datetime, hours: Any, expected: Any) -> None:
    assert mail_at(choice, instant, Hours(**hours), PARIS) == expected, label


def minutes(number: int) -> time:
    return time(*divmod(number, 60))


@given(
    st.integers(0, 365 * 1440),
    st.sampled_from(["now", "digest"]),
    st.sampled_from(["hourly", "daily"]),
    st.integers(0, 23),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_a_mail_leaves_later_within_two_days_and_never_in_quiet_hours(
    instant: int, choice: str, digest: str, hour: int, start: int, end: int
) -> None:
    hours = Hours(digest, hour, minutes(start), minutes(end))
    happened = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=instant)
    due = mail_at(choice, happened, hours, UTC)
    assert due is not None
    assert 0 < (due - happened).total_seconds() <= 2 * 86400
    assert not is_quiet(due, hours, UTC)
