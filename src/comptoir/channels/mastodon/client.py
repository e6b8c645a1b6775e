"""The HTTP API of Mastodon and of the servers that speak it; with streaming.py the only network I/O of the channel."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from comptoir.channels import services as channels
from comptoir.channels.base import Fetched, HandOver
from comptoir.channels.mastodon.parse import text_of
from comptoir.channels.mastodon.render import preview, status_body
from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, OutboundFile, Receipt

TIMEOUT = 20.0  # seconds
MOST_FILES = 4  # of one post
MEDIA_WAITS = (0.5, 1, 2, 4, 8, 15)  # seconds between two looks at a file that the server works on
MOST_BYTES = 100 * 1024 * 1024  # of a file
RECENT = 40  # of our own posts, among which a doubtful one is looked for


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself. `keeps_keys`: it is known to post once under one Idempotency-Key."""

    domain: str
    version: str
    max_characters: int
    per_link: int
    streaming: str  # address of its streaming, '' where it says none

    @property
    def keeps_keys(self) -> bool:
        """Only Mastodon itself and its variants are; the others of this API announce themselves in their version."""
        return self.version[:1] in set("3456789") and "compatible" not in self.version


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one account."""

    account: AccountConfig

    @property
    def base(self) -> str:
        """Return the address of the server, without a slash at its end."""
        found = str(self.account.options.get("api_url") or self.account.options.get("server") or "").strip()
        if found and "://" not in found:
            found = f"https://{found}"
        if not found:
            raise ChannelError(_("Give the address of your server."), permanent=True, of_account=True)
        return found.rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers by which the server knows us."""
        token = self.account.credentials.get("access_token", "").strip()
        if not token.isascii() or not token.isprintable():
            raise ChannelError(_("The access token has characters that no token has."), permanent=True, of_account=True)
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        needed: bool = True,
    ) -> http.Response:
        """Make one request; with `needed`, raises ChannelError for anything but a success."""
        sent = {**self.headers, **(headers or {})}
        answer = http.request(method, self.base + path, body=body, headers=sent, timeout=timeout, max_bytes=16 << 20)
        self._note_budget(answer)
        if needed and not answer.is_success:
            raise refusal(answer)
        return answer

    def read(self, path: str, **query: object) -> Any:
        """GET JSON. Raises ChannelError."""
        asked = {name: value for name, value in query.items() if value not in ("", None)}
        return decoded(self.ask("GET", path + (f"?{urlencode(asked)}" if asked else "")))

    def _note_budget(self, answer: http.Response) -> None:
        limit, left = (answer.headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining"))
        if limit.isdigit() and left.isdigit() and len(limit) < 9 and len(left) < 9:
            resets_at = _instant(answer.headers.get("x-ratelimit-reset", ""))
            channels.note_budget(
                account_id=self.account.id, name="requests", limit=int(limit), left=int(left), resets_at=resets_at
            )


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def decoded(answer: http.Response) -> Any:
    """Return the JSON of an answer. Raises ChannelError where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ChannelError(_("The server did not answer with JSON. Is its address right?"), of_account=True) from None


def _said(answer: http.Response) -> str:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    said = (found.get("error_description") or found.get("error")) if isinstance(found, dict) else None
    return said[:500] if isinstance(said, str) else str(answer.status)


def refusal(answer: http.Response) -> ChannelError:
    """Return what an answer that is no success means."""
    said = _said(answer)
    if answer.status == 401:
        return ChannelError(_("The server does not accept the access token: %(why)s") % {"why": said}, is_revoked=True)
    if answer.status == 429:
        return ChannelError(_("The server asks us to wait."), retry_after=_wait_of(answer), of_account=True)
    if answer.status >= 500 or answer.status in {408, 425}:
        return ChannelError(_("The server has a problem (%(status)s).") % {"status": answer.status}, of_account=True)
    return ChannelError(_("The server refuses it: %(why)s") % {"why": said}, permanent=True)


def _wait_of(answer: http.Response) -> float:
    """Return for how many seconds the server wants nothing: until the instant that it names, by its own clock."""
    if answer.retry_after is not None:
        return answer.retry_after
    resets_at = _instant(answer.headers.get("x-ratelimit-reset", ""))
    if resets_at is None:
        return 300.0
    return min(3600.0, max(1.0, resets_at.timestamp() - time.time()))


def read_server(api: Api) -> Server:
    """Ask the server for its limits: version 2 of its description, else version 1. Raises ChannelError."""
    answer = api.ask("GET", "/api/v2/instance", needed=False)
    if not answer.is_success:
        answer = api.ask("GET", "/api/v1/instance")
    value = decoded(answer)
    value = value if isinstance(value, dict) else {}
    configuration = _part(value, "configuration")
    statuses = _part(configuration, "statuses")
    urls = _part(configuration, "urls") or _part(value, "urls")
    domain = value.get("domain") or value.get("uri") or ""
    streaming = urls.get("streaming") or urls.get("streaming_api") or ""
    return Server(
        domain=str(domain).removeprefix("https://").removeprefix("http://").strip("/")[:253],
        version=str(value.get("version") or ""),
        max_characters=_count(statuses.get("max_characters") or value.get("max_toot_chars")),
        per_link=_count(statuses.get("characters_reserved_per_url")),
        streaming=streaming if isinstance(streaming, str) else "",
    )


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _count(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10_000_000 else 0


def read_own(api: Api) -> dict[str, str]:
    """Return who we are: {"id", "acct"}. Raises ChannelError."""
    value = api.read("/api/v1/accounts/verify_credentials")
    if not isinstance(value, dict) or not isinstance(value.get("id"), str | int):
        raise ChannelError(_("The server did not say who we are."), of_account=True)
    return {"id": str(value["id"]), "acct": str(value.get("acct") or "")}


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Post an answer, in parts where it is long; each part stands under the one before."""
    api, shown = Api(account), preview(message, account.options)
    if shown.is_too_long:
        raise ChannelError(_("The text is too long for this server."), permanent=True)
    if len(message.files) > MOST_FILES:
        raise ChannelError(_("A post takes at most %(count)d files.") % {"count": MOST_FILES}, permanent=True)
    media = [upload(api, file) for file in message.files] if not hand_over.sent else []
    answered = str(message.answers.get("id") or "")
    for number, part in enumerate(shown.parts):
        if number < len(hand_over.sent):
            continue
        above = hand_over.sent[-1] if hand_over.sent else answered
        value = status_body(message, part.text, account.options, answers=above, media_ids=() if number else media)
        hand_over()
        hand_over.keep(_post(api, value, key=f"{message.key}-{number + 1}"))
    return Receipt(message.key, Delivered.SENT, hand_over.sent[-1])


def _post(api: Api, value: Mapping[str, Any], *, key: str) -> str:
    """Post one part; return the server's id of it."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        answer = api.ask("POST", "/api/v1/statuses", body=json.dumps(value).encode(), headers=headers, needed=False)
    except ChannelError as error:
        if error.permanent or api.account.options.get("keeps_keys"):
            raise
        raise DoubtfulDelivery(str(error)) from error
    if not answer.is_success:
        refused = refusal(answer)
        if answer.status >= 500 and not api.account.options.get("keeps_keys"):
            raise DoubtfulDelivery(str(refused))
        raise refused
    try:
        found = decoded(answer)
    except ChannelError as error:
        raise DoubtfulDelivery(str(error)) from error
    number = found.get("id") if isinstance(found, dict) else None
    if not isinstance(number, str | int):
        raise DoubtfulDelivery(_("The server accepted the post and gave it no id."))
    return str(number)


def upload(api: Api, file: OutboundFile) -> str:
    """Upload a file and wait until the server has made it fit to be posted; return its id."""
    boundary = uuid.uuid4().hex
    name = quote(file.filename, safe=" .-_()")
    kind = file.content_type if file.content_type.isascii() and file.content_type.isprintable() else ""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {kind or 'application/octet-stream'}\r\n\r\n"
    )
    body = head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = api.ask("POST", "/api/v2/media", body=body, headers=headers, timeout=120.0, needed=False)
    if answer.status == 404:
        answer = api.ask("POST", "/api/v1/media", body=body, headers=headers, timeout=120.0, needed=False)
    if not answer.is_success:
        raise refusal(answer)
    found = decoded(answer)
    number = found.get("id") if isinstance(found, dict) else None
    if not isinstance(number, str | int):
        raise ChannelError(_("The server did not take the file."))
    if answer.status == 202:
        _await_media(api, str(number))
    return str(number)


def _await_media(api: Api, number: str) -> None:
    for wait in MEDIA_WAITS:
        time.sleep(wait)
        if api.ask("GET", f"/api/v1/media/{quote(number, safe='')}").status == 200:
            return
    raise ChannelError(_("The server is still working on the file."), retry_after=60)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look among our recent posts for all parts of a doubtful message.

    Where one is missing it is sent again only by a server that keeps keys; elsewhere nobody can tell.
    """
    api = Api(account)
    posts = recent_posts(api, read_own(api)["id"])
    by_text = {_bare(text_of(post)): str(post.get("id")) for post in reversed(posts)}
    found = [by_text.get(_bare(part.text)) for part in preview(message, account.options).parts]
    if all(found):
        return Receipt(message.key, Delivered.SENT, str(found[-1]))
    return Receipt(message.key, Delivered.QUEUED) if account.options.get("keeps_keys") else None


def recent_posts(api: Api, own_id: str, **query: object) -> Sequence[Mapping[str, Any]]:
    """Return our own posts that answer somebody or nobody, the newest first."""
    path = f"/api/v1/accounts/{quote(own_id, safe='')}/statuses"
    found = api.read(path, limit=RECENT, exclude_reblogs="true", **query)
    return [post for post in found if isinstance(post, dict)] if isinstance(found, list) else []


def _bare(text: str) -> str:
    """Return a text as it survives a server: without domains of names, and blanks as one."""
    words = [
        word.rpartition("@")[0] if word.startswith("@") and word.count("@") == 2 else word for word in text.split()
    ]
    return " ".join(words)


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file of a post; they are public, so no token is shown to whoever keeps them."""
    answer = http.get(str(ref.get("url") or ""), timeout=60.0, max_bytes=MOST_BYTES)
    if answer.status in {403, 404, 410}:
        raise ChannelError(_("The file is not there any more."), permanent=True)
    if not answer.is_success:
        raise ChannelError(_("The file cannot be fetched (%(status)s).") % {"status": answer.status})
    return Fetched(answer.body, answer.headers.get("content-type", "").partition(";")[0].strip())
