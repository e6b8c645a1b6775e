"""A raw mail to a `ParsedMail`: which parts are the body, which are attachments, who wrote, and is it a machine.

Pure, total and bounded: whatever the bytes, the answer is a ParsedMail or AnomalousPayload, in time linear in their
length. The raw original is kept by the inbound log, so what the limits leave out is noted and not lost.
"""

from types import MappingProxyType

from comptoir.core.errors import AnomalousPayload

from . import headers
from .automatic import read_bounce, read_loop_markers, why_automatic
from .body import Body, read_body
from .parsed import Address, ParsedMail
from .structure import Tree, read_tree

# Shown on the intake page and in the conversation's details; everything else stays in the raw original.
KEPT_HEADERS = (
    "return-path",
    "sender",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "authentication-results",
    "received-spf",
    "x-spam-flag",
    "x-mailer",
    "user-agent",
    "importance",
    "x-priority",
    "content-language",
    "thread-topic",
    "list-id",
    "list-unsubscribe",
    "auto-submitted",
    "precedence",
    "x-auto-response-suppress",
    "x-loop",
    "disposition-notification-to",
)
_SENDER_FIELDS = ("from", "reply-to", "sender", "resent-from", "x-sender", "return-path")
_ANY_OF = frozenset(
    {"from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version", "sender"}
)


def parse_mail(raw: bytes) -> ParsedMail:
    """Return what a mail says. Raises AnomalousPayload where the bytes are no mail at all."""
    if not raw.strip():
        raise AnomalousPayload("The mail is empty.")
    tree = read_tree(raw)
    if _ANY_OF.isdisjoint(tree.root.fields):
        raise AnomalousPayload("These bytes are not a mail: there is no header field that every mail has.")
    return _parsed(tree, read_body(tree))


def _parsed(tree: Tree, body: Body) -> ParsedMail:
    root = tree.root
    notes = list(tree.notes)
    notes.extend(body.notes)
    sender = _sender(tree, notes)
    subject = _first_text(tree, "subject")
    loop = read_loop_markers(root.fields)
    bounce = read_bounce(tree, sender, subject, body)
    reason = why_automatic(tree, sender, subject, loop, is_bounce=bounce is not None)
    raw_date = root.first("date")
    date = headers.date(raw_date) if raw_date else None
    if raw_date and date is None:
        notes.append("the date is not readable")
    message_ids = headers.identifiers(root.first("message-id"))
    return ParsedMail(
        from_email=sender.email,
        from_name=sender.name,
        to=_all_addresses(tree, "to"),
        cc=_all_addresses(tree, "cc"),
        reply_to=_all_addresses(tree, "reply-to"),
        subject=subject,
        text=body.text,
        html=body.html,
        attachments=tuple(body.attachments),
        message_id=message_ids[0] if message_ids else "",
        in_reply_to=headers.identifiers(root.first("in-reply-to")),
        references=headers.identifiers(root.first("references")),
        date=date,
        auto_reply=bool(reason),
        auto_reply_reason=reason,
        bounce=bounce,
        loop=loop,
        headers=MappingProxyType(
            {n: headers.decode_words(headers.to_text(root.first(n))) for n in KEPT_HEADERS if n in root.fields}
        ),
        notes=tuple(dict.fromkeys(notes)),
    )


def _first_text(tree: Tree, name: str) -> str:
    return next((t for v in tree.root.fields.get(name, ()) if (t := headers.decode_words(headers.to_text(v)))), "")


def _all_addresses(tree: Tree, name: str) -> tuple[Address, ...]:
    values = tree.root.fields.get(name)
    if not values:
        return ()
    if len(values) == 1:
        return headers.addresses(values[0])
    return tuple(dict.fromkeys(a for v in values[:50] for a in headers.addresses(v)))


def _sender(tree: Tree, notes: list[str]) -> Address:
    """Return the author: the first From with a real address, else the next best field, said in a note."""
    fallback: Address | None = None
    for name in _SENDER_FIELDS:
        for value in tree.root.fields.get(name, ())[:20]:
            for address in headers.addresses(value):
                if "@" in address.email:
                    if name != "from":
                        notes.append(f"no sender in From, taken from {name.title()}")
                    return address
                fallback = fallback or address
    notes.append("no sender")
    return fallback or Address("", "")
