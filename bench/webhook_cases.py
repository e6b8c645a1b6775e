"""Recorded public webhooks with known answers, led through the pipeline (see webhook_run.py)."""

from pathlib import Path

from bench.figures import Bar, Result
from bench.installation import Installation

NAME = "webhook_cases"
FOLDER = Path(__file__).resolve().parent.parent.parent / "shared/fixtures/webhooks"
SHARE = 95.0  # percent of the cases that can be asserted

# Where another system decided otherwise, and ours is right or as right: the case counts as failed all the same.
OTHERWISE: dict[str, str] = {}


def run() -> Result:
    """Score the cases of the channels that there are; every other one is named."""
    result = Result(
        NAME,
        "Public webhook cases",
        "Events from the test suites of other systems, with the contacts, conversations and messages that must follow. "
        "Every case goes through identify, the inbound log and the pipeline in a transaction that is rolled back.",
    )
    with Installation() as place:
        place.start_postgres()
        told = place.ask("bench.webhook_run", str(FOLDER))
    passed, failed, skipped = told["passed"], told["failed"], told["skipped"]
    total = len(passed) + len(failed)
    result.add("cases that hold", 100 * len(passed) / max(1, total), "%", bar=Bar(SHARE, at_least=True))
    result.add("cases", total, "")
    result.add("cases of networks that are not built", len(skipped), "")
    for case, why in sorted(failed.items()):
        print(f"  {case}: {why}", flush=True)
        result.notes.append(f"{case}: {why}" + (f" ({OTHERWISE[case]})" if case in OTHERWISE else ""))
    return result
