"""The Bot API over HTTP: the only network I/O of Telegram. Its errors in words, its limits obeyed.

Telegram knows no idempotency key and cannot be asked what a bot has sent: where the line breaks after a hand-over, the
message is unconfirmed (INV-03). The bot's token is part of every address, so no address is ever told or logged.
"""

import json
import mimetypes
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpcore
from django.conf import settings
from django.utils.translation import gettext as _

from comptoir.channels.base import Fetched, HandOver, Step
from comptoir.channels.models import ChannelAccount
from comptoir.channels.telegram import render
from comptoir.channels.telegram.parse import ASKED
from comptoir.channels.telegram.reading import integer, obj, text
from comptoir.channels.telegram.verify import secret_of
from comptoir.core import clock, http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt

API = "https://api.telegram.org"
TIMEOUT = 15.0  # seconds
UPLOAD = 120.0  # seconds for a file of up to 50 MB
MAX_DOWNLOAD = 20 * 1024 * 1024  # bytes that getFile gives
RECENT = timedelta(minutes=10)  # how old an error of the webhook may be and still be worth telling
UNFIT = ("PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED", "PHOTO_EXT_INVALID", "PHOTO_SAVE_FILE_INVALID")


class Refused(ChannelError):
    """What the Bot API answered instead of a result, in words; `told` is its own description."""

    def __init__(self, words: str, answer: Mapping[str, Any], **more: Any) -> None:
        super().__init__(words, **more)
        self.told = text(answer, "description")
        self.moved_to = integer(obj(answer, "parameters"), "migrate_to_chat_id")


def _base(account: AccountConfig) -> str:
    return str(account.options.get("api_url") or API).rstrip("/")


def _token(account: AccountConfig) -> str:
    """Return the bot's token as it stands in an address. Raises ChannelError where it cannot be one."""
    token = account.credentials.get("bot_token", "").strip()
    number, _colon, rest = token.partition(":")
    if not (
        number.isascii() and number.isdigit() and rest.isascii() and rest.replace("-", "").replace("_", "").isalnum()
    ):
        words = _("This is not a bot’s token. Copy the whole of it from BotFather: digits, a colon, and letters.")
        raise ChannelError(words, is_revoked=True)
    return token


def call(
    account: AccountConfig, method: str, parameters: Mapping[str, Any], *, body: bytes = b"", content_type: str = ""
) -> Any:
    """Call one method and return its result. Raises ChannelError; its cause tells whether anything was sent."""
    url = f"{_base(account)}/bot{_token(account)}/{method}"
    content = body or json.dumps(parameters).encode()
    headers = {"Content-Type": content_type or "application/json"}
    response = http.post(url, body=content, headers=headers, timeout=UPLOAD if body else TIMEOUT)
    answer = _answer(response.body)
    if response.is_success and answer.get("ok") is True:
        return answer.get("result")
    if not answer:  # a gateway before the Bot API, or half an answer: nobody knows how far the call came
        words = _("Telegram answered %(status)s.") % {"status": response.status}
        if response.is_success or response.status >= 500:
            raise DoubtfulDelivery(words)
        raise ChannelError(words, of_account=True)
    raise _refusal(response.status, answer)


