"""An answer of ours to the bytes of a mail: pure, safe against injected headers, readable in every mail program.

The Message-ID is the delivery's key, so that the mail can be found again (INV-03); Reply-To carries the signed token
by which an answer finds its conversation even where a mail program drops the references. Plain text with a simple
HTML alternative, everything 7-bit, line ends CRLF. The same message at the same instant gives the same bytes.
"""

import hashlib
import html as html_lib
import re
from collections.abc import Iterable
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Author, Outbound, OutboundFile

from .identify import stamp

MAX_REFERENCES = 30  # the first and the nearest; some programs refuse longer fields
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x20\x7f-\x9f]{1,64}@([^\s<>()\[\],;:\\\"@\x00-\x20\x7f-\x9f]{1,253})")
_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}[^\s<>\"'.,;:!?)\]]")
_TYPE = re.compile(r"([a-z0-9][a-z0-9.+-]{0,60})/([a-z0-9][a-z0-9.+-]{0,100})")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]{1,60}")
_EOL = "\r\n"
_POLICY = EmailPolicy(linesep="\r\n", cte_type="7bit")


def render(message: Outbound, account: AccountConfig, *, at: datetime, token_key: bytes) -> bytes:
    """Return the complete mail. Raises ChannelError (permanent) where an address cannot be written to."""
    head = _header(message, account, at, token_key)
    content = _content(message)
    return "".join(f"{line}\r\n" for line in head).encode("ascii") + content.as_bytes()


def recipients(message: Outbound) -> list[str]:
    """Return the addresses of the envelope, each once. Raises ChannelError (permanent) for an impossible one."""
    found = list(dict.fromkeys(wire_address(person.address) for person in (*message.to, *message.cc)))
    if not found:
        raise ChannelError("The message has no recipient.", permanent=True)
    return found


def wire_address(address: str) -> str:
    """Return an address as it travels: ASCII, an international domain in its IDNA form."""
    match = _ADDRESS.fullmatch(address.strip())
    local = address.strip().rpartition("@")[0]
    if match is None or not local.isascii() or local.startswith(".") or local.endswith(".") or ".." in local:
        raise ChannelError(f"“{_line(address)[:120]}” is not an address that mail can be sent to.", permanent=True)
    try:
        domain = match[1].encode("idna").decode("ascii")
    except UnicodeError:
        raise ChannelError(
            f"“{_line(match[1])[:120]}” is not a domain that mail can be sent to.", permanent=True
        ) from None
    return f"{local}@{domain}"


def reply_address(message: Outbound, account: AccountConfig) -> str:
    """Return our address with the conversation's signed token, '' where the mailbox takes no plus addresses."""
    if not message.reply_token or not account.options.get("plus_addressing"):
        return ""
    local, _, domain = wire_address(account.address).rpartition("@")
    tagged = f"{local}+c_{message.reply_token}"
    return f"{tagged}@{domain}" if len(tagged) <= 64 else ""  # RFC 5321: a local part has at most 64 characters


def _header(message: Outbound, account: AccountConfig, at: datetime, token_key: bytes) -> list[str]:
    """Return the header lines. Every value passes through one of the functions below, none is copied as it is."""
    name = message.from_name or account.name
    lines = [
        f"Date: {format_datetime(at)}",
        _people("From", [Author("email", account.address, name)]),
        _people("To", message.to),
    ]
    if message.cc:
        lines.append(_people("Cc", message.cc))
    answer_at = reply_address(message, account)
    if answer_at:
        lines.append(_people("Reply-To", [Author("email", answer_at, name)]))
    lines.append(_text("Subject", message.subject))
    lines.append(_identifiers("Message-ID", [message.key]))
    if message.in_reply_to:
        lines.append(_identifiers("In-Reply-To", [message.in_reply_to]))
    if message.references:
        lines.append(_identifiers("References", _nearest(message.references)))
    lines.append(f"X-Comptoir-Sent: {stamp(message.key, key=token_key)}")
    if message.automatic:
        lines += ["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"]
    return [line for line in lines if line]


def _nearest(references: tuple[str, ...]) -> tuple[str, ...]:
    if len(references) <= MAX_REFERENCES:
        return references
    return (references[0], *references[-MAX_REFERENCES + 1 :])


