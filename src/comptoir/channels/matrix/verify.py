"""Is it really our homeserver: the token of the registration, as a bearer or in the old query."""

import hmac

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when the homeserver's token is missing or wrong."""
    known = account.credentials.get("hs_token", "")
    given = request.headers.get("authorization", "").removeprefix("Bearer ") or request.query.get("access_token", "")
    if not known or not hmac.compare_digest(given.encode(errors="replace"), known.encode()):
        raise AnomalousPayload("The homeserver's token is missing or wrong. Compare hs_token in its registration.")
