"""The chat's frame and the requests of its script. JSON in, JSON out; every refusal is a sentence.

All requests come from our own frame, so there is no CORS. CSRF: no cookie is used; the visitor's token travels in the
Authorization header, which no foreign page can set for us.
"""

import math
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, TypeVar

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as Malformed

from comptoir.accounts.queries import organisation
from comptoir.channels.models import ChannelAccount
from comptoir.channels.waits import active_account, promise_in_words
from comptoir.channels.webchat import queries, services
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.rules import MAX_BATCH, MAX_BODY_BYTES, MAX_TEXT, Presence
from comptoir.channels.webchat.tokens import sign_key, verify_token
from comptoir.channels.webchat.words import frame_words
from comptoir.core import clock, proof, ratelimit
from comptoir.core.framing import allow_framing, use_asked_language
from comptoir.core.proof import Verdict
from comptoir.core.ratelimit import Limit
from comptoir.core.textfold import clean

SESSIONS = Limit("chat-sessions", 60, 3600)  # an office behind one address
SESSIONS_PLAIN = Limit("chat-sessions-plain", 5, 3600)  # without the proof of work
MESSAGES = Limit("chat-messages", 40, 120)  # of one session; a quick typist sends ten a minute
MESSAGES_NETWORK = Limit("chat-messages-network", 200, 120)
CONTACTS = Limit("chat-contacts", 10, 600)
READS = Limit("chat-reads", 240, 60)  # history and starts, of one address

Model = TypeVar("Model", bound=BaseModel)


class TypedIn(BaseModel):
    """One message of the widget's outbox."""

    model_config = ConfigDict(strict=True)
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,40}$")]
    text: Annotated[str, Field(max_length=20_000)]


class MessagesIn(BaseModel):
    """A request of the widget's outbox."""

    model_config = ConfigDict(strict=True)
    messages: Annotated[list[TypedIn], Field(min_length=1, max_length=MAX_BATCH)]
    page: Annotated[str, Field(max_length=20_000)] = ""


class SessionIn(BaseModel):
    """The beginning of a chat."""

    model_config = ConfigDict(strict=True)
    token: Annotated[str, Field(max_length=100)]
    solution: Annotated[str, Field(max_length=20)] = ""


class ContactIn(BaseModel):
    """Who the visitor says they are."""

    model_config = ConfigDict(strict=True)
    name: Annotated[str, Field(max_length=400)] = ""
    email: Annotated[str, Field(max_length=400)]


class _Refusal(Exception):
    """Ends a request with a sentence."""

    def __init__(self, status: int, words: str, *, wait: float = 0.0) -> None:
        super().__init__(words)
        self.status, self.wait = status, wait


View = Callable[[HttpRequest, ChannelAccount], HttpResponse]


