"""Who may save over whom, and which files come along, by tables."""

import pytest

from comptoir.drafts.rules import MAX_FILES_BYTES, Refusal, Standing, joined, refusal, standing


@pytest.mark.parametrize(
    ("case", "known", "stored", "expected"),
    [
        ("the first words", 0, None, Standing.CURRENT),
        ("the same page goes on", 5, 5, Standing.CURRENT),
        ("another device was faster", 5, 6, Standing.BEHIND),
        ("a page that never saw the draft", 0, 6, Standing.BEHIND),
        ("it was sent elsewhere", 5, None, Standing.GONE),
        ("only files were there", 0, 0, Standing.CURRENT),
    ],
)
def test_standing(case: str, known: int, stored: int | None, expected: Standing) -> None:
    assert standing(known=known, stored=stored) is expected


@pytest.mark.parametrize(
    ("name", "size", "others", "count", "expected"),
    [
        ("photo.jpg", 10, 0, 0, None),
        ("setup.EXE", 10, 0, 0, Refusal.TYPE),
        ("setup.exe. ", 10, 0, 0, Refusal.TYPE),
        ("letter.exe.pdf", 10, 0, 0, None),
        ("README", 10, 0, 0, None),
        ("empty.txt", 0, 0, 0, Refusal.EMPTY),
        ("big.zip", MAX_FILES_BYTES, 0, 0, None),
        ("big.zip", MAX_FILES_BYTES, 1, 1, Refusal.SIZE),
        ("one.txt", 1, 0, 20, Refusal.COUNT),
    ],
)
def test_files(name: str, size: int, others: int, count: int, expected: Refusal | None) -> None:
    assert refusal(name=name, size=size, others=others, count=count) is expected


@pytest.mark.parametrize(("before", "expected"), [("", "b"), (" \n", "b"), ("a", "a\n\nb"), ("a\n\n\n", "a\n\nb")])
def test_joining(before: str, expected: str) -> None:
    assert joined(before, "b") == expected
