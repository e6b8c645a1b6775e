"""When to try again, and which changes are allowed."""

from datetime import timedelta

import pytest

from comptoir.outbound.models import DeliveryState
from comptoir.outbound.rules import ALLOWED, RETRY_SECONDS, may_become, retry_after


@pytest.mark.parametrize(
    ("label", "attempts", "asked", "expected"),
    [
        ("a hiccup", 1, None, timedelta(seconds=10)),
        ("the platform asks for more", 1, 90.0, timedelta(seconds=90)),
        ("the platform asks for less", 2, 1.0, timedelta(seconds=30)),
        ("the last attempt", len(RETRY_SECONDS), None, timedelta(seconds=RETRY_SECONDS[-1])),
        ("enough", len(RETRY_SECONDS) + 1, None, None),
    ],
)
def test_retries(label: str, attempts: int, asked: float | None, expected: timedelta | None) -> None:
    assert retry_after(attempts, asked=asked) == expected


def test_every_state_has_its_row_and_nothing_leaves_cancelled() -> None:
    assert set(ALLOWED) == set(DeliveryState.values)
    assert not any(may_become("cancelled", state) for state in DeliveryState.values)
    assert not may_become("delivered", "sent")
