"""Attachments and old raw payloads, in a folder or any Django storage backend, addressed by their content.

The key is the SHA-256 of the bytes, so storing twice is harmless and a crash leaves at most an unused file.
A file name given by a stranger never becomes part of a path.
"""

import hashlib

from django.core.files.base import ContentFile
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
    with storages["attachments"].open(_path(key), "rb") as file:
        return bytes(file.read())
