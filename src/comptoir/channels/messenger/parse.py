"""Messages, taps, edits, reactions, echoes and watermarks of a page's Messenger conversations. Pure."""

from collections.abc import Callable, Sequence

from comptoir.channels.base import Piece
from comptoir.channels.graph import events
from comptoir.channels.graph.events import Event
from comptoir.channels.graph.messaging import collect, parse_messaging
from comptoir.core.errors import UnsupportedEvent
from comptoir.core.types import AccountConfig, Inbound, ParseContext

NETWORK = "facebook"  # a person has one id for a page, whether they write privately or comment


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Split a webhook body; comments on the page go to its account of the kind `facebook`."""
    return events.identify(body, account, kind=events.MESSENGER, own=str(account.options.get("page_id", "")))


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    own = str(context.options.get("page_id", ""))

    def read(event: Event) -> list[Inbound]:
        if not event.is_messaging:
            raise UnsupportedEvent(f"Changes of “{event.field[:50]}” are not messages.")
        return parse_messaging(event, network=NETWORK, own=own)

    return collect(events.events(raw), read)
