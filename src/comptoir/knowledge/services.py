"""The only writer of saved replies and macros, and the executor of macros.

What is shared is a lead's to write, what is personal its owner's. A macro is one transaction: all of it happens, or
nothing. Rules call `apply_macro` as well, without a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.queries import organisation
from comptoir.channels.registry import channels
from comptoir.conversations import services as conversations
from comptoir.conversations.labelling import labels_of, set_labels
from comptoir.conversations.models import Conversation, Label, Message
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.knowledge import rules
from comptoir.knowledge.actions import ACTIONS, Scene, action_of
from comptoir.knowledge.models import Macro, SavedReply, SavedReplyVersion
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import cancel_delivery

MAX_BODY = 20_000  # characters
MAX_STEPS = 20


def may_share(user: User) -> bool:
    """Whether they may write what everybody uses."""
    return user.role in {Role.LEAD, Role.ADMIN}


def may_change(user: User, row: SavedReply | Macro) -> bool:
    """Whether a reply or a macro that they see is theirs to change."""
    return row.owner_id == user.pk or (row.owner_id is None and may_share(user))


def _check_owner(user: User | None, row: SavedReply | Macro) -> None:
    """Refuse a change that is not theirs; the system (an import) may write whatever is shared."""
    if user is not None and not may_change(user, row):
        raise AccessDenied("shared ones are the leads' to change")


# --- saved replies --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """What a saved reply holds. `bodies` is by language; `channels` and `teams` empty: all."""

    name: str
    bodies: Mapping[str, str]
    folder: str = ""
    shortcut: str = ""
    channels: Sequence[str] = ()
    teams: Sequence[Team] = ()
    is_shared: bool = True


def _checked(words: ReplyWords) -> dict[str, str]:
    """Return the bodies that have a text; raises InputError."""
    if not words.name.strip():
        raise InputError(_("Give it a name."), field="name")
    bodies = {language: clean(body).replace("\r\n", "\n").strip() for language, body in words.bodies.items()}
    bodies = {language: body for language, body in bodies.items() if body}
    if not bodies:
        raise InputError(_("Write the reply in at least one language."))
    for language, body in bodies.items():
        if len(body) > MAX_BODY:
            raise InputError(_("A saved reply has at most 20,000 characters."), field=f"body_{language}")
        if unknown := rules.unknown_placeholders(body):
            told = _("There is no placeholder {{%(name)s}}. Choose one of those below the text.")
            raise InputError(told % {"name": unknown[0]}, field=f"body_{language}")
    if strange := [kind for kind in words.channels if kind not in channels()]:
        raise InputError(_("There is no channel “%(kind)s”.") % {"kind": strange[0]}, field="channels")
    return bodies


@transaction.atomic
def save_reply(*, actor: Actor, user: User | None, words: ReplyWords, reply: SavedReply | None = None) -> SavedReply:
    """Create or change a saved reply. Raises InputError, AccessDenied. `user` None: the system, for everybody."""
    bodies = _checked(words)
    row = SavedReply.objects.select_for_update().get(pk=reply.pk) if reply else SavedReply()
    if reply:
        _check_owner(user, row)
    row.owner = None if words.is_shared else user
    _check_owner(user, row)
    row.name, row.folder = clean(words.name).strip()[:120], clean(words.folder).strip()[:80]
    row.shortcut, row.channels = rules.shortcut_of(words.shortcut), sorted(set(words.channels))
    row.changed_at = clock.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise InputError(_("Another saved reply has this shortcut. Choose another one."), field="shortcut") from error
    row.teams.set(words.teams if words.is_shared else ())
    SavedReplyVersion.objects.filter(reply=row).exclude(language__in=bodies).delete()
    for language, body in bodies.items():
        SavedReplyVersion.objects.update_or_create(reply=row, language=language, defaults={"body": body})
    kind = "saved_reply.changed" if reply else "saved_reply.created"
    journal.append(actor=actor, kind=kind, facts={"reply": row.pk, "name": row.name, "shared": words.is_shared})
    return row


@transaction.atomic
def delete_reply(*, actor: Actor, user: User, reply: SavedReply) -> None:
    """Delete a saved reply; what was answered with it stays."""
    _check_owner(user, reply)
    journal.append(actor=actor, kind="saved_reply.deleted", facts={"reply": reply.pk, "name": reply.name})
    reply.delete()


def note_use(*, reply: SavedReply) -> None:
    """Count a use. No event: using changes nothing."""
    SavedReply.objects.filter(pk=reply.pk).update(use_count=F("use_count") + 1, last_used_at=clock.now())


def values_for(conversation: Conversation, agent: User | None) -> dict[str, str]:
    """Return the placeholders' values in a conversation."""
    name = conversation.contact.name
    return {
        "contact.name": name,
        "contact.first_name": rules.first_name(name),
        "agent.name": agent.name if agent else "",
        "agent.first_name": rules.first_name(agent.name) if agent else "",
        "organisation.name": organisation().name,
        "conversation.subject": conversation.subject,
        "conversation.number": str(conversation.pk),
    }


