"""The only network I/O of X: posts, direct messages, pictures, fresh tokens, and what became of a doubtful one."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.utils.translation import gettext as _

from comptoir.channels import services
from comptoir.channels.base import Fetched, HandOver, Renewed
from comptoir.channels.x import render
from comptoir.channels.x.reading import held, instant, number_of, objects, readable, text
from comptoir.channels.x.renewal import renewed_account
from comptoir.core import clock, http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, OutboundFile, Receipt

BASE = "https://api.x.com"
TIMEOUT = 20.0  # seconds
FILE_TIMEOUT = 60.0
FILE_MOST = 100 * 1024 * 1024  # bytes
WINDOW_SECONDS = 900.0  # of the platform's limits, where it does not say when one ends
UNCLEAR = frozenset({500, 502, 504})  # after which the post may be there
RECENT = 100  # posts or messages of ours that are looked through
SLACK = timedelta(minutes=5)  # between the platform's clock and ours
FILE_HOSTS = (".twimg.com",)


def base_url(account: AccountConfig) -> str:
    """Return the address of the API, without a slash at its end."""
    return str(account.options.get("api_url") or BASE).rstrip("/")


def call(
    account: AccountConfig, method: str, path: str, *, value: Mapping[str, Any] | None = None, budget: str = "",
    is_post: bool = False, timeout: float = TIMEOUT,
) -> dict[str, Any]:  # fmt: skip
    """Make one call and return its JSON. Raises ChannelError; DoubtfulDelivery where a post (`is_post`) may be there.

    `budget` names the limit that the answer's headers tell about. A token that has run out is renewed once.
    """
    response = _ask(account, method, path, value, is_post, timeout)
    if response.status == 401 and (fresh := renewed_account(account)) is not None:
        response = _ask(fresh, method, path, value, is_post, timeout)
    if budget:
        _note_budget(account, budget, response)
    return _read(response, is_post=is_post)


def _ask(
    account: AccountConfig, method: str, path: str, value: Mapping[str, Any] | None, is_post: bool, timeout: float
) -> http.Response:
    headers = {"Authorization": f"Bearer {account.credentials.get('token', '')}"}
    body = None
    if value is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(value).encode()
    try:
        return http.request(method, f"{base_url(account)}/{path}", body=body, headers=headers, timeout=timeout)
    except ChannelError as error:
        if is_post and not error.permanent:
            raise DoubtfulDelivery(str(error)) from error
        raise


def _read(response: http.Response, *, is_post: bool = False) -> dict[str, Any]:
    try:
        value = json.loads(response.body or b"{}")
    except (ValueError, RecursionError):
        value = {}
    value = value if isinstance(value, dict) else {}
    if response.is_success:
        return value
    words = _words(value) or _("X answered %(status)s.") % {"status": response.status}
    if response.status == 401:
        raise ChannelError(words, is_revoked=True)
    if response.status == 429:
        raise ChannelError(words, retry_after=_until_reset(response), of_account=True)
    if is_post and response.status in UNCLEAR:
        raise DoubtfulDelivery(words)
    raise ChannelError(words, permanent=response.status < 500, retry_after=response.retry_after)


def _words(value: Mapping[str, Any]) -> str:
    """Return the platform's own words for a refusal."""
    first = next(iter(objects(value, "errors")), {})
    for one in (value, first):
        for name in ("detail", "message", "error_description", "title", "error"):
            if said := text(one, name):
                return said[:500]
    return ""


def _until_reset(response: http.Response) -> float:
    """Return the seconds until a limit ends, a little more than none and at most a day."""
    reset = response.headers.get("x-rate-limit-reset", "")
    if reset.isascii() and reset.isdigit() and len(reset) < 12:
        return min(max(1.0, int(reset) - clock.now().timestamp()), 86_400.0)
    return response.retry_after or WINDOW_SECONDS


