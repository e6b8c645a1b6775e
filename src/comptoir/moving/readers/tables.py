"""CSV: contacts with one line each, or conversations with one line a message.

Which column is what is recognised by usual names in English and French; the person may say otherwise. A file is about
conversations when it has a text column, else about contacts.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from comptoir.core.errors import InputError
from comptoir.moving.shape import ContactItem, ConversationItem, Item, Party, Said, SkippedItem
from comptoir.moving.sources import Entry, Source
from comptoir.moving.values import address, instant, tags

# Our field → the names under which it is usually found, without accents, blanks and punctuation.
FIELDS: dict[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "mail", "courriel", "adresseemail", "adressemail", "fromemail", "customeremail"),
    "name": ("name", "fullname", "nom", "nomcomplet", "contact", "customer", "client", "fromname", "customername"),
    "first_name": ("firstname", "prenom", "givenname"),
    "last_name": ("lastname", "nomdefamille", "surname", "familyname"),
    "phone": ("phone", "phonenumber", "telephone", "tel", "mobile"),
    "company": ("company", "organisation", "organization", "societe", "entreprise"),
    "language": ("language", "locale", "langue", "lang"),
    "conversation": ("conversation", "conversationid", "ticket", "ticketid", "thread", "id", "numero", "number"),
    "subject": ("subject", "title", "objet", "sujet", "titre"),
    "text": ("text", "body", "message", "texte", "contenu", "content", "description", "comment"),
    "date": ("date", "createdat", "created", "sentat", "datetime", "at", "datecreation", "time"),
    "direction": ("direction", "type", "kind", "sens", "messagetype"),
    "state": ("state", "status", "etat", "statut"),
    "agent": ("agent", "assignee", "owner", "responsable", "agentemail", "assigneeemail"),
    "author": ("author", "auteur", "sender", "expediteur"),
    "tags": ("tags", "labels", "etiquettes", "label", "tag"),
    "inbox": ("inbox", "mailbox", "channel", "boite", "canal"),
}
DIRECTIONS = {
    "out": ("out", "outgoing", "outbound", "sent", "agent", "reply", "sortant", "envoye", "reponse", "1"),
    "note": ("note", "internal", "private", "interne", "privee"),
}
STATES = {
    "solved": ("solved", "closed", "resolved", "done", "resolu", "resolue", "ferme", "fermee", "termine"),
    "pending": ("pending", "hold", "onhold", "waiting", "enattente"),
}
MAX_FIELD = 10 * 1024 * 1024
HEAD = 256 * 1024  # bytes that tell the encoding, the separator and the columns
_ACCENTS = str.maketrans("àâäéèêëîïôöùûüç", "aaaeeeeiioouuuc")


def folded(name: str) -> str:
    """Return a column's name in the form under which it is recognised."""
    return "".join(c for c in name.lower().translate(_ACCENTS) if c.isalnum())


def guessed(columns: Sequence[str]) -> dict[str, str]:
    """Return which column holds which of our fields, by their names."""
    by_name = {folded(column): column for column in reversed(columns)}
    found = {field: [by_name[name] for name in names if name in by_name] for field, names in FIELDS.items()}
    return {field: hits[0] for field, hits in found.items() if hits}


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: its columns, and how to read it."""

    entry: Entry
    columns: list[str]
    encoding: str
    separator: str

    def lines(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield (number of the line, values by column), empty lines left out. Raises InputError."""
        number = 1
        with io.TextIOWrapper(self.entry.open(), self.encoding, errors="replace", newline="") as text:
            reader = csv.reader(text, delimiter=self.separator)
            try:
                next(reader, None)
                for values in reader:
                    number += 1
                    if any(value.strip() for value in values):
                        padded = [*values, *[""] * (len(self.columns) - len(values))]
                        yield number, dict(zip(self.columns, padded, strict=False))
            except (csv.Error, OSError) as error:
                words = _("“%(name)s” is not readable as a table after line %(number)s (%(why)s).")
                told = words % {"name": self.entry.name, "number": number, "why": error}
                raise InputError(told, field="file") from error


def opened(entry: Entry) -> Table:
    """Look at a CSV file: UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons or tabs. Raises InputError."""
    with entry.open() as stream:
        head = stream.read(HEAD)
    encoding = _encoding(head)
    sample = head.decode(encoding, "replace")
    first_line = sample.splitlines()[0] if sample.strip() else ""
    separator = max(",;\t|", key=first_line.count)
    csv.field_size_limit(MAX_FIELD)
    columns = [column.strip() for column in next(csv.reader([first_line], delimiter=separator), [])]
    if not any(columns) or "\x00" in first_line:
        words = _("“%(name)s” is not a table: its first line must name the columns.")
        raise InputError(words % {"name": entry.name}, field="file")
    return Table(entry, columns, encoding, separator)


def _encoding(head: bytes) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = len(head) == HEAD and error.start > HEAD - 4
        return "utf-8-sig" if is_cut else "cp1252"
    return "utf-8-sig"


def columns_of(source: Source) -> list[str]:
    """Return the columns of the source's tables, each once."""
    names = [column for entry in source.of_type(".csv", ".tsv", ".txt") for column in opened(entry).columns]
    return list(dict.fromkeys(name for name in names if name))


