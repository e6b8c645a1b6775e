"""The form as a page of ours or in a frame of any site. Works without a script and without cookies.

CSRF: nobody is signed in here and nothing is done in anybody's name, so there is nothing to forge; the signed
one-time token of the form (core/proof.py) takes the place of a cookie, which browsers refuse in a foreign frame.
"""

import math
import re
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from comptoir.accounts.queries import organisation
from comptoir.channels.models import ChannelAccount
from comptoir.channels.waits import active_account, promise_in_words
from comptoir.channels.webform.forms import ContactForm, Files, check_files, pack_kept, unpack_kept
from comptoir.channels.webform.parse import Submission
from comptoir.channels.webform.rules import MAX_BODY_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_FILES_BYTES
from comptoir.channels.webform.services import Accepted, accept_submission, reference_of
from comptoir.core import clock, proof, ratelimit
from comptoir.core.framing import allow_framing, lines_of, use_asked_language
from comptoir.core.proof import Verdict
from comptoir.core.ratelimit import Limit
from comptoir.core.textfold import clean

# An office behind one address may send a few at once; a script without the proof of work gets a fifth of that.
TRIES = Limit("form-tries", 60, 600)
SOLVED = Limit("form-solved", 20, 600)
PLAIN = Limit("form-plain", 4, 600)
ACCOUNT = Limit("form-account", 600, 600)
MEGABYTE = 1024 * 1024
NO_FILES = Files((), ())
REFERENCE = re.compile(r"F(-[A-Z2-7]{4}){3}")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, key: str) -> HttpResponse:
    """Show the form, or take a submission."""
    use_asked_language(request)
    account = active_account("webform", key)
    if account is None:
        return _words(request, None, 404, _("This form does not exist"), _("The address is wrong, or it was closed."))
    if request.method != "POST":
        return _page(request, account, ContactForm(topics=lines_of(account.options.get("topics"))))
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return _too_large(request, account)
    wait = ratelimit.take(TRIES, account.pk, ratelimit.network_of(request), at=clock.now())
    if wait:
        return _refused(_words(request, account, 429, _("Please wait a moment"), ratelimit.wait_in_words(wait)), wait)
    try:
        request.POST, request.FILES  # noqa: B018  # reads and parses the body
    except RequestDataTooBig:
        return _too_large(request, account)
    except (MultiPartParserError, SuspiciousOperation, BadRequest, UnreadablePostError):
        words = _("The form arrived damaged. Go back and send it again.")
        return _words(request, account, 400, _("This could not be read"), words)
    return _submit(request, account)


@require_safe
def sent(request: HttpRequest, key: str, reference: str) -> HttpResponse:
    """Say that the message has arrived, and when somebody will answer."""
    use_asked_language(request)
    account = active_account("webform", key)
    if account is None or not REFERENCE.fullmatch(reference):
        return _words(request, None, 404, _("This page does not exist"), _("The address is wrong or incomplete."))
    again = f"{reverse('webform:form', args=[key])}{_query(request)}"
    return _render(request, account, "webform/sent.html", {"reference": reference, "again": again})


