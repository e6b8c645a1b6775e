"""Which reminders are offered, and which ring."""

from datetime import datetime, timedelta, timezone

import pytest

from comptoir.reminders.rules import offers, outcome

PARIS = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("label", "unless_said", "was_said", "is_seen", "expected"),
    [
        ("at its time", False, False, True, "due"),
        ("at its time, whatever was said", False, True, True, "due"),
        ("nobody wrote", True, False, True, "due"),
        ("somebody wrote", True, True, True, "spared"),
        ("the person left the team", False, False, False, "cancelled"),
        ("the person left the team, and somebody wrote", True, True, False, "cancelled"),
    ],
)
def test_what_becomes_of_a_reminder(
    label: str, unless_said: bool, was_said: bool, is_seen: bool, expected: str
) -> None:
    assert outcome(unless_said=unless_said, was_said=was_said, is_seen=is_seen) == expected, label


def test_offers_are_at_nine_and_only_the_one_in_three_days_waits_for_silence() -> None:
    wednesday = datetime(2026, 11, 25, 22, 15, tzinfo=PARIS)
    found = {offer.name: (offer.due_at.isoformat()[:16], offer.unless_said) for offer in offers(wednesday)}
    assert found == {
        "tomorrow": ("2026-11-26T09:00", False),
        "quiet": ("2026-11-28T09:00", True),
        "monday": ("2026-11-30T09:00", False),
    }


def test_on_a_sunday_next_monday_is_not_tomorrow() -> None:
    sunday = datetime(2026, 11, 29, 12, tzinfo=PARIS)
    assert {offer.name: offer.due_at.day for offer in offers(sunday)}["monday"] == 7
