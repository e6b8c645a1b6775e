"""An answer of ours to the bytes of a mail: pure, safe against injected headers, readable in every mail program.

The Message-ID is the delivery's key, so that the mail can be found again (INV-03); Reply-To carries the signed token
by which an answer finds its conversation even where a mail program drops the references. Plain text with a simple
HTML alternative, each 7-bit clean. Line ends are CRLF.
"""

import html as html_lib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy

from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Author, Outbound, OutboundFile

from .identify import stamp

MAX_REFERENCES = 30  # the first and the nearest ones; some programs refuse longer fields
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]{1,64}@[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]{1,253}")
_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}[^\s<>\"'.,;:!?)\]]")
_TYPE = re.compile(r"([a-z0-9][a-z0-9.+-]{0,60})/([a-z0-9][a-z0-9.+-]{0,100})")
_IDENTIFIER_FIELDS = frozenset({"message-id", "in-reply-to", "references"})


class _Policy(EmailPolicy):
    """Python's folding would cut or encode a message identifier longer than a line; these fields are folded here."""

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _IDENTIFIER_FIELDS:
            return f"{name}: {'\r\n '.join(str(value).split())}\r\n" if value else ""
        return super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _IDENTIFIER_FIELDS:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(**{**{k: getattr(SMTP, k) for k in ("linesep", "max_line_length")}, "cte_type": "7bit"})
