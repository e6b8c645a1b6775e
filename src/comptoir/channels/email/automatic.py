"""Is this mail a machine's: a bounce, an automatic answer, a list, something that must never be answered by one.

RFC 3834 (Auto-Submitted), RFC 3464 (delivery reports), RFC 2919 (List-Id), RFC 8098 (read receipts), and what
programs did before and beside them.
"""

import re

from . import headers
from .body import Body
from .headers import Fields
from .parsed import Address, Bounce, LoopMarkers
from .structure import Tree

_DAEMON = re.compile(
    r"(?i)^(?:mailer-daemon|maildaemon|mail-daemon|postmaster|mdaemon|mmdf|uucp|bounce[sd]?|"
    r"microsoftexchange[0-9a-f]+)(?:[+.=-]|@|$)"
)
_DAEMON_NAME = re.compile(r"(?i)mail delivery (?:sub)?system|mailer.?daemon|mail delivery service")
_BOUNCE_SUBJECT = re.compile(
    r"(?i)undeliver(?:ed|able)|delivery (?:status notification|failure|has failed|failed|report|incomplete)|"
    r"returned mail|"
    r"mail delivery failed|failure notice|message could not be delivered|non.?(?:delivery|remis|distribu)|"
    r"non remis|échec de (?:la )?(?:remise|livraison|distribution)|message non (?:délivré|distribué|remis)|"
    r"unzustellbar|nicht zugestellt|zustellung (?:fehlgeschlagen|nicht)|rückläufer|no se (?:puede|ha podido) entregar|"
    r"mensaje no entregado|mancata consegna|impossibile consegnare|onbestelbaar|não foi possível entregar|"
    r"не доставлено|недоставлен|niedostarczon|nie dostarczono|olevererbart|kan inte levereras"
)
_AUTOMATIC_SUBJECT = re.compile(
    r"(?i)^\s*(?:(?:re|aw|tr|sv|rv|r|antw)\s*:\s*)*(?:"
    r"auto(?:matic|mated)?[ _-]?(?:reply|response|respond\w*)\b|autoreply|auto\s*:|out of (?:the )?office|ooo\s*:|"
    r"vacation (?:reply|notice|response)|"
    r"réponse automatique|message automatique d.absence|absen(?:ce|t) du bureau|(?:notification|message) d.absence|"
    r"automatische (?:antwort|abwesenheit)|abwesenheitsnotiz|abwesenheits|abwesend|autom\. antwort|"
    r"respuesta autom[aá]tica|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)|assenza dall.ufficio|"
    r"automatisch antwoord|afwezig|resposta autom[aá]tica|fora do escrit[oó]rio|автоответ|автоматический ответ|"
    r"odpowied[zź] automatyczna|automatyczna odpowied[zź]|autosvar|automatiskt? svar|automaattinen vastaus|poissa|"
    r"frånvaro)"
)
_ADDRESS = re.compile(r"[\w.+=&'*/-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_SMTP_CODE = re.compile(r"(?<!\d)([45]\d\d)[ -]")
_MESSAGE_ID = re.compile(r"(?im)^[> \t]{0,8}Message-ID:\s{0,80}<([^<>\s]{3,998})>")
_SAMPLE = 20_000  # characters of a bounce's text that are searched

_MACHINE_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-auto-reply",
)


def read_loop_markers(fields: Fields) -> LoopMarkers:
    """Return the headers by which machines recognise each other."""

    def text(name: str) -> str:
        values = fields.get(name)
        return headers.decode_words(headers.to_text(values[0])) if values else ""

    return LoopMarkers(
        x_loop=tuple(headers.to_text(v) for v in (*fields.get("x-loop", ()), *fields.get("x-loop-to", ()))[:20]),
        auto_submitted=re.split("[;(]", text("auto-submitted"))[0].strip().lower(),
        auto_response_suppress=text("x-auto-response-suppress"),
        precedence=text("precedence").strip().lower(),
        list_id=text("list-id") or text("list-post") or text("x-mailing-list"),
    )


def why_automatic(tree: Tree, sender: Address, subject: str, loop: LoopMarkers, *, is_bounce: bool) -> str:
    """Return why a machine wrote this mail, '' where a person did, as far as the headers tell."""
    fields = tree.root.fields
    if loop.auto_submitted and loop.auto_submitted != "no":
        return f"Auto-Submitted: {loop.auto_submitted[:60]}"
    for name in _MACHINE_FIELDS:
        if name in fields and headers.to_text(fields[name][0]).lower() not in {"no", "false", "0"}:
            return name.title()
    if loop.precedence in {"auto_reply", "auto-reply"}:
        return f"Precedence: {loop.precedence}"
    if is_bounce:
        return "bounce"
    if tree.root.parameters.get("report-type", "").lower() == "disposition-notification":
        return "read receipt"
    if "x-failed-recipients" in fields:
        return "X-Failed-Recipients"
    if _AUTOMATIC_SUBJECT.match(subject[:300]):
        return "subject of an automatic reply"
    if _has_null_sender(fields):
        return "empty Return-Path"
    return "written by a mail system" if _DAEMON.match(sender.email) else ""


