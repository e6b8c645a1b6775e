"""Access tokens for XOAUTH2: renewed with the refresh token before they expire, kept in memory only."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from comptoir.channels import services as channels
from comptoir.core import http
from comptoir.core.errors import ChannelError

from .config import Mailbox, TokenSource

_EARLY = 120.0  # seconds before its end that a token is renewed: longer than any sign-in takes
_DEFAULT_LIFE = 3600.0  # RFC 6749 leaves expires_in optional; an hour is what Google and Microsoft give


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    ends_at: float  # monotonic


_tokens: dict[tuple[int, str], _Token] = {}
_guard = threading.Lock()


def sasl_xoauth2(user: str, token: str) -> str:
    """Return the initial response of the XOAUTH2 mechanism, not yet in base64."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def access_token(mailbox: Mailbox) -> str:
    """Return a token that is valid for a while. Raises ChannelError; permanent where a person must connect again."""
    key = _key(mailbox)
    with _guard:
        known = _tokens.get(key)
        if known and known.ends_at - time.monotonic() > _EARLY:
            return known.value
        token, rotated = _renew(mailbox.tokens)
        _tokens[key] = token
    if rotated and rotated != mailbox.tokens.refresh_token:
        channels.replace_credential(account_id=mailbox.account_id, name="refresh_token", value=rotated)
        _tokens[(mailbox.account_id, _digest(mailbox.tokens, rotated))] = token
    return token.value


def forget_token(mailbox: Mailbox) -> bool:
    """Drop the token, which a server refused; False where there was none to drop."""
    with _guard:
        return _tokens.pop(_key(mailbox), None) is not None


def _key(mailbox: Mailbox) -> tuple[int, str]:
    return mailbox.account_id, _digest(mailbox.tokens, mailbox.tokens.refresh_token)


def _digest(source: TokenSource, refresh_token: str) -> str:
    parts = "\0".join((source.url, source.client_id, source.scope, refresh_token))
    return hashlib.sha256(parts.encode()).hexdigest()


def _renew(source: TokenSource) -> tuple[_Token, str]:
    if not (source.url and source.client_id and source.refresh_token):
        raise ChannelError(_("OAuth needs the token address, the client ID and the refresh token."), permanent=True)
    form = {"grant_type": "refresh_token", "refresh_token": source.refresh_token, "client_id": source.client_id}
    if source.client_secret:
        form["client_secret"] = source.client_secret
    if source.scope:
        form["scope"] = source.scope
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    asked_at = time.monotonic()
    answer = http.post(source.url, body=urlencode(form).encode(), headers=headers, timeout=15)
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {}
    token = said.get("access_token")
    if not answer.is_success or not isinstance(token, str) or not token:
        raise _refused(answer, said)
    return _Token(token, asked_at + _life(said.get("expires_in"))), str(said.get("refresh_token") or "")


def _life(given: object) -> float:
    try:
        return max(0.0, float(str(given)))
    except ValueError:
        return _DEFAULT_LIFE


def _refused(answer: http.Response, said: dict[str, object]) -> ChannelError:
    code = str(said.get("error") or "")[:60]
    if code == "invalid_grant":
        text = _("The permission for this mailbox has expired or was withdrawn. Connect it again (new refresh token).")
        return ChannelError(text, permanent=True)
    why = ": ".join(filter(None, (code, str(said.get("error_description") or "")[:200]))) or f"HTTP {answer.status}"
    text = _("The token address gives no access token (%(why)s). Check the client ID and secret.") % {"why": why}
    is_permanent = 400 <= answer.status < 500 and answer.status not in {408, 429}
    return ChannelError(text, permanent=is_permanent, retry_after=answer.retry_after)
