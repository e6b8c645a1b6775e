"""Pure decisions about a form: what fits, and what type a file claims."""

import re

MAX_FILES = 5
MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_FILES_BYTES = 20 * 1024 * 1024  # all together: what common mail servers accept when an agent forwards it
MAX_BODY_BYTES = MAX_FILES_BYTES + 1024 * 1024  # the texts and the multipart frame on top
MAX_MESSAGE = 20_000  # characters

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}", re.IGNORECASE)


def content_type_of(declared: str) -> str:
    """Return the declared type if it is well formed. It is a hint that nobody trusts: files are served as downloads."""
    declared = declared.partition(";")[0].strip().lower()
    return declared if _TYPE.fullmatch(declared) else "application/octet-stream"
