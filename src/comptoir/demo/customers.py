"""Lets the invented customers live: they write at a pace, read what agents answer, and come back about it.

Everything they say goes through the channels' doors into the inbound log (doors.py); nothing else is written. What
agents answer reaches them as it would reach anybody: mails by SMTP (sink.py), chat replies in their widget's history.
"""

import heapq
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels.webchat import services as webchat
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.core import clock
from comptoir.demo import answers, corpus
from comptoir.demo.answers import Heard
from comptoir.demo.corpus import Scenario
from comptoir.demo.doors import BOUTIQUE, MAILBOX_NAMES, SUPPORT, THREADS, Doors, new_thread
from comptoir.demo.mails import Letter, draw_style
from comptoir.demo.people import Person, draw_person
from comptoir.demo.stories import PARIS, copies_for, files_for
from comptoir.demo.wording import as_letter, as_word_back, draw_slots, filled
from comptoir.outbound.models import Delivery, DeliveryState

REACT_SECONDS = (20.0, 90.0)  # between an answer and what the customer says to it
LISTEN_SECONDS = 3.0  # how often a chat visitor looks, while there is one
STAY_SECONDS = 15 * 60  # a chat visitor who hears nothing closes the page
NUDGE_SHARE = 0.12  # of all that is written: somebody who still waits writes again
REMEMBERED = 60  # conversations of this run that may be nudged
BURST = 200  # at most so many at once when the pace is high or the machine slept

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Visit:
    """A chat visitor who has the page open."""

    session: ChatSession
    person: Person
    scenario: Scenario
    slots: dict[str, str]
    until: float
    said: int = 1
    shown: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Somebody who has written and may write again before there is an answer."""

    again: Callable[[str], object]
    scenario: Scenario
    slots: dict[str, str]


class Customers:
    """The invented customers of one installation."""

    def __init__(self, doors: Doors, rate: float, *, rng: random.Random | None = None) -> None:
        self._doors, self._rate = doors, max(0.0, rate)
        self._rng = rng or random.Random()  # noqa: S311  # a play
        self._heard: deque[bytes] = deque()
        self._plans: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        self._visits: list[_Visit] = []
        self._waiting: deque[_Waiting] = deque(maxlen=REMEMBERED)
        self._memory: dict[str, tuple[Scenario, dict[str, str]]] = {}
        self._seen_delivery = Delivery.objects.order_by("-id").values_list("id", flat=True).first() or 0
        self._wake = threading.Event()
        self._stopped = False

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopped = True
        self._wake.set()

    def hear(self, raw: bytes) -> None:
        """Take a mail that an agent sent; called by the mail server's thread."""
        self._heard.append(raw)
        self._wake.set()

    def run(self) -> None:
        """Live until `stop`; a lost database is waited for."""
        next_letter = time.monotonic() + self._gap()
        failures = 0
        while not self._stopped:
            self._wake.clear()
            now = time.monotonic()
            try:
                due = 0
                while now >= next_letter and due < BURST:
                    next_letter, due = next_letter + self._gap(), due + 1
                for _ in range(due):
                    self.write()
                self.listen()
                failures = 0
            except DatabaseError as error:
                failures += 1
                logger.warning("the customers wait for the database: %s", error)
            connection.close()
            if failures or now - next_letter > 60:
                next_letter = time.monotonic() + self._gap()
            self._wake.wait(min(30.0, 2.0**failures) if failures else self._pause(next_letter))

    def _gap(self) -> float:
        return self._rng.expovariate(self._rate / 60) if self._rate else 3600.0

    def _pause(self, next_letter: float) -> float:
        ends = [next_letter, *(plan[0] for plan in self._plans[:1])]
        if self._visits:
            ends.append(time.monotonic() + LISTEN_SECONDS)
        return max(0.0, min(30.0, min(ends) - time.monotonic()))

    # --- writing ---------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Let one customer write: somebody new, or somebody who still waits."""
        rng = self._rng
        if self._waiting and rng.random() < NUDGE_SHARE:
            waiting = self._waiting[rng.randrange(len(self._waiting))]
            self._waiting.remove(waiting)
            language = waiting.scenario.language
            waiting.again(
                filled(rng.choice(waiting.scenario.nudges or answers.NUDGES[language]), waiting.slots, language)
            )
            return
        self.write_new(language="fr" if rng.random() < 0.68 else "en")

    def write_new(self, *, language: str, road: str = "") -> None:
        """Let somebody new write, by any road or by the one named."""
        rng = self._rng
        scenarios = [s for s in corpus.scenarios(language) if not road or road in self._roads(s)]
        scenario = rng.choices(scenarios, [s.weight for s in scenarios])[0]
        person = draw_person(rng, scenario.language, scenario.who)
        slots = draw_slots(rng, person, clock.now().astimezone(PARIS).date())
        self._memory[person.email] = (scenario, slots)
        if len(self._memory) > 2000:
            del self._memory[next(iter(self._memory))]
        self._send_first(road or rng.choice(self._roads(scenario)), person, scenario, slots)

    @staticmethod
    def _roads(scenario: Scenario) -> list[str]:
        letters = ["email", "email", "email", "webform"] if scenario.letters else []
        return letters + (["webchat", "webchat", "sandbox"] if scenario.lines else [])

    def _send_first(self, road: str, person: Person, scenario: Scenario, slots: dict[str, str]) -> None:
        rng, at = self._rng, clock.now()
        texts = scenario.letters if road in {"email", "webform"} else scenario.lines
        opening = rng.choice(texts)
        body = filled(opening, slots, person.language)
        subject = filled(scenario.subject_of(opening), slots, person.language) if opening in scenario.letters else ""
        attached = files_for(body, slots, rng)
        if road == "webform":
            self._doors.submit(person, topic=scenario.topic, subject=subject, text=body, at=at, files=attached)
        elif road == "webchat":
            session = self._doors.open_chat(person, at=at)
            self._doors.say(session, body, at=at, number=1)
            visit = _Visit(session, person, scenario, slots, time.monotonic() + STAY_SECONDS)
            self._visits.append(visit)
            self._waiting.append(_Waiting(lambda text: self._say(visit, text), scenario, slots))
        elif road == "sandbox":
            thread = new_thread(person, at)
            self._doors.signal(person, thread, body, at=at)
            again = lambda text: self._doors.signal(person, thread, text, at=clock.now())  # noqa: E731
            self._waiting.append(_Waiting(again, scenario, slots))
        else:
            address = BOUTIQUE if scenario.desk == "boutique" else SUPPORT
            letter = Letter(
                person, (MAILBOX_NAMES[address], address), subject, as_letter(rng, body, person), at,
                style=draw_style(rng, person), cc=copies_for(body), files=attached,
            )  # fmt: skip
            self._doors.post(letter)
            self._waiting.append(_Waiting(lambda text: self._write_again(letter, text), scenario, slots))

    def _write_again(self, letter: Letter, text: str) -> None:
        body = as_word_back(text, letter.sender)
        again = Letter(
            letter.sender,
            letter.to,
            f"Re: {letter.subject}",
            body,
            clock.now(),
            style=letter.style,
            in_reply_to=letter.message_id,
        )
        self._doors.post(again)

    def _say(self, visit: _Visit, text: str) -> None:
        visit.said += 1
        visit.until = time.monotonic() + STAY_SECONDS
        self._doors.say(visit.session, text, at=clock.now(), number=visit.said)

    # --- hearing ---------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Hear what agents have answered, and say what was planned for this moment."""
        while self._heard:
            heard = answers.read_mail(self._heard.popleft())
            if heard is not None:
                self._plan_mail(heard)
        self._look_into_chats()
        self._look_into_sandbox()
        while self._plans and self._plans[0][0] <= time.monotonic():
            heapq.heappop(self._plans)[2]()

    def _plan(self, act: Callable[[], object]) -> None:
        self._number += 1
        heapq.heappush(self._plans, (time.monotonic() + self._rng.uniform(*REACT_SECONDS), self._number, act))

    def _reaction(self, language: str, scenario: Scenario | None, slots: dict[str, str]) -> str:
        """Return what somebody says to an answer; '' when they are content and silent."""
        return answers.draw_reaction(self._rng, language, scenario, slots)

    def _plan_mail(self, heard: Heard) -> None:
        scenario, slots = self._memory.get(heard.person.email, (None, {}))
        if scenario is not None:  # they write their own language, whatever ours was
            heard = replace(heard, person=replace(heard.person, language=scenario.language, who=scenario.who))
        text = self._reaction(heard.person.language, scenario, slots)
        if text and heard.mailbox in self._doors.mailboxes:
            self._plan(lambda: self._doors.post(answers.as_letter_back(self._rng, heard, text, at=clock.now())))

    def _look_into_chats(self) -> None:
        """Show visitors what was answered, as their widgets do; who waited too long closes the page."""
        now, at = time.monotonic(), clock.now()
        self._visits = [visit for visit in self._visits if visit.until > now]
        if not self._visits:
            return
        by_session = {visit.session.pk: visit for visit in self._visits}
        rows = ChatEntry.objects.filter(session__in=list(by_session), shown_at__isnull=True).exclude(key="")
        for entry in rows.order_by("number"):
            visit = by_session[entry.session_id]
            visit.shown = entry.number
            text = self._reaction(visit.person.language, visit.scenario, visit.slots)
            if text:
                self._plan(lambda visit=visit, text=text: self._say(visit, text))  # type: ignore[misc]  # a bound default
        for visit in self._visits:
            webchat.note_seen(session=visit.session, shown=visit.shown, at=at)
            if at - visit.session.seen_at > timedelta(seconds=10):
                visit.session.seen_at = at
            visit.session.seen_number = max(visit.session.seen_number, visit.shown)

    def _look_into_sandbox(self) -> None:
        done = [DeliveryState.SENT, DeliveryState.DELIVERED]
        rows = Delivery.objects.filter(account=self._doors.sandbox, id__gt=self._seen_delivery, state__in=done)
        for delivery in rows.select_related("message__conversation__contact").order_by("id"):
            self._seen_delivery = delivery.pk
            heard = answers.read_delivery(delivery)
            text = self._reaction(heard.person.language, *self._memory.get(heard.person.email, (None, {})))
            if text and heard.thread.startswith(THREADS):
                self._plan(
                    lambda heard=heard, text=text: self._doors.signal(heard.person, heard.thread, text, at=clock.now())  # type: ignore[misc]
                )
