"""Rate limits of the public screens, counted in the shared cache table so that all web processes count together.

Each (limit, key) is one row that holds one instant (GCRA, the 'virtual scheduling' of ITU-T I.371): `count` requests
may come at once, then one every `per / count` seconds. One atomic statement a check; keys are hashed, so that no
address of a visitor is stored. The table is unlogged: after a crash everybody starts afresh, which is harmless.
"""

import hashlib
import ipaddress
import math
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.core import bulk

# `value` is the instant (epoch seconds) until which the key has used up its allowance. A denied request writes nothing.
TAKE = """
INSERT INTO core_cache AS c (cache_key, value, expires)
VALUES (%s, (%s::float8 + %s)::text, to_timestamp(%s))
ON CONFLICT (cache_key) DO UPDATE SET value = (greatest(c.value::float8, %s) + %s)::text, expires = excluded.expires
WHERE greatest(c.value::float8, %s) + %s <= %s
RETURNING 1
"""
WAIT = "SELECT value::float8 FROM core_cache WHERE cache_key = %s"
SWEEP = "DELETE FROM core_cache WHERE expires < to_timestamp(%s)"
SWEEP_EVERY = 1000  # checks, on average: a sweep removes about as many rows, in a few milliseconds


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in `per` seconds, under a name that is unique in the product."""

    name: str
    count: int
    per: float


def take(limit: Limit, *key: object, at: datetime) -> float:
    """Count one request of this key; return 0.0 when it is allowed, else how many seconds to wait."""
    digest = hashlib.blake2b(repr((limit.name, *map(str, key))).encode(), digest_size=16).hexdigest()
    name, now, step = f"limit:{digest}", at.timestamp(), limit.per / limit.count
    if secrets.randbelow(SWEEP_EVERY) == 0:
        bulk.fetch_all(SWEEP, [now])
    end = now + limit.per
    if bulk.fetch_all(TAKE, [name, now, step, end, now, step, now, step, end + 0.001]):
        return 0.0
    rows = bulk.fetch_all(WAIT, [name])
    return max(1.0, float(rows[0][0]) + step - end) if rows else 1.0


@lru_cache(maxsize=8)
def _networks(words: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(word, strict=False) for word in words)


def _is_trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


def client_ip(request: HttpRequest) -> str:
    """Return the visitor's address. X-Forwarded-For is believed only as far as trusted proxies wrote it.

    It is read from the right: each proxy appends the address it heard from, so the first address that is not a
    trusted proxy is the visitor, and whatever stands left of it is what the visitor claims.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    heard = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while heard and _is_trusted(address):
        address = heard.pop()
    return address


def network_of(request: HttpRequest) -> str:
    """Return what a limit per visitor counts: the IPv4 address, or the /64 that one IPv6 customer is given."""
    address = client_ip(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def wait_in_words(seconds: float) -> str:
    """Return how long to wait, for the page that refuses: rounded up, so that it is never a broken promise."""
    if seconds <= 90:
        whole = math.ceil(seconds)
        span = ngettext("%(count)d second", "%(count)d seconds", whole) % {"count": whole}
    else:
        whole = math.ceil(seconds / 60)
        span = ngettext("%(count)d minute", "%(count)d minutes", whole) % {"count": whole}
    return _("Too many messages came from your network. Please try again in %(span)s.") % {"span": span}