def _answer(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(status: int, answer: Mapping[str, Any]) -> Refused:
    """Return what Telegram refused, in words that say what to do."""
    code = integer(answer, "error_code") or status
    told = text(answer, "description")[:300] or str(code)
    known = told.lower()
    if code in {401, 404}:
        return Refused(
            _("Telegram does not know the bot’s token any more. Enter the new one."), answer, is_revoked=True
        )
    if code == 429:
        wait = float(integer(obj(answer, "parameters"), "retry_after") or 5)
        words = _("Telegram asks us to wait %(seconds)d seconds.") % {"seconds": wait}
        return Refused(words, answer, retry_after=min(wait, 86_400.0), of_account=True)
    if code >= 500:
        return Refused(_("Telegram is out of order: %(why)s") % {"why": told}, answer)
    for sign, words in _known_refusals():
        if sign in known:
            return Refused(words, answer, permanent=True)
    return Refused(_("Telegram refuses this: %(why)s") % {"why": told}, answer, permanent=True)


def _known_refusals() -> Sequence[tuple[str, str]]:
    return (
        ("blocked by the user", _("This person has blocked the bot. Only they can open the chat again.")),
        ("user is deactivated", _("This person has deleted their Telegram account.")),
        ("can't initiate conversation", _("This person has never written to the bot: it may not write first.")),
        ("bot was kicked", _("The bot was removed from this group.")),
        ("chat not found", _("Telegram does not know this chat.")),
        ("not enough rights", _("The bot has no right to write in this group.")),
    )


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send what has not left yet, part by part; the parts are named `<chat>:<message>`, as updates name them."""
    calls = _calls(message)
    _token(account)
    for one in calls[len(hand_over.sent) :]:
        hand_over()
        hand_over.keep(_name(_deliver(one, account), one.parameters))
    return Receipt(message.key, Delivered.SENT, hand_over.sent[-1])


def _calls(message: Outbound) -> list[render.Call]:
    """Return the calls of a message. Raises ChannelError for what Telegram will never take."""
    for file in message.files:
        if len(file.content) > render.MAX_FILE:
            words = _("Telegram takes files of at most 50 MB; “%(name)s” is larger.")
            raise ChannelError(words % {"name": file.filename}, permanent=True)
        if not file.content:
            raise ChannelError(_("The file “%(name)s” is empty.") % {"name": file.filename}, permanent=True)
    if render.place_of(message) is None:
        raise ChannelError(_("There is no Telegram chat to send this to."), permanent=True)
    calls = render.render(message)
    if not calls:
        raise ChannelError(_("There is nothing to send."), permanent=True)
    return calls


def _deliver(one: render.Call, account: AccountConfig) -> Any:
    """Make one call; a picture that Telegram does not take goes as a file, a group that moved is followed."""
    try:
        return _attempt(one, account)
    except Refused as error:
        if one.method == "sendPhoto" and any(sign in error.told for sign in UNFIT):
            return _attempt(render.as_document(one), account)
        if error.moved_to:
            moved = {**one.parameters, "chat_id": error.moved_to}
            moved.pop("reply_parameters", None)  # the messages of the old group have other numbers
            return _attempt(render.Call(one.method, moved, one.file, one.part), account)
        raise


def _attempt(one: render.Call, account: AccountConfig) -> Any:
    try:
        if one.file is None:
            return call(account, one.method, one.parameters)
        body, content_type = _form(one)
        return call(account, one.method, {}, body=body, content_type=content_type)
    except Refused as error:
        if one.parameters["chat_id"] < 0 and not error.is_revoked:
            error.of_account = False  # a group takes 20 messages a minute: its limit is not that of the others
        raise
    except DoubtfulDelivery:
        raise
    except ChannelError as error:
        if error.permanent or _never_left(error):
            raise
        raise DoubtfulDelivery(str(error)) from error


def _never_left(error: ChannelError) -> bool:
    """Whether there was no connection at all: then Telegram has nothing, and it may be tried again."""
    return isinstance(error.__cause__, httpcore.ConnectError | httpcore.ConnectTimeout | OSError)


def _form(one: render.Call) -> tuple[bytes, str]:
    """Return a multipart body with the parameters and the file, and its content type."""
    assert one.file is not None
    boundary = secrets.token_hex(16)
    chunks: list[bytes] = []
    for name, value in one.parameters.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        chunks.append(f"{head}{shown}\r\n".encode())
    filename = "".join("_" if c in '"\\' or not c.isprintable() else c for c in one.file.filename) or "file"
    kind = one.file.content_type
    kind = kind if kind.isascii() and kind.isprintable() and "/" in kind else "application/octet-stream"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{one.part}"; filename="{filename}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    chunks += [head.encode(errors="replace"), one.file.content, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"


def _name(result: Any, parameters: Mapping[str, Any]) -> str:
    """Return the id of a message that left; as in parse.py."""
    message = result if isinstance(result, dict) else {}
    connection = parameters.get("business_connection_id", "")
    chat = integer(obj(message, "chat"), "id") or parameters["chat_id"]
    return (f"{connection}:" if connection else "") + f"{chat}:{integer(message, 'message_id')}"


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file by its id; Telegram gives a path that is good for an hour."""
    try:
        found = call(account, "getFile", {"file_id": str(ref.get("file_id", ""))})
    except Refused as error:
        if "file is too big" in error.told.lower():
            words = _("The file is larger than the 20 MB that Telegram gives to bots.")
            raise ChannelError(words, permanent=True) from error
        raise
    path = text(found, "file_path") if isinstance(found, dict) else ""
    if not path or ".." in path:
        raise ChannelError(_("Telegram does not give this file."), permanent=True)
    url = f"{_base(account)}/file/bot{_token(account)}/{quote(path)}"
    response = http.get(url, timeout=UPLOAD, max_bytes=MAX_DOWNLOAD + 1024)
    if not response.is_success:
        words = _("Telegram answered %(status)s.") % {"status": response.status}
        raise ChannelError(words, permanent=response.status in {400, 403}, retry_after=response.retry_after)
    name = path.rpartition("/")[2]
    return Fetched(response.body, mimetypes.guess_type(name)[0] or "", name)


def webhook_of(account: AccountConfig) -> str:
    """Return the address that Telegram is to call."""
    key = ChannelAccount.objects.values_list("public_key", flat=True).get(pk=account.id)
    return f"{settings.PUBLIC_URL}/in/{key}"


def steps(account: AccountConfig) -> list[Step]:
    """Return what there is to try: who the bot is, our address given to Telegram, and how its calls fare."""
    return [
        Step(_("The token: ask Telegram who the bot is"), lambda: _outcome(account, _try_name)),
        Step(_("The webhook: give Telegram our address"), lambda: _outcome(account, _set_webhook), needs_others=True),
        Step(_("The calls: ask Telegram how they fare"), lambda: _outcome(account, _try_calls), needs_others=True),
    ]


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Yield (step, error in words or '')."""
    all_work = True
    for step in steps(account):
        if step.needs_others and not all_work:
            continue
        trouble = step.run()
        all_work = all_work and not trouble
        yield step.label, trouble


def _outcome(account: AccountConfig, attempt: Any) -> str:
    try:
        return str(attempt(account))
    except ChannelError as error:
        return str(error)


def _try_name(account: AccountConfig) -> str:
    found = call(account, "getMe", {})
    name = text(found, "username") if isinstance(found, dict) else ""
    given = str(account.options.get("username", "")).strip().lstrip("@")
    if name and name.lower() != given.lower():
        return _("This is the token of @%(name)s. Enter that name as the bot’s name.") % {"name": name}
    return ""


def _set_webhook(account: AccountConfig) -> str:
    url, secret = webhook_of(account), secret_of(account)
    if not url.startswith("https://"):
        words = _("Telegram calls https addresses only, and ours is %(url)s. Set COMPTOIR_URL to the public one.")
        return words % {"url": url}
    if len(secret) > 256 or not (secret.isascii() and secret.replace("-", "").replace("_", "").isalnum()):
        return _(
            "The webhook’s secret may have letters, digits, _ and - only, 256 at most. Leave it empty for our own."
        )
    asked = {"url": url, "secret_token": secret, "allowed_updates": list(ASKED), "max_connections": 40}
    call(account, "setWebhook", asked)
    return ""


def _try_calls(account: AccountConfig) -> str:
    found = call(account, "getWebhookInfo", {})
    told = found if isinstance(found, dict) else {}
    if text(told, "url") != webhook_of(account):
        return _("Telegram calls another address: another program uses this bot too. Give each its own bot.")
    failed_at = integer(told, "last_error_date")
    if 0 < failed_at < 2**33 and clock.now() - datetime.fromtimestamp(failed_at, UTC) < RECENT:
        words = _("Telegram could not reach us lately: %(why)s (%(count)d updates wait)")
        why = text(told, "last_error_message")[:300]
        return words % {"why": why, "count": integer(told, "pending_update_count")}
    return ""
