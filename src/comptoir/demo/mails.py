"""Raw mails as real programs write them: several structures and character sets, quoted history, files. Pure."""

import hashlib
import html
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from comptoir.demo.people import Person
from comptoir.demo.wording import set_typography

STYLES = ("plain", "plain", "phone", "both", "both", "html", "cp1252", "latin9")
_PHONE = {"fr": "Envoyé de mon téléphone", "en": "Sent from my phone"}
_NOT_LATIN9 = str.maketrans({"’": "'", "“": '"', "”": '"', "…": "...", "–": "-"})


@dataclass(frozen=True, slots=True)
class Quoted:
    """The message below an answer."""

    who: str
    email: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class File:
    """One attachment."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail of a customer before it is written as MIME."""

    sender: Person
    to: tuple[str, str]  # name, address
    subject: str
    text: str
    at: datetime
    style: str = "plain"
    cc: Sequence[tuple[str, str]] = ()
    in_reply_to: str = ""
    references: Sequence[str] = ()
    quoted: Quoted | None = None
    files: Sequence[File] = ()
    headers: Sequence[tuple[str, str]] = field(default=())

    @property
    def message_id(self) -> str:
        """Return the id, made from who wrote what and when, so that the same letter has the same one."""
        told = f"{self.sender.email}|{self.subject}|{self.text}|{self.at.isoformat()}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:20]
        return f"{digest}@{self.sender.email.rpartition('@')[2]}"


def draw_style(rng: random.Random, person: Person) -> str:
    """Return which program somebody writes with; always the same one."""
    if person.who == "teen":
        return "phone"
    return (
        STYLES[(len(person.email) * 7 + ord(person.email[0])) % len(STYLES)]
        if person.who == "any"
        else rng.choice(STYLES)
    )


def write_mail(letter: Letter) -> bytes:
    """Return the complete mail, line ends CRLF."""
    if letter.style == "latin9" and not letter.files:
        return _old(letter)
    mail = EmailMessage(policy=SMTP)
    if letter.style == "html":
        mail.set_content(_html(letter), subtype="html", charset="utf-8", cte="quoted-printable")
    elif letter.style == "cp1252":
        known = _html(letter).encode("cp1252", "xmlcharrefreplace").decode("cp1252")
        mail.set_content(known, subtype="html", charset="windows-1252", cte="quoted-printable")
    else:
        mail.set_content(
            _plain(letter), charset="utf-8", cte="base64" if letter.style == "phone" else "quoted-printable"
        )
        if letter.style == "both":
            mail.add_alternative(_html(letter), subtype="html", charset="utf-8")
    for file in letter.files:
        main, _, sub = file.content_type.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.filename)
    for name, value in _headers(letter):
        mail[name] = value
    return as_bytes(mail)


def as_bytes(mail: EmailMessage) -> bytes:
    """Return a mail's bytes, always the same ones: Python draws the boundaries of its parts at random."""
    told = hashlib.sha256(str(mail["Message-ID"]).encode()).hexdigest()[:16]
    for number, part in enumerate(mail.walk()):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{told}_{number}")
    return mail.as_bytes()


def _old(letter: Letter) -> bytes:
    """Return the mail as an old program writes it: ISO-8859-15, encoded words in the header."""
    mail = MIMEText(_as_latin9(_plain(letter)), "plain", "iso-8859-15")
    for name, value in _headers(letter):
        mail[name] = Header(_as_latin9(value), "iso-8859-15").encode() if name == "Subject" else value
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def _as_latin9(text: str) -> str:
    return text.translate(_NOT_LATIN9).encode("iso-8859-15", "replace").decode("iso-8859-15")


def _headers(letter: Letter) -> list[tuple[str, str]]:
    found = [
        ("From", formataddr((letter.sender.name, letter.sender.email))),
        ("To", formataddr(letter.to)),
        ("Subject", letter.subject),
        ("Date", format_datetime(letter.at)),
        ("Message-ID", f"<{letter.message_id}>"),
    ]
    if letter.cc:
        found.append(("Cc", ", ".join(formataddr(person) for person in letter.cc)))
    if letter.in_reply_to:
        found.append(("In-Reply-To", f"<{letter.in_reply_to}>"))
        found.append(("References", " ".join(f"<{i}>" for i in (*letter.references, letter.in_reply_to))))
    return [*found, *letter.headers]


def _heading(quoted: Quoted, language: str) -> str:
    if language == "fr":
        return set_typography(
            f"Le {quoted.at:%d/%m/%Y} à {quoted.at:%H:%M}, {quoted.who} <{quoted.email}> a écrit :", "fr"
        )
    return f"On {quoted.at:%d/%m/%Y} at {quoted.at:%H:%M}, {quoted.who} <{quoted.email}> wrote:"


def _plain(letter: Letter) -> str:
    parts = [letter.text]
    if letter.style == "phone":
        parts.append(_PHONE[letter.sender.language])
    elif letter.sender.company:
        parts.append(f"-- \n{letter.sender.name}\n{letter.sender.company}")
    if letter.quoted:
        lines = "\n".join(f"> {line}".rstrip() for line in letter.quoted.text.splitlines())
        parts.append(f"{_heading(letter.quoted, letter.sender.language)}\n\n{lines}")
    return "\n\n".join(parts) + "\n"


def _html(letter: Letter) -> str:
    def paragraphs(text: str) -> str:
        return "".join(f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in text.split("\n\n"))

    body = paragraphs(letter.text)
    if letter.sender.company:
        name, company = html.escape(letter.sender.name), html.escape(letter.sender.company)
        body += f'<p>-- <br><b>{name}</b><br><span style="color:#777">{company}</span></p>'
    if letter.quoted:
        heading = html.escape(_heading(letter.quoted, letter.sender.language))
        body += f'<div>{heading}<blockquote type="cite">{paragraphs(letter.quoted.text)}</blockquote></div>'
    return f"<html><body>{body}</body></html>"
