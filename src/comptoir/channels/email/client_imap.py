"""One connection to an IMAP server: sign in, look what is new, fetch it. Never marks, moves or deletes a mail.

Folders are opened read-only (EXAMINE) and mails fetched with BODY.PEEK. A mail that is too large, or that the server
cannot deliver, becomes a record that says so: nothing is left out in silence.
"""

import contextlib
import imaplib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from comptoir.core.errors import ChannelError
from comptoir.core.hosts import reachable
from comptoir.core.tls import client_context

from . import oauth
from .config import NONE, STARTTLS, TLS, XOAUTH2, Mailbox, Server
from .failures import in_words

_TIMEOUT = SocketTimeout(connect=15, read=60)
_UID_WINDOW = 5000  # UIDs asked for in one SEARCH: a line of the answer stays far below imaplib's limit of 1 MB
_MAX_WINDOW = 1 << 31  # empty windows double: a folder of ten mails with UIDs in the billions is searched in 20 steps
_BATCH = 200  # mails a FETCH
_BATCH_BYTES = 16 * 1024 * 1024  # of one FETCH; the answer is held in memory


logging.getLogger("imapclient").setLevel(logging.INFO)  # its DEBUG lines hold access tokens (INV-08)


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it was opened."""

    name: str
    epoch: int  # UIDVALIDITY
    next_uid: int  # UIDNEXT, 0 where the server does not say


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail: its bytes, or a header and why there is no more."""

    uid: int
    raw: bytes
    oversize: int = 0  # the size of a mail that was left in the mailbox
    failure: str = ""  # what the server said instead of delivering it


