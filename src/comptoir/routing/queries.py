"""The readers of rules: for the engine, the pages and the dry run. Pages start from the person's teams (INV-06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from comptoir.accounts.models import Role, User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.models import Conversation, State
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal.horizon import drawn_id
from comptoir.journal.models import Event
from comptoir.routing.facts import Asked, Book
from comptoir.routing.models import Firing, Rule, RuleVersion
from comptoir.routing.rules.conditions import TRIGGERS, Definition, Verdict, judge, read_definition

LOG_PAGE = 50
TRIAL = 100  # events of a dry run
TRIAL_SPAN = 20_000  # ids of the journal that a dry run looks back over: bounded, whatever the journal's size


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule as the engine reads it."""

    id: int
    name: str
    team_id: int | None
    version_id: int
    definition: Definition
    hourly_limit: int
    checked_until: datetime
    made_at: datetime

    def is_for(self, team: str) -> bool:
        """Whether it is asked about conversations of a team."""
        return self.team_id is None or str(self.team_id) == team


def active_rules() -> list[ActiveRule]:
    """Return the rules that are switched on, in their order. One whose definition no longer reads is left out."""
    found: list[ActiveRule] = []
    versions = RuleVersion.objects.filter(rule__is_active=True, rule__deleted_at=None).select_related("rule")
    for version in versions.order_by("rule__position", "rule_id", "number"):
        rule = version.rule
        if version.number != rule.version:
            continue
        try:
            definition = read_definition(version.definition)
        except InputError:
            continue
        found.append(
            ActiveRule(
                rule.pk,
                version.name,
                rule.team_id,
                version.pk,
                definition,
                rule.hourly_limit,
                rule.checked_until,
                version.made_at,
            )
        )
    return found


def rules_of(user: User) -> QuerySet[Rule]:
    """Return the rules that the person may change: leads those of their teams, administrators the shared ones too."""
    mine = Q(team_id__in=team_ids_of(user))
    if user.role == Role.ADMIN:
        mine |= Q(team=None)
    return Rule.objects.filter(mine, deleted_at=None).select_related("team").order_by("position", "pk")


def access_rule(user: User, rule_id: int) -> Rule:
    """Return a rule that the person may change; raises AccessDenied."""
    rule = rules_of(user).filter(pk=rule_id).first() if user.role in {Role.LEAD, Role.ADMIN} else None
    if rule is None:
        raise AccessDenied("This rule does not exist, or belongs to a team that you are not in.")
    return rule


def listed_rules(user: User) -> list[Rule]:
    """Return the rules for the list, each with how often it fired today and was stopped."""
    midnight = timezone.localtime(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    today = Firing.objects.filter(rule=OuterRef("pk"), at__gte=midnight).order_by().values("rule")
    stopped = today.filter(outcome=Firing.Outcome.STOPPED)
    return list(
        rules_of(user).annotate(
            fired_today=Subquery(today.annotate(n=Count("pk")).values("n")),
            stopped_today=Subquery(stopped.annotate(n=Count("pk")).values("n")),
        )
    )


def definitions_of(rules: Sequence[Rule]) -> dict[int, dict[str, Any]]:
    """Return what each rule says now, as it is stored, in one statement."""
    current = {(rule.pk, rule.version) for rule in rules}
    found = RuleVersion.objects.filter(rule__in=rules, number__in={number for _pk, number in current})
    return {v.rule_id: v.definition for v in found if (v.rule_id, v.number) in current}


def latest_version(rule: Rule) -> RuleVersion:
    """Return what the rule says now."""
    return RuleVersion.objects.select_related("made_by").get(rule=rule, number=rule.version)


def firings_of(user: User, *, rule: Rule | None = None, before: int | None = None) -> list[Firing]:
    """Return a page of the log: firings for conversations of the person's teams, newest first."""
    found = Firing.objects.filter(conversation__team_id__in=team_ids_of(user))
    if rule is not None:
        found = found.filter(rule=rule)
    if before is not None:
        found = found.filter(pk__lt=before)
    found = found.select_related("rule", "version", "conversation").prefetch_related("errands")
    return list(found.order_by("-pk")[:LOG_PAGE])


@dataclass(frozen=True, slots=True)
class Tried:
    """One line of a dry run."""

    at: datetime
    conversation: Conversation
    verdict: Verdict


def dry_run(user: User, definition: Definition, *, team_id: int | None = None) -> list[Tried]:
    """Return what a rule would have said to the latest events of the person's teams. Nothing is changed.

    Conversations are looked at as they are now: the journal does not keep how each looked then.
    """
    teams = [team for team in team_ids_of(user) if team_id in (None, team)]
    now = clock.now()
    asked = (
        _latest_waits(definition.minutes, teams, at=now)
        if definition.when == "waiting"
        else _latest_events(definition, teams)
    )
    book = Book([item for _at, item in asked], at=now)
    tried: list[Tried] = []
    for at, item in asked:
        facts, row = book.facts(item), book.conversation(item.conversation_id)
        if facts is not None and row is not None:
            tried.append(Tried(at, row, judge(definition, facts)))
    return tried


def _latest_events(definition: Definition, teams: Sequence[int]) -> list[tuple[datetime, Asked]]:
    mine = Conversation.objects.filter(team_id__in=teams).exclude(state=State.MERGED)
    found = Event.objects.filter(
        id__gt=drawn_id() - TRIAL_SPAN, kind__in=TRIGGERS[definition.when], conversation_id__in=mine.values("pk")
    )
    rows = found.order_by("-id").values_list("at", "conversation_id", "message_id")[:TRIAL]
    return [(at, Asked(conversation_id or 0, message_id)) for at, conversation_id, message_id in rows]


def _latest_waits(minutes: int, teams: Sequence[int], *, at: datetime) -> list[tuple[datetime, Asked]]:
    late = at - timedelta(minutes=minutes)
    found = Conversation.objects.filter(team_id__in=teams, state=State.OPEN, waiting_since__lte=late)
    rows = found.order_by("waiting_since", "id").values_list("waiting_since", "pk")[:TRIAL]
    return [(at, Asked(pk)) for at, pk in rows if at is not None]
