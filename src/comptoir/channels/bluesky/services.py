"""The only writer of the channel's cursors: what came in and its cursor are committed together, or neither."""

from collections.abc import Sequence

from django.db import transaction

from comptoir.core import bulk, clock
from comptoir.inbound.services import Arrival, receive

MOVE = """
INSERT INTO channels_cursor (account_id, stream, epoch, position, token, moved_at) VALUES (%s, %s, %s, 0, %s, %s)
ON CONFLICT ON CONSTRAINT cursor_once_a_stream DO UPDATE SET
    epoch = excluded.epoch, token = excluded.token, moved_at = excluded.moved_at
"""


@transaction.atomic
def take_in(*, account_id: int, stream: str, token: str, floor: int, arrivals: Sequence[Arrival]) -> int:
    """Commit arrivals and move the stream's cursor behind them (INV-01); return how many were new.

    `floor` (milliseconds) is when the account was connected: what is older is never taken in.
    """
    new = receive(arrivals)
    bulk.fetch_all(MOVE, [account_id, stream, floor, token[:500], clock.now()])
    return new
