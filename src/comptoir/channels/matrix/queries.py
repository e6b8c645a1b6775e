"""The only reader of a sync’s cursor, and of what the log has of an event."""

from comptoir.channels.matrix.parse import INVITED
from comptoir.channels.models import Cursor
from comptoir.inbound.models import Record
from comptoir.inbound.services import fitting_id

INVITATIONS = "invitations"


def token_of(*, account_id: int, stream: str) -> str | None:
    """Return how far a stream was read, None for one that never was; '' where there was nothing to read yet."""
    return Cursor.objects.filter(account_id=account_id, stream=stream).values_list("token", flat=True).first()


def raw_of(*, account_id: int, external_id: str) -> bytes:
    """Return what the log has of an event; empty where it has none."""
    found = Record.objects.filter(account_id=account_id, external_id=fitting_id(external_id))
    return bytes(found.values_list("raw", flat=True).first() or b"")


def invitations_since(*, account_id: int) -> list[tuple[int, bytes]]:
    """Return (record, raw) of pushed invitations that were not looked at yet, the oldest first."""
    cursor = Cursor.objects.filter(account_id=account_id, stream=INVITATIONS).first()
    known = Record.objects.filter(
        account_id=account_id, external_id__startswith=INVITED, id__gt=cursor.position if cursor else 0
    )
    return [(number, bytes(raw)) for number, raw in known.order_by("id").values_list("id", "raw")[:100]]
