"""Secrets at rest (INV-08) and signed tokens.

All keys derive from the installation's secret key by HKDF, one per purpose, so that a token made for one
purpose never passes for another. Ciphertexts are Fernet (AES-128-CBC with HMAC-SHA256).
"""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from comptoir.core.errors import ComptoirError


class UndecipherableError(ComptoirError):
    """The stored secret was encrypted under another key; the message says what to do and shows no secret."""


@lru_cache(maxsize=32)
def derive_key(purpose: str) -> bytes:
    """Return 32 bytes for one purpose, derived from the installation's secret key (RFC 5869)."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"comptoir", info=purpose.encode())
    return kdf.derive(settings.SECRET_KEY.encode())


@lru_cache(maxsize=1)
def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive_key("credentials")))


def encrypt_mapping(values: Mapping[str, str]) -> bytes:
    """Return the mapping of secrets as ciphertext."""
    return _fernet().encrypt(json.dumps(dict(values)).encode())


def decrypt_mapping(ciphertext: bytes | memoryview) -> dict[str, str]:
    """Return the mapping behind a ciphertext of `encrypt_mapping`; empty bytes are an empty mapping."""
    if not ciphertext:
        return {}
    try:
        plain = _fernet().decrypt(bytes(ciphertext))
    except InvalidToken:
        raise UndecipherableError(
            "The stored credentials cannot be read with this secret key. Restore secret.key (or "
            "COMPTOIR_SECRET_KEY), or enter the credentials again."
        ) from None
    return {str(key): str(value) for key, value in json.loads(plain).items()}


def sign_number(number: int, *, key: bytes) -> str:
    """Return a short signed token (lower-case letters and digits) that names a number.

    64 bits of HMAC-SHA256: a forger needs about 2^63 tries against a live server. Lower case only, because
    mail servers may fold the case of an address.
    """
    body = number.to_bytes(6, "big")
    mac = hmac.digest(key, body, "sha256")[:8]
    return base64.b32encode(body + mac).decode().rstrip("=").lower()


def verify_number(token: str, *, key: bytes) -> int | None:
    """Return the number that `sign_number` signed, or None for anything else."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return None
    if len(raw) != 14:
        return None
    body, mac = raw[:6], raw[6:]
    if not hmac.compare_digest(hmac.digest(key, body, "sha256")[:8], mac):
        return None
    return int.from_bytes(body, "big")
