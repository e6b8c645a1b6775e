"""Whether a rule matches: one table for each operator, and the groups together."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.core.errors import InputError
from comptoir.routing.rules import conditions
from comptoir.routing.rules.conditions import Action, Condition, Definition, Facts, judge

FACTS = Facts(
    conversation_id=1, team="3", channel="email", account="7", state="open", priority="0", language="fr",
    subject="Facture n° 2026-118", text="Bonjour, ma facture d’été est déjà payée ! L’œuvre est là.",
    contact="Zoé Quéré", company="Le Môle", addresses="zoe@mole.example zq", labels="3 7 12",
    waiting_minutes=61.7, is_first=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "field", "op", "value", "expected"),
    [
        ("a choice", "channel", "is", "email", True),
        ("another choice", "channel", "is_not", "email", False),
        ("nobody", "assignee", "is", "", True),
        ("words without accents", "text", "has", "ete", True),
        ("one of several words", "text", "has", "remboursement, PAYEE", True),
        ("a phrase", "text", "has", "deja payee", True),
        ("words in another order", "text", "has", "payée déjà", False),
        ("a part of a word is none", "text", "has", "fact", False),
        ("a ligature", "text", "has", "oeuvre", True),
        ("after an apostrophe", "text", "has", "été", True),
        ("the subject counts as text", "text", "has", "2026", True),
        ("lacks", "text", "lacks", "avocat", True),
        ("a pattern", "subject", "like", "####-###", True),
        ("a pattern that does not fit", "subject", "like", "####-####", False),
        ("stars in their order", "text", "like", "facture*payee", True),
        ("stars out of order", "text", "like", "payee*facture", False),
        ("one character", "address", "like", "@m?le.", True),
        ("a dot is a dot", "address", "like", "mole?example", True),
        ("unlike", "address", "unlike", "@gmail.", True),
        ("minutes", "waiting", "at_least", "61", True),
        ("fewer minutes", "waiting", "less_than", "61", False),
        ("open", "hours", "is", "open", True),
        ("a machine", "automatic", "is", "yes", False),
        ("the first message", "first", "is", "yes", True),
        ("a label", "label", "includes", "7", True),
        ("no part of a number", "label", "includes", "1", False),
        ("another label", "label", "excludes", "8", True),
    ],
)
def test_one_condition(case: str, field: str, op: str, value: str, expected: bool) -> None:
    verdict = judge(Definition("created", every=(Condition(field, op, value),)), FACTS)
    assert verdict.matches is expected
    assert verdict.every[0].holds is expected


YES, NO = Condition("channel", "is", "email"), Condition("channel", "is", "webchat")


@pytest.mark.parametrize(
    ("case", "every", "some", "expected"),
    [
        ("no condition", (), (), True),
        ("all hold", (YES, YES), (), True),
        ("one does not", (YES, NO), (), False),
        ("one of some", (), (NO, YES), True),
        ("none of some", (), (NO, NO), False),
        ("all, but none of some", (YES,), (NO,), False),
        ("all, and one of some", (YES,), (NO, YES), True),
    ],
)
def test_groups(case: str, every: tuple[Condition, ...], some: tuple[Condition, ...], expected: bool) -> None:
    assert judge(Definition("created", every=every, some=some), FACTS).matches is expected


def test_a_verdict_says_what_was_found_and_shortens_it() -> None:
    facts = replace(FACTS, subject="mot " * 100)
    judged = judge(Definition("created", every=(Condition("subject", "has", "mot"),)), facts).every[0]
    assert judged.found.startswith("mot mot") and judged.found.endswith("…")
    assert len(judged.found) <= conditions.MAX_SHOWN


def test_a_nasty_pattern_is_no_slower_than_the_text_is_long() -> None:
    begun = time.monotonic()
    assert not conditions.is_like("a" * 20_000, "*".join("a" * 200) + "*b")
    assert not conditions.is_like("a" * 20_000, "?" * 300 + "b")
    assert time.monotonic() - begun < 2


DEFINITION = Definition(
    "waiting", 30, (YES,), (NO,), (Action("assign", "4"), Action("notify", "Look", (1, 2))), is_last=True
)


def test_a_definition_is_stored_and_read_back() -> None:
    assert conditions.read_definition(conditions.write_definition(DEFINITION)) == DEFINITION


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("no moment", {"when": "later"}, "Choose when"),
        ("waiting without minutes", {"when": "waiting", "minutes": 0}, "how many minutes"),
        ("unknown field", {"every": [{"field": "mood", "op": "is", "value": "x"}]}, "no rule can have"),
        ("wrong operator", {"every": [{"field": "channel", "op": "has", "value": "x"}]}, "no rule can have"),
        ("no number", {"every": [{"field": "waiting", "op": "at_least", "value": "soon"}]}, "number"),
        ("no words", {"every": [{"field": "text", "op": "has", "value": " , "}]}, "words"),
        ("too many", {"every": [{"field": "channel", "op": "is", "value": "x"}] * 21}, "at most 20"),
    ],
)
def test_what_no_rule_can_say_is_refused(case: str, change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        conditions.read_definition({**conditions.write_definition(DEFINITION), **change})


@given(st.text(max_size=200), st.text(max_size=30))
def test_any_text_and_any_pattern_can_be_compared(text: str, pattern: str) -> None:
    conditions.is_like(text, pattern)
    conditions.has_words(text, pattern)
    assert conditions.is_like(text, "*")
