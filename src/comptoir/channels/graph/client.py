"""Calls of Meta's Graph API: errors in words, tokens that were withdrawn, limits that are reached."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig

BASE = "https://graph.facebook.com/v23.0"
TIMEOUT = 20.0  # seconds
LIMITS = frozenset({4, 17, 32, 613, 80006, 80007, 130429, 131048, 131056})  # of calls, pages, users, numbers
LATER = frozenset({1, 2, 341, 368, 131000, 131016, 133004})  # their own troubles
REVOKED = 190  # the token has expired, or somebody withdrew it
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
    base = str(account.options.get("api_url") or BASE).rstrip("/")
    url, body = f"{base}/{path}", None
    if method == "GET" and values:
        url += "?" + urlencode({key: str(value) for key, value in values.items()})
    elif method != "GET":
        body = json.dumps(values or {}, ensure_ascii=False).encode()
    headers = {
        "Authorization": f"Bearer {account.credentials.get('token', '')}",
        "Content-Type": "application/json",
    }
    try:
        response = http.request(method, url, body=body, headers=headers, timeout=TIMEOUT)
    except ChannelError as error:
        if after_hand_over and not error.permanent:
            raise DoubtfulDelivery(str(error)) from error
        raise
    return read(response)


def read(response: http.Response) -> dict[str, Any]:
    """Return the JSON of an answer; raises ChannelError for a refusal, in the words of the platform."""
    try:
        value = json.loads(response.body or b"{}")
    except ValueError:
        value = {}
    if not isinstance(value, dict):
        value = {}
    error = value.get("error")
    if response.is_success and not isinstance(error, dict):
        return value
    raise _refusal(response, error if isinstance(error, dict) else {})


def _refusal(response: http.Response, error: Mapping[str, Any]) -> ChannelError:
    code = error.get("code") if isinstance(error.get("code"), int) else 0
    detail = error.get("error_data")
    said = detail.get("details") if isinstance(detail, dict) else ""
    words = str(said or error.get("message") or f"The platform answered {response.status}.")[:500]
    if code == REVOKED or response.status == 401:
        return ChannelError(words, is_revoked=True)
    if code in LIMITS or response.status == 429:
        return ChannelError(words, retry_after=response.retry_after or LIMIT_SECONDS, of_account=True)
    is_later = code in LATER or response.status >= 500 or error.get("is_transient") is True
    return ChannelError(words, permanent=not is_later, retry_after=response.retry_after)
