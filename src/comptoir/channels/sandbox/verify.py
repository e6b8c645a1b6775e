"""Is it really from them: HMAC-SHA256 of the raw body under the account's secret."""

import hashlib
import hmac

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig

HEADER = "comptoir-signature"


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when the signature is missing or wrong."""
    given = request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), sign(request.body, account.credentials.get("secret", "")).encode()):
        raise AnomalousPayload("The signature is missing or wrong. Sign the raw body with the account's secret.")
