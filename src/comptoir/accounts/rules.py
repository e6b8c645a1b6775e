"""Pure decisions about people: which provider may be asked, who may come in by it, when an invitation still stands."""

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

INVITATION_FOR = timedelta(days=7)


class Standing(StrEnum):
    """Where an invitation stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


def standing(
    *, accepted_at: datetime | None, withdrawn_at: datetime | None, expires_at: datetime, at: datetime
) -> Standing:
    """Return where an invitation stands at an instant; only a pending one opens the door."""
    if accepted_at is not None:
        return Standing.ACCEPTED
    if withdrawn_at is not None:
        return Standing.WITHDRAWN
    return Standing.EXPIRED if at >= expires_at else Standing.PENDING


def is_safe_provider(url: str) -> bool:
    """Return whether a sign-in provider's address may be used: https, or plain http to this very machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_admitted(email: str, domains: Iterable[str]) -> bool:
    """Return whether an address belongs to one of the domains; without domains every address does."""
    wanted = {domain.lower() for domain in domains}
    return not wanted or email.rpartition("@")[2].lower() in wanted


def domains_of(text: str) -> list[str]:
    """Return the domains in a text, one or several a line, without the @ that people write before them."""
    words = text.replace(",", " ").replace(";", " ").split()
    return list(dict.fromkeys(word.lstrip("@").lower() for word in words if word.lstrip("@")))
