"""Opens what an administrator hands over: one file, a folder, or a zip of either; nothing is ever unpacked to disk.

Streams only, so that a gigabyte fits; a zip that unfolds into far more than it holds is refused (a bomb), and a name in
it never becomes a path. What cannot be read is told in one sentence that says what to do (InputError).
"""

import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from django.utils.translation import gettext as _

from comptoir.core.errors import AnomalousPayload, InputError
from comptoir.moving import jsonstream, sqldump

MAX_ENTRIES = 200_000
MAX_UNFOLDED = 20 * 1024**3  # bytes that a zip may hold in all
MAX_RATIO = 200  # text folds to a tenth, repeated rows to a fiftieth; a bomb to a thousandth
SMALL = 10 * 1024 * 1024  # below this much a ratio says nothing
MAX_FILE = 50 * 1024 * 1024  # of one attachment


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the source: its name with forward slashes, and how to open it."""

    name: str
    open: Callable[[], IO[bytes]]


class Source:
    """The files of one export; a context manager, because a zip stays open while it is read."""

    def __init__(self, name: str, entries: list[Entry], close: Callable[[], None] = lambda: None) -> None:
        self.name, self.entries, self._close = name, entries, close
        if not entries:
            raise InputError(_("“%(name)s” is empty. Choose the export itself.") % {"name": name}, field="file")

    def __enter__(self) -> "Source":
        """Return the source."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close what is open."""
        self._close()

    def of_type(self, *endings: str) -> list[Entry]:
        """Return the files with one of these endings, in the order of their names, numbers counted as numbers."""
        found = [entry for entry in self.entries if entry.name.lower().endswith(endings)]
        return sorted(found, key=lambda entry: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", entry.name)])

    @cached_property
    def _by_end(self) -> dict[str, Entry]:
        """Every file by its name and by each shorter end of its path."""
        ends: dict[str, Entry] = {}
        for entry in self.entries:
            parts = PurePosixPath(entry.name).parts
            for start in range(len(parts)):
                ends.setdefault("/".join(parts[start:]).lower(), entry)
        return ends

    def file(self, *candidates: str) -> Callable[[], bytes] | None:
        """Return how to read the first of these files that the export has; None where it has none of them."""
        for candidate in candidates:
            entry = self._by_end.get(candidate.strip("/").lower()) if candidate.strip("/") else None
            if entry is not None:
                return _reading(entry)
        return None


def _reading(entry: Entry) -> Callable[[], bytes]:
    def read() -> bytes:
        with entry.open() as stream:
            content = stream.read(MAX_FILE + 1)
        return content if len(content) <= MAX_FILE else b""

    return read


def open_path(path: Path) -> Source:
    """Return what is at a path of this machine. Raises InputError."""
    if not path.exists():
        raise InputError(_("“%(path)s” does not exist.") % {"path": path}, field="path")
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
        entries = [Entry(file.relative_to(path).as_posix(), _opening(file)) for file in files]
        return Source(path.name, entries)
    return open_file(path.name, _opening(path))


def _opening(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def open_file(name: str, open_: Callable[[], IO[bytes]]) -> Source:
    """Return a single file as a source; a zip is looked into. Raises InputError."""
    with open_() as stream:
        if stream.read(4)[:2] == b"\x1f\x8b":
            words = _("“%(name)s” is a .gz or .tar.gz archive. Unpack it, and choose a .zip, a folder or a file.")
            raise InputError(words % {"name": name}, field="file")
        stream.seek(0)
        is_zip = zipfile.is_zipfile(stream)
    return _opened_zip(name, open_()) if is_zip else Source(name, [Entry(name, open_)])


def _opened_zip(name: str, stream: IO[bytes]) -> Source:
    try:
        archive = zipfile.ZipFile(stream)
        members = [member for member in archive.infolist() if not member.is_dir()]
        _refuse_bomb(name, members)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        stream.close()
        words = _("“%(name)s” is a damaged zip archive. Download the export again.")
        raise InputError(words % {"name": name}, field="file") from None
    except InputError:
        stream.close()
        raise
    return Source(name, [Entry(member.filename, _member(archive, member)) for member in members], stream.close)


def _refuse_bomb(name: str, members: list[zipfile.ZipInfo]) -> None:
    unfolded, folded = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if len(members) > MAX_ENTRIES or unfolded > MAX_UNFOLDED or unfolded > max(SMALL, folded * MAX_RATIO):
        words = _("“%(name)s” unfolds into far too much. Unpack it yourself and import the folder.")
        raise InputError(words % {"name": name}, field="file")
    if any(member.flag_bits & 1 for member in members):
        words = _("“%(name)s” is protected by a password. Make a zip without one.")
        raise InputError(words % {"name": name}, field="file")


class _Bounded(io.RawIOBase):
    """A member of a zip that ends with an error when it unfolds into more than its header says."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left = stream, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise OSError("unfolds into more than it says")
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: cast(IO[bytes], io.BufferedReader(_Bounded(archive.open(member), member.file_size)))


def opened_text(entry: Entry) -> io.TextIOWrapper:
    """Open a file as text: UTF-8, or UTF-16 where it begins with its mark."""
    stream = entry.open()
    head = stream.read(4)
    stream.close()
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(entry.open(), encoding=encoding, newline="")


def json_rows(source: Source) -> Iterator[tuple[str, str, str, Any]]:
    """Yield (file, place, key, value) of all JSON and JSON Lines files. Raises InputError in words."""
    for entry in source.of_type(".json", ".jsonl", ".ndjson"):
        number = 0
        try:
            with opened_text(entry) as stream:
                for key, value in jsonstream.values(stream):
                    number += 1
                    yield entry.name, f"{entry.name}: {number}", key, value
        except (AnomalousPayload, UnicodeDecodeError, OSError, zipfile.BadZipFile, EOFError) as error:
            raise _broken(entry.name, number, error, _("JSON")) from error


def sql_rows(source: Source) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (table, place, row) of all SQL dumps. Raises InputError in words."""
    for entry in source.of_type(".sql"):
        number = 0
        try:
            with opened_text(entry) as stream:
                for table, row in sqldump.rows(stream):
                    number += 1
                    yield table, f"{entry.name}: {table} {row.get('id', number)}", row
        except (AnomalousPayload, UnicodeDecodeError, OSError, zipfile.BadZipFile, EOFError) as error:
            raise _broken(entry.name, number, error, _("SQL")) from error


def _broken(name: str, number: int, error: Exception, form: str) -> InputError:
    if isinstance(error, UnicodeDecodeError):
        words = _("“%(name)s” is not UTF-8 (after entry %(number)s). Export it again, or save it as UTF-8.")
    else:
        words = _("“%(name)s” is not readable as %(form)s after entry %(number)s (%(why)s). Export it again.")
    return InputError(words % {"name": name, "number": number, "form": form, "why": error}, field="file")
