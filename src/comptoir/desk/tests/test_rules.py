"""What a screen shows of a value, without a database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.desk import rules
from comptoir.desk.highlight import excerpt, fold

MONDAY = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(("minutes", "level"), [(0, 0), (59, 0), (60, 1), (239, 1), (240, 2), (1439, 2), (1440, 3)])
def test_the_level_of_a_wait(minutes: int, level: int) -> None:
    assert rules.wait_level(timedelta(minutes=minutes)) == level


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Élodie Garçon-Lefèvre", "ÉG"),
        ("romane", "R"),
        ("@marco", "M"),
        ("", "?"),
        ("(…)", "?"),
        ("a@b.c", "A"),
        ("Jean de La Tour", "JT"),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert rules.initials_of(name) == initials


@pytest.mark.parametrize(
    ("case", "text", "visible", "folded"),
    [
        ("all of it is visible", "Hello", "", ""),
        ("the rest is folded", "Hello\n\n> old", "Hello", "> old"),
        ("another text is folded whole", "A\n> q\nB", "A\nB", "A\n> q\nB"),
    ],
)
def test_what_is_folded_away(case: str, text: str, visible: str, folded: str) -> None:
    assert rules.folded_part(text, visible) == folded


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
        ("<b>&", "<p>&lt;b&gt;&amp;</p>"),
        ("> q\n> r", "<blockquote><p>q<br>r</p></blockquote>"),
        (
            "see https://x.org/a?b=1&c=2.",
            '<p>see <a href="https://x.org/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer nofollow">'
            "https://x.org/a?b=1&amp;c=2</a>.</p>",
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
        (
            "to a.b+c@x.org",
            '<p>to <a href="mailto:a.b+c@x.org" target="_blank" rel="noopener noreferrer nofollow">a.b+c@x.org</a></p>',
        ),
    ],
)
def test_prose(text: str, html: str) -> None:
    assert rules.prose(text) == html


@pytest.mark.parametrize("piece", ["a", "a.", "-a@", "http://", "a-b+"])
def test_a_long_line_is_shown_as_it_is(piece: str) -> None:
    """One that costs the square of its length would not end here."""
    line = piece * (200_000 // len(piece))
    assert piece in rules.prose(line)


@given(st.text(alphabet=st.sampled_from(list("ab<>&\"'\n /:.@htps")), max_size=80))
def test_prose_has_no_tag_that_it_did_not_write(text: str) -> None:
    html = rules.prose(text)
    for tag in html.split("<")[1:]:
        assert tag.startswith(("p>", "/p>", "br>", 'a href="', "/a>", "blockquote>", "/blockquote>"))


@given(st.text(max_size=300), st.text(max_size=40))
def test_an_excerpt_is_always_safe(text: str, query: str) -> None:
    html = excerpt(text, query).replace("<mark>", "").replace("</mark>", "")
    assert "<" not in html and ">" not in html


def test_an_excerpt_shows_the_surroundings_of_the_first_word() -> None:
    text = "word " * 100 + "the Étagère fell " + "word " * 100
    found = excerpt(text, "etageres")
    assert "<mark>Étagère</mark>" in found and found.startswith("…") and found.endswith("…")


@pytest.mark.parametrize(
    ("word", "folded"), [("Œuvre", "oeuvre"), ("ÉTÉ", "ete"), ("Straße", "strasse"), ("naïve", "naive")]
)
def test_fold(word: str, folded: str) -> None:
    assert fold(word) == folded


def test_snooze_times_are_in_the_future_and_at_nine() -> None:
    times = dict(rules.snooze_times(MONDAY))
    assert times["hours"] == MONDAY.replace(hour=18)
    assert times["tomorrow"] == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert times["monday"] == datetime(2026, 11, 30, 9, tzinfo=UTC)
    sunday = dict(rules.snooze_times(MONDAY - timedelta(days=1)))
    assert sunday["monday"] - sunday["tomorrow"] == timedelta(days=7)


def test_copies_leave_out_ourselves_and_the_author() -> None:
    recipients = {
        "to": [{"address": "Us@x.org"}, {"address": "b@x.org"}],
        "cc": [{"address": "B@x.org"}, {"address": "c@x.org"}],
    }
    assert rules.copies_of(recipients, without=["us@x.org", ""]) == ["b@x.org", "c@x.org"]


@dataclass
class _Turn:
    created_at: datetime
    kind: str = "in"
    user_id: int | None = None
    contact_id: int | None = 1
    conversation_id: int = 1


@dataclass
class _Change:
    at: datetime
    conversation_id: int = 1


def test_a_timeline_has_days_runs_and_folded_changes() -> None:
    def at(minutes: int) -> datetime:
        return MONDAY + timedelta(minutes=minutes)

    turns = [_Turn(at(0)), _Turn(at(1)), _Turn(at(2), kind="out", user_id=1, contact_id=None), _Turn(at(1440))]
    items = rules.weave(turns, [_Change(at(3)), _Change(at(4))], day_of=lambda t: t.date(), chats={1})
    assert [(item.kind, item.run) for item in items] == [
        ("day", False), ("message", False), ("message", True), ("message", False), ("events", False), ("day", False),
        ("message", False),
    ]  # fmt: skip
    assert len(items[4].value) == 2


def test_a_timeline_of_several_conversations_says_where_each_part_was_said() -> None:
    def at(minutes: int) -> datetime:
        return MONDAY + timedelta(minutes=minutes)

    turns = [_Turn(at(0)), _Turn(at(1), conversation_id=2), _Turn(at(2), conversation_id=2), _Turn(at(1440))]
    changes = [_Change(at(3), conversation_id=2), _Change(at(4))]
    items = rules.weave(turns, changes, day_of=lambda t: t.date(), chats={2}, marks=True)
    assert [(item.kind, item.value if item.kind == "chapter" else item.run) for item in items] == [
        ("day", False), ("chapter", 1), ("message", False), ("chapter", 2), ("message", False), ("message", True),
        ("events", False), ("chapter", 1), ("events", False), ("day", False), ("message", False),
    ]  # fmt: skip


def test_remote_images_are_switched_on_only_as_attributes() -> None:
    html = '<img data-remote-src="https://x/y.png">'
    assert rules.with_remote_images(html) == '<img src="https://x/y.png">'


@pytest.mark.parametrize(("desks", "seconds"), [(0, 0), (3, 0), (4, 0.4), (250, 25)])
def test_where_many_show_the_queue_each_hears_later(desks: int, seconds: float) -> None:
    assert rules.longest_wait(desks) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", rules.Shown()),
        ("shows=other", rules.Shown(is_list=False)),
        ("conversation=12&tab=0123456789abcdef", rules.Shown(12, "0123456789abcdef", is_list=False)),
        ("conversation=12", rules.Shown(12, is_list=False)),
        ("conversation=12&tab=short", rules.Shown(12, is_list=False)),
        ("conversation=12&tab=UPPERCASE", rules.Shown(12, is_list=False)),
        ("conversation=-1&tab=0123456789abcdef", rules.Shown()),
        ("conversation=%C2%B2&tab=0123456789abcdef", rules.Shown()),
        ("conversation=99999999999999999999&tab=0123456789abcdef", rules.Shown()),
    ],
)
def test_what_a_stream_shows(query: str, shown: rules.Shown) -> None:
    assert rules.shown_by(query) == shown
