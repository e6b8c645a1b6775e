"""Adds open minutes in public cases and counts how many agree: python -m bench.calendar_cases FILE."""

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from comptoir.calendars import rules
from comptoir.calendars.rules import DAY, Calendar, Exceptional, Span
from comptoir.core.errors import InputError

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ZONES = {"locUTC": "UTC", "locIST": "Asia/Kolkata"}


def calendar_of(case: dict[str, Any]) -> Calendar:
    """Return the calendar of a case."""
    spans = []
    for name, (opens, closes) in case["hours"].items():
        (found,) = rules.read_hours(f"{opens}-{closes}")
        spans.append(Span(DAYS.index(name), *found))
    closed = [date.fromisoformat(text) for text in case["holidays"]]
    return Calendar(
        case["timezone"] or "UTC",
        tuple(spans),
        tuple(Exceptional(day, day, start=0, end=DAY) for day in closed),
        is_always_open=case["always_open"],
    )


def instant(raw: dict[str, str]) -> datetime:
    """Return an instant of a case."""
    return datetime.fromisoformat(raw["local"]).replace(tzinfo=ZoneInfo(ZONES[raw["loc"]]))


def agrees(case: dict[str, Any]) -> bool:
    """Return whether we end where the case says, or refuse what it refuses."""
    start = instant(case["start"]) if case["start"] else datetime.fromisoformat("2023-10-10T09:00:00+00:00")
    try:
        found = rules.add_open_minutes(calendar_of(case), start, case["sla_minutes"])
    except InputError:
        return case["expect_error"] is not None
    return case["expected"] is not None and found == instant(case["expected"])


def main(path: str) -> int:
    """Print each case that does not agree, and how many do."""
    cases = json.loads(Path(path).read_text())
    wrong = [case for case in cases if not agrees(case)]
    for case in wrong:
        print(f"differs: {case['name']}")
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