def read(source: Source, options: Mapping[str, str]) -> Iterator[Item]:
    """Yield the contacts or conversations of all tables; `options` are field → column. Raises InputError."""
    entries = source.of_type(".csv", ".tsv", ".txt")
    if not entries:
        raise InputError(_("There is no .csv file in “%(name)s”.") % {"name": source.name}, field="file")
    for entry in entries:
        columns = opened(entry).columns
        told = {f: c for f, c in options.items() if f in FIELDS and (c in columns or not c)}
        chosen = {field: column for field, column in (guessed(columns) | told).items() if column}
        if "email" not in chosen and "name" not in chosen and "phone" not in chosen:
            words = _("No column of “%(name)s” looks like an e-mail address or a name. Say which column is which.")
            raise InputError(words % {"name": entry.name}, field="mapping")
        if "text" in chosen:
            yield from _conversations(entry, chosen)
        else:
            yield from _contacts(entry, chosen)


def _value(line: Mapping[str, str], chosen: Mapping[str, str], field: str) -> str:
    return line.get(chosen.get(field, ""), "").strip()


def _party(line: Mapping[str, str], chosen: Mapping[str, str]) -> Party:
    names = (_value(line, chosen, "first_name"), _value(line, chosen, "last_name"))
    mail, phone = address(_value(line, chosen, "email")), _value(line, chosen, "phone")
    used = set(chosen.values())
    rest = {column: value.strip()[:500] for column, value in line.items() if column not in used and value.strip()}
    return Party(
        key=mail or phone, name=_value(line, chosen, "name") or " ".join(filter(None, names)), email=mail, phone=phone,
        company=_value(line, chosen, "company"), language=_value(line, chosen, "language")[:2].lower(), attributes=rest,
    )  # fmt: skip


def _contacts(entry: Entry, chosen: Mapping[str, str]) -> Iterator[Item]:
    for number, line in opened(entry).lines():
        place, party = f"{entry.name}: {number}", _party(line, chosen)
        if party.key:
            yield ContactItem(place, party)
        else:
            why = "bad-address" if _value(line, chosen, "email") else "no-contact"
            yield SkippedItem(place, _value(line, chosen, "email") or party.name, why)


def _conversations(entry: Entry, chosen: Mapping[str, str]) -> Iterator[Item]:
    """Gather the lines of each conversation, wherever they stand; twice over the file, so that few are held at once."""
    counts: Counter[str] = Counter()
    for number, line in opened(entry).lines():
        counts[_value(line, chosen, "conversation") or f"#{number}"] += 1
    open_: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, line in opened(entry).lines():
        key = _value(line, chosen, "conversation") or f"#{number}"
        open_.setdefault(key, []).append((number, line))
        if len(open_[key]) == counts[key]:
            yield _conversation(entry.name, key, open_.pop(key), chosen)


def _conversation(name: str, key: str, lines: list[tuple[int, dict[str, str]]], chosen: Mapping[str, str]) -> Item:
    number, first = lines[0]
    place = f"{name}: {number}"
    theirs = next((line for _n, line in lines if _direction(line, chosen) == "in"), first)
    contact = _party(theirs, chosen)
    if not contact.key:
        return SkippedItem(place, key, "bad-address" if _value(theirs, chosen, "email") else "no-contact")
    said = sorted((found for _n, line in lines if (found := _said(line, chosen, contact))), key=lambda one: one.at)
    if not said:
        has_text = any(_value(line, chosen, "text") for _n, line in lines)
        return SkippedItem(place, key, "no-date" if has_text else "no-messages")
    state = folded(next((s for _n, line in reversed(lines) if (s := _value(line, chosen, "state"))), ""))
    mail = next((a for _n, line in lines if (a := _value(line, chosen, "agent"))), "")
    # Numbers begin at 1 in every file: who wrote and when tell two conversations apart.
    mark = hashlib.sha256(f"{key}|{contact.key}|{said[0].at.isoformat()}".encode()).hexdigest()[:32]
    return ConversationItem(
        place, f"{key[:60]}-{mark}", contact, tuple(said), said[0].at, subject=_value(first, chosen, "subject"),
        state=next((ours for ours, names in STATES.items() if state in names), "open"),
        agent=Party(name="" if address(mail) else mail, email=address(mail)) if mail else None,
        inbox=_value(first, chosen, "inbox"), tags=tags(_value(first, chosen, "tags")),
    )  # fmt: skip


def _direction(line: Mapping[str, str], chosen: Mapping[str, str]) -> str:
    told = folded(_value(line, chosen, "direction"))
    return next((ours for ours, names in DIRECTIONS.items() if told in names), "in")


def _said(line: Mapping[str, str], chosen: Mapping[str, str], contact: Party) -> Said | None:
    at, content = instant(_value(line, chosen, "date")), _value(line, chosen, "text")
    if at is None or not content:
        return None
    kind = _direction(line, chosen)
    who = _value(line, chosen, "author") or _value(line, chosen, "agent")
    author = contact if kind == "in" else Party(name="" if address(who) else who, email=address(who))
    return Said(kind, author, at, text=content, subject=_value(line, chosen, "subject"))
