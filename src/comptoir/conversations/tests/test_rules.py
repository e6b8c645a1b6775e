"""Mentions, by a table."""

import pytest

from comptoir.conversations.rules import mentioned

PEOPLE = [(1, "Ann"), (2, "Ann Lee"), (3, "Tom Okafor"), (4, "Élodie"), (5, "")]


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("nobody", "Hello", []),
        ("one", "@Tom Okafor please look", [3]),
        ("the longest name wins", "@Ann Lee and @Ann", [2, 1]),
        ("case does not matter", "@tom okafor", [3]),
        ("accents do", "@Élodie, @Elodie", [4]),
        ("each once", "@Ann @Ann", [1]),
        ("punctuation may follow", "(@Ann).", [1]),
        ("a longer word is no mention", "@Annabel", []),
        ("an address is no mention", "tom@Ann.example", []),
        ("nor is the end of a link", "https://example.org/@Ann", []),
        ("half a name is nobody", "@Tom", []),
        ("at the very end", "ask @Ann", [1]),
        ("a lone sign", "@ @", []),
    ],
)
def test_mentions(case: str, text: str, expected: list[int]) -> None:
    assert mentioned(text, PEOPLE) == expected
