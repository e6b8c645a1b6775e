"""What a mail says, one nasty case a fixture. All fixtures are synthetic."""

# ruff: noqa: E501  (tables of what mail programs write, easier to read on one line each)

import base64
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from comptoir.channels.email.cli_json import mail_as_json, main
from comptoir.channels.email.mime import parse_mail
from comptoir.channels.email.parsed import Address, ParsedMail
from comptoir.channels.email.structure import MAX_DEPTH, MAX_PARTS
from comptoir.core.errors import AnomalousPayload
from comptoir.core.filenames import MAX_NAME_BYTES, name_attachment

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
ALL = sorted(p.name for p in FIXTURES.glob("*.eml"))
FRENCH = "Bonjour,\n\nma commande à 12 € n’est « jamais » arrivée : où est-elle ?\n\nAmélie"


def load(name: str) -> ParsedMail:
    return parse_mail((FIXTURES / f"{name}.eml").read_bytes())


TEXTS = [
    ("charset-windows-1252-as-latin1", FRENCH),
    ("charset-utf8-as-ascii", FRENCH),
    ("charset-latin1-as-utf8", "Déjà réglé à la caisse."),
    ("charset-utf8-with-latin1-footer", "Ma commande « bleue » est cassée, réponse espérée.\n-- pied de page ajouté"),
    ("charset-unknown", "Où est ma commande payée hier ?"),
    ("charset-missing-koi8", "Здравствуйте, где мой заказ? Я жду ответа."),
    ("charset-iso-2022-jp", "荷物が届きません。①Ⅰ"),
    ("charset-shift-jis-as-iso-2022-jp", "荷物が届きません。"),
    ("charset-gb2312-beyond", "我的訂單在哪裡？镕"),
    ("charset-macintosh-decomposed", "réponse égarée"),
    ("charset-html-meta-only", "Где мой заказ?"),
    ("nul-bytes", "undeuxtrois"),
    ("junk-before-header", "le corps"),
    ("no-blank-line", "le corps sans ligne vide\nla suite"),
    ("bare-cr", "le corps\nla suite"),
    ("empty-body", ""),
    ("html-only", "Bonjour,\n\nl’écran est cassé\ndepuis hier"),
    ("alternative-with-calendar", "Réunion mardi."),
    ("inline-image", "Voir et"),
    ("apple-text-image-text", "Avant\n\nApres"),
    ("apple-html-pdf-html", "Avant\n\nApres"),
    ("nested-rfc822", "voir ci-joint"),
    ("format-flowed", "Ceci est une longue ligne qui continue ici.\n> citée et jointe\nFrom au début\n\n-- \nZoé"),
    ("uuencode-in-text", "Le rapport :\n\n\nMerci"),
    ("boundary-truncated", "le texte"),
    ("boundary-missing", "Le texte est là."),
    ("boundary-undeclared", "le texte"),
    ("nesting-40-deep", "au fond"),
    ("base64-damaged", "Où est-elle "),
    ("pgp-mime-signed", "signé"),
    ("pgp-mime-encrypted", ""),
    ("smime-opaque-signed", "signé en opaque"),
    ("smime-encrypted", ""),
    ("tnef-winmail", "Bonjour depuis Outlook, é"),
    ("mailing-list", "Bonjour\n\n_______________\nclub mailing list"),
]


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_text(name: str, text: str) -> None:
    assert load(name).text == text


SENDERS = [
    ("rfc2047-abuse", "Zoé Martin", "zoe@client.example"),
    ("rfc2047-comma-in-name", "Bürling, Andreas", "andreas@client.example"),
    ("raw-8bit-headers", "Jürgen Größe", "j@client.example"),
    ("no-from", "Zoé", "zoe@client.example"),
    ("from-empty-everywhere", "", ""),
    ("from-twice", "Zoé", "zoe@client.example"),
    ("from-group-and-comment", "Zoé", "zoe@client.example"),
    ("bounce-dsn", "Mail Delivery System", "MAILER-DAEMON@mx.example"),
]


