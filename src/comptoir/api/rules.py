"""Pure decisions about outgoing webhooks: the signature, what an answer means, when to try again."""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from comptoir.core.addresses import is_usable_url
from comptoir.core.errors import InputError

# Seconds before the next attempt: 10 s, then three times as long each time, at most 12 hours. With the last attempt
# the receiver has had about three days (10 + 30 + … + 21870 s = 9.1 h, then five times 12 h): a weekend.
FIRST_WAIT = 10
LONGEST_WAIT = 12 * 3600
ATTEMPTS = 14
JITTER = 0.2  # so that the calls of one outage do not come back as one flood


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means: done, or failed with a reason, for good or for now."""

    is_done: bool
    reason: str = ""


def sign(secret: str, *, timestamp: int, body: bytes) -> str:
    """Return the Comptoir-Signature header: HMAC-SHA256 over `<timestamp>.<body>`, which binds the body to its time."""
    mac = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()
    return f"t={timestamp},v1={mac}"


def retry_after(attempts: int, *, jitter: float) -> timedelta | None:
    """Return the wait after `attempts` failed attempts, or None to give up. `jitter` is drawn from [0, 1)."""
    if attempts >= ATTEMPTS:
        return None
    seconds = min(FIRST_WAIT * 3 ** (attempts - 1), LONGEST_WAIT)
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * jitter))


def verdict(status: int, beginning: str) -> Verdict:
    """Judge an answer: only 2xx counts as received. `beginning` is the start of its body, to find the fault with."""
    if 200 <= status < 300:
        return Verdict(True)
    if 300 <= status < 400:
        return Verdict(False, f"The address answered {status}, a redirect. Enter the address that it leads to.")
    said = f": {beginning}" if beginning else "."
    return Verdict(False, f"The address answered {status}{said}")


def checked_url(url: str) -> str:
    """Return the address if requests can be sent to it at all; raises InputError. Private ones are refused later."""
    url = url.strip()
    if not is_usable_url(url):
        raise InputError("An address must look like https://host/path, without a user name.", field="url")
    return url