# --- macros ---------------------------------------------------------------------------------------------------------

Steps = Sequence[Mapping[str, str]]


def checked_steps(steps: Steps) -> list[dict[str, str]]:
    """Return the steps of a macro, ready to store; raises InputError for what cannot be done."""
    found: list[dict[str, str]] = []
    for step in steps:
        kind, value = step.get("do", ""), clean(step.get("with", "")).replace("\r\n", "\n").strip()
        action = action_of(kind)
        if action is None:
            raise InputError(_("A macro cannot do “%(kind)s”.") % {"kind": kind})
        if not value:
            continue
        if action.choices is not None and value not in {str(choice) for choice, _label in action.choices()}:
            raise InputError(_("%(label)s: choose one from the list.") % {"label": action.label}, field=kind)
        if len(value) > MAX_BODY:
            raise InputError(_("%(label)s: at most 20,000 characters.") % {"label": action.label}, field=kind)
        if action.choices is None and (unknown := rules.unknown_placeholders(value)):
            told = _("There is no placeholder {{%(name)s}}. Choose one of those below the text.")
            raise InputError(told % {"name": unknown[0]}, field=kind)
        found.append({"do": kind, "with": value})
    if not found:
        raise InputError(_("Choose at least one thing to do."))
    if len(found) > MAX_STEPS:
        raise InputError(_("A macro does at most twenty things."))
    return found


