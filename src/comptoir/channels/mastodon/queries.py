"""The only reader of a stream's cursor."""

from comptoir.channels.models import Cursor


def token_of(*, account_id: int, stream: str) -> str | None:
    """Return how far a stream was read, None for one that never was; '' where there was nothing to read yet."""
    return Cursor.objects.filter(account_id=account_id, stream=stream).values_list("token", flat=True).first()
