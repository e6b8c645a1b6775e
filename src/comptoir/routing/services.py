"""The only writer of rules, of how teams share work, and of presence. Each change is one transaction with its event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from comptoir.accounts.models import Membership, Team, User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.models import Label, Priority, State
from comptoir.conversations.services import checked_text
from comptoir.core import clock
from comptoir.core.addresses import is_usable_url
from comptoir.core.errors import AccessDenied, InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.knowledge.access import accessible_macros
from comptoir.routing.models import AssignmentPolicy, Rule, RuleVersion, Shift, Workload
from comptoir.routing.queries import rules_of
from comptoir.routing.rules.assignment import Mode, Presence
from comptoir.routing.rules.conditions import Action, Definition, read_definition, write_definition

MAX_RULES = 200  # every event of the journal may ask them all
MAX_SNOOZE_MINUTES = 60 * 24 * 365


@transaction.atomic
def save_rule(
    *,
    actor: Actor,
    user: User,
    rule: Rule | None,
    name: str,
    team: Team | None,
    definition: Definition,
    hourly_limit: int,
) -> Rule:
    """Make a rule (it is switched off until somebody switches it on), or a new version of one. Raises InputError."""
    name = " ".join(clean(name).split())
    if not name or len(name) > 120:
        raise InputError(_("Give the rule a name of at most 120 characters."), field="name")
    if not (user.is_admin if team is None else team.pk in team_ids_of(user)):
        raise InputError(_("Choose one of your teams."), field="team")
    if not 1 <= hourly_limit <= 1000:
        raise InputError(_("Choose a number from 1 to 1,000."), field="hourly_limit")
    definition = _checked_definition(definition, user=user, team=team)
    now = clock.now()
    if rule is None:
        if Rule.objects.filter(deleted_at=None).count() >= MAX_RULES:
            raise InputError(_("There are %(count)d rules already. Remove some first.") % {"count": MAX_RULES})
        last = Rule.objects.aggregate(last=Max("position"))["last"] or 0
        row = Rule(position=last + 1, checked_until=now)
    else:
        row = Rule.objects.select_for_update().get(pk=rule.pk)
    row.name, row.team, row.hourly_limit, row.version, row.checked_until = (
        name,
        team,
        hourly_limit,
        row.version + 1,
        now,
    )
    row.save()
    RuleVersion.objects.create(
        rule=row, number=row.version, name=name, definition=write_definition(definition), made_by=user, made_at=now
    )
    facts = {"rule": row.pk, "name": name, "version": row.version, "team": team.pk if team else None}
    journal.append(actor=actor, kind="rule.changed" if rule else "rule.created", facts=facts)
    return row


@transaction.atomic
def set_rule_active(*, actor: Actor, rule: Rule, is_active: bool) -> None:
    """Switch a rule on or off. Switched on, it acts on what happens from then on."""
    row = Rule.objects.select_for_update().get(pk=rule.pk)
    if row.is_active == is_active:
        return
    row.is_active, row.checked_until = is_active, clock.now()
    row.save(update_fields=["is_active", "checked_until"])
    facts = {"rule": row.pk, "name": row.name, "active": is_active}
    journal.append(actor=actor, kind="rule.switched", facts=facts)


@transaction.atomic
def move_rule(*, actor: Actor, user: User, rule: Rule, up: bool) -> None:
    """Change places with the rule before or after it, among those that the person sees."""
    rows = list(rules_of(user).select_for_update(of=("self",)))
    place = next((n for n, row in enumerate(rows) if row.pk == rule.pk), None)
    other = None if place is None else place - 1 if up else place + 1
    if place is None or other is None or not 0 <= other < len(rows):
        return
    first, second = rows[place], rows[other]
    first.position, second.position = second.position, first.position
    Rule.objects.bulk_update([first, second], ["position"])
    facts = {"rule": first.pk, "name": first.name, "up": up}
    journal.append(actor=actor, kind="rule.moved", facts=facts)


@transaction.atomic
def delete_rule(*, actor: Actor, rule: Rule) -> None:
    """Remove a rule; its log stays."""
    row = Rule.objects.select_for_update().get(pk=rule.pk)
    row.is_active, row.deleted_at = False, clock.now()
    row.save(update_fields=["is_active", "deleted_at"])
    journal.append(actor=actor, kind="rule.deleted", facts={"rule": row.pk, "name": row.name})


def _checked_definition(definition: Definition, *, user: User, team: Team | None) -> Definition:
    try:
        read_definition(write_definition(definition))
    except InputError as error:
        raise InputError(_(str(error)), field=error.field) from error
    if not definition.actions:
        raise InputError(_("Add something to do."), field="actions")
    actions = tuple(_checked_action(action, user=user, team=team) for action in definition.actions)
    return replace(definition, actions=actions)


def _checked_action(action: Action, *, user: User, team: Team | None) -> Action:
    """Return an action ready to store; raises InputError, whose field is 'actions'."""
    kind, value = action.kind, action.value
    if kind in {"note", "reply"}:
        try:
            return replace(action, value=checked_text(value))
        except InputError as error:
            raise InputError(str(error), field="actions") from error
    if kind == "webhook":
        if not user.is_admin:
            raise InputError(_("Only administrators let a rule call an address."), field="actions")
        return replace(action, value=_checked_url(value))
    if kind == "notify" and not set(action.people) & _members(user, team):
        raise InputError(_("Choose who is told."), field="actions")
    if kind == "snooze" and not (value.isdecimal() and 1 <= int(value) <= MAX_SNOOZE_MINUTES):
        raise InputError(_("Say for how many minutes it is snoozed."), field="actions")
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0
    choices: dict[str, Callable[[], bool]] = {
        "assign": lambda: value in {"", "auto"} or number in _members(user, team),
        "team": lambda: Team.objects.filter(pk=number).exists(),
        "state": lambda: value in {State.OPEN, State.PENDING, State.SOLVED},
        "priority": lambda: value in {str(priority) for priority in Priority.values},
        "label": lambda: Label.objects.filter(pk=number).exists(),
        "unlabel": lambda: Label.objects.filter(pk=number).exists(),
        "macro": lambda: accessible_macros(user).filter(pk=number).exists(),
        "snooze": lambda: True,
        "notify": lambda: True,
    }
    if kind not in choices or not choices[kind]():
        raise InputError(_("Choose one from the list."), field="actions")
    return replace(action, value=clean(value))


def _members(user: User, team: Team | None) -> set[int]:
    """Return whom a rule may name: people of its team, or of the person's teams where it is for all of them."""
    teams = [team.pk] if team else team_ids_of(user)
    return set(Membership.objects.filter(team_id__in=teams, user__is_active=True).values_list("user_id", flat=True))


