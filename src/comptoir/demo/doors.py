"""How the invented customers reach us: every channel's own road into the inbound log, and no other.

Mail and sandbox events go to `inbound.receive` as bytes; the form and the chat through the services behind their pages.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from comptoir.channels.email.identify import external_id
from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat import services as webchat
from comptoir.channels.webchat.models import ChatSession
from comptoir.channels.webchat.services import Typed
from comptoir.channels.webform.parse import File as Kept
from comptoir.channels.webform.parse import Submission
from comptoir.channels.webform.services import accept_submission, reference_of
from comptoir.core import storage
from comptoir.demo.mails import File, Letter, write_mail
from comptoir.demo.people import DOMAIN, ORGANISATION, Person
from comptoir.inbound.services import Arrival, receive

SUPPORT, BOUTIQUE = f"support@{DOMAIN}", f"boutique@{DOMAIN}"
MAILBOX_NAMES = {SUPPORT: f"{ORGANISATION} – Service client", BOUTIQUE: f"Boutique {ORGANISATION}"}
THREADS = "demo-"  # the sandbox threads of the demo begin so
TOPICS = {
    "internet": "Internet et téléphone",
    "mobile": "Mobile",
    "billing": "Factures et contrat",
    "orders": "Commandes et boutique",
    "press": "Presse",
    "ideas": "Idées et partenariats",
    "other": "Autre sujet",
}
Place = tuple[int, str]  # account, external id: where a message of ours is found again in the log


@dataclass(slots=True)
class Doors:
    """The demo's accounts, by channel. `held` collects mails and events, so that a past of them is one statement."""

    mailboxes: dict[str, ChannelAccount]
    form: ChannelAccount
    chat: ChannelAccount
    sandbox: ChannelAccount
    held: list[Arrival] | None = None

    def _accept(self, arrival: Arrival) -> Place:
        if self.held is None:
            receive([arrival])
        else:
            self.held.append(replace(arrival, source="import"))
        return arrival.account_id, arrival.external_id

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Import what arrives in this block together: it counts as received when it says that it was sent."""
        self.held = []
        try:
            yield
            receive(self.held)
        finally:
            self.held = None

    def post(self, letter: Letter) -> Place:
        """Let a mail arrive in the mailbox that it is addressed to."""
        return self.post_raw(letter.to[1], write_mail(letter))

    def post_raw(self, address: str, raw: bytes) -> Place:
        """Let raw bytes arrive in a mailbox."""
        account = self.mailboxes[address]
        return self._accept(Arrival(account.pk, external_id(raw), raw, source="demo", content_type="message/rfc822"))

    def submit(
        self, person: Person, *, topic: str, subject: str, text: str, at: datetime, files: Sequence[File] = ()
    ) -> Place:
        """Let somebody send the web form."""
        nonce = _letters(f"form|{person.email}|{subject}|{at.isoformat()}", 12)
        submission = Submission(
            reference=reference_of(nonce), name=person.name, email=person.email, subject=subject, topic=TOPICS[topic],
            message=text, language="fr" if person.language == "fr" else "en", sent_at=at,
            files=tuple(
                Kept(key=storage.put(f.content), filename=f.filename, content_type=f.content_type, size=len(f.content))
                for f in files
            ),
        )  # fmt: skip
        accept_submission(account=self.form, nonce=nonce, submission=submission)
        return self.form.pk, f"form:{nonce}"

    def open_chat(self, person: Person, *, at: datetime) -> ChatSession:
        """Let a visitor open the chat and say who they are."""
        session = webchat.start_session(account=self.chat, language=person.language, at=at)
        webchat.note_contact(session=session, name=person.name, email=person.email, at=at)
        session.refresh_from_db()
        return session

    def say(self, session: ChatSession, text: str, *, at: datetime, number: int) -> Place:
        """Let a visitor write into their chat; `number` counts their messages."""
        client_id = f"demo-{number}"
        webchat.accept_messages(session=session, typed=[Typed(client_id, text, "/demo/")], at=at)
        return self.chat.pk, f"{session.key}:{client_id}"

    def signal(self, person: Person, thread: str, text: str, *, at: datetime) -> Place:
        """Let an event arrive on the sandbox."""
        identifier = _letters(f"event|{thread}|{text}|{at.isoformat()}", 20)
        event = {
            "id": identifier,
            "type": "message",
            "thread": thread,
            "author": {"address": person.email.partition("@")[0], "name": person.name},
            "text": text,
            "sent_at": at.isoformat(),
            "language": person.language,
        }
        raw = json.dumps(event, ensure_ascii=False).encode()
        return self._accept(Arrival(self.sandbox.pk, identifier, raw, conversation_key=thread, source="sandbox"))


def _letters(told: str, length: int) -> str:
    return base64.b32encode(hashlib.sha256(told.encode()).digest()).decode().lower()[:length]


def new_thread(person: Person, at: datetime) -> str:
    """Return the key of a new sandbox thread."""
    return THREADS + _letters(f"thread|{person.email}|{at.isoformat()}", 12)


def load_doors() -> Doors:
    """Return the demo's accounts; raises LookupError before the seed has connected them."""
    accounts = list(ChannelAccount.objects.filter(is_active=True).order_by("id"))
    mailboxes = {a.address: a for a in accounts if a.kind == "email" and a.address in MAILBOX_NAMES}
    first = {a.kind: a for a in reversed(accounts)}
    if len(mailboxes) < 2 or not {"webform", "webchat", "sandbox"} <= first.keys():
        raise LookupError("The demo's accounts are not connected. Start with: comptoir up --demo")
    return Doors(mailboxes, first["webform"], first["webchat"], first["sandbox"])
