"""The only reader of a mailbox's cursors."""

from datetime import date

from comptoir.channels.models import ChannelAccount, Cursor


def cursor_of(*, account_id: int, folder: str) -> Cursor | None:
    """Return how far a folder was read, None for one that never was."""
    return Cursor.objects.filter(account_id=account_id, stream=folder[:250]).first()


def connected_on(*, account_id: int) -> date:
    """Return the day (UTC) on which a mailbox was connected."""
    return ChannelAccount.objects.values_list("created_at", flat=True).get(pk=account_id).date()
