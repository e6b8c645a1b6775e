"""Who wrote what in the last three weeks, and how it ended: drawn from a fixed seed, always the same. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from comptoir.demo import corpus, files
from comptoir.demo.corpus import Scenario
from comptoir.demo.mails import File
from comptoir.demo.people import Person, draw_person
from comptoir.demo.wording import as_letter, draw_slots, filled

PARIS = ZoneInfo("Europe/Paris")
OPENS, CLOSES = time(8, 30), time(19, 0)
# How long the waiting ones have waited, in minutes: what a desk looks like on a busy day, from just now to two days.
WAITS = (
    2, 4, 7, 11, 16, 23, 31, 42, 55, 71, 88, 115, 150, 190, 245, 310, 395, 480, 640, 820, 1030, 1290, 1640, 2100, 2760,
)  # fmt: skip
# How the answered ones stand today.
ENDS = (
    *("solved",) * 16, *("phoned",) * 26, *("thanked",) * 14, *("insisted",) * 5,
    *("pending",) * 13, *("answered",) * 9, *("snoozed",) * 5,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """One conversation of the past."""

    person: Person
    scenario: Scenario
    slots: dict[str, str]
    channel: str
    subject: str
    opening: str
    at: datetime
    end: str  # waiting, nudged, returned, or one of ENDS
    waits: timedelta = timedelta()

    def drawn(self, texts: Sequence[str], salt: str) -> str:
        """Return one of the scenario's texts, always the same one, with this story's values."""
        if not texts:
            return ""
        return filled(random.Random(f"{salt}|{self.opening}").choice(texts), self.slots, self.person.language)  # noqa: S311  # a draw of texts


def past_stories(base: datetime) -> list[Story]:
    """Return the stories up to `base`, in the order in which they began."""
    rng = random.Random("ondavelle")  # noqa: S311  # a fixed draw
    openings = _openings(rng)
    letters, lines = openings["letter"], openings["line"]
    stories: list[Story] = []
    ends = [*_waiting_ends(), *rng.sample(ENDS, len(ENDS))]
    for number, end in enumerate(ends):
        is_letter = rng.random() < 0.74
        scenario, text = _drawn(letters if is_letter else lines, end)
        waits = timedelta(minutes=WAITS[number] * rng.uniform(0.93, 1.07)) if number < len(WAITS) else timedelta()
        at = base - waits if end in {"waiting", "nudged"} else _past_instant(rng, base)
        if end == "returned":
            at = base - timedelta(days=rng.uniform(2.2, 6))
        channel = (
            ("email" if rng.random() < 0.72 else "webform")
            if is_letter
            else rng.choice(("webchat", "webchat", "sandbox"))
        )
        stories.append(_story(rng, scenario, text, channel, at, end, waits))
    return sorted(stories, key=lambda story: story.at)


def _drawn(openings: list[tuple[Scenario, str]], end: str) -> tuple[Scenario, str]:
    """Take the first opening that can end so: nobody insists after a thank-you."""
    return openings.pop(next(place for place, (scenario, _) in enumerate(openings) if _can_end(scenario, end)))


def _can_end(scenario: Scenario, end: str) -> bool:
    if end == "nudged":
        return bool(scenario.nudges) or scenario.topic in {"internet", "billing", "orders"}
    if end in {"returned", "insisted"}:
        return bool(scenario.complaints) and scenario.topic != "press"
    return bool(scenario.thanks) or end != "thanked"


def _waiting_ends() -> list[str]:
    special = {8: "returned", 13: "nudged", 16: "returned", 18: "nudged", 20: "nudged", 22: "returned"}
    return [special.get(number, "waiting") for number in range(len(WAITS))]


def _openings(rng: random.Random) -> dict[str, list[tuple[Scenario, str]]]:
    """Return all openings, shuffled: none comes twice."""
    found: dict[str, list[tuple[Scenario, str]]] = {"letter": [], "line": []}
    for language in corpus.LANGUAGES:
        for scenario in corpus.scenarios(language):
            found["letter"] += [(scenario, text) for text in scenario.letters]
            found["line"] += [(scenario, text) for text in scenario.lines]
    return {kind: rng.sample(texts, len(texts)) for kind, texts in found.items()}


def _past_instant(rng: random.Random, base: datetime) -> datetime:
    day = (base - timedelta(days=rng.uniform(2, 21))).astimezone(PARIS)
    hour = min(22.9, max(6.5, rng.gauss(13.5, 4)))
    return day.replace(hour=int(hour), minute=int(hour % 1 * 60), second=rng.randrange(60)).astimezone(UTC)


def _story(
    rng: random.Random, scenario: Scenario, text: str, channel: str, at: datetime, end: str, waits: timedelta
) -> Story:
    person = draw_person(rng, scenario.language, scenario.who)
    slots = draw_slots(rng, person, at.astimezone(PARIS).date())
    body = filled(text, slots, person.language)
    opening = as_letter(rng, body, person) if channel == "email" else body
    subject = filled(scenario.subject_of(text), slots, person.language) if text in scenario.letters else ""
    if scenario.who == "teen":
        subject = subject.lower()
    return Story(person, scenario, slots, channel, subject, opening, at, end, waits)


def working_time(at: datetime, *, latest: datetime) -> datetime:
    """Return the instant, or the next one at which the desk is staffed (Monday to Saturday), never after `latest`."""
    local = at.astimezone(PARIS)
    if local.time() > CLOSES or local.weekday() == 6:
        local = (local + timedelta(days=1)).replace(hour=8, minute=31 + local.minute // 3)
    elif local.time() < OPENS:
        local = local.replace(hour=8, minute=31 + local.minute // 3)
    if local.weekday() == 6:
        local += timedelta(days=1)
    return min(local.astimezone(UTC), latest)


def files_for(text: str, slots: dict[str, str], rng: random.Random) -> tuple[File, ...]:
    """Return the files that the text speaks of."""
    said = text.lower()
    if "ci-joint" in said or "copy attached" in said:
        lines = [f"Facture {slots['invoice']}", f"Client {slots['client']}", "", f"Total TTC : {slots['amount']}"]
        return (File(f"facture-{slots['invoice']}.pdf", "application/pdf", files.invoice_pdf(lines)),)
    if "capture" in said:
        return (File("débit du soir.png", "image/png", files.speed_test_png(rng)),)
    if "photo" in said and "haute définition" not in said and "photo de" not in said:
        return (File("IMG_2117.png", "image/png", files.photo_png(rng)),)
    return ()


def copies_for(text: str) -> tuple[tuple[str, str], ...]:
    """Return whom the text puts in copy."""
    said = text.lower()
    if "en copie" in said or "copying in" in said:
        return (("Nadège Kerroux", "n.kerroux@infogerance-ouest.example"),)
    return ()