def _answers(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Find the account of the address and turn refusals into JSON."""

    @wraps(view)
    def wrapped(request: HttpRequest, key: str) -> HttpResponse:
        use_asked_language(request)
        account = active_account("webchat", key)
        try:
            if account is None:
                raise _Refusal(404, _("This chat does not exist any more."))
            response = view(request, account)
        except _Refusal as refusal:
            response = JsonResponse({"error": str(refusal)}, status=refusal.status)
            if refusal.wait:
                response.headers["Retry-After"] = str(math.ceil(refusal.wait))
        response.headers["Cache-Control"] = "no-store"
        return response

    return wrapped


def _limit(limit: Limit, *key: object, at: datetime) -> None:
    wait = ratelimit.take(limit, *key, at=at)
    if wait:
        raise _Refusal(429, ratelimit.wait_in_words(wait), wait=wait)


def _body(request: HttpRequest, model: type[Model]) -> Model:
    try:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        body = b"" if size > MAX_BODY_BYTES else request.body
    except (RequestDataTooBig, UnreadablePostError, ValueError):
        size, body = MAX_BODY_BYTES + 1, b""
    if max(size, len(body)) > MAX_BODY_BYTES:
        raise _Refusal(413, _("This is too long for a chat. Send it in parts."))
    try:
        return model.model_validate_json(body)
    except (Malformed, ValueError, RecursionError):
        raise _Refusal(400, _("This request could not be read.")) from None


def _session(request: HttpRequest, account: ChannelAccount) -> ChatSession:
    """Return the session whose token the request shows; there is no other way to one."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    key = verify_token(token, account_id=account.pk) if scheme == "Bearer" else None
    session = queries.session_of(account, key) if key else None
    if session is None:
        raise _Refusal(401, _("This chat has ended. Your next message starts a new one."))
    return session


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@require_safe
def frame(request: HttpRequest, key: str) -> HttpResponse:
    """Show the widget's inside."""
    use_asked_language(request)
    account = active_account("webchat", key)
    if account is None:
        return render(request, "webchat/gone.html", {"organisation": organisation()}, status=404)
    theme = request.GET.get("theme", "")
    language = "fr" if get_language() == "fr" else "en"
    name = organisation().name
    settings = {
        "base": request.path,
        "token": proof.issue_token(purpose=f"webchat:{account.public_key}", at=clock.now()),
        "bits": proof.BITS,
        "max": MAX_TEXT,
        "language": language,
        "words": frame_words(),
        "status": status_of(account, at=clock.now()),
        "mail": queries.mailbox_of(account.options) is not None,
    }
    context = {
        "title": str(account.options.get("title") or name),
        "greeting": str(account.options.get("greeting") or "") or _("How can we help?"),
        "theme": theme if theme in {"light", "dark"} else "",
        "language": language,
        "settings": settings,
    }
    response = render(request, "webchat/frame.html", context)
    response.headers["Cache-Control"] = "no-store"
    allow_framing(response, account.options.get("sites"))
    return response


@csrf_exempt
@require_POST
@_answers
def session(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Start a session: the widget shows its proof of work and receives its token."""
    given, now = _body(request, SessionIn), clock.now()
    purpose = f"webchat:{account.public_key}"
    verdict = proof.judge(given.token, purpose=purpose, solution=given.solution, trap="", at=now)
    if verdict is Verdict.HASTY:
        raise _Refusal(425, _("Please wait a few seconds."), wait=proof.PLAIN_WAIT)
    if verdict not in {Verdict.SOLVED, Verdict.PLAIN}:
        fresh = proof.issue_token(purpose=purpose, at=now)
        return JsonResponse(
            {"error": _("This page was open for too long. Please try again."), "proof": fresh}, status=403
        )
    limit = SESSIONS if verdict is Verdict.SOLVED else SESSIONS_PLAIN
    _limit(limit, account.pk, ratelimit.network_of(request), at=now)
    language = "fr" if get_language() == "fr" else "en"
    started = services.start_session(account=account, language=language, at=now)
    return JsonResponse({"token": sign_key(started.key, account_id=account.pk)}, status=201)


@csrf_exempt
@require_POST
@_answers
def messages(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Take the widget's outbox; answering means: on disk, once."""
    visitor, now = _session(request, account), clock.now()
    given = _body(request, MessagesIn)
    typed = [services.Typed(m.id, clean(m.text).strip(), clean(given.page)[:2000]) for m in given.messages]
    if any(not item.text for item in typed):
        raise _Refusal(422, _("An empty message cannot be sent."))
    if any(len(item.text) > MAX_TEXT for item in typed):
        raise _Refusal(413, _("This is too long for a chat. Send it in parts."))
    _limit(MESSAGES, visitor.pk, at=now)
    _limit(MESSAGES_NETWORK, account.pk, ratelimit.network_of(request), at=now)
    entries = services.accept_messages(session=visitor, typed=typed, at=now)
    return JsonResponse({"accepted": [_entry(entry) for entry in entries]})


@csrf_exempt
@require_POST
@_answers
def contact(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Take the address at which the visitor wants the answer if they leave."""
    visitor, now = _session(request, account), clock.now()
    given = _body(request, ContactIn)
    email = clean(given.email).strip()
    try:
        validate_email(email)
    except ValidationError:
        raise _Refusal(422, _("This is not a complete e-mail address. It looks like name@example.org.")) from None
    if len(email) > 254:
        raise _Refusal(422, _("This address is too long."))
    _limit(CONTACTS, visitor.pk, at=now)
    services.note_contact(session=visitor, name=" ".join(clean(given.name).split())[:120], email=email, at=now)
    return JsonResponse({"email": email})


@require_safe
@_answers
def history(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Return the newest part of the visitor's own history, or what came before an entry."""
    visitor, now = _session(request, account), clock.now()
    _limit(READS, account.pk, ratelimit.network_of(request), at=now)
    page = queries.newest_entries(visitor, before=_number(request, "before"))
    entries = [_entry(entry) for entry in page.entries]
    return JsonResponse(
        {"entries": entries, "earlier": page.has_earlier, "email": visitor.email, **status_of(account, at=now)}
    )


@require_safe
@_answers
def poll(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Return what is new, at once. Under the ASGI application live.py answers this address, and waits for news."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    status, answer = news(account, token, _number(request, "after"))
    return JsonResponse(answer | {"wait": False}, status=status)


def news(account: ChannelAccount, token: str, after: int) -> tuple[int, dict[str, Any]]:
    """Return status and answer of one poll; shared with live.py. `after` acknowledges what was shown."""
    key = verify_token(token, account_id=account.pk)
    visitor = queries.session_of(account, key) if key else None
    if visitor is None:
        return 401, {"error": _("This chat has ended. Your next message starts a new one.")}
    now = clock.now()
    services.note_seen(session=visitor, shown=after, at=now)
    entries = queries.entries_after(visitor.pk, after) if visitor.last_number > after else []
    answer: dict[str, Any] = {"entries": [_entry(entry) for entry in entries]}
    return 200, answer | status_of(account, at=now)


def status_of(account: ChannelAccount, *, at: datetime) -> dict[str, Any]:
    """Return who is there, in words. `{when}` is filled in by the widget, in the visitor's own time zone."""
    there = queries.availability_of(account, at=at)
    words = {
        Presence.HERE: " ".join(filter(None, [_("Somebody is here now."), promise_in_words(account)])),
        Presence.AWAY: _("Nobody is at the counter right now. Write anyway: we will answer later."),
        Presence.CLOSED: _("We are closed now. Write anyway: we will read it from {when}.")
        if there.opens_at
        else _("We are closed now. Write anyway: we will answer later."),
    }[there.presence]
    return {
        "presence": there.presence,
        "words": words,
        "opens": there.opens_at.isoformat() if there.opens_at else None,
    }


def _entry(entry: ChatEntry) -> dict[str, Any]:
    row: dict[str, Any] = {"n": entry.number, "text": entry.text, "at": entry.at.isoformat(timespec="seconds")}
    if entry.client_id:
        return row | {"id": entry.client_id}
    return row | {"name": entry.author_name, "emailed": entry.emailed_at is not None}
