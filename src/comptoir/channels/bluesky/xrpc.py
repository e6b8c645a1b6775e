"""Calls to the account's server, and the session under which they are made.

A session is made from the app password when there is none: its access token lives two hours and is kept in memory by
each process; the renewed one of the account is used where it is fresh. An answer that the token is no longer good
makes a new session once. Nothing is ever written to the database here but what is left of the rate limits.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from comptoir.channels import services as channels
from comptoir.core import clock, http
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig

SERVER = "https://bsky.social"
CHAT = "did:web:api.bsky.chat#bsky_chat"  # the service that keeps direct messages; reached through the account's server
TIMEOUT = 15.0  # seconds
MARGIN = timedelta(minutes=1)  # before its end a token is no longer used
UNTOLD = timedelta(hours=1)  # for a token that does not say when it ends
LATE = 5.0  # seconds; how long the AppView may lag behind a new account
WITHOUT_CHAT = "com.atproto.appPass"  # the scope of an app password that may not read direct messages
_EXPIRED = frozenset({"ExpiredToken", "InvalidToken"})
_CLOSED = frozenset({"AccountTakedown", "AccountDeactivated", "AccountSuspended", "AuthFactorTokenRequired"})
_BUDGET_EVERY = 60.0  # seconds between two notes of the same limit, unless little is left


class XrpcError(ChannelError):
    """The server refused. `name` is its word for why ('RecordNotFound'), `status` the HTTP status."""

    def __init__(self, message: str, *, name: str, status: int, **kinds: Any) -> None:
        super().__init__(message, **kinds)
        self.name = name
        self.status = status


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are, and the tokens that prove it."""

    did: str
    handle: str
    access: str
    refresh: str
    expires_at: datetime
    scope: str = ""


_sessions: dict[tuple[int, str], Session] = {}
_noted: dict[tuple[int, str], float] = {}
_guard = threading.Lock()


def _key(account: AccountConfig) -> tuple[int, str]:
    """Return the key of an account's session: another password or server makes another one."""
    parts = (base_url(account), str(account.options.get("handle", "")), account.credentials.get("app_password", ""))
    return account.id, hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()


def base_url(account: AccountConfig) -> str:
    """Return the address of the account's server."""
    return str(account.options.get("api_url") or SERVER).rstrip("/")


def claims_of(token: str) -> Mapping[str, Any]:
    """Return what a token says of itself, unverified: it is ours, and only its end is read."""
    try:
        middle = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def _session(answer: Mapping[str, Any]) -> Session:
    """Return the session of an answer to createSession or refreshSession."""
    names = [answer.get(name) for name in ("did", "handle", "accessJwt", "refreshJwt")]
    if not all(isinstance(name, str) and name for name in names):
        raise ChannelError(_("The server's answer to the sign-in is not understood."), of_account=True)
    did, handle, access, refresh = map(str, names)
    claims = claims_of(access)
    ends, scope = claims.get("exp"), claims.get("scope")
    until = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) and 0 < ends < 2**33 else clock.now() + UNTOLD
    return Session(did, handle, access, refresh, until, scope if isinstance(scope, str) else "")


def sign_in(account: AccountConfig) -> Session:
    """Make a session from the app password. Raises ChannelError; `is_revoked` where a person must connect it anew."""
    body = {"identifier": str(account.options.get("handle", "")).removeprefix("@").strip(),
            "password": account.credentials.get("app_password", "")}  # fmt: skip
    try:
        found = _session(_exchange(account, "com.atproto.server.createSession", body=body))
    except XrpcError as error:
        if error.status == 401 or error.name in _CLOSED:
            words = _("Bluesky does not accept the handle and the app password (%(why)s). Make a new app password.")
            told: dict[str, Any] = {"name": error.name, "status": error.status, "is_revoked": True}
            raise XrpcError(words % {"why": error}, **told) from error
        raise
    return _keep(account, found)


def refresh(account: AccountConfig) -> Session:
    """Renew the session by its refresh token, or make a new one where that is not good any more."""
    token = account.credentials.get("refresh", "")
    if token:
        try:
            answer = _exchange(account, "com.atproto.server.refreshSession", body=b"", token=token)
            return _keep(account, _session(answer))
        except XrpcError as error:
            if error.status not in {400, 401, 403}:
                raise
    return sign_in(account)


def _keep(account: AccountConfig, session: Session) -> Session:
    with _guard:
        _sessions[_key(account)] = session
    return session


def session_of(account: AccountConfig) -> Session:
    """Return a session that is good for a while: the one of this process, the renewed one, or a new one."""
    with _guard:
        known = _sessions.get(_key(account))
    if known is not None and known.expires_at - MARGIN > clock.now():
        return known
    if found := _renewed(account):
        return _keep(account, found)
    return sign_in(account)