def _checked_url(url: str) -> str:
    url = url.strip()
    if not is_usable_url(url):
        raise InputError(_("An address must look like https://host/path, without a user name."), field="actions")
    return url


@transaction.atomic
def save_policy(
    *, actor: Actor, team: Team, mode: str, is_sticky: bool, reassign_minutes: int | None
) -> AssignmentPolicy:
    """Say how a team's work finds its people. Raises InputError."""
    if mode not in set(Mode):
        raise InputError(_("Choose one from the list."), field="mode")
    if reassign_minutes is not None and not 1 <= reassign_minutes <= 10_080:
        raise InputError(_("Choose a number of minutes, up to a week (10,080)."), field="reassign_minutes")
    values = {"mode": mode, "is_sticky": is_sticky, "reassign_minutes": reassign_minutes}
    row, _new = AssignmentPolicy.objects.select_for_update().update_or_create(team=team, defaults=values)
    journal.append(actor=actor, kind="assignment.changed", facts={"team": team.pk, **values})
    return row


@transaction.atomic
def save_workload(
    *, actor: Actor, user: User, capacity: int | None, by_channel: Mapping[str, int], skills: Mapping[str, int]
) -> Workload:
    """Say what a person can carry, and what they are good at (1 to 3). Raises InputError."""
    if capacity is not None and not 1 <= capacity <= 500:
        raise InputError(_("Choose a number from 1 to 500."), field="capacity")
    if any(not 0 <= most <= 500 for most in by_channel.values()):
        raise InputError(_("Choose a number from 0 to 500."), field="by_channel")
    if any(level not in {1, 2, 3} for level in skills.values()):
        raise InputError(_("Choose one from the list."), field="skills")
    values: dict[str, Any] = {"capacity": capacity, "by_channel": dict(by_channel), "skills": dict(skills)}
    row, _new = Workload.objects.select_for_update().update_or_create(user=user, defaults=values)
    journal.append(actor=actor, kind="workload.changed", facts={"user": user.pk, "name": user.name, **values})
    return row


@transaction.atomic
def choose_presence(*, actor: Actor, user: User, presence: str) -> None:
    """Let a person say whether they want work; raises InputError. Announced, so that work finds them at once."""
    if presence not in set(Presence):
        raise InputError(_("Choose available, away or offline."), field="presence")
    now = clock.now()
    row, is_new = Workload.objects.select_for_update().get_or_create(
        user=user, defaults={"presence": presence, "presence_at": now}
    )
    if not is_new and row.presence == presence:
        return
    row.presence, row.presence_at = presence, now
    row.save(update_fields=["presence", "presence_at"])
    journal.append(actor=actor, kind="presence.changed", facts={"user": user.pk, "to": presence})


@transaction.atomic
def save_shifts(*, actor: Actor, team: Team, plan: Mapping[int, Sequence[Sequence[tuple[int, int]]]]) -> None:
    """Set who works for a team and when: for each person seven days from Monday, each a list of (from, to) minutes."""
    members = set(team.memberships.values_list("user_id", flat=True))
    if set(plan) - members:
        raise AccessDenied("Somebody of the plan is not in this team.")
    Team.objects.select_for_update().get(pk=team.pk)
    Shift.objects.filter(team=team).delete()
    Shift.objects.bulk_create(
        Shift(team=team, user_id=user_id, weekday=weekday, start=start, end=end)
        for user_id, days in plan.items()
        for weekday, spans in enumerate(days)
        for start, end in spans
    )
    facts = {"team": team.pk, "people": sorted(user_id for user_id, days in plan.items() if any(days))}
    journal.append(actor=actor, kind="shifts.changed", facts=facts)
