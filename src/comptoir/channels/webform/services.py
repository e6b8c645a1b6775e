"""The only writer of the form: a submission becomes one record in the inbound log (INV-01, INV-02)."""

from enum import StrEnum

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webform.parse import Submission
from comptoir.channels.webform.queries import stored_submission
from comptoir.inbound.services import Arrival, receive


class Accepted(StrEnum):
    """What became of a submission."""

    NEW = "new"
    AGAIN = "again"  # the same one was sent twice: it is there once
    OTHER = "other"  # this one-time form was used before, for a different text


def reference_of(nonce: str) -> str:
    """Return the reference that a visitor is told: from the one-time token, so that a second send has the same one."""
    return f"F-{nonce[:4]}-{nonce[4:8]}-{nonce[8:12]}".upper()


def accept_submission(*, account: ChannelAccount, nonce: str, submission: Submission) -> Accepted:
    """Commit a submission under the form's one-time id. When this returns NEW it is on disk."""
    external_id = f"form:{nonce}"
    raw = submission.model_dump_json().encode()
    arrival = Arrival(account.pk, external_id, raw, conversation_key=submission.reference, source="form")
    if receive([arrival]):
        return Accepted.NEW
    before = stored_submission(account.pk, external_id)
    if before is None:  # deleted by retention since: it was received all the same
        return Accepted.AGAIN
    ignored = {"sent_at", "language"}
    same = Submission.model_validate_json(before).model_dump(exclude=ignored) == submission.model_dump(exclude=ignored)
    return Accepted.AGAIN if same else Accepted.OTHER