def _renewed(account: AccountConfig) -> Session | None:
    """Return the session that the account's own tokens make, where they are fresh."""
    access, claims = account.credentials.get("access", ""), claims_of(account.credentials.get("access", ""))
    did, ends, scope = claims.get("sub"), claims.get("exp"), claims.get("scope")
    if not isinstance(did, str) or not isinstance(ends, int) or not 0 < ends < 2**33:
        return None
    until = datetime.fromtimestamp(ends, UTC)
    if until - MARGIN <= clock.now():
        return None
    handle = str(account.options.get("handle", "")).removeprefix("@")
    scope = scope if isinstance(scope, str) else ""
    return Session(did, handle, access, account.credentials.get("refresh", ""), until, scope)


def forget(account: AccountConfig) -> None:
    """Forget the session, as a new process would."""
    with _guard:
        _sessions.pop(_key(account), None)


Query = Sequence[tuple[str, str]]


def call(
    account: AccountConfig,
    method: str,
    *,
    query: Query = (),
    body: Mapping[str, Any] | bytes | None = None,
    content_type: str = "application/json",
    proxy: str = "",
) -> dict[str, Any]:
    """Call a method as the account; GET without a body. Raises ChannelError, XrpcError for a refusal."""
    session = session_of(account)
    ask: dict[str, Any] = {"query": query, "body": body, "content_type": content_type, "proxy": proxy}
    try:
        return _exchange(account, method, token=session.access, **ask)
    except XrpcError as error:
        if error.name not in _EXPIRED:
            raise
    forget(account)
    return _exchange(account, method, token=sign_in(account).access, **ask)


def _exchange(
    account: AccountConfig,
    method: str,
    *,
    query: Query = (),
    body: Mapping[str, Any] | bytes | None = None,
    content_type: str = "application/json",
    proxy: str = "",
    token: str = "",
) -> dict[str, Any]:
    url = f"{base_url(account)}/xrpc/{method}" + (f"?{urlencode(query)}" if query else "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if proxy:
        headers["atproto-proxy"] = proxy
    if body:
        headers["Content-Type"] = content_type
    data = json.dumps(body).encode() if isinstance(body, Mapping) else body
    verb = "GET" if body is None else "POST"
    try:
        response = http.request(verb, url, body=data, headers=headers, timeout=TIMEOUT, max_bytes=20 * 1024 * 1024)
    except ChannelError as error:
        if error.permanent:
            raise
        raise ChannelError(str(error), of_account=True, retry_after=LATE) from error
    _note_budget(account, method, response)
    found = json_of(response)
    if not response.is_success:
        raise _refusal(response, found)
    return found


def json_of(response: http.Response) -> dict[str, Any]:
    """Return the object of an answer; {} for a refusal that has none. Raises ChannelError."""
    try:
        found = json.loads(response.body) if response.body else {}
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    if response.is_success:
        raise ChannelError(_("The server's answer is not understood."))
    return {}


def _refusal(response: http.Response, found: Mapping[str, Any]) -> XrpcError:
    """Return what a refusal means to us: for ever, for now, of this message or of the account."""
    name, said = str(found.get("error", "")), str(found.get("message", "") or found.get("error", ""))[:500]
    words = _("Bluesky answered %(status)s: %(why)s") % {"status": response.status, "why": said or "?"}
    told: dict[str, Any] = {"name": name, "status": response.status}
    if response.status == 429:
        return XrpcError(words, of_account=True, retry_after=_wait(response), **told)
    if response.status >= 500 and response.status != 501:
        return XrpcError(words, retry_after=response.retry_after, **told)
    if response.status == 400 and "profile not found" in said.lower():  # the AppView does not know a new account yet
        return XrpcError(words, of_account=True, retry_after=LATE, **told)
    if name in _EXPIRED or response.status == 401:
        return XrpcError(words, of_account=True, **told)
    return XrpcError(words, permanent=True, of_account=name in _CLOSED, is_revoked=name in _CLOSED, **told)


def _wait(response: http.Response) -> float:
    """Return for how long a server that has had enough wants to be left alone."""
    if response.retry_after is not None:
        return max(1.0, response.retry_after)
    resets = response.headers.get("ratelimit-reset", "")
    seconds = float(resets) - clock.now().timestamp() if resets.isascii() and resets.isdigit() else 60.0
    return min(86_400.0, max(1.0, seconds))


def _note_budget(account: AccountConfig, method: str, response: http.Response) -> None:
    """Tell what is left of a limit: every minute, and at once where little is."""
    told = [response.headers.get(f"ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if not all(number.isascii() and number.isdigit() and len(number) < 12 for number in told):
        return
    limit, left, resets = map(int, told)
    name = "writes" if method == "com.atproto.repo.putRecord" else "requests"
    due = _noted.get((account.id, name), 0.0) + _BUDGET_EVERY <= time.monotonic()
    if due or left * 10 <= limit:
        _noted[account.id, name] = time.monotonic()
        at = datetime.fromtimestamp(resets, UTC) if 0 < resets < 2**33 else None
        channels.note_budget(account_id=account.id, name=name, limit=limit, left=left, resets_at=at)
