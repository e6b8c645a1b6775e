"""The client-server API of Matrix: the only network I/O of the channel."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from comptoir.channels.base import Fetched, HandOver
from comptoir.channels.matrix.render import file_event, place_of, preview, text_event
from comptoir.core import http
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt

TIMEOUT = 20.0  # seconds
MOST_BYTES = 100 * 1024 * 1024  # of a file
RECENT = 100  # events of a room among which a doubtful one is looked for
CLIENT = "/_matrix/client/v3"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one account, of a person or of an application service."""

    account: AccountConfig

    @property
    def base(self) -> str:
        """Return the address of the homeserver, without a slash at its end."""
        found = str(self.account.options.get("api_url") or self.account.options.get("server") or "").strip()
        if found and "://" not in found:
            found = f"https://{found}"
        if not found:
            raise ChannelError(_("Give the address of your homeserver."), permanent=True, of_account=True)
        return found.rstrip("/")

    @property
    def is_service(self) -> bool:
        """Whether the homeserver pushes events to us (an application service)."""
        return self.account.options.get("mode") == "service"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        value: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        timeout: float = TIMEOUT,
        max_bytes: int = 64 << 20,
        needed: bool = True,
        **query: object,
    ) -> http.Response:
        """Make one request; with `needed`, raises ChannelError for anything but a success."""
        token = self.account.credentials.get("access_token", "").strip()
        if not token.isascii() or not token.isprintable():
            raise ChannelError(_("The access token has characters that no token has."), permanent=True, of_account=True)
        asked = {name: one for name, one in query.items() if one not in ("", None)}
        if self.is_service:
            asked["user_id"] = self.account.options.get("user_id") or ""
        url = self.base + path + (("&" if "?" in path else "?") + urlencode(asked) if asked else "")
        headers = {"Authorization": f"Bearer {token}"}
        if value is not None:
            body = json.dumps(value).encode()
        if body is not None:
            headers["Content-Type"] = content_type
        answer = http.request(method, url, body=body, headers=headers, timeout=timeout, max_bytes=max_bytes)
        if needed and not answer.is_success:
            raise refusal(answer)
        return answer

    def read(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """Make one request and return its JSON object. Raises ChannelError."""
        found = decoded(self.ask(method, path, **how))
        if not isinstance(found, dict):
            raise ChannelError(_("The homeserver did not answer with JSON. Is its address right?"), of_account=True)
        return found


def decoded(answer: http.Response) -> Any:
    """Return the JSON of an answer, None where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def escaped(text: str) -> str:
    """Return an id as one piece of a path; ids are never taken apart."""
    return quote(text, safe="")


def refusal(answer: http.Response) -> ChannelError:
    """Return what an answer that is no success means."""
    told = decoded(answer)
    told = told if isinstance(told, dict) else {}
    code, said = str(told.get("errcode") or ""), str(told.get("error") or answer.status)[:500]
    if answer.status == 429 or code == "M_LIMIT_EXCEEDED":
        asked = told.get("retry_after_ms")
        if answer.retry_after is not None:
            wait = answer.retry_after
        else:
            wait = asked / 1000 if isinstance(asked, int | float) and 0 <= asked < 86_400_000 else 10.0
        return ChannelError(_("The homeserver asks us to wait."), retry_after=max(1.0, wait), of_account=True)
    if answer.status == 401 or code in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"}:
        words = _("The homeserver does not accept the access token: %(why)s")
        return ChannelError(words % {"why": said}, is_revoked=True)
    if code == "M_TOO_LARGE" or answer.status == 413:
        return ChannelError(_("It is too large for the homeserver. Shorten it, or send a link."), permanent=True)
    if code == "M_FORBIDDEN":
        words = _("The homeserver refuses it: %(why)s. Perhaps we are not in this room any more.")
        return ChannelError(words % {"why": said}, permanent=True)
    if answer.status >= 500 or answer.status == 408:
        words = _("The homeserver has a problem (%(status)s).")
        return ChannelError(words % {"status": answer.status}, of_account=True)
    return ChannelError(_("The homeserver refuses it: %(why)s") % {"why": said}, permanent=True)


def read_own(api: Api) -> str:
    """Ask who we are ('@hub:example.org'). Raises ChannelError."""
    found = api.read("GET", f"{CLIENT}/account/whoami").get("user_id")
    if not isinstance(found, str):
        raise ChannelError(_("The homeserver did not say who we are."), of_account=True)
    return found


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send an answer: its texts, then its files, each under a transaction id of its own (INV-03)."""
    api = Api(account)
    room, _root = place_of(message)
    if not room:
        raise ChannelError(_("There is no room to write to yet."), permanent=True)
    texts = [part.text for part in preview(message, account.options).parts if part.text]
    for number in range(len(hand_over.sent), len(texts) + len(message.files)):
        if number < len(texts):
            value = text_event(message, texts[number], is_first=number == 0)
        else:
            file = message.files[number - len(texts)]
            value = file_event(message, file, upload(api, file.content, file.filename, file.content_type))
        hand_over()
        hand_over.keep(_put(api, room, value, transaction=f"{message.key}-{number + 1}"))
    if not hand_over.sent:
        raise ChannelError(_("There is nothing to send."), permanent=True)
    _mark_read(api, room, message)
    return Receipt(message.key, Delivered.SENT, hand_over.sent[-1])


def _put(api: Api, room: str, value: Mapping[str, Any], *, transaction: str) -> str:
    """Send one event; a line that breaks is tried again under the same transaction id, which sends once."""
    path = f"{CLIENT}/rooms/{escaped(room)}/send/m.room.message/{escaped(transaction)}"
    number = api.read("PUT", path, value=value).get("event_id")
    if not isinstance(number, str):
        raise ChannelError(_("The homeserver accepted the message and gave it no id."))
    return number


def _mark_read(api: Api, room: str, message: Outbound) -> None:
    """Tell the customer that we have read what we answer; the answer has left, so nothing here may fail it."""
    number = message.answers.get("id")
    if not isinstance(number, str) or not number:
        return
    try:
        path = f"{CLIENT}/rooms/{escaped(room)}"
        _room, root = place_of(message)
        if root:
            api.ask("POST", f"{path}/receipt/m.read/{escaped(number)}", value={"thread_id": root})
        else:
            api.ask("POST", f"{path}/read_markers", value={"m.fully_read": number, "m.read": number})
    except ChannelError as error:
        logger.info("account %s: not marked as read: %s", api.account.id, error)


def upload(api: Api, content: bytes, filename: str, content_type: str) -> str:
    """Upload a file; return its mxc address. Raises ChannelError."""
    kind = (
        content_type
        if content_type.isascii() and content_type.isprintable() and content_type
        else "application/octet-stream"
    )
    answer = api.read(
        "POST", "/_matrix/media/v3/upload", body=content, content_type=kind, timeout=120.0, filename=filename
    )
    uri = answer.get("content_uri")
    if not isinstance(uri, str):
        raise ChannelError(_("The homeserver did not take the file."))
    return uri


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for the last part of a doubtful message among the latest events of its room.

    The homeserver tells us the transaction ids of our own events; what is not there is sent again under the same one.
    """
    api = Api(account)
    room, _root = place_of(message)
    if not room:
        return None
    count = len([part for part in preview(message, account.options).parts if part.text]) + len(message.files)
    events = api.read("GET", f"{CLIENT}/rooms/{escaped(room)}/messages", dir="b", limit=RECENT).get("chunk")
    for event in events if isinstance(events, list) else ():
        unsigned = event.get("unsigned") if isinstance(event, dict) else None
        if isinstance(unsigned, dict) and unsigned.get("transaction_id") == f"{message.key}-{count}":
            return Receipt(message.key, Delivered.SENT, str(event.get("event_id")))
    return Receipt(message.key, Delivered.QUEUED)


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file by its mxc address, signed in; older homeservers have it at the address of before."""
    server, slash, number = str(ref.get("mxc") or "").removeprefix("mxc://").partition("/")
    if not server or not slash or not number:
        raise ChannelError(_("The address of the file is not one of Matrix."), permanent=True)
    api, name = Api(account), f"{escaped(server)}/{escaped(number)}"
    how: dict[str, Any] = {"timeout": 60.0, "max_bytes": MOST_BYTES, "needed": False}
    answer = api.ask("GET", f"/_matrix/client/v1/media/download/{name}", **how)
    if answer.status == 404 and b"M_UNRECOGNIZED" in answer.body:
        answer = api.ask("GET", f"/_matrix/media/v3/download/{name}", **how)
    if answer.status in {403, 404, 410}:
        raise ChannelError(_("The file is not there any more."), permanent=True)
    if not answer.is_success:
        raise refusal(answer)
    return Fetched(answer.body, answer.headers.get("content-type", "").partition(";")[0].strip())


def profile(address: str, account: AccountConfig) -> str:
    """Ask for a user's display name; '' where they have none."""
    answer = Api(account).ask("GET", f"{CLIENT}/profile/{escaped(address)}/displayname", needed=False)
    if answer.status in {403, 404}:
        return ""
    if not answer.is_success:
        raise refusal(answer)
    found = decoded(answer)
    name = found.get("displayname") if isinstance(found, dict) else ""
    return name[:200] if isinstance(name, str) else ""
