"""What customers make of our answers: who was answered, by which road, and what they say to it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default

from comptoir.core import clock
from comptoir.demo.corpus import Scenario
from comptoir.demo.mails import Letter, Quoted, draw_style
from comptoir.demo.people import FIRMS, NEWSROOMS, NEWSROOMS_EN, Person, is_invented
from comptoir.demo.wording import as_word_back, filled, set_typography
from comptoir.outbound.models import Delivery
from comptoir.understanding.language import guess_language

# After an answer: who thanks, who insists; the rest is silent, as most people are.
THANKS, INSISTS = 0.42, 0.28

NUDGES = {
    "fr": (
        "Je me permets de vous relancer : avez-vous pu regarder ?",
        "Bonjour, toujours rien de votre côté ?",
        "Petit rappel, j'attends toujours votre réponse.",
    ),
    "en": (
        "Just checking whether anybody has had a chance to look at this.",
        "Any news on this, please?",
        "Still waiting to hear from you.",
    ),
}
_THANKS = {
    "fr": (
        "Merci pour votre réponse rapide, c'est parfait.",
        "C'est noté, merci beaucoup et bonne journée.",
        "Super, merci ! Tout est réglé de mon côté.",
        "Merci, je n'en demandais pas tant.",
    ),
    "en": (
        "Thank you for the quick answer, that's perfect.",
        "Noted, thanks a lot. Have a good day.",
        "Brilliant, thank you! All sorted at my end.",
        "Thanks, that's more than I hoped for.",
    ),
}
_INSISTS = {
    "fr": (
        "Merci, mais cela ne répond pas tout à fait à ma question. Pouvez-vous préciser la date ?",
        "J'ai fait ce que vous dites, et le problème est toujours là.",
        "Et qui me garantit que cela ne recommencera pas le mois prochain ?",
    ),
    "en": (
        "Thanks, but that doesn't quite answer my question. Could you give me a date?",
        "I've done what you said and the problem is still there.",
        "And what's to stop it happening again next month?",
    ),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer of ours as its receiver has it."""

    person: Person
    text: str
    at: datetime
    mailbox: str = ""
    mailbox_name: str = ""
    subject: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    thread: str = ""


def read_mail(raw: bytes) -> Heard | None:
    """Return what a mail of ours says and to whom; None for machines' mails and for real people's addresses."""
    mail = message_from_bytes(raw, policy=default)
    if mail.get("Auto-Submitted", "no") != "no":
        return None
    receiver = _first(mail, "To")
    sender = _first(mail, "From")
    body = mail.get_body(("plain",))
    if receiver is None or sender is None or body is None or not is_invented(receiver.addr_spec):
        return None
    text = str(body.get_content())
    own = text.partition("\n-- \n")[0].partition("\n> ")[0].strip()
    language = "en" if guess_language(own) == "en" else "fr"
    person = person_at(receiver.addr_spec, receiver.display_name, language)
    references = tuple(word.strip("<>") for word in str(mail.get("References", "")).split())
    return Heard(
        person, own, _date(mail), sender.addr_spec, sender.display_name, str(mail.get("Subject", "")),
        str(mail.get("Message-ID", "")).strip().strip("<>"), references,
    )  # fmt: skip


def _first(mail: EmailMessage, name: str) -> Address | None:
    header = mail.get(name)
    people = getattr(header, "addresses", ())
    return people[0] if people else None


def _date(mail: EmailMessage) -> datetime:
    found = getattr(mail.get("Date"), "datetime", None)
    return found if isinstance(found, datetime) and found.tzinfo else clock.now()


def person_at(email: str, name: str, language: str) -> Person:
    """Return the member of the cast behind an address."""
    domain = email.rpartition("@")[2]
    company = next((house for house, known in (*FIRMS, *NEWSROOMS, *NEWSROOMS_EN) if known == domain), "")
    return Person(
        name or email.partition("@")[0].replace(".", " ").title(),
        email,
        language,
        "business" if company else "any",
        company,
    )


def read_delivery(delivery: Delivery) -> Heard:
    """Return an answer that left by the sandbox."""
    conversation = delivery.message.conversation
    person = Person(
        conversation.contact.name,
        f"{conversation.contact_id}@sandbox",
        "en" if conversation.language == "en" else "fr",
        "any",
    )
    return Heard(person, delivery.message.text, delivery.message.created_at, thread=conversation.thread_key or "")


def draw_reaction(rng: random.Random, language: str, scenario: Scenario | None, slots: Mapping[str, str]) -> str:
    """Return what somebody says to an answer, '' for nothing."""
    mood = rng.random()
    if mood > THANKS + INSISTS:
        return ""
    special = (
        ()
        if scenario is None or scenario.language != language
        else scenario.thanks
        if mood < THANKS
        else scenario.complaints
    )
    if special and rng.random() < 0.6:
        return filled(rng.choice(special), slots, language)
    return set_typography(rng.choice((_THANKS if mood < THANKS else _INSISTS)[language]), language)


def as_letter_back(rng: random.Random, heard: Heard, text: str, *, at: datetime) -> Letter:
    """Return the customer's mail in answer to ours, with our text quoted below."""
    subject = heard.subject if heard.subject.lower().startswith("re:") else f"Re: {heard.subject}"
    return Letter(
        heard.person, (heard.mailbox_name, heard.mailbox), subject, as_word_back(text, heard.person), at,
        style=draw_style(rng, heard.person), in_reply_to=heard.message_id, references=heard.references,
        quoted=Quoted(heard.mailbox_name, heard.mailbox, heard.at, heard.text),
    )  # fmt: skip
