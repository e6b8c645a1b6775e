"""The visitor's token: a session's key, signed. Kept by the browser, sent in a header, never in an address."""

import base64
import hmac
import secrets

from comptoir.core.crypto import derive_key


def new_key() -> str:
    """Return a fresh session key: 128 random bits in 26 lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def _mac(key: str, account_id: int) -> str:
    digest = hmac.digest(derive_key("webchat-session"), f"{account_id}:{key}".encode(), "sha256")[:15]
    return base64.b32encode(digest).decode().lower()


def sign_key(key: str, *, account_id: int) -> str:
    """Return the token of a session."""
    return f"{key}.{_mac(key, account_id)}"


def verify_token(token: str, *, account_id: int) -> str | None:
    """Return the session key behind a token of this account, or None."""
    key, _, mac = token.partition(".")
    if len(token) > 64 or not token.isascii() or not key:
        return None
    return key if hmac.compare_digest(mac, _mac(key, account_id)) else None
