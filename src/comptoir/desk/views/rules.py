"""Rules for leads and administrators: the list in its order, the builder, a dry run and the log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role
from comptoir.accounts.queries import teams_of
from comptoir.accounts.services import actor_of
from comptoir.calendars.access import access_team
from comptoir.conversations.models import Conversation
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk import rule_words
from comptoir.desk.guard import person, staff
from comptoir.desk.rule_forms import RuleForm, menus, whole
from comptoir.desk.rule_words import Names, Told
from comptoir.routing import queries, services
from comptoir.routing.models import Rule
from comptoir.routing.queries import access_rule
from comptoir.routing.rules.conditions import Definition, read_definition, write_definition

OFFICE = (Role.LEAD, Role.ADMIN)


@staff("GET", roles=OFFICE)
def rules(request: HttpRequest) -> HttpResponse:
    """List the rules in their order."""
    rows = queries.listed_rules(person(request))
    said, names = queries.definitions_of(rows), Names(person(request))
    lines = [(rule, _summary(names, said[rule.pk])) for rule in rows]
    return render(request, "desk/rules/list.html", {"lines": lines})


def _summary(names: Names, stored: dict[str, Any]) -> str:
    try:
        return rule_words.summary(names, read_definition(stored))
    except InputError as error:
        return _(str(error))


def _page(
    request: HttpRequest, rule: Rule | None, form: RuleForm, *, tried: "Trial | None" = None, status: int = 200
) -> HttpResponse:
    user = person(request)
    form.ready(Names(user))
    teams = [("", _("All teams"))] if user.is_admin else []
    teams += [(str(team.pk), team.name) for team in teams_of(user)]
    context = {"rule": rule, "form": form, "teams": teams, "tried": tried, **menus(is_admin=user.is_admin)}
    return render(request, "desk/rules/form.html", context, status=status)


def _save(request: HttpRequest, rule: Rule | None) -> HttpResponse:
    """Do what the button says: save, try, or only add or remove a row."""
    user, form = person(request), RuleForm.sent(request.POST)
    if "do" not in request.POST:
        return _page(request, rule, form)
    try:
        definition = form.definition()
        if request.POST["do"] == "try":
            tried = _trial(request, _readable(definition), form.team)
            return _page(request, rule, form, tried=tried)
        team = access_team(user, int(form.team) if form.team.isdecimal() else None)
        saved = services.save_rule(
            actor=actor_of(user), user=user, rule=rule, name=form.name, team=team, definition=definition,
            hourly_limit=whole(form.hourly_limit, "hourly_limit"),
        )  # fmt: skip
    except AccessDenied:
        form.errors["team"] = _("Choose one of your teams.")
    except InputError as error:
        form.errors[error.field or "all"] = str(error)
    else:
        words = _("Saved.") if saved.is_active else _("Saved. The rule is still switched off.")
        messages.success(request, words)
        return redirect("rules")
    return _page(request, rule, form, status=422)


def _readable(definition: Definition) -> Definition:
    try:
        return read_definition(write_definition(definition))
    except InputError as error:
        raise InputError(_(str(error)), field=error.field) from error


@staff("GET", "POST", roles=OFFICE)
def rule_new(request: HttpRequest) -> HttpResponse:
    """Put a new rule together."""
    if request.method == "POST":
        return _save(request, None)
    teams = teams_of(person(request))
    own = "" if person(request).is_admin or not teams else str(teams[0].pk)
    return _page(request, None, RuleForm(team=own))


@staff("GET", "POST")
def rule_page(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Show and change a rule; what it said before is kept for the log."""
    rule = access_rule(person(request), rule_id)
    if request.method == "POST":
        return _save(request, rule)
    version = queries.latest_version(rule)
    try:
        definition = read_definition(version.definition)
    except InputError:
        definition = Definition("created")
    team = str(rule.team_id or "")
    form = RuleForm.of(definition, name=rule.name, team=team, hourly_limit=rule.hourly_limit)
    return _page(request, rule, form)


@staff("POST")
def rule_activation(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Switch a rule on (`active` is 'yes') or off."""
    user = person(request)
    rule = access_rule(user, rule_id)
    is_active = request.POST.get("active") == "yes"
    services.set_rule_active(actor=actor_of(user), rule=rule, is_active=is_active)
    words = _("“%(name)s” works from now on.") if is_active else _("“%(name)s” is switched off.")
    messages.success(request, words % {"name": rule.name})
    return redirect("rules")


@staff("POST")
def rule_place(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Move a rule up or down (`to`)."""
    user = person(request)
    rule = access_rule(user, rule_id)
    services.move_rule(actor=actor_of(user), user=user, rule=rule, up=request.POST.get("to") == "up")
    return redirect("rules")


@staff("POST")
def rule_removal(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Remove a rule; its log stays."""
    user = person(request)
    rule = access_rule(user, rule_id)
    services.delete_rule(actor=actor_of(user), rule=rule)
    messages.success(request, _("The rule “%(name)s” is removed. Its log stays.") % {"name": rule.name})
    return redirect("rules")


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One conversation of a dry run."""

    at: datetime
    conversation: Conversation
    matches: bool
    told: list[Told]


@dataclass(frozen=True, slots=True)
class Trial:
    """A dry run in words."""

    lines: list[TrialLine]
    matched: int


def _trial(request: HttpRequest, definition: Definition, team: str) -> Trial:
    user = person(request)
    names = Names(user)
    tried = queries.dry_run(user, definition, team_id=int(team) if team.isdecimal() else None)
    lines = [
        TrialLine(t.at, t.conversation, t.verdict.matches, rule_words.verdict_words(names, t.verdict)) for t in tried
    ]
    lines.sort(key=lambda line: not line.matches)  # what would be done comes first
    return Trial(lines, sum(line.matches for line in lines))


@staff("GET")
def rule_trial(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Show what a rule would have said to the latest events; nothing is changed."""
    rule = access_rule(person(request), rule_id)
    try:
        definition = read_definition(queries.latest_version(rule).definition)
    except InputError:
        return redirect("rule", rule.pk)
    tried = _trial(request, definition, str(rule.team_id or ""))
    return render(
        request,
        "desk/rules/trial.html",
        {"rule": rule, "tried": tried, "words": rule_words.summary(Names(person(request)), definition)},
    )


@staff("GET", roles=OFFICE)
def rule_log(request: HttpRequest) -> HttpResponse:
    """Show what rules did, newest first; `rule` narrows it to one."""
    user, asked = person(request), request.GET
    rule = access_rule(user, int(asked["rule"])) if _is_number(asked.get("rule", "")) else None
    before = int(asked["before"]) if _is_number(asked.get("before", "")) else None
    names, firings = Names(user), queries.firings_of(user, rule=rule, before=before)
    lines: list[dict[str, Any]] = [
        {
            "firing": firing,
            "conditions": rule_words.logged_conditions(names, firing.details),
            "actions": rule_words.logged_actions(names, firing.details),
            "stopped": rule_words.stopped_words(firing),
        }
        for firing in firings
    ]
    more = firings[-1].pk if len(firings) == queries.LOG_PAGE else None
    return render(request, "desk/rules/log.html", {"rule": rule, "lines": lines, "more": more})


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 19
