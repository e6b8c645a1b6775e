"""Is it really from X: HMAC-SHA256 under the app's secret, in base 64, for requests and for the challenge. Pure."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig

HEADER = "x-twitter-webhooks-signature"


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header for a raw body; also the answer to a challenge."""
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when the signature is missing or wrong."""
    secret = account.credentials.get("consumer_secret", "")
    given = request.headers.get(HEADER, "")
    if not secret or not hmac.compare_digest(given.encode(), sign(request.body, secret).encode()):
        raise AnomalousPayload(
            "The signature is missing or wrong. Check the API secret in the settings of this channel."
        )


def challenge(query: Mapping[str, str], account: AccountConfig) -> tuple[str, bytes]:
    """Answer the check of the address. Raises AnomalousPayload for a request without a token."""
    token, secret = query.get("crc_token", ""), account.credentials.get("consumer_secret", "")
    if not token or not secret:
        raise AnomalousPayload("This is no challenge of X: it has no crc_token.")
    return "application/json", json.dumps({"response_token": sign(token[:2000].encode(), secret)}).encode()
