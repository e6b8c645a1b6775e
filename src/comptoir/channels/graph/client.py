"""Calls of Meta's Graph API: errors in words, tokens that were withdrawn, limits that are reached."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from comptoir.channels import services as channels
from comptoir.core import clock, http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, OutboundFile

BASE = "https://graph.facebook.com/v23.0"
TIMEOUT = 20.0  # seconds
LIMITS = frozenset({4, 17, 32, 613, 80006, 80007, 130429, 131048, 131056})  # of calls, pages, users, numbers
LATER = frozenset({1, 2, 341, 368, 131000, 131016, 133004})  # their own troubles
REVOKED = frozenset({102, 190})  # the token has expired, or somebody withdrew it
# The window is over; nobody is there; a comment has its one private reply already; it is too old for one.
FINAL = frozenset({551, 10900, 10903, 2018278, 1545041, 2018108, 2534022})
USAGE = {"x-app-usage": "app", "x-page-usage": "page", "x-business-use-case-usage": "business"}
SHARES = ("call_count", "total_time", "total_cputime")  # per cent of each that are used up
UPLOAD_TIMEOUT = 60.0  # seconds
LIMIT_SECONDS = 60.0  # where they do not say how long


def call(
    account: AccountConfig,
    path: str,
    *,
    method: str = "GET",
    values: Mapping[str, Any] | None = None,
    after_hand_over: bool = False,
) -> dict[str, Any]:
    """Make one call and return its JSON. Raises ChannelError, or DoubtfulDelivery for a line that broke after a post.

    `path` follows the base address ("me/messages"); `values` are the query of a GET and the JSON body of a POST.
    """
    url, body = address(account, path), None
    if method == "GET" and values:
        url += ("&" if "?" in url else "?") + urlencode({key: str(value) for key, value in values.items()})
    elif method != "GET":
        body = json.dumps(values or {}, ensure_ascii=False).encode(errors="replace")
    headers = {**authorization(account), "Content-Type": "application/json"}
    try:
        response = http.request(method, url, body=body, headers=headers, timeout=TIMEOUT)
    except ChannelError as error:
        if after_hand_over and not error.permanent:
            raise DoubtfulDelivery(str(error)) from error
        raise
    _note_usage(account, response)
    if after_hand_over and response.status >= 500 and not _error_of(response):
        # Not the platform's own words: something on the way gave up waiting, and nobody knows what became of it.
        words = _("The platform answered %(status)s without saying what became of the message.")
        raise DoubtfulDelivery(words % {"status": response.status})
    return read(response)


def address(account: AccountConfig, path: str) -> str:
    """Return the whole address of a path."""
    return f"{str(account.options.get('api_url') or BASE).rstrip('/')}/{path}"


def authorization(account: AccountConfig) -> dict[str, str]:
    """Return the header that carries the token."""
    return {"Authorization": f"Bearer {account.credentials.get('token', '')}"}


def with_proof(account: AccountConfig, path: str) -> str:
    """Return a path with the proof that the caller knows the app secret, which an app may demand of every call."""
    secret = account.credentials.get("app_secret", "")
    if not secret or account.options.get("login") == "instagram":  # not known there
        return path
    proof = hmac.new(secret.encode(), account.credentials.get("token", "").encode(), hashlib.sha256).hexdigest()
    return f"{path}{'&' if '?' in path else '?'}appsecret_proof={proof}"


def upload(account: AccountConfig, path: str, *, values: Mapping[str, Any], file: OutboundFile) -> dict[str, Any]:
    """Upload one file as a form and return the answer's JSON. Raises ChannelError.

    Objects in `values` travel as JSON. The field of the file is `filedata`, as the platform's upload of attachments
    names it.
    """
    boundary = secrets.token_hex(16)
    body = b"".join(_form(boundary, values, file))
    headers = {**authorization(account), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    response = http.post(address(account, path), body=body, headers=headers, timeout=UPLOAD_TIMEOUT)
    _note_usage(account, response)
    return read(response)


def _form(boundary: str, values: Mapping[str, Any], file: OutboundFile) -> Iterator[bytes]:
    for name, value in values.items():
        said = value if isinstance(value, str) else json.dumps(value)
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n'.encode()
    named = "".join(c for c in file.filename if c.isprintable() and c not in '"\\')[:200] or "file"
    kind = file.content_type if file.content_type.isascii() and file.content_type.isprintable() else ""
    disposition = f'Content-Disposition: form-data; name="filedata"; filename="{named}"'
    yield f"--{boundary}\r\n{disposition}\r\n".encode(errors="replace")
    yield f"Content-Type: {kind or 'application/octet-stream'}\r\n\r\n".encode()
    yield file.content
    yield f"\r\n--{boundary}--\r\n".encode()


def _note_usage(account: AccountConfig, response: http.Response) -> None:
    """Keep what the platform says of its limits, which it tells as per cent of each that are used up."""
    for header, name in USAGE.items():
        if not (told := response.headers.get(header)):
            continue
        used, minutes = _usage(told)
        if used is not None:
            resets_at = clock.now() + timedelta(minutes=minutes) if minutes else None
            channels.note_budget(account_id=account.id, name=name, limit=100, left=100 - used, resets_at=resets_at)


def _usage(header: str) -> tuple[int | None, int]:
    """Return the highest share in per cent, and the minutes until calls are taken again (0: they are)."""
    shares: list[int] = []
    minutes = 0
    for told in _usages(header):
        shares += [v for k in SHARES if isinstance(v := told.get(k), int) and not isinstance(v, bool)]
        waits = told.get("estimated_time_to_regain_access")
        minutes = max(minutes, waits) if isinstance(waits, int) and not isinstance(waits, bool) else minutes
    return (max(0, min(100, max(shares))) if shares else None), min(minutes, 24 * 60)


def _usages(header: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a header: one, or lists of them by the id of the business."""
    try:
        value = json.loads(header)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        yield value
        for found in value.values():
            yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def read(response: http.Response) -> dict[str, Any]:
    """Return the JSON of an answer; raises ChannelError for a refusal, in the words of the platform."""
    error = _error_of(response)
    if response.is_success and not error:
        return _json(response)
    raise _refusal(response, error)


def _json(response: http.Response) -> dict[str, Any]:
    try:
        value = json.loads(response.body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _error_of(response: http.Response) -> Mapping[str, Any]:
    error = _json(response).get("error")
    return error if isinstance(error, dict) else {}


def _refusal(response: http.Response, error: Mapping[str, Any]) -> ChannelError:
    code = error.get("code") if isinstance(error.get("code"), int) else 0
    subcode = error.get("error_subcode")
    detail = error.get("error_data")
    said = detail.get("details") if isinstance(detail, dict) else ""
    words = str(said or error.get("message") or f"The platform answered {response.status}.")[:500]
    if code in REVOKED or response.status == 401:
        return ChannelError(words, is_revoked=True)
    if code in FINAL or subcode in FINAL:
        return ChannelError(words, permanent=True)
    if code in LIMITS or response.status == 429:
        return ChannelError(words, retry_after=response.retry_after or _regained(response), of_account=True)
    is_later = code in LATER or response.status >= 500 or error.get("is_transient") is True
    return ChannelError(words, permanent=not is_later, retry_after=response.retry_after)


def _regained(response: http.Response) -> float:
    minutes = max((_usage(response.headers.get(header, ""))[1] for header in USAGE), default=0)
    return minutes * 60.0 or LIMIT_SECONDS
