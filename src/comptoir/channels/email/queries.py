"""The only reader of a mailbox's cursors."""

from comptoir.channels.models import Cursor


def position_in(*, account_id: int, folder: str, epoch: int) -> int | None:
    """Return the UID behind which to go on; 0 after a change of UIDVALIDITY, None for a folder never read."""
    cursor = Cursor.objects.filter(account_id=account_id, stream=folder[:250]).first()
    if cursor is None:
        return None
    return cursor.position if cursor.epoch == epoch else 0