def in_order(steps: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the steps of a form, which has each action once, in the order in which they are done."""
    return [{"do": a.kind, "with": steps[a.kind]} for a in ACTIONS if steps.get(a.kind)]


@transaction.atomic
def save_macro(
    *,
    actor: Actor,
    user: User | None,
    name: str,
    steps: Steps,
    teams: Sequence[Team] = (),
    is_shared: bool = True,
    macro: Macro | None = None,
) -> Macro:
    """Create or change a macro. Raises InputError, AccessDenied. `user` None: the system, for everybody."""
    if not name.strip():
        raise InputError(_("Give it a name."), field="name")
    checked = checked_steps(steps)
    row = Macro.objects.select_for_update().get(pk=macro.pk) if macro else Macro()
    if macro:
        _check_owner(user, row)
    row.owner = None if is_shared else user
    _check_owner(user, row)
    row.name, row.steps, row.changed_at = clean(name).strip()[:120], checked, clock.now()
    row.save()
    row.teams.set(teams if is_shared else ())
    kind = "macro.changed" if macro else "macro.created"
    journal.append(actor=actor, kind=kind, facts={"macro": row.pk, "name": row.name, "shared": is_shared})
    return row


@transaction.atomic
def delete_macro(*, actor: Actor, user: User, macro: Macro) -> None:
    """Delete a macro; what it did stays done."""
    _check_owner(user, macro)
    journal.append(actor=actor, kind="macro.deleted", facts={"macro": macro.pk, "name": macro.name})
    macro.delete()


@dataclass(frozen=True, slots=True)
class Applied:
    """What a macro did. `changes` is what can be undone; `left_out` says in words what was not done and why."""

    inserted: str = ""
    delivery: Delivery | None = None
    notes: Sequence[Message] = ()
    changes: Sequence[rules.Change] = ()
    left_out: Sequence[str] = field(default_factory=tuple)


def _standing(conversation: Conversation) -> dict[str, object]:
    """Return what of a conversation a macro can change and an undo can change back."""
    until = conversation.snoozed_until
    return {
        "team": conversation.team_id,
        "assignee": conversation.assignee_id,
        "priority": conversation.priority,
        "labels": sorted(labels_of(conversation)),
        "state": [conversation.state, until.isoformat() if until else "", conversation.wakes_on_reply],
    }


@transaction.atomic
def apply_macro(*, actor: Actor, user: User | None, conversation: Conversation, macro: Macro) -> Applied:
    """Do all the steps of a macro, or none: the first that is refused undoes the others. Raises InputError.

    `user` None: a rule applies it; what needs a person is left out, and said so in `left_out`.
    """
    row = conversations.lock(conversation)
    before = _standing(row)
    journal.append(
        actor=actor, kind="macro.applied", conversation_id=row.pk, contact_id=row.contact_id,
        facts={"macro": macro.pk, "name": macro.name},
    )  # fmt: skip
    values = values_for(row, user)
    say = _("[missing: {name}]")
    scene = Scene(actor, user, row, fill=lambda body: rules.render(body, values, say=say))
    for step in macro.steps:
        action = action_of(step["do"])
        if action is None:
            scene.left_out.append(_("This installation cannot do “%(kind)s”.") % {"kind": step["do"]})
            continue
        action.run(scene, step["with"])
    after = _standing(Conversation.objects.get(pk=row.pk))
    changes = [rules.Change(name, before[name], after[name]) for name in before if before[name] != after[name]]
    Macro.objects.filter(pk=macro.pk).update(use_count=F("use_count") + 1, last_used_at=clock.now())
    return Applied("\n\n".join(scene.inserted), scene.delivery, scene.notes, changes, scene.left_out)


@transaction.atomic
def undo_macro(
    *, actor: Actor, conversation: Conversation, changes: Sequence[rules.Change], delivery: Delivery | None
) -> list[str]:
    """Take back what a macro did, but for its notes; return the names of what somebody has changed since and stays.

    A reply that has left already stays sent.
    """
    row = conversations.lock(conversation)
    stays: list[str] = []
    if delivery is not None:
        try:
            with transaction.atomic():
                cancel_delivery(actor=actor, delivery=delivery)
        except Conflict:
            stays.append("send")
    free, overtaken = rules.undoable(changes, _standing(row))
    for change in sorted(free, key=lambda c: c.name != "team"):  # the team first: an assignee has to be in it
        _take_back(actor, row, change)
    return stays + [change.name for change in overtaken]


def _take_back(actor: Actor, row: Conversation, change: rules.Change) -> None:
    if change.name == "team":
        team = Team.objects.get(pk=change.before)
        conversations.transfer_conversation(actor=actor, conversation=row, team=team)
    elif change.name == "assignee":
        person = User.objects.filter(pk=change.before).first() if change.before else None
        conversations.assign_conversation(actor=actor, conversation=row, assignee=person)
    elif change.name == "priority":
        conversations.set_priority(actor=actor, conversation=row, priority=change.before)
    elif change.name == "labels":
        kept = Label.objects.filter(pk__in=change.before).values_list("pk", flat=True)  # one may be gone meanwhile
        set_labels(actor=actor, conversation=row, label_ids=set(kept))
    else:
        state, until, wakes = [*change.before, True][:3]  # a page that is older than this has two
        end = datetime.fromisoformat(until) if until else None
        if end is not None and end <= clock.now():
            state, end = "open", None  # its snooze would have ended meanwhile
        wakes = wakes or end is None
        conversations.set_state(
            actor=actor, conversation=row, state=state, snoozed_until=end, wakes_on_reply=wakes
        )  # fmt: skip
