"""Says a stored reason (of a failed delivery, of a record set aside, of a channel in trouble) in the reader's language.

The worker has no reader: it stores its reasons in English. Here the sentence is recognised, its blanks are taken out,
and it is said again in the language of the screen. What is not recognised is shown as it was stored.
"""

import re
from functools import lru_cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

SENTENCES = (
    # outbound: sender.py, and what the channels' adapters raise
    _("This channel cannot send."),
    _("The program stopped while sending."),
    _("The message has no recipient."),
    _("“%(address)s” is not an address that mail can be sent to."),
    _("“%(domain)s” is not a domain that mail can be sent to."),
    _("This mailbox has no SMTP server."),
    _("This message has %(size)s MB with its files; the server takes %(limit)s MB at most."),
    _("The server does not accept %(who)s as the sender."),
    _("The server refuses the recipient %(who)s. Nobody has received this message."),
    _("The server refuses the message."),
    _("The connection broke while the message was being handed over (%(why)s): it may have arrived."),
    _("This visitor's chat no longer exists here; nothing can be shown in it."),
    _("“%(name)s” cannot send."),
    _("The receiver answered %(status)s."),
    # email: failures.py, client_imap.py, oauth.py
    _(
        "The certificate of “%(host)s” is not trusted (%(why)s). Check the server name; if the server uses a private "
        "authority, paste its certificate into the settings."
    ),
    _("“%(host)s” does not speak TLS on port %(port)s. Choose another security or another port."),
    _("“%(host)s” does not offer what is needed on port %(port)s: %(why)s Choose another security or port."),
    _("There is no server named “%(host)s”. Check the name."),
    _("“%(host)s” refuses connections on port %(port)s. Check the port, and whether the server runs."),
    _("“%(host)s” does not answer on port %(port)s. Check the port and the firewall."),
    _("“%(host)s” refuses this user name and password. Check both; some providers ask for an app password. "
      "The server said: %(said)s"),
    _("There is no folder “%(folder)s” in this mailbox. It has: %(names)s."),
    _("This mailbox has no IMAP server."),
    _("The permission for this mailbox has expired or was withdrawn. Connect it again (new refresh token)."),
    _("The token address gives no access token (%(why)s). Check the client ID and secret."),
    # core: http.py, hosts.py
    _("There is no host named “%(host)s”. Check the name."),
    _("“%(host)s” did not answer within %(seconds)s seconds."),
    _("The request to “%(host)s” is impossible: %(why)s."),
    _("The connection to “%(host)s” failed: %(why)s."),
    _("“%(host)s” answered with more than %(bytes)s bytes."),
    # core: streaming.py, websocket.py; listening
    _("“%(host)s” said nothing for %(seconds)s seconds."),
    _("The address does not speak WebSocket (it answered %(status)s)."),
    _("The stream cannot be read: %(why)s."),
    _("The source answered with the status %(status)s."),
    _("The address redirects again and again."),
    _("The feed is nested too deeply."),
    _("The feed declares entities, which is refused."),
    _("This is no well-formed XML (line %(line)s)."),
    _("The encoding of the feed is unknown."),
    _("The feed has no channel."),
    _("This is no feed: its first element is <%(name)s>, not <rss> or <feed>."),
    _("This is no list of posts."),
    _("An event has more than a million bytes."),
    _("A mention is a JSON object."),
    _("A mention has an “id”, a “text” and an “author”."),
    _("“published_at” must be an instant."),
    # inbound: the parsers
    _("The mail is empty."),
    _("These bytes are not a mail: there is no header field that every mail has."),
    _("The mail server could not deliver this mail (%(why)s)."),
    _("Our own message came back; it is in its conversation already."),
    _("Written from this mailbox's own address, by another program: not a customer's message."),
    _("This is not a submission of our form (%(where)s)."),
    _("This is not an event of our chat (%(where)s)."),
    _("One record may hold only one message."),
    _("This is not JSON."),
    _("An event is a JSON object."),
    _("The author has no address."),
    _("Events of type “%(kind)s” are not used here."),
    # open ends: they swallow the rest, so they come last
    _("The connection to “%(host)s” broke: %(why)s"),
    _("The server said: %(reply)s"),
)  # fmt: skip
_BLANK = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each sentence with a pattern that finds it, and its blanks, at the beginning of a text."""
    found = []
    for sentence in SENTENCES:
        parts = _BLANK.split(sentence)  # words, name, words, name, …, words
        pattern = "".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        found.append((sentence, re.compile(pattern + (r"\Z" if not parts[-1] else r"(?=\s|\Z)"), re.DOTALL)))
    return tuple(found)


def retold(stored: str) -> str:
    """Return a stored reason in the reader's language, sentence by sentence; a sentence that nobody knows as it is."""
    if get_language() == "en":
        return stored
    told: list[str] = []
    rest = stored
    while rest:
        for sentence, pattern in _patterns():
            if match := pattern.match(rest):
                told.append(gettext(sentence) % match.groupdict())
                rest = rest[match.end() :].lstrip()
                break
        else:
            told.append(rest)
            break
    return " ".join(told)
