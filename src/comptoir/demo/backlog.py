"""Lets the past happen: the stories arrive by the channels' doors and are answered through the services of the desk,
under a clock that shows each act's own instant (core/clock.py). No table is written here.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from comptoir import worker
from comptoir.accounts.models import Team, User
from comptoir.accounts.services import actor_of
from comptoir.channels.webchat import services as webchat
from comptoir.channels.webchat.models import ChatSession
from comptoir.conversations import services as conversations
from comptoir.conversations.models import Conversation, Message, State
from comptoir.core import clock
from comptoir.demo import people
from comptoir.demo.corpus.staff import CALLS, NOTES, SECOND_ANSWERS
from comptoir.demo.doors import BOUTIQUE, MAILBOX_NAMES, SUPPORT, Doors, Place, new_thread
from comptoir.demo.mails import Letter, Quoted, draw_style
from comptoir.demo.stories import Story, copies_for, files_for, past_stories, working_time
from comptoir.demo.wording import as_answer, as_word_back, set_typography
from comptoir.journal.models import Event
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply

UNDONE_FOR = timedelta(seconds=11)  # an answer leaves a little after the ten seconds in which it can be undone


@dataclass(slots=True)
class _Running:
    """A story on its way."""

    story: Story
    place: Place
    session: ChatSession | None = None
    thread: str = ""
    conversation: Conversation | None = None
    answered: Delivery | None = None
    answered_at: datetime | None = None
    references: list[str] = field(default_factory=list)


def play_past(doors: Doors, *, base: datetime) -> None:
    """Let three weeks happen. Called again after a crash, it goes on with the stories that nobody took up."""
    _user.cache_clear()
    _team.cache_clear()
    with doors.importing():
        running = [_open(doors, story) for story in past_stories(base)]
    with clock.showing(base - timedelta(days=21)):  # since when the contacts are known
        worker.digest_all()
    _find(running)
    touched = set(Event.objects.filter(actor_kind="user").values_list("conversation_id", flat=True))
    known = [one for one in running if one.conversation is not None]
    for one in sorted(known, key=lambda r: r.story.at):
        if one.conversation is not None and one.conversation.pk in touched:
            _remember(one)
        else:
            _first_act(one, base)
    with doors.importing():
        for one in known:
            _write_again(doors, one, base)
    worker.digest_all()
    for one in known:
        _last_act(one, base)


def _remember(one: _Running) -> None:
    """Find out how far a story had come before a crash."""
    one.answered = (
        Delivery.objects.filter(message__conversation=one.conversation).select_related("message").order_by("id").first()
    )
    if one.answered is not None:
        one.answered_at = one.answered.message.created_at + UNDONE_FOR


def _open(doors: Doors, story: Story) -> _Running:
    """Let the customer write."""
    with clock.showing(story.at):
        running = _arrive(doors, story)
    if story.end == "nudged":
        later = story.at + story.waits * 0.6
        with clock.showing(later):
            _send(doors, running, story.drawn(story.scenario.nudges, "nudge") or _still_waiting(story), later)
    return running


def _still_waiting(story: Story) -> str:
    if story.person.language == "fr":
        return set_typography("Je me permets de vous relancer : avez-vous pu regarder ?", "fr")
    return "Just checking whether anybody has had a chance to look at this."


def _arrive(doors: Doors, story: Story) -> _Running:
    person, at = story.person, story.at
    if story.channel == "webchat":
        known = ChatSession.objects.filter(account=doors.chat, email=person.email, created_at=at).first()
        session = known or doors.open_chat(person, at=at)
        return _Running(story, doors.say(session, story.opening, at=at, number=1), session=session)
    if story.channel == "sandbox":
        thread = new_thread(person, at)
        return _Running(story, doors.signal(person, thread, story.opening, at=at), thread=thread)
    rng = random.Random(story.opening)  # noqa: S311  # a draw of pictures
    attached = files_for(story.opening, story.slots, rng)
    if story.channel == "webform":
        topic = story.scenario.topic
        place = doors.submit(person, topic=topic, subject=story.subject, text=story.opening, at=at, files=attached)
        return _Running(story, place)
    letter = Letter(
        person, mailbox_of(story), story.subject, story.opening, at,
        style=draw_style(rng, person), cc=copies_for(story.opening), files=attached,
    )  # fmt: skip
    return _Running(story, doors.post(letter), references=[letter.message_id])


def mailbox_of(story: Story) -> tuple[str, str]:
    """Return the name and address of the mailbox that a story's mails go to."""
    address = BOUTIQUE if story.scenario.desk == "boutique" and story.channel == "email" else SUPPORT
    return MAILBOX_NAMES[address], address