def _line(text: str) -> str:
    """Return a text on one line, without control characters: no value can begin a new header."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _text(name: str, value: str) -> str:
    """Return an unstructured field, encoded where it is not plain ASCII, folded to lines of at most 76 characters."""
    clean = _line(value)[:2000]
    is_plain = clean.isascii() and "=?" not in clean and all(len(word) <= 70 for word in clean.split(" "))
    header = Header(clean, "us-ascii" if is_plain else "utf-8", header_name=name, maxlinelen=76)
    return f"{name}: {header.encode(linesep=_EOL)}"


def _identifiers(name: str, values: Iterable[str]) -> str:
    """Return a field of message identifiers, one a line: Python's folding would encode the long ones."""
    found = [f"<{value}>" for value in values if _IDENTIFIER.fullmatch(value)]
    return f"{name}: {(_EOL + ' ').join(found)}" if found else ""


def _people(name: str, people: Iterable[Author]) -> str:
    """Return a field of addresses, one a line."""
    return f"{name}: " + f",{_EOL} ".join(_mailbox(person) for person in people)


def _mailbox(person: Author) -> str:
    address, name = wire_address(person.address), _line(person.name)[:200]
    if not name or name == person.address:
        return address
    if _PHRASE.fullmatch(name) and "=?" not in name:
        return f"{name} <{address}>"
    return f"{Header(name, 'utf-8', maxlinelen=70).encode(linesep=_EOL)}{_EOL} <{address}>"


# --- content --------------------------------------------------------------------------------------------------------


def _content(message: Outbound) -> EmailMessage:
    """Return the body: text and HTML, in front of the files."""
    mail = EmailMessage(policy=_POLICY)
    mail.set_content(_plain(message))
    mail.add_alternative(_html(message), subtype="html")
    for file in message.files:
        _attach(mail, file)
    # Fixed boundaries, so that a second attempt sends the same bytes.
    digest = hashlib.sha256(message.key.encode("utf-8", "replace")).hexdigest()[:24]
    mail.set_boundary(f"=_c1_{digest}")
    for number, part in enumerate(mail.iter_parts(), 2):
        if part.is_multipart():
            part.set_boundary(f"=_c{number}_{digest}")
    return mail


def _lines(text: str) -> list[str]:
    return [_CONTROL.sub("", line).rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def _plain(message: Outbound) -> str:
    blocks = ["\n".join(_lines(message.text)).strip("\n")]
    if message.signature.strip():
        blocks.append("-- \n" + "\n".join(_lines(message.signature)).strip("\n"))
    if message.quoted.strip():
        blocks.append("\n".join(_lines(message.quoted)).strip("\n"))
    return "\n\n".join(blocks) + "\n"


def _html(message: Outbound) -> str:
    blocks = [f"<div>{_marked_up(_lines(message.text.strip()))}</div>"]
    if message.signature.strip():
        signature = _marked_up(_lines(message.signature.strip()))
        blocks.append(f'<br><div class="signature">-- <br>{signature}</div>')
    if message.quoted.strip():
        blocks.append(f"<br>{_quoted_html(_lines(message.quoted.strip()))}")
    return "<!DOCTYPE html><html><body>\n" + "\n".join(blocks) + "\n</body></html>\n"


def _quoted_html(lines: list[str]) -> str:
    """Return the history with its '>' lines as a block quote, so that mail programs can fold it away."""
    heading = [line for line in lines if not line.startswith(">")]
    quoted = [line[1:].removeprefix(" ") for line in lines if line.startswith(">")]
    block = f"<blockquote>{_marked_up(quoted)}</blockquote>" if quoted else ""
    return f'<div class="comptoir_quote">{_marked_up(heading)}{block}</div>'


def _marked_up(lines: list[str]) -> str:
    return "<br>\n".join(_linked(line) for line in lines)


def _linked(line: str) -> str:
    out: list[str] = []
    end = 0
    for match in _LINK.finditer(line):
        url = html_lib.escape(match.group())
        out += [_escaped(line[end : match.start()]), f'<a href="{url}">{url}</a>']
        end = match.end()
    out.append(_escaped(line[end:]))
    return "".join(out)


def _escaped(text: str) -> str:
    return html_lib.escape(text, quote=False).replace("  ", "&nbsp; ")


def _attach(mail: EmailMessage, file: OutboundFile) -> None:
    kind = _TYPE.fullmatch(file.content_type.lower().partition(";")[0].strip())
    main, sub = (kind[1], kind[2]) if kind else ("application", "octet-stream")
    name = _line(file.filename).replace("/", "_").replace("\\", "_")[:200] or "file"
    if main == "multipart" or (main == "message" and not _is_seven_bit(file.content)):
        main, sub = "application", "octet-stream"  # RFC 2046 allows no encoding for these types
    encoding = "7bit" if main == "message" else "base64"
    mail.add_attachment(file.content, maintype=main, subtype=sub, filename=name, cte=encoding)


def _is_seven_bit(content: bytes) -> bool:
    return content.isascii() and b"\0" not in content and all(len(line) <= 998 for line in content.splitlines())
