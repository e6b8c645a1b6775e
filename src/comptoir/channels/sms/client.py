"""Twilio's Messages API over HTTP: the only network I/O of text messages. Its errors in words.

There is no idempotency key. A message in doubt is looked for among those that the gateway sent to the same number: one
with the same words that no other answer of ours is known by. Where none is found it stays in doubt (INV-03).
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpcore
from django.conf import settings
from django.utils.translation import gettext as _

from comptoir.channels.base import Fetched, HandOver, Step
from comptoir.channels.models import ChannelAccount
from comptoir.channels.sms import render
from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt
from comptoir.outbound.models import Part

API = "https://api.twilio.com"
VERSION = "2010-04-01"
TIMEOUT = 15.0  # seconds
MEDIA_TIMEOUT = 60.0
MAX_MEDIA = 16 * 1024 * 1024  # bytes; Twilio takes in 5 MB at most, other gateways a little more
HOPS = 4  # the gateway sends us on to where it keeps its files
LOOKED_AT = 50  # messages to a number in which one in doubt is looked for
GOOD = frozenset({"accepted", "scheduled", "queued", "sending", "sent", "delivered", "read"})


class Refused(ChannelError):
    """What the gateway answered instead of a message, in words; `code` is its own number for the error."""

    def __init__(self, words: str, code: int, **more: Any) -> None:
        super().__init__(words, **more)
        self.code = code


def _base(account: AccountConfig) -> str:
    return str(account.options.get("api_url") or API).rstrip("/")


def _account(account: AccountConfig) -> str:
    return f"{_base(account)}/{VERSION}/Accounts/{quote(str(account.options.get('account_sid', '')).strip(), safe='')}"


def _login(account: AccountConfig) -> str:
    pair = f"{str(account.options.get('account_sid', '')).strip()}:{account.credentials.get('auth_token', '').strip()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _call(account: AccountConfig, url: str, fields: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Make one call, by POST where it has fields. Raises ChannelError, DoubtfulDelivery for half an answer."""
    headers = {"Authorization": _login(account), "Accept": "application/json"}
    if fields is None:
        response = http.get(url, headers=headers, timeout=TIMEOUT)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = http.post(url, body=urlencode(fields).encode(), headers=headers, timeout=TIMEOUT)
    answer = _answer(response.body)
    if response.is_success and answer:
        return answer
    words = _("The SMS gateway answered %(status)s.") % {"status": response.status}
    if not answer and (response.is_success or response.status >= 500):
        raise DoubtfulDelivery(words)  # half an answer, or a gateway before the gateway
    raise _refusal(response, answer)


