"""A record of a mailbox to what the product makes of it: a customer's message, and what a bounce says about ours.

Pure: the MIME work is `mime.parse_mail`'s, this module decides what a mail means here. It must never let our own mail,
come back by whatever way, look like a customer's message, and must name every machine's mail as one (`automatic`), so
that nothing ever answers it by itself.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Author, Blob, Delivered, Inbound, InboundKind, ParseContext, Receipt

from .headers import Fields, addresses, split_fields
from .identify import is_ours, split
from .mime import parse_mail
from .notices import take_notice
from .parsed import Address, Bounce, ParsedMail
from .sanitize import sanitise_html
from .trim import trim_html, trim_text

MAX_HOPS = 60  # servers; honest ways have under fifteen, and mail servers refuse at 50 to 100

_ADDRESSED = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "resent-to", "apparently-to")
_TOKEN = re.compile(r"^(.+)\+c_([a-z2-7]{23})@(.+)$")
_NO_SENDER = "(no sender)"


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Return the message of a mail, preceded by the receipt that a delivery report holds.

    Raises UnsupportedEvent for our own mail that came back, AnomalousPayload for bytes that are no mail.
    """
    notice, raw = take_notice(raw)
    if notice and not raw.strip():
        raise AnomalousPayload(f"The mail server could not deliver this mail ({notice.reason}).")
    mail = parse_mail(raw)
    fields, _, _ = split_fields(split(raw)[0])
    own = _bare(context.address)
    if is_ours(raw, mail.message_id, key=context.token_key):
        raise UnsupportedEvent("Our own message came back; it is in its conversation already.")
    author, reply_to = _author(mail, own)
    message = _message(mail, context, fields, author, reply_to, store)
    if notice:
        meta = {"notice": notice.reason, "size": notice.size}
        message = replace(message, text=notice.text, visible_text="", html="", blobs=(), meta=meta)
    receipt = _receipt(mail.bounce, mail.text) if mail.bounce else None
    if receipt is None:
        return [message]
    return [Inbound(author, "", InboundKind.RECEIPT, receipt=receipt), message]


def _message(
    mail: ParsedMail,
    context: ParseContext,
    fields: Fields,
    author: Author,
    reply_to: tuple[Author, ...],
    store: Callable[[bytes], str],
) -> Inbound:
    visible = trim_html(mail.html) if mail.html else trim_text(mail.text).visible
    return Inbound(
        author=author,
        text=mail.text,
        subject=mail.subject,
        visible_text=visible,
        html=sanitise_html(mail.html) if mail.html else "",
        sent_at=mail.date,
        message_id=mail.message_id,
        in_reply_to=mail.in_reply_to,
        references=_references(mail),
        reply_token=_reply_token(fields, _bare(context.address)),
        to=_people(mail.to),
        cc=_people(mail.cc),
        reply_to=reply_to,
        blobs=_blobs(mail, store),
        automatic=_why_automatic(mail, fields, _bare(context.address)),
        meta={"notes": list(mail.notes)},
    )


def _author(mail: ParsedMail, own: str) -> tuple[Author, tuple[Author, ...]]:
    """Return who wrote, and where they want answers when that is elsewhere.

    A contact form on a web site writes from our own address and names the visitor in Reply-To: the visitor is the
    author. Anything else from our own address is a colleague's or a copy of ours and no customer's message.
    """
    wanted = tuple(a for a in mail.reply_to if "@" in a.email and _bare(a.email) != own)
    if own and _bare(mail.from_email) == own:
        if not wanted:
            raise UnsupportedEvent(
                "Written from this mailbox's own address, by another program: not a customer's message."
            )
        return Author("email", wanted[0].email, wanted[0].name or mail.from_name), _people(wanted[1:])
    author = Author("email", mail.from_email, mail.from_name or ("" if mail.from_email else _NO_SENDER))
    elsewhere = tuple(a for a in wanted if a.email.lower() != mail.from_email.lower())
    return author, _people(wanted) if elsewhere else ()


def _people(people: Iterable[Address]) -> tuple[Author, ...]:
    return tuple(Author("email", a.email, a.name) for a in people)


def _bare(address: str) -> str:
    """Return an address in lower case without its plus part: support+c_x@brand.test is support@brand.test."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if local else ""


def _blobs(mail: ParsedMail, store: Callable[[bytes], str]) -> tuple[Blob, ...]:
    return tuple(
        Blob(
            key=store(a.content),
            filename=a.filename[:255],
            content_type=a.content_type[:127],
            size=a.size,
            content_id=(a.content_id or "")[:255],
            inline=a.disposition == "inline",
        )
        for a in mail.attachments
    )


def _references(mail: ParsedMail) -> tuple[str, ...]:
    """Return what the mail cites; a bounce often cites our message in its report only."""
    original = mail.bounce.original_message_id if mail.bounce else None
    if original and original not in mail.references:
        return (*mail.references, original)
    return mail.references


def _reply_token(fields: Fields, own: str) -> str:
    """Return the signed token of our reply address, from wherever the mail was addressed; our own domain's first."""
    found: list[tuple[bool, str]] = []
    for name in _ADDRESSED:
        for value in fields.get(name, ())[:20]:
            for address in addresses(value)[:200]:
                match = _TOKEN.match(address.email.lower())
                if match:
                    found.append((f"{match[1]}@{match[3]}" == own, match[2]))
    return max(found, key=lambda f: f[0])[1] if found else ""


def _why_automatic(mail: ParsedMail, fields: Fields, own: str) -> str:
    """Return the kind of machine that wrote or relayed this, '' for a person."""
    if mail.bounce:
        return "bounce"
    if _looped(mail, fields, own):
        return "loop"
    if mail.auto_reply:
        return "read-receipt" if mail.auto_reply_reason == "read receipt" else "auto-reply"
    if mail.loop.is_bulk and not _is_own_list(mail.loop.list_id, own):
        return "list"
    return ""


def _looped(mail: ParsedMail, fields: Fields, own: str) -> bool:
    has_own_mark = bool(own) and any(own in value.lower() for value in mail.loop.x_loop)
    return has_own_mark or len(fields.get("received", ())) > MAX_HOPS


def _is_own_list(list_id: str, own: str) -> bool:
    """Return whether the list is our own domain's: many a support address is a group that hands its mail on to us."""
    domain = own.rpartition("@")[2]
    named = re.findall(r"[\w.@-]+", list_id.lower())
    return bool(domain) and any(name == domain or name.endswith((f".{domain}", f"@{domain}")) for name in named)


def _receipt(bounce: Bounce, text: str) -> Receipt | None:
    if not bounce.original_message_id:
        return None
    if bounce.action == "failed":
        why = bounce.diagnostic or _said_about(bounce.final_recipient, text) or bounce.status
        reason = ": ".join(part for part in (bounce.final_recipient, why) if part)
        return Receipt(bounce.original_message_id, Delivered.FAILED, reason=reason[:1000])
    if bounce.action == "delivered":
        return Receipt(bounce.original_message_id, Delivered.DELIVERED, reason=bounce.final_recipient[:300])
    return None  # delayed, relayed, expanded: nothing is decided yet


def _said_about(recipient: str, text: str) -> str:
    """Return what a report's text says behind a recipient's address, where the report itself gives no reason."""
    for line in text[:20_000].split("\n") if recipient else ():
        _, found, rest = line.partition(recipient)
        if found and (reason := rest.strip(' \t<>:"')):
            return reason[:500]
    return ""
