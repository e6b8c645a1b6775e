"""Readers of the chat's screens. Whoever asks has shown the session's signed token (tokens.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.rules import REMIND_AFTER, Availability, availability, read_hours, zone_of
from comptoir.core import presence
from comptoir.core.framing import lines_of

PAGE = 50  # entries of one step back into the history


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a session's history, oldest first."""

    entries: Sequence[ChatEntry]
    has_earlier: bool


def session_of(account: ChannelAccount, key: str) -> ChatSession | None:
    """Return one session of this account."""
    return ChatSession.objects.filter(account=account, key=key).first()


def newest_entries(session: ChatSession, *, before: int = 0) -> Page:
    """Return the last entries, or those before a number."""
    rows = ChatEntry.objects.filter(session=session).order_by("-number")
    found = list(rows.filter(number__lt=before)[: PAGE + 1] if before else rows[: PAGE + 1])
    return Page(found[:PAGE][::-1], len(found) > PAGE)


def entries_after(session_id: int, number: int) -> list[ChatEntry]:
    """Return what is new to a widget that has everything up to a number."""
    return list(ChatEntry.objects.filter(session_id=session_id, number__gt=number).order_by("number")[:100])


def availability_of(account: ChannelAccount, *, at: datetime) -> Availability:
    """Return whether somebody of the account's team is there."""
    week = read_hours(lines_of(account.options.get("hours")))
    zone = zone_of(str(account.options.get("timezone") or "Europe/Paris"))
    return availability(week, zone, somebody=presence.is_present(account.team_id, at=at), at=at)


def unfetched_replies(account_id: int, *, at: datetime) -> list[ChatEntry]:
    """Return replies that nobody fetched, in sessions whose visitor left an address."""
    rows = ChatEntry.objects.filter(shown_at__isnull=True, emailed_at__isnull=True, at__lt=at - REMIND_AFTER)
    rows = rows.exclude(key="").exclude(session__email="").filter(session__account_id=account_id)
    return list(rows.select_related("session__account").order_by("at")[:50])


def reply_of(key: str) -> ChatEntry | None:
    """Return the entry of one of our replies by its idempotency key."""
    return ChatEntry.objects.filter(key=key).select_related("session").first() if key else None


def mailbox_of(options: Mapping[str, Any]) -> ChannelAccount | None:
    """Return the mailbox that writes to visitors who left, or None."""
    try:
        number = int(options.get("reply_account") or 0)
    except (TypeError, ValueError):
        return None
    return ChannelAccount.objects.filter(pk=number, kind="email", is_active=True).first()
