"""Every channel folder keeps the contract of channels/base.py, whatever folders there are."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.urls import get_resolver
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir import channels as package
from comptoir.channels.base import Capability, Channel
from comptoir.channels.registry import channels
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Outbound, ParseContext

FOLDER = Path(package.__file__).parent
ALL = sorted(channels().values(), key=lambda c: c.kind)
SPRITE = (FOLDER.parent / "static/icons/sprite.svg").read_text()


def context(source: str = "webhook") -> ParseContext:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    return ParseContext(1, "support@example.org", {}, source, at, "x", b"k" * 32)


@pytest.fixture(params=ALL, ids=lambda c: c.kind)
def channel(request: pytest.FixtureRequest) -> Iterator[Channel]:
    yield request.param


def test_the_folder_has_its_name_its_page_and_its_icon(channel: Channel) -> None:
    assert (FOLDER / channel.kind / "doc.md").exists()
    own = (FOLDER / channel.kind / "icon.svg").exists() and channel.icon == f"channel-{channel.kind}"
    assert own or f'id="{channel.icon}"' in SPRITE
    assert str(channel.label)


def test_fields_have_words_and_secrets_are_marked(channel: Channel) -> None:
    for field in channel.fields:
        assert str(field.label)
        assert field.secret or field.kind != "password"
    assert len({field.name for field in channel.fields}) == len(channel.fields)


def test_every_declared_event_has_a_fixture(channel: Channel) -> None:
    fixtures = [path.name for path in (FOLDER / channel.kind / "fixtures").iterdir()]
    assert fixtures
    for event in channel.events:
        assert any(name.startswith(event) for name in fixtures), event


def test_pure_modules_stay_pure(channel: Channel) -> None:
    for name in ("parse.py", "render.py", "verify.py"):
        path = FOLDER / channel.kind / name
        if not path.exists():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad = ("django", "psycopg", "httpx", "comptoir.core.clock", "comptoir.core.bulk", "comptoir.inbound")
            assert not [n for n in names if n.startswith(bad)], f"{path}: {names}"


def test_what_is_signed_is_also_split(channel: Channel) -> None:
    assert (channel.verify is None) == (channel.identify is None)


def test_public_screens_are_mounted(channel: Channel) -> None:
    if channel.urls:
        assert any(str(p.pattern) == f"c/{channel.kind}/" for p in get_resolver().url_patterns)


@settings(max_examples=150, deadline=None)
@given(raw=st.one_of(st.binary(max_size=400), st.text(max_size=300).map(str.encode), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from("id type text author address session thread fields files name".split()), inner, max_size=6
    ), max_leaves=12,
).map(lambda v: __import__("json").dumps(v).encode())))  # fmt: skip
@pytest.mark.parametrize("kind", [c.kind for c in ALL])
def test_no_bytes_make_a_parser_fail_otherwise_than_declared(kind: str, raw: bytes) -> None:
    try:
        events = channels()[kind].parse(raw, context(), lambda content: "0" * 64)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
    else:
        assert isinstance(events, list)


@pytest.mark.parametrize("text", ["", "Hello", "\u00e9t\u00e9 " * 3000, "👍🏽" * 900, "\n\n", "\ud800"], ids=repr)
def test_what_is_sent_can_be_previewed_first(channel: Channel, text: str) -> None:
    assert (channel.send is None) == (channel.preview is None)
    if channel.preview is None:
        return
    message = Outbound(key="k", text=text, to=(), subject="Re: x", signature="Us", quoted="> y")
    choices = [f.choices for f in channel.fields if f.name == "imitates"] or [(("", ""),)]
    for value, _label in choices[0]:
        shown = channel.preview(message, {"imitates": value})
        assert shown.parts
        assert all(part.length >= 0 for part in shown.parts)
        assert not (shown.splits and shown.is_too_long)
        assert (Capability.SIGNATURE in channel.capabilities) == bool(shown.signature)
        assert (Capability.QUOTES in channel.capabilities) == bool(shown.quoted)