def _find(running: Sequence[_Running]) -> None:
    """Find the conversation of every story by the record that it came in with."""
    rows = Message.objects.filter(record__external_id__in=[r.place[1] for r in running]).select_related("conversation")
    found = {
        (m.record.account_id, m.record.external_id): m.conversation for m in rows.select_related("record") if m.record
    }
    for one in running:
        one.conversation = found.get(one.place)


def _team_of(story: Story) -> str:
    """Return whose matter it is."""
    if story.scenario.topic == "press":
        return people.PRESS
    if story.scenario.topic == "ideas":
        return people.MARKETING
    return people.SHOP if story.scenario.desk == "boutique" else people.SERVICE


def _colleague(story: Story) -> User:
    team, language = _team_of(story), story.person.language
    able = [c for c in people.STAFF if team in c.teams and c.role != "admin"]
    speaking = [c for c in able if c.language == language] or able
    weights = [1 if c.role == "lead" else 4 for c in speaking]
    chosen = random.Random(f"who|{story.opening}").choices(speaking, weights)[0]  # noqa: S311  # a draw of names
    return _user(chosen.email)


@lru_cache(maxsize=16)
def _user(email: str) -> User:
    return User.objects.get(email=email)


@lru_cache(maxsize=8)
def _team(name: str) -> Team:
    return Team.objects.get(name=name)


def _first_act(one: _Running, base: datetime) -> None:
    """Let the staff take the story up: sort, note, answer."""
    story, conversation = one.story, one.conversation
    assert conversation is not None
    rng = random.Random(f"act|{story.opening}")  # noqa: S311  # a draw of delays
    if story.end in {"waiting", "nudged"}:
        _sort_waiting(one, base, rng)
        return
    slow = rng.lognormvariate(4.2, 0.9) if story.channel not in {"webchat", "sandbox"} else rng.uniform(1, 9)
    latest = base - timedelta(minutes=rng.uniform(200, 900))
    at = story.at + timedelta(minutes=slow)
    if story.channel != "webchat":
        at = working_time(at, latest=latest)
    colleague = _colleague(story)
    if story.end == "phoned":
        _settle_by_phone(conversation, colleague, story, at, rng)
        return
    with clock.showing(at - timedelta(minutes=3)):
        _hand_to(conversation, _team_of(story), None)  # who answers takes it
        if rng.random() < 0.16 and story.scenario.topic in {"internet", "billing", "orders"}:
            _note(conversation, colleague, rng)
    then = "solved" if story.end == "solved" else "pending" if story.end == "pending" else ""
    _answer(one, colleague, story.drawn(story.scenario.answers, "answer"), then, at)
    if story.end == "snoozed":
        until = working_time(base + timedelta(hours=rng.uniform(10, 60)), latest=base + timedelta(days=9))
        with clock.showing(at + timedelta(minutes=2)):
            conversations.set_state(
                actor=actor_of(colleague), conversation=conversation, state="snoozed", snoozed_until=until
            )


def _settle_by_phone(
    conversation: Conversation, colleague: User, story: Story, at: datetime, rng: random.Random
) -> None:
    """Close without a written answer, and say why in a note."""
    with clock.showing(at):
        _hand_to(conversation, _team_of(story), None)
        text = set_typography(rng.choice(CALLS), "fr").replace("'", "’")
        conversations.add_note(actor=actor_of(colleague), conversation=conversation, user=colleague, text=text)
        conversations.set_state(actor=actor_of(colleague), conversation=conversation, state="solved")


def _sort_waiting(one: _Running, base: datetime, rng: random.Random) -> None:
    """Some of what waits is with the right team, with somebody, noted or urgent already."""
    story, conversation = one.story, one.conversation
    assert conversation is not None
    if story.waits < timedelta(minutes=20):
        return
    colleague = _colleague(story)
    lead = _user(people.STAFF[1].email)
    with clock.showing(story.at + story.waits * rng.uniform(0.2, 0.5)):
        team = _team_of(story)
        if team in {people.PRESS, people.MARKETING} or rng.random() < 0.4:
            _hand_to(conversation, team, colleague if rng.random() < 0.8 else None, by=lead)
        if story.scenario.key in {"sim-swap", "business", "angry", "press"}:
            priority = 2 if story.scenario.key == "sim-swap" else 1
            conversations.set_priority(actor=actor_of(lead), conversation=conversation, priority=priority)
        if rng.random() < 0.25:
            _note(conversation, colleague, rng)


