"""Attachments and old raw payloads, in a folder or any Django storage backend, addressed by their content.

The key is the SHA-256 of the bytes, so storing twice is harmless and a crash leaves at most an unused file.
A file name given by a stranger never becomes part of a path.
"""

import hashlib
import tempfile
from collections.abc import Iterable
from typing import IO, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import storages


def _path(key: str) -> str:
    return f"{key[:2]}/{key[2:4]}/{key}"


def put(content: bytes) -> str:
    """Store the bytes and return their key (64 hexadecimal digits)."""
    key = hashlib.sha256(content).hexdigest()
    backend = storages["attachments"]
    path = _path(key)
    if not backend.exists(path):
        backend.save(path, ContentFile(content))
    return key


def get(key: str) -> bytes:
    """Return the bytes behind a key; raises FileNotFoundError where the backend has lost them."""
    if not key:  # of a file that is still with its platform
        raise FileNotFoundError(key)
    with storages["attachments"].open(_path(key), "rb") as file:
        return bytes(file.read())


def opened(key: str) -> IO[bytes]:
    """Open what is behind a key to read it piece by piece; raises FileNotFoundError."""
    # Django's wrapper lacks what a text reader asks of a stream; the file inside has it.
    return cast(IO[bytes], storages["attachments"].open(_path(key), "rb").file)


def put_stream(chunks: Iterable[bytes]) -> str:
    """Store what comes in pieces and return its key; a file on disk in between, so that its size does not matter."""
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as held:
        for chunk in chunks:
            digest.update(chunk)
            held.write(chunk)
        held.seek(0)
        key = digest.hexdigest()
        backend = storages["attachments"]
        if not backend.exists(_path(key)):
            backend.save(_path(key), File(held))
    return key
