"""Values of the organisation's own fields: what is kept of what people type."""

from typing import Any

import pytest

from comptoir.contacts.rules import Definition, changes_of, checked_choices, checked_value, key_of
from comptoir.core.errors import InputError

OFFER = ("Fibre", "Mobile")


@pytest.mark.parametrize(
    ("case", "kind", "given", "expected"),
    [
        ("text", "text", "  OND-12 ", "OND-12"),
        ("empty text", "text", "  ", None),
        ("whole number", "number", "12", 12),
        ("French number", "number", "1\u202f234,5", 1234.5),
        ("number as such", "number", 7, 7),
        ("date", "date", "2026-11-30", "2026-11-30"),
        ("choice", "choice", "Fibre", "Fibre"),
        ("ticked", "checkbox", "on", True),
        ("not ticked", "checkbox", "", None),
        ("false", "checkbox", False, None),
    ],
)
def test_a_value_is_kept_in_its_type(case: str, kind: str, given: Any, expected: Any) -> None:
    value = checked_value(Definition("key", kind, OFFER), given)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("case", "kind", "given"),
    [
        ("words", "number", "many"),
        ("not a number", "number", "nan"),
        ("endless", "number", "inf"),
        ("another order", "date", "30/11/2026"),
        ("no such day", "date", "2026-02-30"),
        ("not offered", "choice", "Satellite"),
        ("too long", "text", "x" * 501),
        ("a list", "text", ["a"]),
        ("perhaps", "checkbox", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(case: str, kind: str, given: Any) -> None:
    with pytest.raises(InputError) as caught:
        checked_value(Definition("key", kind, OFFER), given)
    assert caught.value.field == "key"


def test_choices_are_kept_once_and_only_by_a_choice() -> None:
    assert checked_choices("choice", [" Fibre ", "", "Mobile", "Fibre"]) == ["Fibre", "Mobile"]
    assert checked_choices("text", ["Fibre"]) == []


@pytest.mark.parametrize(
    ("kind", "choices"), [("mood", []), ("choice", [" "]), ("choice", [str(n) for n in range(51)])]
)
def test_a_definition_that_makes_no_sense_is_refused(kind: str, choices: list[str]) -> None:
    with pytest.raises(InputError):
        checked_choices(kind, choices)


@pytest.mark.parametrize(
    ("name", "key"), [("Numéro de dossier", "numero_de_dossier"), ("  Offer (2026)  ", "offer_2026"), ("日本", "")]
)
def test_a_key_is_made_of_the_name(name: str, key: str) -> None:
    assert key_of(name) == key


def test_only_what_differs_is_a_change() -> None:
    changes = changes_of({"a": 1, "b": "x", "c": True}, {"a": 1, "b": None, "d": "y"})
    assert changes == {"b": {"from": "x", "to": None}, "d": {"from": None, "to": "y"}}
