"""Readers of the form's screens."""

from comptoir.inbound.models import Record


def stored_submission(account_id: int, external_id: str) -> bytes | None:
    """Return the raw bytes that were received under a form's one-time id, or None."""
    raw = Record.objects.filter(account_id=account_id, external_id=external_id).values_list("raw", flat=True).first()
    return bytes(raw) if raw is not None else None
