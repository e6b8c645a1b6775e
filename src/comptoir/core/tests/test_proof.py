"""Spam protection: work or patience passes; forged, old, hasty and foreign tokens do not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.core import proof
from comptoir.core.proof import Verdict, judge

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOKEN = proof.issue_token(purpose="webform:k", at=AT)
SOLUTION = proof.solve(TOKEN)

CASES = [
    # label, purpose, solution, trap, seconds later, verdict
    ("solved at once", "webform:k", SOLUTION, "", 1, Verdict.SOLVED),
    ("solved late", "webform:k", SOLUTION, "", 3600, Verdict.SOLVED),
    ("patient without a script", "webform:k", "", "", 5, Verdict.PLAIN),
    ("hasty without a script", "webform:k", "", "", 2, Verdict.HASTY),
    ("a day later", "webform:k", SOLUTION, "", 86_401, Verdict.STALE),
    ("from the future", "webform:k", SOLUTION, "", -120, Verdict.STALE),
    ("a number that proves nothing", "webform:k", "0", "", 9, Verdict.UNSOLVED),
    ("no number at all", "webform:k", "-1e9", "", 9, Verdict.UNSOLVED),
    ("another screen", "webchat:k", SOLUTION, "", 9, Verdict.FORGED),
    ("trapped", "webform:k", SOLUTION, "x", 9, Verdict.TRAPPED),
]


@pytest.mark.parametrize(("label", "purpose", "solution", "trap", "later", "verdict"), CASES, ids=[c[0] for c in CASES])
def test_verdicts(label: str, purpose: str, solution: str, trap: str, later: int, verdict: Verdict) -> None:
    at = AT + timedelta(seconds=later)
    assert judge(TOKEN, purpose=purpose, solution=solution, trap=trap, at=at) is verdict


@given(st.text())
def test_no_text_passes_for_a_token(text: str) -> None:
    assert judge(text, purpose="webform:k", solution="", trap="", at=AT) is Verdict.FORGED
    assert proof.nonce_of(text, purpose="webform:k") == ""


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("abcXYZ019-_"))
def test_one_changed_letter_spoils_a_token(place: int, letter: str) -> None:
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed != TOKEN:
        assert proof.nonce_of(changed, purpose="webform:k") == ""


def test_nonces_differ_and_hold_letters_and_digits_only() -> None:
    nonces = {proof.nonce_of(proof.issue_token(purpose="p", at=AT), purpose="p") for _ in range(200)}
    assert len(nonces) == 200 and all(len(n) == 16 and n.isalnum() for n in nonces)
