"""Imports: every mail of every format once, streaming, and safe to repeat."""

import tracemalloc
from pathlib import Path

import pytest
from pytest_django import Settings

from comptoir.channels.email.importing import Imported, import_mails, read_mbox
from comptoir.channels.email.notices import take_notice
from comptoir.channels.models import ChannelAccount
from comptoir.core.errors import InputError
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team

SEPARATOR = b"From ada@customer.test Sun Nov 22 10:00:00 2026\n"


def mail(number: int, body: bytes = b"Hello\n") -> bytes:
    return b"Message-ID: <m%d@customer.test>\nFrom: ada@customer.test\nSubject: Mail %d\n\n%s" % (number, number, body)


@pytest.fixture
def account(db: None) -> ChannelAccount:
    return make_account(make_team(), address="support@brand.test")


def raws(account: ChannelAccount) -> list[bytes]:
    return [bytes(record.raw) for record in Record.objects.filter(account=account).order_by("id")]


def test_an_mbox_is_cut_at_its_separators_only(account: ChannelAccount, tmp_path: Path) -> None:
    tricky = b"Dear all,\n\nFrom now on we close at noon.\nFrom here 12:30\n>From a guarded line\n>>From deeper\n"
    expected = tricky.replace(b">From a", b"From a").replace(b">>From d", b">From d")
    path = tmp_path / "a.mbox"
    path.write_bytes(SEPARATOR + mail(1, tricky) + b"\n" + SEPARATOR + mail(2) + b"\n")
    assert import_mails(account.pk, "mbox", path) == Imported(read=2, new=2)
    assert raws(account) == [mail(1, expected), mail(2)]


def test_an_import_that_is_repeated_adds_nothing(account: ChannelAccount, tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(b"".join(SEPARATOR + mail(n) + b"\n" for n in range(450)))
    steps: list[int] = []
    first = import_mails(account.pk, "mbox", path, steps.append)
    again = import_mails(account.pk, "mbox", path)
    assert (first.read, first.new, first.known) == (450, 450, 0)
    assert str(first) == "450 mails read: 450 new, 0 known already, 0 too large to keep whole."
    assert (again.read, again.new, again.known) == (450, 0, 450)
    assert steps == [200, 400, 450]
    assert Record.objects.filter(account=account, source="import", content_type="message/rfc822").count() == 450


def test_an_mbox_with_windows_line_ends_is_read(account: ChannelAccount, tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes((SEPARATOR + mail(1) + b"\n" + SEPARATOR + mail(2) + b"\n").replace(b"\n", b"\r\n"))
    assert import_mails(account.pk, "mbox", path).new == 2


def test_an_mbox_without_times_in_its_separators_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(b"From ???@???\n" + mail(1) + b"\nFrom ???@???\n" + mail(2))
    assert [raw for raw, _size in read_mbox(path)] == [mail(1), mail(2)]


def test_a_large_mbox_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        for number in range(300):
            file.write(SEPARATOR + mail(number, b"x" * 70 + b"\n" * 1) + b"".join([b"y" * 70 + b"\n"] * 280) + b"\n")
    assert path.stat().st_size > 5_900_000
    tracemalloc.start()
    count = sum(1 for _ in read_mbox(path))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 300
    assert peak < 2_000_000


def test_a_mail_that_is_too_large_is_recorded_with_its_header(
    account: ChannelAccount, tmp_path: Path, settings: Settings
) -> None:
    settings.MAX_RECORD_BYTES = 1000
    path = tmp_path / "a.mbox"
    path.write_bytes(SEPARATOR + mail(1, b"x" * 99 * 50 + b"\n") + b"\n" + SEPARATOR + mail(2))
    assert import_mails(account.pk, "mbox", path) == Imported(read=2, new=2, oversize=1)
    notice, rest = take_notice(raws(account)[0])
    assert notice is not None
    assert notice.size > 4000
    assert b"Subject: Mail 1" in rest


def test_a_maildir_with_folders_is_read(account: ChannelAccount, tmp_path: Path) -> None:
    for number, place in enumerate(["cur", "new", ".Archive/cur", "tmp"]):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / f"170000000{number}.M1.host:2,S").write_bytes(mail(number))
    assert import_mails(account.pk, "maildir", tmp_path).new == 3
    assert mail(3) not in raws(account)


def test_eml_files_are_read_alone_or_by_the_folder(account: ChannelAccount, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.eml").write_bytes(mail(1))
    (tmp_path / "deep" / "B.EML").write_bytes(mail(2).replace(b"\n", b"\r\n"))
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    assert import_mails(account.pk, "eml", tmp_path / "a.eml").new == 1
    assert import_mails(account.pk, "eml", tmp_path) == Imported(read=2, new=1)


@pytest.mark.parametrize("kind", ["mbox", "maildir", "eml"])
def test_what_cannot_be_read_is_said_in_words(account: ChannelAccount, tmp_path: Path, kind: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "file").write_bytes(b"nothing like a mail")
    for path in (tmp_path / "missing", tmp_path / "x" / ("file" if kind == "mbox" else "")):
        with pytest.raises(InputError, match="“"):
            import_mails(account.pk, kind, path)
    assert raws(account) == []


def test_an_account_that_is_no_mailbox_takes_no_mails(db: None, tmp_path: Path) -> None:
    other = make_account(make_team(), kind="sandbox")
    with pytest.raises(InputError, match="e-mail account"):
        import_mails(other.pk, "mbox", tmp_path)
