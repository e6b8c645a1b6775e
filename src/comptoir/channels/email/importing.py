"""Imports mails from files: an mbox of any size, a Maildir, or .eml files, through the inbound log like any other mail.

Nothing is held but one batch, so a file may be larger than the memory. Running an import twice adds nothing (INV-02);
one that was interrupted is simply run again.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.utils.translation import gettext as _

from comptoir.channels.models import ChannelAccount
from comptoir.core.errors import InputError
from comptoir.inbound.services import Arrival, receive

from . import notices
from .identify import external_id, split

Kind = Literal["mbox", "maildir", "eml"]

_BATCH = 200  # mails a transaction
_BATCH_BYTES = 8 * 1024 * 1024
# A separator has a date with a time; a line of a text that begins with 'From ' seldom has.
_SEPARATOR = re.compile(rb"From .*\d\d:\d\d")
_GUARDED = re.compile(rb">+From ")


@dataclass(frozen=True, slots=True)
class Imported:
    """How far an import has come, in mails."""

    read: int = 0
    new: int = 0
    oversize: int = 0  # kept with their header only

    @property
    def known(self) -> int:
        """Mails that were in the log already."""
        return self.read - self.new

    def __str__(self) -> str:
        text = _("%(read)s mails read: %(new)s new, %(known)s known already, %(oversize)s too large to keep whole.")
        return text % {"read": self.read, "new": self.new, "known": self.known, "oversize": self.oversize}


def import_mails(
    account_id: int, kind: Kind, path: str | Path, progress: Callable[[int], None] = lambda read: None
) -> Imported:
    """Import all mails of a file or folder into an e-mail account; `progress` is told how many were read.

    Raises InputError for what cannot be read.
    """
    source = Path(path)
    if not ChannelAccount.objects.filter(pk=account_id, kind="email").exists():
        raise InputError(_("There is no e-mail account with the number %(id)s.") % {"id": account_id}, field="account")
    if not source.exists():
        raise InputError(_("“%(path)s” does not exist.") % {"path": source}, field="path")
    counts = Imported()
    try:
        for batch in _batches(_READERS[kind](source)):
            arrivals = [_arrival(account_id, raw, size) for raw, size in batch]
            new = receive(arrivals)
            oversize = sum(size > settings.MAX_RECORD_BYTES for _raw, size in batch)
            counts = Imported(counts.read + len(batch), counts.new + new, counts.oversize + oversize)
            progress(counts.read)
    except OSError as error:
        text = _("“%(path)s” cannot be read: %(why)s")
        raise InputError(text % {"path": source, "why": error.strerror or error}, field="path") from error
    return counts


def _batches(mails: Iterable[tuple[bytes, int]]) -> Iterator[list[tuple[bytes, int]]]:
    batch: list[tuple[bytes, int]] = []
    held = 0
    for raw, size in mails:
        batch.append((raw, size))
        held += len(raw)
        if len(batch) >= _BATCH or held >= _BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _arrival(account_id: int, raw: bytes, size: int) -> Arrival:
    limit = settings.MAX_RECORD_BYTES
    if size > limit:
        header = split(raw)[0] + b"\n\n"
        known, raw = external_id(header), notices.oversize(header, size, limit)
    else:
        known = external_id(raw)
    return Arrival(account_id, known, raw, source="import", content_type="message/rfc822")


def read_mbox(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield (mail, size) of an mbox, '>From ' restored; of a mail that is too large the beginning only."""
    with path.open("rb", buffering=1 << 20) as file:
        first = file.readline()
        if not first.startswith(b"From "):
            raise InputError(
                _("“%(path)s” is not an mbox: it does not begin with “From ”.") % {"path": path}, field="path"
            )
        is_separator = _SEPARATOR.match if _SEPARATOR.match(first) else re.compile(rb"From ").match
        lines: list[bytes] = []
        size = 0
        after_blank = False
        for line in file:
            if after_blank and line.startswith(b"From ") and is_separator(line):
                yield _joined(lines), size
                lines, size, after_blank = [], 0, False
                continue
            after_blank = line in (b"\n", b"\r\n")
            if b"From " in line[:40] and _GUARDED.match(line):
                line = line[1:]
            size += len(line)
            if size <= settings.MAX_RECORD_BYTES:
                lines.append(line)
        yield _joined(lines), size


def _joined(lines: list[bytes]) -> bytes:
    """Join the lines of a mail without the blank line that belongs to the next separator."""
    if lines and lines[-1] in (b"\n", b"\r\n"):
        lines.pop()
    return b"".join(lines)


def read_maildir(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield (mail, size) of a Maildir and the folders in it, oldest name first; what is being delivered is left out."""
    folders = [Path(root) for root, names, _files in os.walk(path) if "cur" in names]
    if not folders:
        raise InputError(_("“%(path)s” is not a Maildir: it has no folder “cur”.") % {"path": path}, field="path")
    for folder in sorted(folders):
        files = [entry for name in ("cur", "new") if (folder / name).is_dir() for entry in (folder / name).iterdir()]
        for file in sorted(files, key=lambda entry: entry.name):
            if file.is_file() and not file.name.startswith("."):
                yield _read_file(file)


def read_eml(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield (mail, size) of one file, or of all .eml files below a folder in the order of their names."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix.lower() == ".eml")
    if not files:
        raise InputError(_("There are no .eml files in “%(path)s”.") % {"path": path}, field="path")
    for file in files:
        yield _read_file(file)


def _read_file(file: Path) -> tuple[bytes, int]:
    with file.open("rb") as opened:
        raw = opened.read(settings.MAX_RECORD_BYTES + 1)
    return raw, file.stat().st_size


_READERS: dict[Kind, Callable[[Path], Iterator[tuple[bytes, int]]]] = {
    "mbox": read_mbox,
    "maildir": read_maildir,
    "eml": read_eml,
}
