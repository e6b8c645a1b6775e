"""Fills the corpus' slots and gives each text its writer's manner: greeting, farewell, typography. Pure."""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from comptoir.demo.people import FIRMS, Person

_FR_DAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
_FR_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_EN_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_EN_MONTHS = "January February March April May June July August September October November December".split()
_CITIES = ("Vannes", "Saint-Malo", "La Rochelle", "Quimper", "Royan", "Dieppe", "Angers", "Lorient", "Bayonne", "Caen")

_WORDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "fr": {
        "since": ("ce matin", "hier soir", "lundi", "avant-hier", "trois jours", "vendredi dernier", "une semaine"),
        "light": ("rouge", "orange clignotant", "blanc clignotant", "rouge fixe"),
        "abroad": ("au Maroc", "en Suisse", "au Canada", "au Sénégal", "en Turquie", "au Japon"),
    },
    "en": {
        "since": ("this morning", "last night", "Monday", "Saturday", "yesterday lunchtime", "Thursday"),
        "light": ("flashing orange", "solid red", "flashing white", "red"),
        "abroad": ("in Morocco", "in Switzerland", "in Canada", "in Turkey", "in Japan"),
    },
}
_BOTH: Mapping[str, Sequence[str]] = {
    "box": ("Vellebox 5", "Vellebox 6"),
    "device": ("Maravel 7", "Nérine X2", "Solenn 3"),
    "plan": ("Voile 20 Go", "Voile 80 Go", "Voile 200 Go"),
    "fibre": ("Fibre Escale", "Fibre Grand Large"),
    "city": _CITIES,
}
SLOTS = frozenset(
    {
        *_WORDS["fr"],
        *_BOTH,
        "past",
        "soon",
        "small",
        "amount",
        "order",
        "invoice",
        "client",
        "digits",
        "number",
        "mobile",
    }
    | {"landline", "company"}
)

_GREETINGS = {
    ("fr", "any"): ("Bonjour,", "Bonjour,", "Bonsoir,", "Madame, Monsieur,"),
    ("fr", "elderly"): ("Madame, Monsieur,", "Chère Madame, cher Monsieur,"),
    ("fr", "teen"): ("",),
    ("fr", "business"): ("Bonjour,", "Madame, Monsieur,"),
    ("fr", "press"): ("Bonjour,",),
    ("en", "any"): ("Hello,", "Hi,", "Good morning,", "Dear Ondavelle,"),
    ("en", "elderly"): ("Dear Sir or Madam,",),
    ("en", "teen"): ("",),
    ("en", "business"): ("Hello,", "Dear support team,"),
    ("en", "press"): ("Hello,",),
}
_FAREWELLS = {
    ("fr", "any"): ("Cordialement,", "Merci d'avance,", "Bonne journée,", "Bien à vous,"),
    ("fr", "elderly"): ("Avec mes salutations distinguées,", "En vous remerciant de votre obligeance,"),
    ("fr", "teen"): ("",),
    ("fr", "business"): ("Cordialement,", "Sincères salutations,"),
    ("fr", "press"): ("Bien cordialement,",),
    ("en", "any"): ("Best regards,", "Thanks,", "Kind regards,", "Many thanks,"),
    ("en", "elderly"): ("Yours faithfully,", "With kind regards,"),
    ("en", "teen"): ("thx",),
    ("en", "business"): ("Kind regards,", "Best regards,"),
    ("en", "press"): ("Best wishes,",),
}


def _day(on: date, language: str) -> str:
    if language == "fr":
        first = "1er" if on.day == 1 else str(on.day)
        return f"{_FR_DAYS[on.weekday()]} {first} {_FR_MONTHS[on.month - 1]}"
    return f"{_EN_DAYS[on.weekday()]} {on.day} {_EN_MONTHS[on.month - 1]}"


def _money(cents: int, language: str) -> str:
    return f"{cents // 100},{cents % 100:02d} €" if language == "fr" else f"€{cents // 100}.{cents % 100:02d}"


def draw_slots(rng: random.Random, person: Person, on: date) -> dict[str, str]:
    """Return one value for every slot: the same for a whole story, so that it agrees with itself."""
    language = person.language
    values = {name: rng.choice(words) for name, words in (*_WORDS[language].items(), *_BOTH.items())}
    pairs = f"{rng.randrange(100):02d} {rng.randrange(100):02d}"
    soon, past = on + timedelta(days=rng.randrange(2, 9)), on - timedelta(days=rng.randrange(2, 10))
    return values | {
        "past": _day(past - timedelta(days=past.weekday() == 6), language),  # nobody works on Sundays
        "soon": _day(soon + timedelta(days=soon.weekday() == 6), language),
        "small": _money(rng.choice((490, 690, 990, 1290, 1490, 1999, 2490)), language),
        "amount": _money(rng.randrange(4210, 31890), language),
        "order": f"OV-{rng.randrange(100_000, 999_999)}",
        "invoice": f"F26{on.month:02d}-{rng.randrange(10_000, 99_999)}",
        "client": f"C-{rng.randrange(1_000_000, 9_999_999)}",
        "digits": str(rng.randrange(10_000, 99_999)),
        "number": str(rng.randrange(6, 25)),
        "mobile": f"06 39 98 {pairs}",  # 06 39 98 and 01 99 00 are kept for fiction by the French numbering plan
        "landline": f"01 99 00 {pairs}",
        "company": person.company or rng.choice(FIRMS)[0],
    }


def filled(template: str, slots: Mapping[str, str], language: str) -> str:
    """Return a text of the corpus with its slots filled and its typography set."""
    return set_typography(template.format_map(slots), language)


_BEFORE = re.compile(r" ([?!;:»€])")


def set_typography(text: str, language: str) -> str:
    """Put no-break spaces where French has them. U+00A0 and not U+202F: the old character sets know it."""
    if language != "fr":
        return text
    return _BEFORE.sub("\N{NO-BREAK SPACE}\\1", text).replace("« ", "«\N{NO-BREAK SPACE}")


def as_letter(rng: random.Random, body: str, person: Person) -> str:
    """Return the body between the greeting and the farewell that suit the writer."""
    key = (person.language, person.who)
    greeting, farewell = rng.choice(_GREETINGS[key]), rng.choice(_FAREWELLS[key])
    name = person.first.lower() if person.who == "teen" else person.name
    ending = "\n".join(part for part in (farewell, name, person.company) if part)
    return "\n\n".join(part for part in (greeting, body, ending) if part)


def as_word_back(body: str, person: Person) -> str:
    """Return what somebody writes in an exchange that is under way: short, without ceremony."""
    if person.who == "teen":
        return body
    hello = "Bonjour," if person.language == "fr" else "Hello,"
    return f"{hello}\n\n{body}\n\n{person.name}"


def as_answer(body: str, person: Person, colleague_name: str) -> str:
    """Return an answer of the staff, in the tone of the house."""
    first = colleague_name.split()[0]
    if person.language == "fr":
        hello = "Bonjour" if person.who != "teen" else "Salut"
        who = person.name if person.who != "teen" else person.first
        return set_typography(f"{hello} {who},\n\n{body}\n\nBien à vous,\n{first}", "fr").replace("'", "’")
    return f"Hello {person.first},\n\n{body}\n\nBest wishes,\n{first}"
