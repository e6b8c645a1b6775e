"""What we make of a mail, as JSON (`comptoir parse email FILE…`, `python -m comptoir.channels.email.cli_json`).

One file is printed indented; several are printed as one object a line, in order. A file that is no mail gives
`{"error": …}` on its line and the exit status 1, and the others are printed all the same.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from comptoir.core.errors import AnomalousPayload

from .mime import parse_mail
from .parsed import Address, MailAttachment, ParsedMail
from .trim import trim_html, trim_text


def mail_as_json(raw: bytes) -> dict[str, Any]:
    """Return a mail as plain values. Raises AnomalousPayload where the bytes are no mail."""
    mail = parse_mail(raw)
    return {
        "from_email": mail.from_email,
        "from_name": mail.from_name,
        "to": [_address(a) for a in mail.to],
        "cc": [_address(a) for a in mail.cc],
        "reply_to": [_address(a) for a in mail.reply_to],
        "subject": mail.subject,
        "text": mail.text,
        "reply_text": own_text(mail),
        "html": mail.html,
        "attachments": [_attachment(a) for a in mail.attachments],
        "message_id": mail.message_id,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "auto_reply": mail.auto_reply,
        "bounce": _bounce(mail),
    }


def own_text(mail: ParsedMail) -> str:
    """Return what the writer added: without quoted mails and signature, from the HTML where there is one."""
    return trim_html(mail.html) if mail.html else trim_text(mail.text).visible


def _address(address: Address) -> dict[str, str]:
    return {"name": address.name, "email": address.email}


def _attachment(attachment: MailAttachment) -> dict[str, Any]:
    return {
        "filename": attachment.filename,
        "size": attachment.size,
        "md5": attachment.md5,
        "content_type": attachment.content_type,
        "content_id": attachment.content_id,
    }


def _bounce(mail: ParsedMail) -> dict[str, Any] | None:
    if mail.bounce is None:
        return None
    return {
        "final_recipient": mail.bounce.final_recipient,
        "action": mail.bounce.action,
        "status": mail.bounce.status,
        "diagnostic": mail.bounce.diagnostic,
        "original_message_id": mail.bounce.original_message_id,
    }


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Print the mails in the named files ('-' is the standard input); return the exit status."""
    if not arguments:
        print("usage: python -m comptoir.channels.email.cli_json FILE…", file=sys.stderr)
        return 2
    status = 0
    for name in arguments:
        try:
            raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            value = mail_as_json(raw)
        except (AnomalousPayload, OSError) as error:
            value = {"error": str(error)}
            status = 1
        print(json.dumps(value, ensure_ascii=False, indent=2 if len(arguments) == 1 else None), file=out)
    return status


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the standard output of a program is a TextIOWrapper
    sys.exit(main(sys.argv[1:]))