@pytest.mark.parametrize(("name", "display_name", "email"), SENDERS)
def test_sender(name: str, display_name: str, email: str) -> None:
    mail = load(name)
    assert (mail.from_name, mail.from_email) == (display_name, email)


def test_groups_are_opened_and_comments_are_names() -> None:
    mail = load("from-group-and-comment")
    assert mail.to == (Address("", "a@x.example"), Address("B, C", "b@x.example"))
    assert mail.cc == (Address("Zoé M.", "zoe@client.example"),)


ATTACHMENTS = [
    ("alternative-with-calendar", [("invite.ics", "text/calendar", None)]),
    ("inline-image", [("photo.png", "image/png", "photo@client")]),
    ("apple-html-pdf-html", [("a.pdf", "application/pdf", None)]),
    ("nested-rfc822", [("Facture payée: n° 12.eml", "message/rfc822", None)]),
    ("rfc2231-names", [("reçu de l'ete €.pdf", "application/pdf", None), ("été 2026.png", "image/png", None)]),
    ("uuencode-in-text", [("rapport.csv", "application/octet-stream", None)]),
    ("uuencode-as-encoding", [("a.txt", "application/octet-stream", None)]),
    ("boundary-truncated", [("a.pdf", "application/pdf", None)]),
    ("pgp-mime-signed", [("signature.asc", "application/pgp-signature", None)]),
    (
        "pgp-mime-encrypted",
        [("file.asc", "application/pgp-encrypted", None), ("encrypted.asc", "application/octet-stream", None)],
    ),
    ("smime-opaque-signed", [("smime.p7m", "application/pkcs7-mime", None)]),
    ("tnef-winmail", [("reçu détaillé.pdf", "application/pdf", None)]),
    ("tnef-damaged", [("winmail.dat", "application/ms-tnef", None)]),
]


@pytest.mark.parametrize(("name", "attachments"), ATTACHMENTS)
def test_attachments(name: str, attachments: list[tuple[str, str, str | None]]) -> None:
    assert [(a.filename, a.content_type, a.content_id) for a in load(name).attachments] == attachments


def test_attachment_contents_survive() -> None:
    assert load("uuencode-in-text").attachments[0].content == b"id;nom\n1;Zoe\n"
    assert load("uuencode-as-encoding").attachments[0].content == b"contenu"
    assert load("tnef-winmail").attachments[0].content == b"%PDF-1.4 demo"
    image = load("inline-image").attachments[0]
    assert (image.size, image.md5) == (70, "f829b914fc47cfc9c0747c119c27cf1b")
    assert image.disposition == "inline"


def test_hostile_file_names_are_harmless() -> None:
    names = [a.filename for a in load("hostile-file-names").attachments]
    assert names[:5] == ["passwd", "cmd.exe", "facturefdp.exe", "ab[31m.txt", "htaccess"]
    assert names[6:] == ["file.bin", "CON()-__.txt", "file.bin", "b"]
    assert len(names[5].encode()) <= MAX_NAME_BYTES
    assert names[5].endswith(".pdf")


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["application/pdf", "message/rfc822", "x/y", "image/jpeg"]))
def test_a_file_name_never_leaves_its_folder(name: str, content_type: str) -> None:
    safe = name_attachment(name, content_type)
    assert safe
    assert safe not in {".", ".."}
    assert len(safe.encode()) <= MAX_NAME_BYTES
    assert not set(safe) & set('/\\\0\n\r"<>|?*\u202e\u2066')


def test_headers() -> None:
    assert load("rfc2047-abuse").subject == "Réclamation payéeno blank et after é"
    assert load("raw-8bit-headers").subject == "Réclamation «urgente»"
    mail = load("references-wild")
    assert mail.message_id == "spaced.id@client.example"
    assert mail.in_reply_to == ("one@shop.example",)
    assert mail.references == ("one@shop.example", "two@shop.example", "three@shop.example")
    assert load("date-impossible").date is None
    assert load("empty-body").date == datetime(2026, 11, 16, 8, 30, tzinfo=UTC)


