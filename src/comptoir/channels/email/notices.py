"""Records of mails that were not fetched whole: a first line that says why, then the header as it came. Pure.

The line stands before everything that a mail server writes, so that the sender of a mail cannot make one.
"""

import re
from dataclasses import dataclass

_OVERSIZE = re.compile(rb"\AX-Comptoir-Oversize: (\d{1,15}) (\d{1,15})\r\n")
_UNDELIVERED = re.compile(rb"\AX-Comptoir-Undelivered: ([^\r\n]{0,4000})\r\n")


@dataclass(frozen=True, slots=True)
class Notice:
    """Why there is only a header. `size` and `limit` in bytes, both 0 where the server failed to deliver."""

    reason: str
    size: int = 0
    limit: int = 0

    @property
    def text(self) -> str:
        """What the message says instead of its text, in both languages: it is stored, and read by whoever answers."""
        if self.size:
            size, limit = f"{self.size / 1e6:.1f}", f"{self.limit / 1e6:.1f}"
            return (
                f"[This mail has {size} MB, more than the {limit} MB that are fetched. It is still in the mailbox.]\n"
                f"[Ce courriel pèse {size} Mo, plus que les {limit} Mo relevés. Il est toujours dans la boîte.]"
            )
        return (
            f"[The mail server could not deliver this mail ({self.reason}). It is still in the mailbox.]\n"
            f"[Le serveur n’a pas pu remettre ce courriel ({self.reason}). Il est toujours dans la boîte.]"
        )


def oversize(header: bytes, size: int, limit: int) -> bytes:
    """Return the record of a mail that is too large."""
    return b"X-Comptoir-Oversize: %d %d\r\n" % (size, limit) + header


def undelivered(header: bytes, reason: str) -> bytes:
    """Return the record of a mail that the server lists and does not deliver."""
    return b"X-Comptoir-Undelivered: " + " ".join(reason.split())[:1000].encode() + b"\r\n" + header


def take_notice(raw: bytes) -> tuple[Notice | None, bytes]:
    """Return the notice in front of a record, and the mail or header behind it."""
    match = _OVERSIZE.match(raw)
    if match:
        return Notice("", int(match[1]), int(match[2])), raw[match.end() :]
    match = _UNDELIVERED.match(raw)
    if match:
        return Notice(match[1].decode("utf-8", "replace")), raw[match.end() :]
    return None, raw
