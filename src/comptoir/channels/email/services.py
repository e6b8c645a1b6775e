"""The only writer of a mailbox's cursors: mails and the cursor behind them are committed together, or neither."""

from collections.abc import Sequence

from django.db import transaction

from comptoir.core import bulk, clock
from comptoir.inbound.services import Arrival, receive

# Within one epoch a cursor never goes back, whichever of two workers comes last.
MOVE = """
INSERT INTO channels_cursor AS c (account_id, stream, epoch, position, moved_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT cursor_once_a_stream DO UPDATE SET
    position = CASE WHEN c.epoch = EXCLUDED.epoch THEN greatest(c.position, EXCLUDED.position)
                    ELSE EXCLUDED.position END,
    epoch = EXCLUDED.epoch, moved_at = EXCLUDED.moved_at
"""


@transaction.atomic
def take_in(*, account_id: int, folder: str, epoch: int, position: int, arrivals: Sequence[Arrival]) -> int:
    """Commit mails to the inbound log and move the folder's cursor behind them (INV-01); return how many were new."""
    new = receive(arrivals)
    bulk.fetch_all(MOVE, [account_id, folder[:250], epoch, position, clock.now()])
    return new