def _hand_to(conversation: Conversation, team: str, colleague: User | None, by: User | None = None) -> None:
    actor = actor_of(by or colleague or _user(people.STAFF[1].email))
    if conversation.team_id != _team(team).pk:
        conversations.transfer_conversation(actor=actor, conversation=conversation, team=_team(team))
    if colleague is not None:
        conversations.assign_conversation(actor=actor, conversation=conversation, assignee=colleague)


def _note(conversation: Conversation, colleague: User, rng: random.Random) -> None:
    text = set_typography(rng.choice(NOTES), "fr").replace("'", "’")
    conversations.add_note(actor=actor_of(colleague), conversation=conversation, user=colleague, text=text)


def _answer(one: _Running, colleague: User, body: str, then: str, at: datetime) -> None:
    """Answer through the outbox and send it, under the clock of then."""
    story, conversation = one.story, one.conversation
    assert conversation is not None
    text = as_answer(body, story.person, colleague.name)
    if one.session is not None:
        text = text.partition("\n\n")[2].rpartition("\n\n")[0]  # in a chat nobody writes letters
        webchat.note_seen(session=one.session, shown=0, at=at)
    with clock.showing(at):
        one.answered = queue_reply(
            actor=actor_of(colleague), user=colleague, conversation=conversation, draft=Draft(text=text, then=then)
        )
    one.answered_at = at + UNDONE_FOR
    with clock.showing(one.answered_at):
        while sender.send_one():
            pass
        if one.session is not None:
            one.session.refresh_from_db()
            webchat.note_seen(session=one.session, shown=one.session.last_number, at=one.answered_at)


def _write_again(doors: Doors, one: _Running, base: datetime) -> None:
    """Let the customer come back after the answer."""
    story = one.story
    if story.end not in {"thanked", "insisted", "returned"} or one.answered_at is None:
        return
    rng = random.Random(f"again|{story.opening}")  # noqa: S311  # a draw of delays
    texts = story.scenario.thanks if story.end == "thanked" else story.scenario.complaints or story.scenario.nudges
    body = story.drawn(texts, "again") or _still_waiting(story)
    if story.end == "returned":
        at = base - story.waits
    else:
        slow = rng.uniform(1600, 4500) if story.end == "insisted" else rng.lognormvariate(5, 0.8)
        minutes = rng.uniform(1, 6) if one.session else slow
        at = min(one.answered_at + timedelta(minutes=minutes), base - timedelta(minutes=rng.uniform(130, 190)))
    with clock.showing(at):
        _send(doors, one, body, at)
    one.answered_at = at


def _send(doors: Doors, one: _Running, body: str, at: datetime) -> None:
    """Let the customer write once more, by the way their answers come."""
    story, person = one.story, one.story.person
    if one.session is not None:
        doors.say(one.session, body, at=at, number=2)
        return
    if one.thread:
        doors.signal(person, one.thread, body, at=at)
        return
    if one.answered is None:
        if story.channel == "email":
            doors.post(_letter(one, body, at, one.references[0], ()))
        return
    doors.post(_letter(one, body, at, one.answered.key, one.references))


def _letter(one: _Running, body: str, at: datetime, message_id: str, references: Sequence[str]) -> Letter:
    story, person = one.story, one.story.person
    rng = random.Random(f"letter|{story.opening}")  # noqa: S311  # a draw of styles
    mailbox = mailbox_of(story)
    quoted = None
    if one.answered is not None and one.answered_at is not None:
        quoted = Quoted(mailbox[0], mailbox[1], one.answered_at, one.answered.message.text)
    return Letter(
        person, mailbox, f"Re: {story.subject}", as_word_back(body, person), at, style=draw_style(rng, person),
        in_reply_to=message_id, references=[r for r in references if r], quoted=quoted,
    )  # fmt: skip


def _last_act(one: _Running, base: datetime) -> None:
    """Let the staff end what the customer came back to."""
    story, conversation = one.story, one.conversation
    if story.end not in {"thanked", "insisted"} or conversation is None or one.answered_at is None:
        return
    if conversation.state == State.SOLVED:
        return  # it was ended before a crash
    rng = random.Random(f"last|{story.opening}")  # noqa: S311  # a draw of delays
    latest = base - timedelta(minutes=rng.uniform(5, 120))
    at = working_time(one.answered_at + timedelta(minutes=rng.uniform(4, 90)), latest=latest)
    colleague = _colleague(story)
    if story.end == "insisted":
        body = _second_answer(story)
        _answer(one, colleague, body, "solved", at)
        return
    with clock.showing(at):
        conversations.set_state(actor=actor_of(colleague), conversation=conversation, state="solved")


def _second_answer(story: Story) -> str:
    answers = SECOND_ANSWERS[story.person.language]
    return set_typography(answers.get(story.scenario.topic, answers["other"]), story.person.language)