def _note_budget(account: AccountConfig, name: str, response: http.Response) -> None:
    numbers = [response.headers.get(f"x-rate-limit-{what}", "") for what in ("limit", "remaining", "reset")]
    if all(one.isascii() and one.isdigit() and len(one) < 12 for one in numbers):
        limit, left, reset = map(int, numbers)
        resets_at = datetime.fromtimestamp(reset, UTC)
        services.note_budget(account_id=account.id, name=name, limit=limit, left=left, resets_at=resets_at)


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send what is left of one message. X takes no key: a broken line leaves a doubt."""
    whom = _whom(message)
    for file in message.files:
        _refuse(file)
    last = hand_over.sent[-1] if hand_over.sent else ""
    for leaf in render.plan(message)[len(hand_over.sent) :]:
        media = [_upload(file, account, is_public=message.is_public) for file in leaf.files]
        hand_over()
        last = _post(leaf, last or whom, media, account) if message.is_public else _direct(leaf, whom, media, account)
        hand_over.keep(last)
    return Receipt(message.key, Delivered.SENT, last)


def _whom(message: Outbound) -> str:
    """Return the post that is answered, or the person who is written to. Raises ChannelError."""
    if message.is_public:
        number = number_of(message.answers, "post_id")
        said = _("There is no post that this answers.")
    else:
        number = number_of({"id": message.to[0].address} if message.to else {}, "id")
        said = _("The message has nobody to go to.")
    if not number:
        raise ChannelError(said, permanent=True)
    return number


def _refuse(file: OutboundFile) -> None:
    why = render.refusal_of(file)
    if why == "kind":
        said = _("X takes pictures only (JPEG, PNG, WebP, GIF): “%(name)s” is none. Send a link to it.")
        raise ChannelError(said % {"name": file.filename}, permanent=True)
    if why:
        said = _("“%(name)s” is too large for X. A picture may have 5 MB, a moving one 15 MB.")
        raise ChannelError(said % {"name": file.filename}, permanent=True)


def _upload(file: OutboundFile, account: AccountConfig, *, is_public: bool) -> str:
    category = render.category_of(file, is_public=is_public)
    value = {"media": base64.b64encode(file.content).decode(), "media_category": category}
    told = call(account, "POST", "2/media/upload", value=value, timeout=FILE_TIMEOUT)
    if not (number := number_of(held(told, "data"), "id")):
        raise ChannelError(_("X did not take the file “%(name)s”.") % {"name": file.filename})
    return number


def _post(leaf: render.Leaf, answers: str, media: list[str], account: AccountConfig) -> str:
    value = render.post(leaf, answers=answers, media=media)
    told = call(account, "POST", "2/tweets", value=value, budget="posts", is_post=True)
    return _number(held(told, "data"), "id")


def _direct(leaf: render.Leaf, whom: str, media: list[str], account: AccountConfig) -> str:
    path = f"2/dm_conversations/with/{whom}/messages"
    value = render.direct(leaf, media=media)
    told = call(account, "POST", path, value=value, budget="direct messages", is_post=True)
    return _number(held(told, "data"), "dm_event_id")


def _number(data: Mapping[str, Any], name: str) -> str:
    if not (number := number_of(data, name)):
        raise DoubtfulDelivery(_("X accepted the message and did not say under which number."))
    return number


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look a doubtful message up among our latest: found when each of its parts is. None: X cannot say that it is not.

    A post takes a moment to show up in the list, so that its absence proves nothing.
    """
    whom = _whom(message)
    found = _recent_posts(account) if message.is_public else _recent_messages(account, whom)
    since = instant(message.answers, "at")
    fresh = [one for one in found if since is None or one[2] is None or one[2] >= since - SLACK]
    last = ""
    answers = whom
    for leaf in render.plan(message):
        last = next((number for number, said, _at, parent in fresh
                     if render.same(leaf.text, said) and (not message.is_public or parent == answers)), "")  # fmt: skip
        if not last:
            return None
        answers = last
    return Receipt(message.key, Delivered.SENT, last)


Found = tuple[str, str, datetime | None, str]  # id, text, when, what it answers


def _own_id(account: AccountConfig) -> str:
    return quote(str(account.options.get("user_id", "")), safe="")


