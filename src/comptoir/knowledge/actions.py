"""What a macro can do: one table. A further one is one `Action`, and is in the form, in the
check and in the executor.

Each `run` calls the service that a person's click would call, so that each change has its event (INV-04).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from comptoir.accounts.models import Team, User
from comptoir.conversations import services as conversations
from comptoir.conversations.labelling import all_labels, change_labels
from comptoir.conversations.models import Conversation, Message, Priority, State
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.drafts import services as drafts
from comptoir.journal.services import Actor
from comptoir.knowledge.rules import Rendered
from comptoir.outbound import services as outbound
from comptoir.outbound.models import Delivery

ME, NOBODY = "me", "nobody"
Choices = Sequence[tuple[str, Any]]


@dataclass(slots=True)
class Scene:
    """Where a macro plays, and what it has done so far. `user` is None when a rule applies it."""

    actor: Actor
    user: User | None
    conversation: Conversation
    fill: Callable[[str], Rendered]  # placeholders
    inserted: list[str] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    delivery: Delivery | None = None
    left_out: list[str] = field(default_factory=list)  # in words: what only a person at a desk can do


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `choices` None: the value is a text."""

    kind: str
    label: Any
    run: Callable[[Scene, str], None]
    choices: Callable[[], Choices] | None = None
    help: Any = ""


def _insert(scene: Scene, value: str) -> None:
    if scene.user is None:
        scene.left_out.append(_("Putting a text into the composer needs a person."))
        return
    text = scene.fill(value).text
    drafts.add_to_draft(user=scene.user, conversation=scene.conversation, text=text)
    scene.inserted.append(text)


def _send(scene: Scene, value: str) -> None:
    filled = scene.fill(value)
    if filled.missing:
        told = _("The answer needs {{%(name)s}}, which is not known here. Nothing was done: write it yourself.")
        raise InputError(told % {"name": filled.missing[0]})
    # What a rule sends is no person's answer: it says so in its headers, and the customer goes on waiting.
    draft = outbound.Draft(text=filled.text, automatic="" if scene.user else "rule")
    scene.delivery = outbound.queue_reply(
        actor=scene.actor, user=scene.user, conversation=scene.conversation, draft=draft
    )


def _note(scene: Scene, value: str) -> None:
    text = scene.fill(value).text
    note = conversations.add_note(actor=scene.actor, conversation=scene.conversation, user=scene.user, text=text)
    scene.notes.append(note)


def _team(scene: Scene, value: str) -> None:
    team = Team.objects.filter(pk=int(value)).first()
    if team is None:
        raise InputError(_("The team of this macro no longer exists. Change the macro."))
    conversations.transfer_conversation(actor=scene.actor, conversation=scene.conversation, team=team)


def _assign(scene: Scene, value: str) -> None:
    if value == ME and scene.user is None:
        scene.left_out.append(_("“Me” is nobody when a rule applies the macro."))
        return
    chosen = None
    if value != NOBODY:
        chosen = scene.user if value == ME else User.objects.filter(pk=int(value), is_active=True).first()
        if chosen is None:
            raise InputError(_("The person of this macro is no longer there. Change the macro."))
    conversations.assign_conversation(actor=scene.actor, conversation=scene.conversation, assignee=chosen)


def _priority(scene: Scene, value: str) -> None:
    conversations.set_priority(actor=scene.actor, conversation=scene.conversation, priority=int(value))


def _label(scene: Scene, value: str) -> None:
    change_labels(actor=scene.actor, conversation=scene.conversation, add=[int(value)])


def _labels() -> Choices:
    return [(str(label.pk), label.name) for label in all_labels()]


def snooze_until(value: str, at: datetime) -> datetime | None:
    """Return the end of a snooze of so many hours, or at nine after so many days; None: until an answer comes."""
    local = timezone.localtime(at)
    unit, number = value[:1], int(value[1:] or 0)
    if unit == "h":
        return at + timedelta(hours=number)
    if unit == "d":
        nine = local.replace(hour=9, minute=0, second=0, microsecond=0)
        return nine + timedelta(days=number)
    return None


def _state(scene: Scene, value: str) -> None:
    name, _colon, until = value.partition(":")
    end = snooze_until(until, clock.now()) if name == State.SNOOZED else None
    conversations.set_state(actor=scene.actor, conversation=scene.conversation, state=name, snoozed_until=end)


def _people() -> Choices:
    people = User.objects.filter(is_active=True).order_by("name").values_list("pk", "name")
    return [(ME, _("Whoever applies it")), (NOBODY, _("Nobody")), *((str(pk), name) for pk, name in people)]


def _teams() -> Choices:
    return [(str(team.pk), team.name) for team in Team.objects.all()]


def _priorities() -> Choices:
    return [(str(value), label) for value, label in Priority.choices[::-1]]


def _states() -> Choices:
    return [
        (State.OPEN, State.OPEN.label),
        (State.PENDING, State.PENDING.label),
        (State.SOLVED, State.SOLVED.label),
        ("snoozed:h3", _("Snoozed for three hours")),
        ("snoozed:d1", _("Snoozed until tomorrow morning")),
        ("snoozed:d7", _("Snoozed for a week")),
        ("snoozed:", _("Snoozed until an answer comes")),
    ]


# In the order in which they are done: whose it is first, then what is said, and last where it stands, because an answer
# changes that too.
ACTIONS: list[Action] = [
    Action("team", gettext_lazy("Give it to the team"), _team, _teams),
    Action("assign", gettext_lazy("Assign it to"), _assign, _people),
    Action("priority", gettext_lazy("Set the priority"), _priority, _priorities),
    Action("label", gettext_lazy("Add the label"), _label, _labels),
    Action("note", gettext_lazy("Add a note"), _note),
    Action("insert", gettext_lazy("Put an answer into the composer"), _insert, None,
           gettext_lazy("To be read again before it is sent.")),
    Action("send", gettext_lazy("Send an answer"), _send, None, gettext_lazy("It can be taken back for ten seconds.")),
    Action("state", gettext_lazy("Then make it"), _state, _states),
]  # fmt: skip


def action_of(kind: str) -> Action | None:
    """Return one action."""
    return next((action for action in ACTIONS if action.kind == kind), None)