def _submit(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    """Judge, check and store one submission; whatever is refused keeps what was typed."""
    purpose, now = f"webform:{account.public_key}", clock.now()
    token = request.POST.get("token", "")
    verdict = proof.judge(
        token, purpose=purpose, solution=request.POST.get("solution", ""), trap=request.POST.get("website", ""), at=now
    )
    typed = ContactForm(request.POST, topics=lines_of(account.options.get("topics")))
    if verdict not in {Verdict.SOLVED, Verdict.PLAIN}:
        keep_token = token if verdict is Verdict.HASTY else ""
        return _page(request, account, typed, notice=_reason(verdict), token=keep_token, status=422)
    before = unpack_kept(request.POST.get("kept", ""), account_id=account.pk)
    kept = [file for number, file in enumerate(before) if f"drop{number}" not in request.POST]
    files = check_files(kept, request.FILES.getlist("files"))
    if not typed.is_valid() or files.errors:
        return _page(request, account, typed, files=files, token=token, status=422)
    limit = SOLVED if verdict is Verdict.SOLVED else PLAIN
    wait = ratelimit.take(limit, account.pk, ratelimit.network_of(request), at=now)
    wait = wait or ratelimit.take(ACCOUNT, account.pk, at=now)
    if wait:
        words = ratelimit.wait_in_words(wait)
        return _refused(_page(request, account, typed, files=files, notice=words, token=token, status=429), wait)
    return _store(request, account, typed, files, proof.nonce_of(token, purpose=purpose))


def _store(request: HttpRequest, account: ChannelAccount, typed: ContactForm, files: Files, nonce: str) -> HttpResponse:
    data = {name: clean(value) for name, value in typed.cleaned_data.items()}
    submission = Submission(
        reference=reference_of(nonce),
        name=" ".join(data["name"].split()),
        email=data["email"],
        subject=" ".join(data["subject"].split()),
        topic=data.get("topic", ""),
        message=data["message"].replace("\r\n", "\n"),
        language="fr" if get_language() == "fr" else "en",
        files=files.kept,
        sent_at=clock.now(),
    )
    if accept_submission(account=account, nonce=nonce, submission=submission) is Accepted.OTHER:
        notice = _(
            "Your first message has arrived, with the reference %(reference)s. This one is different. "
            "Press “Send” again if you want to send it as well."
        ) % {"reference": submission.reference}
        return _page(request, account, typed, files=files, notice=notice, status=409)
    address = reverse("webform:sent", args=[account.public_key, submission.reference])
    return _framed(HttpResponseRedirect(address + _query(request), status=303), account)


def _reason(verdict: Verdict) -> str:
    """Return what to do about a submission that did not pass."""
    if verdict is Verdict.HASTY:
        return _("That was quick. Nothing was lost: wait a few seconds, then press “Send” again.")
    if verdict is Verdict.TRAPPED:
        return _("A field that people do not see was filled in, perhaps by your browser. Press “Send” again.")
    return _("This page was open for too long, or was changed on the way. Nothing was lost: press “Send” again.")


def _page(
    request: HttpRequest,
    account: ChannelAccount,
    typed: ContactForm,
    *,
    files: Files = NO_FILES,
    notice: str = "",
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    purpose = f"webform:{account.public_key}"
    context = {
        "form": typed,
        "files": files,
        "kept": pack_kept(files.kept, account_id=account.pk),
        "notice": notice,
        "token": token or proof.issue_token(purpose=purpose, at=clock.now()),
        "bits": proof.BITS,
        "max_files": MAX_FILES,
        "max_file": MAX_FILE_BYTES,
        "max_total": MAX_FILES_BYTES,
        "file_mb": MAX_FILE_BYTES // MEGABYTE,
        "total_mb": MAX_FILES_BYTES // MEGABYTE,
        "action": reverse("webform:form", args=[account.public_key]) + _query(request),
    }
    return _render(request, account, "webform/form.html", context, status=status)


def _query(request: HttpRequest) -> str:
    """Return the part of the address that says how to show the form, and nothing else that a stranger put there."""
    shown = {
        name: request.GET[name]
        for name, known in (("lang", {"fr", "en"}), ("embed", {"1"}), ("theme", {"light", "dark"}))
        if request.GET.get(name) in known
    }
    return f"?{urlencode(shown)}" if shown else ""


def _render(
    request: HttpRequest,
    account: ChannelAccount | None,
    template: str,
    context: dict[str, object],
    *,
    status: int = 200,
) -> HttpResponse:
    theme = request.GET.get("theme", "")
    frame = {
        "account": account,
        "organisation": organisation(),
        "promise": promise_in_words(account) if account else "",
        "embedded": request.GET.get("embed") == "1",
        "theme": theme if theme in {"light", "dark"} else "",
        "other_language": ("en", "English") if get_language() == "fr" else ("fr", "Français"),
    }
    response = render(request, template, {**frame, **context}, status=status)
    # A fresh form may be kept for the way back: there it stands with its one-time token, so that sending it again is
    # still one message. What somebody typed is never kept.
    response.headers["Cache-Control"] = "private, no-cache" if request.method == "GET" else "no-store"
    response.headers["Vary"] = "Accept-Language"
    return _framed(response, account)


def _framed(response: HttpResponse, account: ChannelAccount | None) -> HttpResponse:
    if account is not None:
        allow_framing(response, account.options.get("sites"))
    return response


def _words(request: HttpRequest, account: ChannelAccount | None, status: int, title: str, message: str) -> HttpResponse:
    return _render(request, account, "webform/words.html", {"title": title, "message": message}, status=status)


def _too_large(request: HttpRequest, account: ChannelAccount) -> HttpResponse:
    message = _("All files together may have at most %(count)d MB. Go back, leave one out and send again.") % {
        "count": MAX_FILES_BYTES // MEGABYTE
    }
    return _words(request, account, 413, _("This is too large"), message)


def _refused(response: HttpResponse, wait: float) -> HttpResponse:
    response.headers["Retry-After"] = str(math.ceil(wait))
    return response
