"""The only network I/O of WhatsApp: messages, files in and out, approved templates."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from comptoir.channels.base import Approved, Fetched, HandOver
from comptoir.channels.graph import client as graph
from comptoir.channels.whatsapp import render
from comptoir.channels.whatsapp.approved import approved_of
from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, OutboundFile, Receipt

TIMEOUT = 20.0  # seconds
FILE_TIMEOUT = 60.0
PAIR_LIMIT, PAIR_SECONDS = 131056, 6.0  # too many messages to one person; the others need not wait
PAGES = 20  # of templates, 100 each
# Files live on these hosts; the token is given to no other.
FILE_HOSTS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net", ".whatsapp.com")


def base_url(account: AccountConfig) -> str:
    """Return the address of the API, without a slash at its end."""
    return str(account.options.get("api_url") or graph.BASE).rstrip("/")


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send what is left of one message. The platform takes no key: a broken line leaves a doubt."""
    if not message.to:
        raise ChannelError(_("The message has nobody to go to."), permanent=True)
    leaves = render.plan(message)
    last = hand_over.sent[-1] if hand_over.sent else ""
    for leaf in leaves[len(hand_over.sent) :]:
        media_id = _upload(leaf.file, account) if leaf.file else ""
        value = render.payload(message, leaf, media_id=media_id, is_only=len(leaves) == 1)
        hand_over()
        last = _message_id(_post(account, value))
        hand_over.keep(last)
    return Receipt(message.key, Delivered.SENT, last)


def _number(account: AccountConfig) -> str:
    return quote(str(account.options.get("phone_number_id", "")), safe="")


def _headers(account: AccountConfig, content_type: str = "application/json") -> dict[str, str]:
    return {"Authorization": f"Bearer {account.credentials.get('token', '')}", "Content-Type": content_type}


def _post(account: AccountConfig, value: Mapping[str, Any]) -> dict[str, Any]:
    url = f"{base_url(account)}/{_number(account)}/messages"
    try:
        response = http.post(url, body=json.dumps(value).encode(), headers=_headers(account), timeout=TIMEOUT)
    except ChannelError as error:
        if error.permanent:
            raise
        raise DoubtfulDelivery(str(error)) from error
    if _code(response) == PAIR_LIMIT:
        words = _("WhatsApp takes one message in six seconds to the same person.")
        raise ChannelError(words, retry_after=response.retry_after or PAIR_SECONDS)
    return graph.read(response)


def _code(response: http.Response) -> int:
    try:
        error = json.loads(response.body).get("error", {})
    except (ValueError, AttributeError):
        return 0
    code = error.get("code") if isinstance(error, dict) else 0
    return code if isinstance(code, int) else 0


def _message_id(value: Mapping[str, Any]) -> str:
    told = value.get("messages")
    first = told[0] if isinstance(told, list) and told else {}
    found = first.get("id") if isinstance(first, dict) else None
    if not isinstance(found, str) or not found:
        raise DoubtfulDelivery(_("WhatsApp accepted the message and did not say under which number."))
    return found


def _upload(file: OutboundFile, account: AccountConfig) -> str:
    """Give WhatsApp a file and return its id; nothing reaches the customer by this."""
    if len(file.content) > render.SIZES["document"]:
        raise ChannelError(_("“%(name)s” is too large for WhatsApp.") % {"name": file.filename}, permanent=True)
    boundary = secrets.token_hex(16)
    body = _form(file, boundary)
    headers = _headers(account, f"multipart/form-data; boundary={boundary}")
    url = f"{base_url(account)}/{_number(account)}/media"
    value = graph.read(http.post(url, body=body, headers=headers, timeout=FILE_TIMEOUT))
    found = value.get("id")
    if not isinstance(found, (str, int)) or not found:
        raise ChannelError(_("WhatsApp did not take the file “%(name)s”.") % {"name": file.filename})
    return str(found)


def _form(file: OutboundFile, boundary: str) -> bytes:
    content_type = file.content_type if file.content_type.isprintable() and file.content_type.isascii() else ""
    content_type = content_type or "application/octet-stream"
    name = "".join(c for c in file.filename if c.isprintable() and c not in '"\\') or "file"
    parts = [("messaging_product", "whatsapp"), ("type", content_type)]
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n' for field, value in parts
    ]
    lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n')
    lines.append(f"Content-Type: {content_type}\r\n\r\n")
    return "".join(lines).encode("utf-8", "replace") + file.content + f"\r\n--{boundary}--\r\n".encode()


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file by its id: WhatsApp first tells an address that is good for five minutes."""
    media_id = quote(str(ref.get("id", "")), safe="")
    told = graph.call(account, media_id)
    url = told.get("url")
    if not isinstance(url, str) or not _may_have_token(url, account):
        raise ChannelError(_("WhatsApp did not tell where the file is."), permanent=True)
    response = http.get(url, headers=_headers(account), timeout=FILE_TIMEOUT, max_bytes=render.SIZES["document"])
    if response.status in {404, 410}:
        raise ChannelError(_("The file is no longer at WhatsApp."), permanent=True)
    if not response.is_success:
        graph.read(response)
        raise ChannelError(_("WhatsApp did not give the file."), retry_after=response.retry_after)
    kind = told.get("mime_type")
    return Fetched(response.body, kind.partition(";")[0].strip() if isinstance(kind, str) else "")


def _may_have_token(url: str, account: AccountConfig) -> bool:
    """Whether an address is the platform's own: https on its hosts, or the place that the settings name."""
    try:
        asked, own = urlsplit(url), urlsplit(base_url(account))
        same_place = (asked.scheme, asked.hostname, asked.port) == (own.scheme, own.hostname, own.port)
    except ValueError:
        return False
    return same_place or (asked.scheme == "https" and f".{asked.hostname or ''}".endswith(FILE_HOSTS))


def templates(account: AccountConfig) -> Sequence[Approved]:
    """List the templates whose places are all in the body and numbered; others cannot be filled in here."""
    path = f"{quote(str(account.options.get('business_id', '')), safe='')}/message_templates"
    values: dict[str, Any] = {"fields": "name,language,status,category,components,parameter_format", "limit": 100}
    found: list[Approved] = []
    for _page in range(PAGES):
        told = graph.call(account, path, values=values)
        rows = told.get("data")
        found += [one for row in (rows if isinstance(rows, list) else []) if (one := approved_of(row))]
        paging = told.get("paging")
        cursors = paging.get("cursors") if isinstance(paging, dict) else None
        after = cursors.get("after") if isinstance(cursors, dict) and isinstance(paging, dict) else None
        if not after or not isinstance(paging, dict) or not paging.get("next"):
            break
        values = {**values, "after": after}
    return found
