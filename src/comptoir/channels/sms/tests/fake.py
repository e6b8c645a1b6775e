"""A strict Messages API on loopback: it refuses what Twilio refuses, and remembers what it accepted."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

SID = "AC0000test"
TOKEN = "token-of-nobody"  # of this fake alone
NUMBER = "+33700900000"
# The parameters of Messages.create that an adapter of ours may use; any other is refused, which Twilio would not do.
KNOWN = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}


@dataclass(slots=True)
class Fake:
    """The state of the fake; `mode` makes the next calls misbehave."""

    token: str = TOKEN
    status: str = "active"
    sms_url: str = ""
    opted_out: set[str] = field(default_factory=set)
    accepted: list[dict[str, str]] = field(default_factory=list)
    mode: str = ""  # busy, down, gateway, hangs up, half an answer
    calls_until_mode: int = 0
    signed_in_at_store: bool = False
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url("")


@contextmanager
def gateway() -> Iterator[Fake]:
    """Run a fake gateway."""
    fake = Fake()
    with http_server(lambda asked: _answer(fake, asked)) as server:
        fake.server = server
        yield fake


def _answer(fake: Fake, asked: Asked) -> Answer:
    parts = urlsplit(asked.path)
    login = "Basic " + base64.b64encode(f"{SID}:{fake.token}".encode()).decode()
    if parts.path.startswith("/store/"):  # where the gateway keeps its files: another host in reality
        fake.signed_in_at_store = "authorization" in asked.headers
        return Answer(body=b"\xff\xd8picture", headers={"Content-Type": "image/jpeg; q=1"})
    if asked.headers.get("authorization") != login:
        return _no(401, 20003, "Authenticate")
    path = parts.path.removeprefix(f"/2010-04-01/Accounts/{SID}")
    if path == ".json":
        return _yes({"sid": SID, "status": fake.status})
    if path.startswith("/IncomingPhoneNumbers.json"):
        wanted = parse_qs(parts.query).get("PhoneNumber", [""])[0]
        rows = [{"phone_number": NUMBER, "sms_url": fake.sms_url}] if wanted == NUMBER else []
        return _yes({"incoming_phone_numbers": rows})
    if found := re.fullmatch(r"/Messages/\w+/Media/(\w+)", path):
        if found[1] == "ME1":
            assert fake.server is not None
            store = fake.url.replace("127.0.0.1", "localhost")
            return Answer(307, headers={"Location": f"{store}/store/ME1"})
        return _no(404, 20404, "The requested resource was not found")
    if path == "/Messages.json" and asked.method == "GET":
        return _yes({"messages": _rows(fake, parse_qs(parts.query)["To"][0])})
    if path == "/Messages.json":
        return _create(fake, dict(parse_qsl(asked.body.decode("ascii"), keep_blank_values=True)))
    return _no(404, 20404, "The requested resource was not found")


def _rows(fake: Fake, to: str) -> list[dict[str, Any]]:
    rows = [
        {"sid": f"SM{number}", "to": one["To"], "body": one["Body"], "direction": "outbound-api", "status": "sent"}
        for number, one in enumerate(fake.accepted, 1)
        if one["To"] == to
    ]
    return [*rows, {"sid": "SMin", "to": to, "body": "Bonjour", "direction": "inbound", "status": "received"}]


def _no(status: int, code: int, message: str) -> Answer:
    told = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Answer(status, json.dumps({**told, "status": status}).encode())


def _yes(result: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(result).encode())


def _create(fake: Fake, values: dict[str, str]) -> Answer:
    if fake.mode and fake.calls_until_mode <= 0:
        if fake.mode == "busy":
            return _no(429, 20429, "Too Many Requests")
        if fake.mode == "down":
            return _no(503, 20503, "Service unavailable")
        if fake.mode == "gateway":
            return Answer(502, b"<html/>")
        accepted = _accept(fake, values)
        if fake.mode == "hangs up":
            return Answer(201, b"", {"Content-Length": "400"})
        return Answer(201, accepted.body[:9])
    fake.calls_until_mode -= 1
    return _accept(fake, values)


def _accept(fake: Fake, values: dict[str, str]) -> Answer:
    if extra := set(values) - KNOWN:
        return _no(400, 20001, f"Unknown parameters: {sorted(extra)}")
    if not re.fullmatch(r"(whatsapp:)?\+\d{8,15}", values.get("To", "")):
        return _no(400, 21211, f"Invalid 'To' Phone Number: {values.get('To')}")
    if ("From" in values) == ("MessagingServiceSid" in values):
        return _no(400, 21603, "A 'From' or a 'MessagingServiceSid' is required")
    if "From" in values and values["From"].removeprefix("whatsapp:") != NUMBER:
        return _no(400, 21606, "The 'From' phone number provided is not a valid message-capable number")
    if values.get("From", "").startswith("whatsapp:") != values["To"].startswith("whatsapp:") and "From" in values:
        return _no(400, 63007, "Could not find a Channel with the specified From address")
    if not values.get("Body", "").strip():
        return _no(400, 21602, "Message body is required")
    if sum(2 if ord(char) > 0xFFFF else 1 for char in values["Body"]) > 1600:
        return _no(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if not values.get("StatusCallback", "https://x.example").startswith("https://"):
        return _no(400, 21609, "The StatusCallback URL is not a valid URL.")
    if values["To"] in fake.opted_out:
        return _no(400, 21610, "Attempt to send to unsubscribed recipient")
    fake.accepted.append(values)
    return _yes({"sid": f"SM{len(fake.accepted)}", "status": "queued", "error_code": None}, 201)