def test_bounces() -> None:
    standard = load("bounce-dsn").bounce
    assert standard is not None
    assert (standard.final_recipient, standard.action, standard.status) == ("gone@client.example", "failed", "5.1.1")
    assert standard.diagnostic == "550 5.1.1 <gone@client.example>: no such user"
    assert standard.original_message_id == "sent-1@shop.example"
    assert standard.is_permanent
    classic = load("bounce-classic").bounce
    assert classic is not None
    assert not classic.is_standard
    assert (classic.final_recipient, classic.status) == ("gone@client.example", "5.1.1")
    assert classic.original_message_id == "sent-2@shop.example"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("vacation-reply", "Auto-Submitted: auto-replied"),
        ("vacation-by-subject-only", "subject of an automatic reply"),
        ("read-receipt", "read receipt"),
        ("bounce-classic", "bounce"),
        ("mailing-list", ""),
        ("html-only", ""),
    ],
)
def test_automatic_mail_is_recognised(name: str, reason: str) -> None:
    mail = load(name)
    assert mail.auto_reply_reason == reason
    assert mail.auto_reply == bool(reason)


def test_loop_markers() -> None:
    loop = load("mailing-list").loop
    assert loop.is_bulk
    assert loop.x_loop == ("liste@club.example",)
    assert loop.list_id == "La liste <liste.club.example>"
    assert load("vacation-reply").loop.auto_response_suppress == "All"


def test_a_mail_of_pictures_only_says_its_title() -> None:
    html = "<html><head><title>Votre&nbsp;facture</title></head><body><img src='http://x.example/a.png'></body></html>"
    assert parse_mail(HEAD + b"Content-Type: text/html\r\n\r\n" + html.encode()).text == "Votre facture"


def test_what_was_guessed_is_said() -> None:
    assert load("charset-unknown").notes == ("unknown charset 'x-klingon', read as windows-1252",)
    assert load("from-empty-everywhere").notes == ("no sender",)
    assert load("tnef-damaged").notes == ("winmail.dat could not be opened",)


@pytest.mark.parametrize(
    "raw", [b"", b" \r\n\r\n", b"\x00\x01\x02", b"PK\x03\x04 not a mail", b"<html><body>no mail</body></html>"]
)
def test_what_is_no_mail_is_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        parse_mail(raw)


# --- limits ---------------------------------------------------------------------------------------------------------

HEAD = b"From: z@client.example\r\nSubject: x\r\n"


def test_a_bomb_of_parts_is_cut_with_a_note() -> None:
    part = b"--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n"
    mail = parse_mail(
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nle texte\r\n" + part * 10_000
    )
    assert mail.text == "le texte"
    assert len(mail.attachments) < MAX_PARTS
    assert any("left in the original" in note for note in mail.notes)


def test_a_bomb_of_nesting_is_cut_with_a_note() -> None:
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(5_000))
    mail = parse_mail(HEAD + levels + b"\r\nau fond")
    assert any(f"more than {MAX_DEPTH} levels" in note for note in mail.notes)