def _has_null_sender(fields: Fields) -> bool:
    return any(v.strip() == b"<>" for v in fields.get("return-path", ()))


def read_bounce(tree: Tree, sender: Address, subject: str, body: Body) -> Bounce | None:
    """Return the delivery report in this mail: a standard one, or what the old mail systems write."""
    reports = [
        a for a in body.attachments if a.content_type in {"message/delivery-status", "message/global-delivery-status"}
    ]
    if reports:
        return _standard_bounce(reports[0].content, tree, body)
    is_daemon = bool(_DAEMON.match(sender.email) or _DAEMON_NAME.search(sender.name))
    has_subject = bool(_BOUNCE_SUBJECT.search(subject[:300]))
    failed = tree.root.first("x-failed-recipients")
    if not (failed or (has_subject and (is_daemon or _has_null_sender(tree.root.fields)))):
        return None
    text = body.text[:_SAMPLE]
    recipients = [a.email for a in headers.addresses(failed)] if failed else []
    own = {a.email.lower() for v in tree.root.fields.get("to", ()) for a in headers.addresses(v)} | {
        sender.email.lower()
    }
    if not recipients:
        recipients = [a for a in _ADDRESS.findall(text) if a.lower() not in own and not _DAEMON.match(a)][:1]
    status = _STATUS.search(text)
    code = _SMTP_CODE.search(text)
    return Bounce(
        final_recipient=recipients[0] if recipients else "",
        action="failed",
        status=status[1] if status else (f"{code[1][0]}.0.0" if code else ""),
        diagnostic=_diagnostic_line(text),
        original_message_id=_original_message_id(tree, body),
        is_standard=False,
    )


def _standard_bounce(report: bytes, tree: Tree, body: Body) -> Bounce:
    """Read RFC 3464: the recipient that failed, or the first one."""
    groups: list[Fields] = []
    for block in re.split(rb"\n[ \t]*\r?\n", report.replace(b"\r\n", b"\n"))[:200]:
        fields, _, _ = headers.split_fields(block.strip(b"\r\n"))
        if fields:
            groups.append(fields)
    recipients = (
        [g for g in groups if "final-recipient" in g or "original-recipient" in g or "action" in g] or groups or [{}]
    )
    chosen = next((g for g in recipients if _field(g, "action").lower() == "failed"), recipients[0])
    return Bounce(
        final_recipient=_typed(_field(chosen, "final-recipient") or _field(chosen, "original-recipient")),
        action=(_field(chosen, "action") or "failed").partition(" ")[0].lower(),
        status=_field(chosen, "status").partition(" ")[0],
        diagnostic=_typed(_field(chosen, "diagnostic-code")),
        original_message_id=_original_message_id(tree, body),
        is_standard=True,
    )


def _field(fields: Fields, name: str) -> str:
    values = fields.get(name)
    return headers.decode_words(headers.to_text(values[0])) if values else ""


def _typed(value: str) -> str:
    """Return what follows the type of a typed field: 'rfc822; a@b' is a@b."""
    head, semicolon, rest = value.partition(";")
    return (rest if semicolon and " " not in head.strip() else value).strip().strip("<>")


def _original_message_id(tree: Tree, body: Body) -> str | None:
    for attachment in body.attachments:
        if attachment.content_type in {
            "message/rfc822",
            "text/rfc822-headers",
            "message/global",
            "message/rfc822-headers",
        }:
            start = attachment.content[: _SAMPLE * 3].decode("latin-1").replace("\r\n", "\n")
            found = _MESSAGE_ID.search(start.partition("\n\n")[0] or start)
            if found:
                return found[1]
    found = _MESSAGE_ID.search(body.text[:_SAMPLE])
    if found:
        return found[1]
    for name in ("in-reply-to", "references"):
        identifiers = headers.identifiers(tree.root.first(name))
        if identifiers:
            return identifiers[-1]
    return None


def _diagnostic_line(text: str) -> str:
    for line in text.split("\n"):
        if _STATUS.search(line) or _SMTP_CODE.search(line):
            return line.strip()[:500]
    return ""
