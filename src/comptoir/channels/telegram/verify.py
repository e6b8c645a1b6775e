"""Is it really from Telegram: the secret that we gave with setWebhook comes back in a header of every request."""

import hashlib
import hmac

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig

HEADER = "x-telegram-bot-api-secret-token"


def secret_of(account: AccountConfig) -> str:
    """Return the webhook's secret: the one that was given, or one that only the bot's token yields; '' without both.

    The derived one is 64 characters of those that Telegram allows (A-Z, a-z, 0-9, _ and -).
    """
    if given := account.credentials.get("webhook_secret", ""):
        return given
    token = account.credentials.get("bot_token", "")
    return hmac.new(token.encode(), b"comptoir webhook", hashlib.sha256).hexdigest() if token else ""


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when the secret is missing or wrong."""
    expected = secret_of(account)
    given = request.headers.get(HEADER, "")
    if not expected or not hmac.compare_digest(given.encode(errors="replace"), expected.encode(errors="replace")):
        raise AnomalousPayload("The secret token is missing or wrong. Set the webhook again by testing the connection.")