class ImapSession:
    """A signed-in connection. Everything it raises is ChannelError in words, made by `open_session`."""

    def __init__(self, client: IMAPClient, server: Server) -> None:
        self._client = client
        self._server = server

    def open(self, folder: str) -> Opened:
        """Open a folder read-only. Raises ChannelError (permanent) that lists the folders where it does not exist."""
        try:
            found = self._client.select_folder(folder, readonly=True)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            names = ", ".join(sorted(str(name) for _flags, _mark, name in self._client.list_folders())[:30])
            text = _("There is no folder “%(folder)s” in this mailbox. It has: %(names)s.")
            raise ChannelError(text % {"folder": folder, "names": names}, permanent=True) from error
        return Opened(folder, int(found.get(b"UIDVALIDITY", 0)), int(found.get(b"UIDNEXT", 0)))

    def uids_after(self, position: int, opened: Opened) -> Iterator[list[int]]:
        """Yield the UIDs behind a position in ascending lists: first the gap up to UIDNEXT, then what came since."""
        low, window = position + 1, _UID_WINDOW
        while low < opened.next_uid:
            high = min(low + window, opened.next_uid) - 1
            uids = self._search(low, str(high))
            if uids:
                yield uids
                window = _UID_WINDOW
            else:
                window = min(window * 2, _MAX_WINDOW)
            low = high + 1
        uids = self._search(low, "*")  # n:* always answers with the last mail, even below n
        if uids:
            yield uids

    def first_uid_since(self, day: date) -> int:
        """Return the lowest UID of the mails that arrived on or after a day; behind all of them when there is none."""
        uids = self._client.search(["SINCE", day])
        return min(uids) if uids else max(self._client.search(["UID", "*"]), default=0) + 1

    def _search(self, low: int, high: str) -> list[int]:
        return sorted(uid for uid in self._client.search(["UID", f"{low}:{high}"]) if uid >= low)

    def fetch(self, uids: Sequence[int]) -> Iterator[list[Fetched]]:
        """Yield the mails in batches, in ascending order; those deleted meanwhile are missing."""
        for start in range(0, len(uids), _BATCH):
            sizes = self._sizes(uids[start : start + _BATCH])
            batch: list[int] = []
            held = 0
            for uid, size in sizes:
                if size > settings.MAX_RECORD_BYTES:
                    if batch:
                        yield self._bodies(batch)
                    batch, held = [], 0
                    yield [Fetched(uid, self._header(uid), oversize=size)]
                    continue
                if batch and held + size > _BATCH_BYTES:
                    yield self._bodies(batch)
                    batch, held = [], 0
                batch.append(uid)
                held += size
            if batch:
                yield self._bodies(batch)

    def _sizes(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        wanted = set(uids)  # servers may tell about other mails in between
        found = self._client.fetch(list(uids), ["RFC822.SIZE"])
        return sorted((uid, int(item.get(b"RFC822.SIZE", 0))) for uid, item in found.items() if uid in wanted)

    def _bodies(self, uids: Sequence[int]) -> list[Fetched]:
        try:
            found = self._client.fetch(list(uids), ["BODY.PEEK[]"])
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if len(uids) > 1:  # one mail that the server cannot read must not hold up the others
                return [mail for uid in uids for mail in self._bodies([uid])]
            return [Fetched(uids[0], self._header(uids[0]), failure=str(error)[:300])]
        mails: list[Fetched] = []
        for uid in uids:
            body = found.get(uid, {}).get(b"BODY[]")
            if body:
                mails.append(Fetched(uid, body))
            elif uid in found:
                mails.append(Fetched(uid, self._header(uid), failure="the server sent an empty body"))
        return mails

    def _header(self, uid: int) -> bytes:
        try:
            found = self._client.fetch([uid], ["BODY.PEEK[HEADER]"])
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return b""
        return bytes(found.get(uid, {}).get(b"BODY[HEADER]") or b"")

    @property
    def can_idle(self) -> bool:
        """Whether the server tells by itself when something arrives (RFC 2177)."""
        return bool(self._client.has_capability("IDLE"))

    def wait_for_news(self, stopped: Callable[[], bool], *, seconds: float) -> None:
        """IDLE in the open folder until something happens, the time is over or `stopped()`."""
        self._client.idle()
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not stopped():
            begun = time.monotonic()
            news = self._client.idle_check(timeout=1)
            if any(isinstance(item, tuple) and b"EXISTS" in item[1:2] for item in news):
                break
            if not news and time.monotonic() - begun < 0.5:
                break  # readable, yet nothing to read: the connection ended, which DONE finds out
        self._client.idle_done()

    def find(self, message_id: str, folder: str) -> bool:
        """Return whether a folder has a mail with this Message-ID."""
        self.open(folder)
        return bool(self._client.search(["HEADER", "Message-ID", f"<{message_id}>"]))

    def sent_folder(self) -> str:
        """Return the folder where the server says sent mail is kept (RFC 6154), '' where it does not say."""
        return str(self._client.find_special_folder(b"\\Sent") or "")

    def keep_copy(self, folder: str, raw: bytes) -> None:
        """Put a copy of a sent mail into a folder, as read."""
        self._client.append(folder, raw, flags=[b"\\Seen"])


@contextlib.contextmanager
def open_session(mailbox: Mailbox) -> Iterator[ImapSession]:
    """Connect and sign in; whatever fails inside the block is raised as ChannelError in words."""
    server = mailbox.imap
    if server is None:
        raise ChannelError(_("This mailbox has no IMAP server."), permanent=True)
    with in_words(server):
        client = _connect(server)
        try:
            _sign_in(client, mailbox)
            yield ImapSession(client, server)
        finally:
            _close(client)


def _connect(server: Server) -> IMAPClient:
    reachable(server.host, server.port, allow_private=True)
    context = None if server.security == NONE else client_context(server.authority)
    client = IMAPClient(
        server.host, server.port, ssl=server.security == TLS, ssl_context=context, timeout=_TIMEOUT, use_uid=True
    )
    if server.security == STARTTLS:
        try:
            client.starttls(context)
        except BaseException:
            _close(client)
            raise
    return client


def _sign_in(client: IMAPClient, mailbox: Mailbox) -> None:
    sign_in = mailbox.imap_sign_in
    if sign_in.method != XOAUTH2:
        client.login(sign_in.user, sign_in.password)
        return
    try:
        client.oauth2_login(sign_in.user, oauth.access_token(mailbox))
    except LoginError:
        # A token may have been withdrawn before its time; one new one is worth a try.
        if not oauth.forget_token(mailbox):
            raise
        client.oauth2_login(sign_in.user, oauth.access_token(mailbox))


def _close(client: IMAPClient) -> None:
    try:
        client.logout()
    except (OSError, imaplib.IMAP4.error):
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            client.shutdown()
