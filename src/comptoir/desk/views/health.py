"""An account's health in full, what the channels can do compared, and how each is connected."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.channels import services
from comptoir.channels.base import Capability, Channel, Preview, Unit
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channels as registry
from comptoir.channels.registry import folder_of
from comptoir.core import clock, markdown
from comptoir.core.errors import AccessDenied, ChannelError
from comptoir.core.types import Outbound
from comptoir.desk import words
from comptoir.desk.guard import person, staff
from comptoir.desk.queries import accounts_of, backlogs
from comptoir.desk.queries.health import Day, days_of, replayable, whys_of
from comptoir.inbound.services import replay_records

KINDS = ("done", "ignored", "failed", "refused")


def _account(user: User, account_id: int) -> ChannelAccount:
    found = next((account for account in accounts_of(user) if account.pk == account_id), None)
    if found is None:
        raise AccessDenied("no such account")
    return found


@staff("GET")
def health(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show one account: whether it works and why not, its limits, what became of its events, and why."""
    user = person(request)
    account = _account(user, account_id)
    now = clock.now()
    days = days_of(account.pk, until=now.astimezone(UTC).date())
    known = AccountHealth.objects.filter(account=account).first()
    channel = registry().get(account.kind)
    context = {
        "account": account, "health": known, "backlog": backlogs([account.pk]).get(account.pk), "now": now,
        "is_paused": known is not None and known.paused_until is not None and known.paused_until > now,
        "days": _bars(days), "totals": [(kind, sum(getattr(day, kind) for day in days)) for kind in KINDS],
        "whys": whys_of(account.pk, until=now.astimezone(UTC).date()), "budgets": _budgets(known),
        "can_test": channel is not None and channel.test is not None,
        "has_templates": channel is not None and channel.templates is not None,
        "templates": account.templates.order_by("name", "language"),
    }  # fmt: skip
    return render(request, "desk/channels/health.html", context)


def _bars(days: list[Day]) -> list[dict[str, Any]]:
    """Return a stacked bar a day, in hundredths of the highest one."""
    highest = max((day.total for day in days), default=0) or 1
    drawn = []
    for number, day in enumerate(days):
        top, parts = 100.0, []
        for kind in KINDS:
            height = getattr(day, kind) * 100 / highest
            top -= height
            if height:
                parts.append({"kind": kind, "y": f"{top:.2f}", "height": f"{height:.2f}"})
        drawn.append({"day": day, "parts": parts, "x": str(2 + 30 * number)})
    return drawn


def _budgets(health: AccountHealth | None) -> list[dict[str, Any]]:
    found = []
    for name, told in sorted((health.budgets if health else {}).items()):
        limit, left = int(told.get("limit") or 0), int(told.get("left") or 0)
        resets = datetime.fromisoformat(told["resets_at"]) if told.get("resets_at") else None
        share = max(0, min(100, round(100 * left / limit))) if limit else 0
        found.append({"name": name, "limit": limit, "left": left, "resets_at": resets, "share": share})
    return found


@staff("POST", roles=(Role.ADMIN, Role.LEAD))
def replay(request: HttpRequest, account_id: int) -> HttpResponse:
    """Read the newest records again that were set aside, or that were ignored."""
    user = person(request)
    account = _account(user, account_id)
    kind = request.POST.get("kind", "failed")
    ids = replayable(account.pk, kinds=[kind])
    count = replay_records(actor=actor_of(user), record_ids=ids) if ids else 0
    said = ngettext("%(n)s record is read again.", "%(n)s records are read again.", count) % {"n": count}
    messages.success(request, said)
    return redirect("channel_health", account.pk)


@staff("POST", roles=(Role.ADMIN,))
def read_templates(request: HttpRequest, account_id: int) -> HttpResponse:
    """Read the approved texts from the network."""
    account = _account(person(request), account_id)
    try:
        count = services.read_templates(account=account, at=clock.now())
    except ChannelError as error:
        messages.error(request, str(error))
    else:
        said = ngettext("%(n)s approved text was read.", "%(n)s approved texts were read.", count) % {"n": count}
        messages.success(request, said)
    return redirect("channel_health", account.pk)


