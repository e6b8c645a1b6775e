"""What keeps rules from running wild: chains of rules end, a conversation is left alone, machines are not answered."""

from datetime import datetime, timedelta

MAX_DEPTH = 3  # a rule that a rule set off that a rule set off: longer chains are loops
HOURLY_LIMIT = 10  # firings of one rule an hour and conversation, unless the rule says otherwise
REPLY_EVERY = timedelta(days=1)  # an automatic answer to one contact, as RFC 3834 advises
HISTORY = timedelta(days=1)  # events older than this are imported history or a long outage: no rule acts on them


def stops(*, depth: int, fired: int, limit: int) -> str:
    """Return why a rule that matches must not fire: 'depth', 'limit', or '' when it may.

    `depth` counts the rules that led here, this one included; `fired` its firings of the last hour.
    """
    if depth > MAX_DEPTH:
        return "depth"
    return "limit" if fired >= limit else ""


def holds_reply(*, is_automatic: bool, last_reply: datetime | None, at: datetime) -> str:
    """Return why no automatic answer may be sent: 'automatic', 'recent', or '' when it may."""
    if is_automatic:
        return "automatic"
    return "recent" if last_reply is not None and at - last_reply < REPLY_EVERY else ""


def is_history(happened: datetime, at: datetime) -> bool:
    """Whether an event is too old for a rule to act on."""
    return at - happened > HISTORY
