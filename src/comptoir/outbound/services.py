"""Replies: from the agent's click to the channel's receipt (INV-03).

    queued ──claim──▶ sending ──hand over──▶ sent ──▶ delivered
       │                 │  (before hand-over: back to queued, or failed)
       ▼                 └─ died after hand-over ──▶ unconfirmed ──reconcile──▶ sent | queued
    cancelled
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent wants to send. `to` empty: the customer, where they wrote from."""

    text: str
    to: Sequence[tuple[str, str]] = ()  # (name, address)
    cc: Sequence[tuple[str, str]] = ()
    subject: str = ""
    file_keys: Sequence[tuple[str, str, str, int]] = ()  # (storage key, filename, content type, size)
    send_at: datetime | None = None  # None: now, after the undo window
    forward_of: int | None = None  # message id that is forwarded with this comment
