"""The only writer of a stream's cursor: what came and how far it was read are committed together (INV-01)."""

from collections.abc import Sequence

from django.db import transaction

from comptoir.channels.models import Cursor
from comptoir.inbound.services import Arrival, receive


@transaction.atomic
def take_in(*, account_id: int, stream: str, token: str, arrivals: Sequence[Arrival]) -> int:
    """Commit arrivals to the inbound log and move the cursor behind them; return how many were new."""
    new = receive(arrivals)
    Cursor.objects.update_or_create(account_id=account_id, stream=stream, defaults={"token": token[:500]})
    return new