def _answer(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(response: http.Response, answer: Mapping[str, Any]) -> Refused:
    """Return what the gateway refused, in words that say what to do."""
    code = answer.get("code")
    number = code if isinstance(code, int) else 0
    told = str(answer.get("message") or response.status)[:300]
    if response.status == 401 or number in {20003, 20005}:
        words = _("The SMS gateway does not accept the sign-in any more. Enter the account’s token again.")
        return Refused(words, number, is_revoked=True)
    if response.status == 429 or number in {20429, 14107}:
        words = _("The SMS gateway asks us to slow down.")
        return Refused(words, number, retry_after=response.retry_after or 5.0, of_account=True)
    if response.status >= 500:
        return Refused(_("The SMS gateway is out of order: %(why)s") % {"why": told}, number)
    words = _known_refusals().get(number, "") or _("The SMS gateway refuses this: %(why)s") % {"why": told}
    return Refused(f"{words} ({number})" if number else words, number, permanent=True)


def _known_refusals() -> Mapping[int, str]:
    """Return the usual errors in words (https://www.twilio.com/docs/api/errors)."""
    return {
        21211: _("This is not a telephone number that can be written to."),
        21408: _("The gateway’s account may not write to this country."),
        21606: _("Our number cannot send text messages to this one."),
        21610: _("This person has opted out by answering STOP. Only they can opt in again, with START."),
        21612: _("Our number cannot reach this one."),
        21614: _("This is not a mobile number."),
        21617: _("The text is too long for the gateway."),
        63016: _("The time for a free answer is over on WhatsApp."),
    }


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send what has not left yet, part by part; receipts name each by the id that the gateway gives."""
    if message.files:
        raise ChannelError(_("A text message cannot carry files."), permanent=True)
    calls = render.render(message, account.options, callback=_callback_of(account))
    if not calls:
        words = _("There is nobody to send this to, no number of ours to send it from, or nothing to say.")
        raise ChannelError(words, permanent=True)
    for fields in calls[len(hand_over.sent) :]:
        hand_over()
        hand_over.keep(_deliver(fields, account))
    return Receipt(message.key, Delivered.SENT, hand_over.sent[-1])


def _deliver(fields: Mapping[str, str], account: AccountConfig) -> str:
    try:
        answer = _call(account, f"{_account(account)}/Messages.json", fields)
    except (Refused, DoubtfulDelivery):
        raise
    except ChannelError as error:
        if error.permanent or _never_left(error):
            raise
        raise DoubtfulDelivery(str(error)) from error
    sid = answer.get("sid")
    if not isinstance(sid, str) or not sid:
        raise DoubtfulDelivery(_("The SMS gateway accepted the message and did not name it."))
    return sid


def _never_left(error: ChannelError) -> bool:
    """Whether there was no connection at all: then the gateway has nothing, and it may be tried again."""
    return isinstance(error.__cause__, httpcore.ConnectError | httpcore.ConnectTimeout | OSError)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for the last part among what went to the number; None where it is not there, or is not certain."""
    calls = render.render(message, account.options)
    if not calls:
        return None
    query = urlencode({"To": calls[-1]["To"], "PageSize": str(LOOKED_AT)})
    answer = _call(account, f"{_account(account)}/Messages.json?{query}")
    found = answer.get("messages")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    ours = [str(row.get("sid")) for row in rows if _is_it(row, calls[-1]) and isinstance(row.get("sid"), str)]
    known = set(Part.objects.filter(account_id=account.id, provider_id__in=ours).values_list("provider_id", flat=True))
    fresh = [sid for sid in ours if sid not in known]
    return Receipt(message.key, Delivered.SENT, fresh[0]) if len(fresh) == 1 else None


def _is_it(row: Mapping[str, Any], fields: Mapping[str, str]) -> bool:
    is_ours = str(row.get("direction", "")).startswith("outbound") and row.get("status") in GOOD
    return is_ours and row.get("to") == fields["To"] and row.get("body") == fields["Body"]


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file by its address. Only the gateway itself gets our sign-in, not where it sends us on to."""
    url = str(ref.get("url", ""))
    trusted = {_origin(API), _origin(_base(account))}
    for _hop in range(HOPS):
        headers = {"Authorization": _login(account)} if _origin(url) in trusted else {}
        response = http.get(url, headers=headers, timeout=MEDIA_TIMEOUT, max_bytes=MAX_MEDIA)
        if response.status not in {301, 302, 303, 307, 308}:
            break
        url = urljoin(url, response.headers.get("location", ""))
    if not response.is_success:
        words = _("The SMS gateway answered %(status)s.") % {"status": response.status}
        is_over = 300 <= response.status < 500 and response.status != 429
        raise ChannelError(words, permanent=is_over, retry_after=response.retry_after)
    return Fetched(response.body, response.headers.get("content-type", "").partition(";")[0])


def _origin(url: str) -> tuple[str, str]:
    """Return the scheme and the host of an address; a sign-in for one is not for another."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def webhook_of(account: AccountConfig) -> str:
    """Return the address that the gateway is to call, for messages and for receipts."""
    key = ChannelAccount.objects.values_list("public_key", flat=True).get(pk=account.id)
    return f"{settings.PUBLIC_URL}/in/{key}"


def _callback_of(account: AccountConfig) -> str:
    """Return where receipts are to go; '' where the gateway could not reach us and would refuse the message for it."""
    url = webhook_of(account)
    return url if url.startswith("https://") else ""


def steps(account: AccountConfig) -> list[Step]:
    """Return what there is to try: the sign-in, and that our number is ours and calls us."""
    found = [Step(_("The gateway: sign in"), lambda: _outcome(account, _try_login))]
    if not account.options.get("messaging_service"):
        found.append(
            Step(_("Our number, and whom it calls"), lambda: _outcome(account, _try_number), needs_others=True)
        )
    return found


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Yield (step, error in words or '')."""
    all_work = True
    for step in steps(account):
        if step.needs_others and not all_work:
            continue
        trouble = step.run()
        all_work = all_work and not trouble
        yield step.label, trouble


def _outcome(account: AccountConfig, attempt: Callable[[AccountConfig], str]) -> str:
    try:
        return attempt(account)
    except ChannelError as error:
        return str(error)


def _try_login(account: AccountConfig) -> str:
    status = _call(account, f"{_account(account)}.json").get("status")
    if status != "active":
        return _("The gateway’s account is %(status)s. Look at it on the gateway’s own page.") % {"status": status}
    return ""


def _try_number(account: AccountConfig) -> str:
    number = "".join(str(account.options.get("number") or "").split())
    if not number:
        return _("Enter the number that messages come to, or the messaging service.")
    answer = _call(account, f"{_account(account)}/IncomingPhoneNumbers.json?{urlencode({'PhoneNumber': number})}")
    rows: Sequence[Any] = answer.get("incoming_phone_numbers") or []
    row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    if row is None:
        return _("%(number)s is not a number of this account. Write it as in +33612345678.") % {"number": number}
    if row.get("sms_url") != webhook_of(account):
        words = _("The number calls another address. Enter %(url)s there, for incoming messages.")
        return words % {"url": webhook_of(account)}
    return ""