def _limit(channel: Channel) -> str:
    """Say how long one message may be, in what the network counts."""
    if channel.preview is None:
        return "–"
    try:
        shown: Preview = channel.preview(Outbound("", "x", ()), {})
    except ValueError:
        return "–"
    if not shown.limit:
        return _("no limit")
    units = {
        Unit.CHARACTERS: _("characters"), Unit.WEIGHTED: _("weighted characters"), Unit.GRAPHEMES: _("graphemes"),
        Unit.SMS: _("characters a segment"), Unit.BYTES: _("bytes"), Unit.UTF16: _("UTF-16 units"),
    }  # fmt: skip
    return f"{shown.limit} {units.get(shown.unit, shown.unit.value)}"


def capability_words() -> dict[Capability, str]:
    """Return what each capability means to people, in the order of the table."""
    return {
        Capability.PUBLIC: _("Public posts and comments"), Capability.PRIVATE: _("Private messages"),
        Capability.SUBJECT: _("Subject"), Capability.ATTACHMENTS: _("Files in answers"),
        Capability.STARTS: _("Can write first"), Capability.FORWARD: _("Forward"), Capability.CC: _("Copies"),
        Capability.SIGNATURE: _("Signature"), Capability.QUOTES: _("Quotes the history"),
        Capability.RECEIPTS: _("Tells what was delivered"), Capability.READS: _("Tells what was read"),
        Capability.EDITS: _("Edits are seen"), Capability.DELETIONS: _("Deletions are seen"),
        Capability.REACTIONS: _("Reactions are counted"), Capability.ECHOES: _("Sees what was written elsewhere"),
        Capability.HIDES: _("Can hide comments"), Capability.CHOICES: _("Answers to tap"),
        Capability.TEMPLATES: _("Approved texts after the window"),
        Capability.IDEMPOTENT: _("Never sends twice, even after a crash"),
    }  # fmt: skip


@staff("GET")
def compare(request: HttpRequest) -> HttpResponse:
    """Show what each channel can do, and how long a message may be."""
    kinds = [channel for channel in registry().values() if not channel.is_inner]
    rows = [
        (said, [capability in channel.capabilities for channel in kinds])
        for capability, said in capability_words().items()
    ]
    context = {"kinds": kinds, "rows": rows, "limits": [_limit(channel) for channel in kinds]}
    return render(request, "desk/channels/compare.html", context)


def guide_of(kind: str) -> SafeString | None:
    """Return how a channel is connected, in the reader's language; None where its folder has no guide."""
    language = "fr" if (get_language() or "en").startswith("fr") else "en"
    path = folder_of(kind) / f"guide.{language}.md"
    return markdown.html_of(path.read_text(encoding="utf-8")) if path.is_file() else None


@staff("GET")
def guide(request: HttpRequest, kind: str) -> HttpResponse:
    """Show how a channel is connected, and what it can do."""
    channel = registry().get(kind)
    if channel is None or channel.is_inner:
        raise Http404(kind)
    able = [said for capability, said in capability_words().items() if capability in channel.capabilities]
    context = {"channel": channel, "guide": guide_of(kind), "able": able, "limit": _limit(channel)}
    return render(request, "desk/channels/guide.html", context)


def state_words(health: AccountHealth | None, at: datetime) -> str:
    """Say in one line why an account does not work now; '' where it does."""
    if health is None:
        return ""
    if health.revoked_at:
        return _("The access was withdrawn. Connect it anew: messages wait until then.")
    if health.paused_until and health.paused_until > at:
        until = words.time_words(health.paused_until)
        return _("The network asked us to wait until %(at)s; messages leave then.") % {"at": until}
    return ""
