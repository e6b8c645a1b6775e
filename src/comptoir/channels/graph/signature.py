"""How the networks of Meta sign their webhooks and check an address: the same for all of them. Pure."""

import hashlib
import hmac
from collections.abc import Mapping

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig

HEADER = "x-hub-signature-256"


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header for a raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when the signature is missing or wrong."""
    secret = account.credentials.get("app_secret", "")
    given = request.headers.get(HEADER, "")
    if not secret or not hmac.compare_digest(given.encode(), sign(request.body, secret).encode()):
        raise AnomalousPayload(
            "The signature is missing or wrong. Check the app secret in the settings of this channel."
        )


def challenge(query: Mapping[str, str], account: AccountConfig) -> tuple[str, bytes]:
    """Answer the check of the address. Raises AnomalousPayload where the verify token is not ours."""
    wanted = account.credentials.get("verify_token", "")
    given = query.get("hub.verify_token", "")
    is_ours = bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
    if query.get("hub.mode") != "subscribe" or not is_ours:
        raise AnomalousPayload("The verify token is wrong. It must be the one in the settings of this channel.")
    # The number is echoed as a text, so that nothing can be smuggled into a page of ours.
    return "text/plain; charset=utf-8", query.get("hub.challenge", "")[:200].encode()