def _recent_posts(account: AccountConfig) -> list[Found]:
    asked = {"max_results": RECENT, "post.fields": "created_at,entities,note_post", "expansions": "referenced_posts"}
    query = urlencode(asked)
    told = call(account, "GET", f"2/users/{_own_id(account)}/tweets?{query}")
    found: list[Found] = []
    for one in objects(told, "data"):
        whole = held(one, "note_post") or one
        said = readable(text(whole, "text"), held(whole, "entities") or held(one, "entities"))
        parents = [number_of(r, "id") for name in ("referenced_tweets", "referenced_posts") for r in objects(one, name)
                   if text(r, "type") == "replied_to"]  # fmt: skip
        found.append((number_of(one, "id"), said, instant(one, "created_at"), parents[0] if parents else ""))
    return found


def _recent_messages(account: AccountConfig, whom: str) -> list[Found]:
    fields = "created_at,entities,event_type,id,text"
    asked = {
        "max_results": RECENT,
        "event_types": "MessageCreate",
        "dm_event.fields": fields,
        "expansions": "sender_id",
    }
    query = urlencode(asked)
    told = call(account, "GET", f"2/dm_conversations/with/{whom}/dm_events?{query}")
    own = str(account.options.get("user_id", ""))
    return [
        (number_of(one, "id"), readable(text(one, "text"), held(one, "entities")), instant(one, "created_at"), "")
        for one in objects(told, "data")
        if number_of(one, "sender_id") == own
    ]


def hide(message_id: str, account: AccountConfig, *, hidden: bool) -> None:
    """Hide an answer to a post of ours, or show it again. Raises ChannelError."""
    call(account, "PUT", f"2/tweets/{quote(message_id, safe='')}/hidden", value={"hidden": hidden})


def profile(address: str, account: AccountConfig) -> str:
    """Return the name of a person, '' where X has none."""
    told = held(call(account, "GET", f"2/users/{quote(address, safe='')}"), "data")
    return text(told, "name") or text(told, "username")


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a public picture by its address, or one of a direct message by its ids. Raises ChannelError."""
    headers = {}
    if url := text(ref, "url"):
        if not _is_public_file(url, account):
            raise ChannelError(_("This is no address of a file at X."), permanent=True)
    else:
        path = "/".join(quote(text(ref, name), safe="") for name in ("dm", "media", "resource"))
        url = f"{base_url(account)}/2/dm_conversations/media/{path}"
        headers["Authorization"] = f"Bearer {account.credentials.get('token', '')}"
    response = http.get(url, headers=headers, timeout=FILE_TIMEOUT, max_bytes=FILE_MOST)
    if not response.is_success:
        _read(response)
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    return Fetched(response.body, "" if kind == "application/octet-stream" else kind)


def _is_public_file(url: str, account: AccountConfig) -> bool:
    asked, own = urlsplit(url), urlsplit(base_url(account))
    is_theirs = asked.scheme == "https" and f".{asked.hostname or ''}".endswith(FILE_HOSTS)
    return is_theirs or asked.netloc == own.netloc


def renew(account: AccountConfig) -> Renewed:
    """Exchange the refresh token, which is good for one use, for new tokens. Raises ChannelError."""
    refresh = account.credentials.get("refresh_token", "")
    if not refresh:
        return Renewed({})  # a token that somebody renews elsewhere
    client_id = str(account.options.get("client_id", ""))
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": client_id}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if secret := account.credentials.get("client_secret", ""):
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    url = f"{base_url(account)}/2/oauth2/token"
    response = http.post(url, body=urlencode(form).encode(), headers=headers, timeout=TIMEOUT)
    if response.status in {400, 401}:
        said = _("X does not renew the access to this account any more. Connect it again.")
        raise ChannelError(said, is_revoked=True)
    told = _read(response)
    token = text(told, "access_token")
    if not token:
        raise ChannelError(_("X did not give a new token."))
    seconds = told.get("expires_in")
    holds_for = timedelta(seconds=seconds if isinstance(seconds, int) and 0 < seconds < 10**8 else 7200)
    fresh = {"token": token, "refresh_token": text(told, "refresh_token") or refresh}
    return Renewed(fresh, clock.now() + holds_for)
