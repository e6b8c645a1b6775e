"""What messenger, instagram and facebook do alike over the network: send, look up, hide, fetch, ask names, test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from django.utils.translation import gettext as _

from comptoir.channels.base import Fetched, HandOver, Renewed, Step
from comptoir.channels.graph.client import call, with_proof
from comptoir.channels.graph.messaging import THREAD, UNKNOWN
from comptoir.channels.graph.untrusted import child, children, ident, instant, text
from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt

FILE_BYTES = 100 * 1024 * 1024
FILE_TIMEOUT = 60.0  # seconds
REDIRECTS = 3
LOOKED_AT = 50  # messages or comments that are looked through for one of ours
GONE = frozenset({400, 401, 403, 404, 410})  # what the file server says of an address that has expired


def post(account: AccountConfig, path: str, values: Mapping[str, Any], *, field: str, hand_over: HandOver) -> str:
    """Make one call that delivers and return the platform's id, named `field` in the answer; kept as a part."""
    hand_over()
    answer = call(account, with_proof(account, path), method="POST", values=values, after_hand_over=True)
    found = ident(answer, field)
    if not found:
        raise DoubtfulDelivery(_("The platform took the message without saying under which id."))
    hand_over.keep(found)
    return found


def send_all(
    calls: Sequence[tuple[str, Mapping[str, Any]]], message: Outbound, account: AccountConfig, hand_over: HandOver
) -> Receipt:
    """Make the calls that have not been made yet, in their order. Raises ChannelError."""
    if not calls:
        raise ChannelError(_("There is nothing to send: the text is empty."), permanent=True)
    last = hand_over.sent[-1] if hand_over.sent else ""
    for path, values in calls[len(hand_over.sent) :]:
        field = "message_id" if path.endswith("/messages") else "id"
        last = post(account, path, values, field=field, hand_over=hand_over)
    return Receipt(message.key, Delivered.SENT, last)


def look_up_private(
    message: Outbound, parts: Sequence[str], account: AccountConfig, *, platform: str
) -> Receipt | None:
    """Look for a doubtful message in its conversation; None where it is not seen, which proves nothing."""
    person = message.thread_key.removeprefix(THREAD) or (message.to[0].address if message.to else "")
    fields = f"messages.limit({LOOKED_AT}){{id,message,created_time,from}}"
    values = {"platform": platform, "user_id": person, "fields": fields}
    answer = call(account, with_proof(account, "me/conversations"), values=values)
    said = [one for talk in children(answer, "data") for one in children(child(talk, "messages"), "data")]
    return _seen(message, parts, [one for one in said if ident(child(one, "from"), "id") != person], "message")


def look_up_public(
    message: Outbound, path: str, parts: Sequence[str], account: AccountConfig, *, own: str, name: str
) -> Receipt | None:
    """Look for a doubtful comment among the answers at `path`, whose text is the field `name`."""
    fields = {"message": "id,message,from,created_time", "text": "id,text,from,timestamp"}[name]
    answer = call(account, with_proof(account, path), values={"fields": fields, "limit": LOOKED_AT})
    ours = [one for one in children(answer, "data") if ident(child(one, "from"), "id") in {own, ""}]
    return _seen(message, parts, ours, name)


def _seen(message: Outbound, parts: Sequence[str], listed: Sequence[Mapping[str, Any]], name: str) -> Receipt | None:
    """Return that a message has left where all its parts are there, each younger than what it answers."""
    since = instant(message.answers, "at") or datetime.min.replace(tzinfo=UTC)
    found: dict[str, str] = {}
    for one in listed:
        at = instant(one, "created_time") or instant(one, "timestamp")
        if at is not None and at >= since.replace(microsecond=0):  # the platform tells whole seconds
            found.setdefault(_folded(text(one, name)), ident(one, "id"))
    if parts and all(found.get(_folded(part)) for part in parts):
        return Receipt(message.key, Delivered.SENT, found[_folded(parts[-1])])
    return None


def _folded(said: str) -> str:
    return " ".join(said.split())


def hide(message_id: str, account: AccountConfig, field: str, *, hidden: bool) -> None:
    """Hide a stranger's comment, or show it again. Raises ChannelError."""
    path = with_proof(account, quote(message_id, safe=""))
    call(account, path, method="POST", values={field: hidden})


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file by the address that came with the message. Raises ChannelError; permanent where it has expired.

    The token is not sent along: such addresses carry their own signature, and lead to other hosts.
    """
    url = text(ref, "url", most=4000)
    for _redirect in range(REDIRECTS + 1):
        response = http.get(url, timeout=FILE_TIMEOUT, max_bytes=FILE_BYTES)
        if response.status not in {301, 302, 303, 307, 308}:
            break
        url = urljoin(url, response.headers.get("location", ""))
    if not response.is_success:
        words = _("The file server answered %(status)s.") % {"status": response.status}
        raise ChannelError(words, permanent=response.status in GONE, retry_after=response.retry_after)
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    return Fetched(response.body, kind, unquote(urlsplit(url).path.rpartition("/")[2])[:200])


def profile(address: str, account: AccountConfig, *, fields: Sequence[str]) -> str:
    """Return the name of a person, by the first of the fields that the platform tells."""
    if not address or address.startswith(UNKNOWN):  # an author of whom the platform told no id
        return ""
    path = with_proof(account, quote(address, safe=""))
    answer = call(account, path, values={"fields": ",".join(fields)})
    return next((found for field in fields if (found := text(answer, field, most=200))), "")


def check_token(account: AccountConfig) -> Renewed:
    """Ask once a day whether the token still works: a page's token has no end, and can be withdrawn any time."""
    call(account, with_proof(account, "me"), values={"fields": "id"})
    return Renewed({})


def page_steps(account: AccountConfig, *, wanted: Sequence[str]) -> list[Step]:
    """Return what there is to try of a page: the token, that it is the page's, and which events the page sends."""
    page = str(account.options.get("page_id", ""))

    def whose() -> None:
        answer = call(account, with_proof(account, "me"), values={"fields": "id,name"})
        if (found := ident(answer, "id")) != page:
            words = _("The token belongs to “%(name)s” (%(id)s), not to the page with this ID. Take the page’s token.")
            raise ChannelError(words % {"name": text(answer, "name", most=100), "id": found})

    return [
        Step(_("The token works and belongs to the page"), lambda: outcome(whose)),
        subscription_step(account, quote(page, safe=""), wanted=wanted, label=_("The page sends its events")),
    ]


def subscription_step(account: AccountConfig, whose: str, *, wanted: Sequence[str], label: str) -> Step:
    """Return the step that asks which events a page or account sends; `whose` is its path."""

    def subscribed() -> None:
        answer = call(account, with_proof(account, f"{whose}/subscribed_apps"))
        told: set[str] = set()
        for app in children(answer, "data"):
            fields = app.get("subscribed_fields")
            told |= {one for one in fields if isinstance(one, str)} if isinstance(fields, list) else set()
        if missing := [name for name in wanted if name not in told]:
            words = _("These events are not sent: %(names)s. Subscribe to them in the settings of your app.")
            raise ChannelError(words % {"names": ", ".join(missing)})

    return Step(label, lambda: outcome(subscribed), needs_others=True)


def outcome(attempt: Callable[[], None]) -> str:
    """Return what went wrong in words, or ''."""
    try:
        attempt()
    except ChannelError as error:
        return str(error)
    return ""


def run(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Run steps one by one; those that need others only while everything before them works."""
    all_work = True
    for step in steps:
        if step.needs_others and not all_work:
            continue
        failure = step.run()
        all_work = all_work and not failure
        yield step.label, failure