HOSTILE = [
    ("encoded words", b"Subject: " + b"=?a?q?" * 150_000 + b"\r\n\r\nx"),
    ("addresses", b"To: " + b"a@b.c, " * 150_000 + b"\r\n\r\nx"),
    ("open brackets", b"To: " + b"<" * 1_000_000 + b"\r\n\r\nx"),
    ("open quotes", b"To: " + b'"a' * 500_000 + b"\r\n\r\nx"),
    ("references", b"References: " + b"<a" * 500_000 + b"\r\n\r\nx"),
    ("header fields", b"X-A: b\r\n" * 120_000 + b"\r\n\r\nx"),
    ("parameters", b"Content-Type: text/plain;" + b" a=b;" * 200_000 + b"\r\n\r\nx"),
    ("one huge line", b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\nx"),
    ("boundary prefixes", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n--bc" * 200_000),
    ("begin lines", b"\r\n" + b"begin 644 a\n" * 80_000),
    ("open tags", b"Content-Type: text/html\r\n\r\n" + b"<a <a b='" * 100_000 + b"='>'"),
    ("open comments", b"Content-Type: text/html\r\n\r\n" + b"<!--<script>" * 80_000),
    ("base64", b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=a" * 500_000),
]


@pytest.mark.parametrize(("case", "rest"), HOSTILE, ids=[c for c, _ in HOSTILE])
def test_cost_grows_with_the_length_only(case: str, rest: bytes) -> None:
    started = time.process_time()
    parse_mail(HEAD + rest)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("name", ALL)
def test_cut_anywhere_a_fixture_is_read_or_refused(name: str) -> None:
    raw = (FIXTURES / name).read_bytes()
    for size in range(0, len(raw), max(1, len(raw) // 60)):
        _read_or_refuse(raw[:size])


@settings(deadline=None)
@given(st.binary(max_size=2_000))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    _read_or_refuse(raw)


PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r\n\r\n", b"From: ", b"a@b.c", b"Subject: ", b"=?utf-8?b?", b"?=", b"=?iso-2022-jp?q?", b"\x1b$B", b"Content-Type: ", b"text/html",
        b"text/plain", b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=b", b"\r\n--b\r\n", b"--b--", b"; charset=", b"utf-8", b"utf-7", b"hz",
        b"utf-16", b"punycode", b"; name*0*=utf-8''%ff", b"; filename=\"", b"Content-Disposition: attachment", b"Content-Transfer-Encoding: ", b"base64",
        b"quoted-printable", b"x-uuencode", b"message/rfc822", b"multipart/report", b"message/delivery-status", b"Final-Recipient: rfc822; ", b"<", b">", b'"',
        b"(", b"<b", b"<!--", b"</", b"=", b"%", b"\xe9", b"\xf0\x9f", b"\x00", b"begin 644 a\n", b"-- \n", b"> ", b"On 1 a wrote:\n", b"Date: ", b"References: <",
    ]
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=60))
@example(
    [b"From: ", b"a@b.c", b"\r\n", b"Content-Type: ", b"text/plain", b"; charset=", b"utf-7", b"\r\n\r\n", b"\xe9"]
)
def test_pieces_of_mails_are_read_or_refused(pieces: list[bytes]) -> None:
    _read_or_refuse(b"".join(pieces))


def _read_or_refuse(raw: bytes) -> None:
    try:
        value = mail_as_json(raw)
    except AnomalousPayload:
        return
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # no lone surrogate
    assert "\0" not in value["text"]
    assert "\n" not in value["subject"]


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_json_has_the_published_keys() -> None:
    value = mail_as_json((FIXTURES / "inline-image.eml").read_bytes())
    assert list(value) == [
        "from_email", "from_name", "to", "cc", "reply_to", "subject", "text", "reply_text", "html", "attachments",
        "message_id", "in_reply_to", "references", "auto_reply", "bounce",
    ]  # fmt: skip
    assert value["attachments"] == [
        {
            "filename": "photo.png",
            "size": 70,
            "md5": "f829b914fc47cfc9c0747c119c27cf1b",
            "content_type": "image/png",
            "content_id": "photo@client",
        }
    ]


def test_one_file_is_indented_and_several_are_lines_in_order(tmp_path: Path) -> None:
    out = io.StringIO()
    assert main([str(FIXTURES / "html-only.eml")], out) == 0
    assert out.getvalue().count("\n") > 10
    bad = tmp_path / "bad.eml"
    bad.write_bytes(b"")
    out = io.StringIO()
    assert main([str(FIXTURES / "html-only.eml"), str(bad), str(FIXTURES / "no-from.eml")], out) == 1
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line.get("message_id") for line in lines] == ["c2@client.example", None, ""]
    assert lines[1]["error"]


def test_a_large_attachment_is_not_copied_around() -> None:
    content = bytes(range(256)) * 20_000
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: a/b; name=c\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    mail = parse_mail(raw + base64.encodebytes(content) + b"\r\n--b--\r\n")
    assert mail.attachments[0].content == content
