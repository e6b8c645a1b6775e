"""One submission of a form becomes one message. Pure: the files are in the storage backend already.

The record was written by our own view, so anything that does not fit is an anomaly and is set aside, never guessed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import Author, Blob, Inbound, ParseContext

HINT_BELOW = 60  # characters: a longer text says itself which language it is in, and people use forms in a foreign one

Short = Annotated[str, Field(max_length=400)]


class File(BaseModel):
    """A file that came with the form."""

    model_config = ConfigDict(strict=True, extra="forbid")
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(max_length=127)]
    size: Annotated[int, Field(ge=0)]


class Submission(BaseModel):
    """What the view stores for one submission."""

    model_config = ConfigDict(strict=True, extra="forbid")
    type: Literal["submission"] = "submission"
    reference: Annotated[str, Field(min_length=1, max_length=40)]
    name: Short
    email: Annotated[str, Field(min_length=3, max_length=254)]
    subject: Short = ""
    topic: Short = ""
    message: Annotated[str, Field(max_length=100_000)]
    language: Literal["fr", "en"] = "en"
    files: Annotated[tuple[File, ...], Field(max_length=20, strict=False)] = ()
    sent_at: Annotated[AwareDatetime, Field(strict=False)]


def _sent_at(submission: Submission, context: ParseContext) -> datetime:
    return min(submission.sent_at, context.received_at)


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one record of the form."""
    try:
        submission = Submission.model_validate_json(raw)
    except (ValidationError, ValueError, RecursionError) as error:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        where = ", ".join(sorted({".".join(map(str, e["loc"])) or e["type"] for e in wrong}))[:200]
        raise AnomalousPayload(f"This is not a submission of our form ({where or 'not readable'}).") from None
    subject = " · ".join(part for part in (submission.topic, submission.subject) if part)
    return [
        Inbound(
            author=Author("email", submission.email, submission.name),
            text=submission.message.replace("\x00", ""),
            thread_key=submission.reference,
            subject=subject.replace("\x00", ""),
            sent_at=_sent_at(submission, context),
            language=submission.language if len(submission.message) < HINT_BELOW else "",
            blobs=tuple(Blob(f.key, f.filename, f.content_type, f.size) for f in submission.files),
            meta={"reference": submission.reference, "topic": submission.topic},
        )
    ]
