"""What an IMAP server says on bad days: a mail it cannot deliver, an empty body, an end in the middle of IDLE.

Dialogues that no real server offers on demand; the real ones are in test_servers.py.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from types import MappingProxyType

import pytest

from comptoir.channels.email.client_imap import Fetched, ImapSession, open_session
from comptoir.channels.email.config import mailbox_of
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig
from comptoir.testing.loopback import dialogue_server

PASSWORD = "a-word-to-look-for"
MAILS = {uid: b"Subject: mail %d\r\n\r\nbody %d\r\n" % (uid, uid) for uid in (3, 5, 9)}


@contextmanager
def imap_server(
    *,
    capabilities: str = "IMAP4rev1",
    broken: Mapping[int, str] = MappingProxyType({}),
    mails: Mapping[int, bytes] = MAILS,
    next_uid: int = 10,
) -> Iterator[ImapSession]:
    """Run a small server; `broken` mails are refused ('no') or empty ('nil') when their body is asked for."""

    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        say(b"* OK ready\r\n")
        for raw in lines:
            tag, _, command = raw.decode().strip().partition(" ")
            reply, ending = _answer(command, capabilities, broken, mails, next_uid)
            is_last = ending == "hang up"
            say(reply + (b"" if is_last else f"{tag} {ending}\r\n".encode()))
            if is_last:
                return

    with dialogue_server(speak) as port:
        options = {"imap_host": "127.0.0.1", "imap_port": port, "imap_security": "none"}
        account = AccountConfig(1, "email", "Acme", "support@brand.test", options, {"password": PASSWORD})
        with open_session(mailbox_of(account)) as session:
            yield session


def _answer(
    command: str, capabilities: str, broken: Mapping[int, str], mails: Mapping[int, bytes], next_uid: int
) -> tuple[bytes, str]:
    verb = command.upper()
    if verb.startswith("CAPABILITY"):
        return f"* CAPABILITY {capabilities}\r\n".encode(), "OK done"
    if verb.startswith("EXAMINE"):
        return (
            f"* {len(mails)} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {next_uid}] x\r\n".encode(),
            "OK [READ-ONLY] done",
        )
    if verb.startswith("UID SEARCH"):
        low, high = re.search(r"(\d+):(\d+|\*)", command).groups()  # type: ignore[union-attr]  # always there
        found = [uid for uid in mails if int(low) <= uid and (high == "*" or uid <= int(high))]
        found = found or ([max(mails)] if high == "*" and mails else [])
        return f"* SEARCH {' '.join(map(str, found))}\r\n".encode(), "OK done"
    if verb.startswith("UID FETCH"):
        return _fetch(command, broken, mails)
    if verb.startswith("IDLE"):
        return b"+ idling\r\n", "hang up"
    return b"", "OK done"


def _fetch(command: str, broken: Mapping[int, str], mails: Mapping[int, bytes]) -> tuple[bytes, str]:
    words = command.split()
    uids = [int(uid) for uid in words[2].split(",") if int(uid) in mails]
    what = " ".join(words[3:])
    if "BODY.PEEK[]" in what and any(broken.get(uid) == "no" for uid in uids):
        return b"", "NO [SERVERBUG] this mail is damaged"
    out = b"* 1 FETCH (UID 999 FLAGS (\\Seen))\r\n"  # a server may tell about other mails at any time
    for number, uid in enumerate(uids, 1):
        raw = mails[uid]
        if "SIZE" in what:
            out += b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (number, uid, len(raw))
        elif "HEADER" in what:
            head = b"" if broken.get(uid) == "no" else raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            out += b"* %d FETCH (UID %d BODY[HEADER] {%d}\r\n%s)\r\n" % (number, uid, len(head), head)
        elif broken.get(uid) == "nil":
            out += b"* %d FETCH (UID %d BODY[] NIL)\r\n" % (number, uid)
        else:
            out += b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, len(raw), raw)
    return out, "OK done"


def everything(session: ImapSession, position: int = 0) -> list[Fetched]:
    opened = session.open("INBOX")
    return [mail for uids in session.uids_after(position, opened) for batch in session.fetch(uids) for mail in batch]


def test_everything_behind_the_position_is_fetched_in_order() -> None:
    with imap_server() as session:
        assert [(mail.uid, mail.raw) for mail in everything(session, 3)] == [(5, MAILS[5]), (9, MAILS[9])]


def test_nothing_new_is_nothing() -> None:
    with imap_server() as session:
        assert everything(session, 9) == []


def test_a_mail_that_arrives_after_the_folder_was_opened_is_seen() -> None:
    with imap_server(next_uid=6) as session:
        assert [mail.uid for mail in everything(session)] == [3, 5, 9]


def test_huge_gaps_between_numbers_cost_few_questions() -> None:
    mails = {4_000_000_000: b"Subject: far\r\n\r\nx\r\n"}
    begun = time.monotonic()
    with imap_server(mails=mails, next_uid=4_000_000_001) as session:
        assert [mail.uid for mail in everything(session)] == [4_000_000_000]
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("how", "header"), [("no", b""), ("nil", b"Subject: mail 5\r\n\r\n")])
def test_one_damaged_mail_does_not_hold_up_the_others(how: str, header: bytes) -> None:
    with imap_server(broken={5: how}) as session:
        found = everything(session)
    assert [mail.uid for mail in found] == [3, 5, 9]
    assert (found[1].raw, bool(found[1].failure)) == (header, True)
    assert not found[0].failure
    assert not found[2].failure


def test_a_connection_that_ends_during_idle_is_noticed_at_once() -> None:
    begun = time.monotonic()
    with (
        pytest.raises(ChannelError, match="broke"),
        imap_server(capabilities="IMAP4rev1 IDLE") as session,
    ):
        session.open("INBOX")
        assert session.can_idle
        session.wait_for_news(lambda: False, seconds=30)
    assert time.monotonic() - begun < 5


def test_no_log_ever_holds_a_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with imap_server() as session:
        everything(session)
    assert PASSWORD not in caplog.text


def test_a_server_without_idle_is_known() -> None:
    with imap_server() as session:
        assert not session.can_idle
