"""What X allows and when, and where a private answer to a public post goes. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Rate

# Of the platform's tables, a user in 15 minutes.
RATES = (Rate("x-posts", 100, 900.0, is_public=True), Rate("x-direct", 15, 900.0, is_public=False))


def private_thread(facts: Mapping[str, Any]) -> str:
    """Return the thread of direct messages with the author of a post."""
    author = facts.get("author")
    return f"dm:{author}" if isinstance(author, str) and author else ""
