"""Is it really from the gateway: Twilio's signature over the address and the fields, or the login of Basic access.

Twilio signs the address that it calls, followed by every field's name and value in the order of the names: HMAC-SHA1
under the account's token. Of a JSON body it signs the address, which then carries the body's SHA-256.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from comptoir.channels.base import Request
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig

HEADER = "x-twilio-signature"
DEFAULT_PORTS: Mapping[str, int] = {"https": 443, "http": 80}


def sign(url: str, fields: Sequence[tuple[str, str]], token: str) -> str:
    """Return the signature of a call: base64 of HMAC-SHA1."""
    told = url + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), told.encode(errors="surrogateescape"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def verify(request: Request, account: AccountConfig) -> None:
    """Raise AnomalousPayload when neither a signature nor a login shows that it is the gateway."""
    token, login = account.credentials.get("auth_token", ""), account.credentials.get("webhook_login", "")
    given = request.headers.get(HEADER, "")
    if given:
        if token and _is_signed(request, given, token):
            return
        raise AnomalousPayload("The signature is wrong. Does COMPTOIR_URL say the address that the gateway calls?")
    if login and _has_login(request, login):
        return
    raise AnomalousPayload("The request has neither a signature nor the login of the webhook.")


def _is_signed(request: Request, given: str, token: str) -> bool:
    fields: list[tuple[str, str]] = []
    if "bodySHA256" in request.query:
        told = request.query["bodySHA256"].lower().encode(errors="replace")
        if not hmac.compare_digest(told, hashlib.sha256(request.body).hexdigest().encode()):
            return False
    else:
        try:
            fields = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=500)
        except ValueError:
            return False
    expected = [sign(url, fields, token) for url in _spellings(request.url)]
    return any(hmac.compare_digest(given.encode(errors="replace"), one.encode()) for one in expected)


def _spellings(url: str) -> list[str]:
    """Return the address with and without its port: gateways sign either."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    usual = DEFAULT_PORTS.get(parts.scheme)
    host = parts.netloc.rpartition("@")[2]
    if port is None and usual:
        return [url, urlunsplit(parts._replace(netloc=f"{host}:{usual}"))]
    if port is not None and port == usual:
        return [url, urlunsplit(parts._replace(netloc=host.rpartition(":")[0]))]
    return [url]


def _has_login(request: Request, login: str) -> bool:
    expected = "Basic " + base64.b64encode(login.encode()).decode()
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
