"""INV-01, INV-02 and INV-03 hold while web, worker and PostgreSQL are killed: the short form of bench/kill.py."""

import pytest

from comptoir.testing.killing import Size, run


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_any_process_is_killed() -> None:
    found = run(Size(messages=1500, replies=40, kills=3, pause=(1.5, 3.0)))

    assert found.wrong == []
    assert found.messages == 1500
    assert found.delivered_once + found.shown_otherwise == 40
    assert set(found.killed) == {"web", "worker", "postgres"}
