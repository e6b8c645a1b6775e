"""Placeholders, languages and the order of the picker, by tables."""

import pytest

from comptoir.knowledge.rules import (
    Candidate,
    Change,
    first_name,
    fold,
    holes,
    language_for,
    ranked,
    render,
    shortcut_of,
    undoable,
    unknown_placeholders,
)

VALUES = {"contact.name": "Ada Martin", "contact.first_name": "Ada", "conversation.subject": " "}


@pytest.mark.parametrize(
    ("case", "body", "text", "missing"),
    [
        ("plain", "Hello", "Hello", ()),
        ("filled in", "Hello {{contact.first_name}}!", "Hello Ada!", ()),
        ("with blanks inside", "{{ contact.name }}", "Ada Martin", ()),
        ("without a value it says so", "About {{agent.name}}", "About [agent.name?]", ("agent.name",)),
        ("blanks are no value", "{{conversation.subject}}", "[conversation.subject?]", ("conversation.subject",)),
        ("each missing one once", "{{x}} {{x}}", "[x?] [x?]", ("x",)),
        ("single braces stay", "{contact.name} {}", "{contact.name} {}", ()),
        ("a value with braces is not filled in again", "{{contact.name}}{{", "Ada Martin{{", ()),
    ],
)
def test_placeholders(case: str, body: str, text: str, missing: tuple[str, ...]) -> None:
    found = render(body, VALUES)
    assert (found.text, found.missing) == (text, missing)


def test_a_value_cannot_bring_a_placeholder_of_its_own() -> None:
    assert render("{{contact.name}}", {"contact.name": "{{agent.name}}", "agent.name": "x"}).text == "{{agent.name}}"


def test_a_hole_that_nobody_filled_is_found_again() -> None:
    text = render("{{contact.name}}, {{agent.name}}", VALUES, say="[missing: {name}]").text
    assert holes(text, say="[missing: {name}]") == ["[missing: agent.name]"]
    assert holes("[missing: a page]", say="[missing: {name}]") == []


def test_misspelt_placeholders_are_found() -> None:
    assert unknown_placeholders("{{contact.nom}} {{contact.name}} {{x}}") == ["contact.nom", "x"]


@pytest.mark.parametrize(
    ("name", "first"),
    [("Ada Martin", "Ada"), ("Martin, Ada", "Ada"), ("Ada", "Ada"), ("", ""), ("Martin,", "Martin"), ("  ", "")],
)
def test_first_names(name: str, first: str) -> None:
    assert first_name(name) == first


@pytest.mark.parametrize(
    ("typed", "kept"), [("/Merci", "merci"), ("Délai dépassé !", "delai-depasse"), ("œuvre", "oeuvre"), ("/", "")]
)
def test_shortcuts(typed: str, kept: str) -> None:
    assert shortcut_of(typed) == kept


@pytest.mark.parametrize(
    ("case", "available", "conversation", "person", "chosen"),
    [
        ("the conversation's", ["en", "fr"], "fr", "en", "fr"),
        ("else the person's", ["en", "fr"], "de", "fr", "fr"),
        ("else the first there is", ["es", "it"], "de", "fr", "es"),
        ("there is none", [], "fr", "fr", ""),
    ],
)
def test_which_language(case: str, available: list[str], conversation: str, person: str, chosen: str) -> None:
    assert language_for(available, conversation=conversation, person=person) == chosen


REPLIES = [
    Candidate(1, "Thanks", "thx", use_count=1, bodies={"en": "Thank you for writing."}),
    Candidate(2, "Délai dépassé", "delai", use_count=2, bodies={"fr": "Votre colis est en retard."}),
    Candidate(3, "Delayed parcel", "late", use_count=9, bodies={"en": "Your parcel is late."}),
    Candidate(4, "Thanks again", "thxx", folder="Parcels", use_count=50, bodies={"fr": "Merci encore."}),
]


@pytest.mark.parametrize(
    ("case", "query", "language", "order"),
    [
        ("nothing typed: the language first, then by use", "", "fr", [4, 2, 3, 1]),
        ("the exact shortcut wins over a longer one", "thx", "fr", [1, 4]),
        ("with the slash", "/late", "fr", [3]),
        ("the beginning of the name, accents folded", "dela", "fr", [2, 3]),
        ("accents in the query as well", "délai", "en", [2]),
        ("words of the text", "colis retard", "fr", [2]),
        ("a word of the folder before a word of the text", "parcel", "en", [3, 4]),
        ("every word has to be there", "thanks parcel", "en", [4]),
        ("nothing fits", "zzz", "fr", []),
        ("signs of patterns are only signs", "(.*", "fr", []),
    ],
)
def test_the_order_of_the_picker(case: str, query: str, language: str, order: list[int]) -> None:
    assert [candidate.id for candidate in ranked(REPLIES, query, language=language)] == order


def test_folding() -> None:
    assert fold("L’Œuvre à Noël") == "l'oeuvre a noel"


def test_only_what_nobody_changed_since_is_taken_back() -> None:
    state, team = Change("state", ["open", ""], ["solved", ""]), Change("team", 1, 2)
    assert undoable([state, team], {"state": ["solved", ""], "team": 2}) == ([team, state], [])
    assert undoable([state, team], {"state": ["open", ""], "team": 2}) == ([team], [state])
