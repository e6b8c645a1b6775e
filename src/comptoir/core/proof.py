"""Is it a person? Spam protection of the public screens that asks no third party and shows no puzzle.

A screen carries a signed token that says when it was drawn. Its script finds a number that makes
sha256(token:number) begin with BITS zero bits (a fraction of a second for a visitor, real money for a million spams).
Without a script the form still works: a few seconds must have passed since it was drawn, and the limits are harder.
A field that people do not see must stay empty. The token's nonce is used once: it becomes the record's external id.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from enum import StrEnum

from comptoir.core.crypto import derive_key

BITS = 16  # about 65,000 hashes: 0.1 s in a desktop browser, under 1 s on an old phone (measured in the widget's tests)
PLAIN_WAIT = 4  # seconds; nobody fills in a form faster, and a script that must wait sends less
LIFETIME = 24 * 3600  # seconds; a tab may stay open for a day
_NONCE = 10  # bytes: unique over all time
_MAC = 12


class Verdict(StrEnum):
    """What a token and its solution tell."""

    SOLVED = "solved"  # the work was done
    PLAIN = "plain"  # no script, but slow enough
    HASTY = "hasty"  # no script and too fast: ask to send again
    STALE = "stale"  # too old: draw a new one and ask to send again
    UNSOLVED = "unsolved"  # a number that proves nothing
    FORGED = "forged"  # not a token of ours, or of another screen
    TRAPPED = "trapped"  # the invisible field was filled in


def _mac(body: bytes, purpose: str) -> bytes:
    return hmac.digest(derive_key("proof"), purpose.encode() + b"\0" + body, "sha256")[:_MAC]


def issue_token(*, purpose: str, at: datetime) -> str:
    """Return a fresh token for one screen; `purpose` names the screen and the account."""
    body = int(at.timestamp()).to_bytes(5, "big") + secrets.token_bytes(_NONCE)
    return base64.urlsafe_b64encode(body + _mac(body, purpose)).decode()


def _open(token: str, purpose: str) -> tuple[int, bytes] | None:
    """Return when a token was issued and its nonce, or None for anything that is not ours."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != 5 + _NONCE + _MAC:
        return None
    body = raw[:-_MAC]
    if not hmac.compare_digest(_mac(body, purpose), raw[-_MAC:]):
        return None
    return int.from_bytes(body[:5], "big"), body[5:]


def nonce_of(token: str, *, purpose: str) -> str:
    """Return the one-time part of a genuine token as lower-case letters and digits; '' for anything else."""
    opened = _open(token, purpose)
    return base64.b32encode(opened[1]).decode().lower() if opened else ""


def is_solution(token: str, number: str, *, bits: int = BITS) -> bool:
    """Return whether the number proves the work for this token."""
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        return False
    digest = hashlib.sha256(f"{token}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - bits) == 0


def solve(token: str, *, bits: int = BITS) -> str:
    """Return a number that proves the work: what the script does, for tests and programs."""
    number = 0
    while not is_solution(token, str(number), bits=bits):
        number += 1
    return str(number)


def judge(token: str, *, purpose: str, solution: str, trap: str, at: datetime) -> Verdict:
    """Return what a submission proves."""
    opened = _open(token, purpose)
    if opened is None:
        return Verdict.FORGED
    if trap:
        return Verdict.TRAPPED
    age = at.timestamp() - opened[0]
    if age > LIFETIME or age < -60:
        return Verdict.STALE
    if solution:
        return Verdict.SOLVED if is_solution(token, solution) else Verdict.UNSOLVED
    return Verdict.PLAIN if age >= PLAIN_WAIT else Verdict.HASTY
