"""Each reader brings its system's export into the one shape; nothing is lost without being told."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from comptoir.core.errors import InputError
from comptoir.moving import sources
from comptoir.moving.readers import SYSTEMS
from comptoir.moving.shape import ArticleItem, ContactItem, ConversationItem, Item, ReplyItem, SkippedItem

FIXTURES = Path(__file__).parent.parent / "fixtures"


def read(system: str, folder: str = "", **options: str) -> list[Item]:
    return list(SYSTEMS[system].read(sources.open_path(FIXTURES / (folder or system)), options))


def conversations(items: list[Item]) -> dict[str, ConversationItem]:
    return {item.key: item for item in items if isinstance(item, ConversationItem)}


def skipped(items: list[Item]) -> dict[str, str]:
    return {item.key: item.why for item in items if isinstance(item, SkippedItem)}


def kinds(item: ConversationItem) -> list[str]:
    return [said.kind for said in item.said]


def test_zendesk() -> None:
    items = read("zendesk")
    found = conversations(items)
    first, second = found["101"], found["102"]
    assert kinds(first) == ["in", "note", "out", "in"]
    assert (first.state, first.priority, first.tags) == ("open", 1, ("fibre", "urgence"))
    assert first.agent is not None and first.agent.email == "camille@acme.example"
    assert first.inbox == "service@acme.example"
    assert (first.contact.email, first.contact.company) == ("ada@example.net", "Martin SARL")
    assert dict(first.contact.attributes) == {"plan": "Fibre", "notes": "VIP"}
    here, absent = first.said[0].files
    assert here.read is not None and here.read() == b"hello"
    assert absent.read is None
    assert (second.state, kinds(second)) == ("solved", ["in", "out"])  # comments of a file of their own
    assert skipped(items) == {"103": "deleted", "104": "no-contact", "302": "macro-without-text"}
    assert [(i.folder, i.title) for i in items if isinstance(i, ReplyItem)] == [("Facture", "Copie")]
    assert [(i.title, i.language, i.folder) for i in items if isinstance(i, ArticleItem)] == [
        ("Restart the box", "en", "Internet")
    ]
    assert [i.party.name for i in items if isinstance(i, ContactItem)] == ["Ada Martin", "Bo Li"]


def test_zammad() -> None:
    items = read("zammad")
    found = conversations(items)
    first, second = found["21"], found["22"]
    assert kinds(first) == ["in", "out", "note"]
    assert (first.state, first.priority, first.tags, first.inbox) == ("open", 1, ("panne",), "Service")
    assert first.said[0].message_id == "first@example.net"
    assert [party.email for party in first.said[0].to] == ["service@acme.example"]
    file = first.said[0].files[0]
    assert file.read is not None and (file.read(), file.content_type) == (b"png", "image/png")
    assert first.said[1].author.email == "camille@acme.example"
    assert (second.state, second.priority, second.agent) == ("snoozed", -1, None)
    assert second.snoozed_until is not None and second.snoozed_until.year == 2030
    assert second.contact.email == "bo@example.net"
    assert skipped(items) == {"23": "merged"}
    assert [i.shortcut for i in items if isinstance(i, ReplyItem)] == ["hello"]
    assert [(i.title, i.html) for i in items if isinstance(i, ArticleItem)] == [("Box", "<p>Unplug.</p>")]


def test_chatwoot() -> None:
    items = read("chatwoot")
    found = conversations(items)
    first, second = found["12"], found["13"]
    assert kinds(first) == ["in", "out", "note", "in"]  # in the order of time, activities left out
    assert (first.subject, first.state, first.priority, first.tags) == ("Panne", "solved", 2, ("fibre",))
    assert (first.inbox, second.inbox) == ("service@acme.example", "Website")
    assert first.said[0].html and first.said[0].message_id == "first@example.net"
    assert second.state == "snoozed" and second.contact.key == "8"
    assert second.said[0].files[0].filename == "cat.png" and second.said[0].files[0].read is None
    assert [i.shortcut for i in items if isinstance(i, ReplyItem)] == ["bonjour"]
    assert [i.language for i in items if isinstance(i, ArticleItem)] == ["en"]


@pytest.mark.parametrize("folder", ["freescout", "freescout_sql"])
def test_freescout(folder: str) -> None:
    items = read("freescout", folder)
    (item,) = conversations(items).values()
    assert item.contact.email == "ada@example.net"
    assert (item.inbox, item.tags) == ("service@acme.example", ("fibre",))
    assert item.agent is not None and item.agent.email == "camille@acme.example"
    if folder == "freescout":
        assert kinds(item) == ["in", "out"] and item.state == "pending"
        assert item.said[0].files[0].read is not None
        assert skipped(items) == {"6": "spam"}
    else:
        assert kinds(item) == ["in", "out", "note"] and item.state == "solved"  # the draft is not there
        assert item.said[0].html == "<p>It's dead<br>\nreally</p>"
        assert item.said[0].message_id == "first@example.net"
        assert item.contact.name == "Ada O'Martin; (SARL)"
        assert skipped(items) == {"6": "deleted"}
        assert [i.title for i in items if isinstance(i, ReplyItem)] == ["Hello"]


def test_a_table_of_contacts_in_the_encoding_of_a_french_spreadsheet() -> None:
    source = sources.open_path(FIXTURES / "csv" / "contacts.csv")
    items = list(SYSTEMS["csv"].read(source, {}))
    parties = [item.party for item in items if isinstance(item, ContactItem)]
    assert [(p.name, p.email, p.company) for p in parties] == [
        ("Ada Martin", "ada@example.net", "Martin SARL"),
        ("Éve Noël", "eve@example.net", ""),
    ]
    assert dict(parties[0].attributes) == {"Ville": "Orléans"}
    assert [(item.place, item.why) for item in items if isinstance(item, SkippedItem)] == [
        ("contacts.csv: 3", "bad-address")
    ]


def test_a_table_of_messages_becomes_conversations_wherever_their_lines_stand() -> None:
    items = list(SYSTEMS["csv"].read(sources.open_path(FIXTURES / "csv" / "conversations.csv"), {}))
    found = [item for item in items if isinstance(item, ConversationItem)]
    assert [(i.subject, kinds(i), i.state) for i in found] == [
        ("Hi", ["in"], "open"),
        ("Panne", ["in", "out"], "solved"),
    ]
    panne = found[1]
    assert panne.tags == ("fibre", "panne") and panne.agent is not None
    assert panne.said[0].text == "Ma box\nclignote"
    assert list(skipped(items).values()) == ["no-date"]


def test_columns_may_be_named_by_hand(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("wer,wohin\nAda,ada@example.net\n")
    source = sources.open_path(tmp_path / "x.csv")
    with pytest.raises(InputError, match="Say which column"):
        list(SYSTEMS["csv"].read(source, {}))
    (item,) = SYSTEMS["csv"].read(source, {"email": "wohin", "name": "wer"})
    assert isinstance(item, ContactItem) and item.party.email == "ada@example.net"


def as_zip(folder: Path, **extra: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"export/{file.relative_to(folder)}")
        for name, content in extra.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("system", ["zendesk", "zammad", "chatwoot", "freescout"])
def test_a_zip_is_read_like_its_folder(system: str) -> None:
    packed = as_zip(FIXTURES / system)
    source = sources.open_file("export.zip", lambda: io.BytesIO(packed))
    unpacked = conversations(read(system))
    assert {k: kinds(i) for k, i in conversations(list(SYSTEMS[system].read(source, {}))).items()} == {
        key: kinds(item) for key, item in unpacked.items()
    }


def test_a_bomb_is_refused_before_anything_is_read() -> None:
    packed = as_zip(FIXTURES / "csv", bomb=b"\0" * 60_000_000)
    with pytest.raises(InputError, match="far too much"):
        sources.open_file("bomb.zip", lambda: io.BytesIO(packed))


def test_a_zip_that_lies_about_its_sizes_ends_in_a_sentence() -> None:
    packed = as_zip(Path("/nonexistent"), **{"tickets.json": b"[" + b" " * 100_000 + b"]"})
    lying = packed.replace((100_002).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != packed
    source = sources.open_file("x.zip", lambda: io.BytesIO(lying))
    with pytest.raises(InputError, match=r"tickets\.json"):
        list(SYSTEMS["zendesk"].read(source, {}))


@pytest.mark.parametrize(
    ("case", "name", "content", "said"),
    [
        ("cut off", "tickets.json", b'{"tickets": [{"id": 1, "requester_id"', "not readable as JSON"),
        ("not JSON", "tickets.json", b"hello", "not readable as JSON"),
        ("nested", "tickets.json", b"[" * 200_000, "not readable as JSON"),
        ("Latin-1", "tickets.json", '{"tickets": [{"id": 1, "subject": "é"}]}'.encode("latin-1"), "not UTF-8"),
        ("gzip", "tickets.json.gz", b"\x1f\x8b\x08\x00abc", "Unpack it"),
        ("damaged zip", "x.zip", b"PK\x05\x06" + b"\0" * 18 + b"PK", None),
        ("SQL", "dump.sql", b"INSERT INTO `conversations` VALUES (1,'x'", "SQL"),
        ("SQL without columns", "dump.sql", b"INSERT INTO `conversations` VALUES (1,'x');", "SQL"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(case: str, name: str, content: bytes, said: str | None) -> None:
    try:
        source = sources.open_file(name, lambda: io.BytesIO(content))
        items = list(SYSTEMS["freescout" if "SQL" in case else "zendesk"].read(source, {}))
    except InputError as error:
        assert said is None or said in str(error)
    else:
        assert said is None and items == []


@pytest.mark.parametrize("form", ["array", "lines", "page", "pages", "joined", "utf-16", "bom"])
def test_the_same_rows_in_every_form_that_exports_have(form: str) -> None:
    rows = [
        {"id": n, "requester": {"id": 1, "name": "A", "email": "a@example.net"}, "created_at": "2024-01-01T00:00:00Z",
         "subject": f"s{n} “é”", "description": "x", "status": "new"} for n in (1, 2, 3)
    ]  # fmt: skip
    text = {
        "array": json.dumps(rows),
        "lines": "\n".join(map(json.dumps, rows)),
        "page": json.dumps({"tickets": rows, "next_page": None}),
        "pages": "\n".join(json.dumps({"count": 3, "tickets": [row]}) for row in rows),
        "joined": ",".join(json.dumps({"tickets": [row]}, indent=2) for row in rows),
    }.get(form, json.dumps(rows))
    content = text.encode({"utf-16": "utf-16", "bom": "utf-8-sig"}.get(form, "utf-8"))
    source = sources.open_file("export.json", lambda: io.BytesIO(content))
    assert list(conversations(list(SYSTEMS["zendesk"].read(source, {})))) == ["1", "2", "3"]
