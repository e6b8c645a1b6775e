"""The texts: enough of them, complete, and readable after their way through every mail program."""

import random
import string
from datetime import UTC, date, datetime

import pytest

from comptoir.channels.email.mime import parse_mail
from comptoir.demo import corpus
from comptoir.demo.corpus import Scenario
from comptoir.demo.mails import STYLES, Letter, Quoted, write_mail
from comptoir.demo.people import Person, draw_person, is_invented
from comptoir.demo.stories import past_stories
from comptoir.demo.wording import SLOTS, as_letter, draw_slots, filled, set_typography

ALL = [scenario for language in corpus.LANGUAGES for scenario in corpus.scenarios(language)]
BASE = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_there_are_at_least_150_distinct_openings() -> None:
    openings = [text for scenario in ALL for text in (*scenario.letters, *scenario.lines)]
    assert len(openings) == len(set(openings))
    assert len(openings) >= 150


@pytest.mark.parametrize("scenario", ALL, ids=lambda s: f"{s.language}-{s.key}")
def test_every_scenario_is_complete_and_knows_its_slots(scenario: Scenario) -> None:
    assert len(scenario.subjects) == len(scenario.letters)
    assert scenario.answers
    assert scenario.letters or scenario.lines
    texts = scenario.subjects + scenario.letters + scenario.lines + scenario.answers
    for text in (*texts, *scenario.thanks, *scenario.complaints, *scenario.nudges):
        used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        assert used <= SLOTS, text


@pytest.mark.parametrize("language", corpus.LANGUAGES)
@pytest.mark.parametrize("who", ["any", "teen", "elderly", "business", "press"])
def test_every_slot_has_a_value_and_every_kind_of_person_a_manner(language: str, who: str) -> None:
    rng = random.Random(1)
    person = draw_person(rng, language, who)
    slots = draw_slots(rng, person, date(2026, 11, 30))
    assert slots.keys() == SLOTS
    assert all(slots.values())
    assert is_invented(person.email)
    assert "Voici" in as_letter(rng, "Voici.", person)


def test_french_has_its_no_break_spaces() -> None:
    assert set_typography("« Oui » ? 5 € : non !", "fr") == "«\xa0Oui\xa0»\xa0? 5\xa0€\xa0: non\xa0!"
    assert set_typography("5 € : no !", "en") == "5 € : no !"


@pytest.mark.parametrize("style", sorted(set(STYLES)))
def test_a_letter_survives_every_mail_program(style: str) -> None:
    person = Person("Noël Açıkgöz" if style in {"plain", "both"} else "Noël Quéré", "noel@pelican.example", "fr", "any")
    text = set_typography("Bonjour,\n\nMa facture de 14,90 € n'est pas arrivée. L'œuvre « Été » ?\n\nNoël", "fr")
    letter = Letter(
        person, ("Boutique", "boutique@ondavelle.example"), "Où est ma facture ?", text, BASE, style=style,
        in_reply_to="a@ondavelle.example",
        quoted=Quoted("Boutique", "boutique@ondavelle.example", BASE, "Bonjour Noël"),
    )  # fmt: skip
    mail = parse_mail(write_mail(letter))
    assert mail.from_name == person.name
    assert mail.subject == "Où est ma facture ?"
    shown = mail.text.replace("’", "'").replace("\xa0", " ")
    assert "14,90 € n'est pas arrivée. L'œuvre « Été » ?" in shown
    assert mail.in_reply_to == ("a@ondavelle.example",)
    assert mail.message_id == letter.message_id


def test_the_past_is_always_the_same_and_never_in_the_future() -> None:
    stories = past_stories(BASE)
    assert stories == past_stories(BASE)
    assert all(story.at < BASE for story in stories)
    assert len({story.opening for story in stories}) == len(stories)
    assert {story.channel for story in stories} == {"email", "webform", "webchat", "sandbox"}


def test_no_text_is_left_unfilled() -> None:
    for story in past_stories(BASE):
        said = story.subject + story.opening + story.drawn(story.scenario.answers, "answer")
        assert "{" not in said
        assert filled("{order}", story.slots, "fr").startswith("OV-")
