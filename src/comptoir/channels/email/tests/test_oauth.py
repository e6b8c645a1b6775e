"""XOAUTH2: the token is renewed before it ends, a rotated refresh token is kept, and failures say what to do."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from urllib.parse import parse_qs

import pytest
from django.utils.crypto import get_random_string

from comptoir.channels.email import client_smtp, oauth, trying
from comptoir.channels.email.config import mailbox_of
from comptoir.channels.services import account_config
from comptoir.core import crypto
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Author, Outbound
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.loopback import Answer, Asked, HttpServer, dialogue_server, http_server
from comptoir.testing.mailserver import SUPPORT, running_mail_servers


def config(server: HttpServer, **options: object) -> AccountConfig:
    chosen = {
        "auth": "xoauth2",
        "token_url": server.url("/token"),
        "client_id": "the-client",
        "scope": "mail",
        **options,
    }
    secrets = {"client_secret": "cs", "refresh_token": get_random_string(12)}
    return AccountConfig(1, "email", "Acme", SUPPORT, chosen, secrets)


def token_answer(asked: Asked, **changes: object) -> Answer:
    return Answer(200, json.dumps({"access_token": "token-1", "expires_in": 3600, **changes}).encode())


def test_the_initial_response_is_what_google_and_microsoft_document() -> None:
    encoded = base64.b64encode(
        oauth.sasl_xoauth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg").encode()
    )
    assert encoded == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )


def test_a_token_is_asked_for_once_while_it_lasts() -> None:
    with http_server(token_answer) as server:
        mailbox = mailbox_of(config(server))
        assert [oauth.access_token(mailbox) for _ in range(3)] == ["token-1"] * 3
    [asked] = server.asked
    sent = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert sent["grant_type"] == "refresh_token"
    assert (sent["client_id"], sent["client_secret"], sent["scope"]) == ("the-client", "cs", "mail")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("life", "calls"), [(60, 2), (3600, 1), ("3600", 1), (None, 1), ("soon", 1)])
def test_a_token_is_renewed_before_it_ends(life: object, calls: int) -> None:
    with http_server(lambda asked: token_answer(asked, expires_in=life)) as server:
        mailbox = mailbox_of(config(server))
        oauth.access_token(mailbox)
        oauth.access_token(mailbox)
    assert len(server.asked) == calls


def test_a_token_that_a_server_refused_is_renewed() -> None:
    with http_server(token_answer) as server:
        mailbox = mailbox_of(config(server))
        oauth.access_token(mailbox)
        assert oauth.forget_token(mailbox)
        assert not oauth.forget_token(mailbox)
        oauth.access_token(mailbox)
    assert len(server.asked) == 2


@pytest.mark.django_db
def test_a_rotated_refresh_token_is_kept_encrypted() -> None:
    with http_server(lambda asked: token_answer(asked, refresh_token="rotated-secret")) as server:
        account = make_account(
            make_team(),
            options={"auth": "xoauth2", "token_url": server.url(), "client_id": "c", "imap_host": "x"},
            credentials=crypto.encrypt_mapping({"refresh_token": get_random_string(12), "password": "kept"}),
        )
        oauth.access_token(mailbox_of(account_config(account)))
        account.refresh_from_db()
        assert account_config(account).credentials == {"refresh_token": "rotated-secret", "password": "kept"}
        assert b"rotated" not in bytes(account.credentials)
        oauth.access_token(mailbox_of(account_config(account)))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("case", "answer", "permanent", "words"),
    [
        ("withdrawn", Answer(400, b'{"error": "invalid_grant"}'), True, "Connect it again"),
        (
            "wrong client",
            Answer(401, b'{"error": "invalid_client", "error_description": "who?"}'),
            True,
            "invalid_client: who",
        ),
        ("busy", Answer(429, b"{}", {"Retry-After": "30"}), False, "HTTP 429"),
        ("broken", Answer(500, b"<html>"), False, "HTTP 500"),
        ("no token", Answer(200, b"{}"), False, "HTTP 200"),
        ("a list", Answer(200, b"[]"), False, "HTTP 200"),
        ("elsewhere", Answer(302, b"", {"Location": "http://169.254.169.254/"}), False, "HTTP 302"),
    ],
)
def test_a_refused_renewal_is_explained_without_secrets(case: str, answer: Answer, permanent: bool, words: str) -> None:
    with http_server(lambda asked: answer) as server, pytest.raises(ChannelError, match=words) as caught:
        oauth.access_token(mailbox_of(config(server)))
    assert caught.value.permanent is permanent, case
    assert "the-client" not in str(caught.value)


def test_missing_settings_are_named() -> None:
    account = AccountConfig(1, "email", "Acme", SUPPORT, {"auth": "xoauth2"}, {})
    with pytest.raises(ChannelError, match="refresh token") as caught:
        oauth.access_token(mailbox_of(account))
    assert caught.value.permanent


@contextmanager
def smtp_with_xoauth2(accepted: str, heard: list[str]) -> Iterator[int]:
    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        say(b"220 ready\r\n")
        for line in lines:
            heard.append(line.decode().strip())
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                say(b"250-test\r\n250 AUTH XOAUTH2\r\n")
            elif verb == b"AUTH":
                good = f"Bearer {accepted}".encode() in base64.b64decode(line.split()[2])
                say(b"235 2.7.0 ok\r\n" if good else b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
            elif not verb:
                say(b"535 5.7.8 bad token\r\n")
            else:
                say(b"354 go\r\n" if verb == b"DATA" else b"250 ok\r\n")
                if verb == b"DATA":
                    b"".join(iter(lines.readline, b".\r\n"))
                    say(b"250 queued\r\n")

    with dialogue_server(speak) as port:
        yield port


def test_smtp_signs_in_with_the_token_and_renews_a_withdrawn_one() -> None:
    heard: list[str] = []
    tokens = iter(["old", "new"])
    message = Outbound("k@brand.test", "hi", (Author("email", "ada@customer.test"),))
    with (
        http_server(lambda asked: token_answer(asked, access_token=next(tokens))) as server,
        smtp_with_xoauth2("new", heard) as port,
    ):
        account = config(server, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        client_smtp.send(message, account, lambda: None)
    attempts = [line.split()[2] for line in heard if line.startswith("AUTH")]
    assert [base64.b64decode(attempt).decode() for attempt in attempts] == [
        oauth.sasl_xoauth2(SUPPORT, "old"), oauth.sasl_xoauth2(SUPPORT, "new"),
    ]  # fmt: skip


@pytest.mark.servers
@pytest.mark.django_db
def test_dovecot_accepts_the_token_for_imap_and_for_submission() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path == "/token":
            return token_answer(asked, access_token="good-token")
        is_good = "good-token" in asked.body.decode()
        return Answer(
            200, json.dumps({"active": is_good, "username": SUPPORT}).encode(), {"Content-Type": "application/json"}
        )

    with http_server(answer) as http, running_mail_servers(introspection_url=http.url("/introspect")) as mail:
        options = {
            "imap_host": "127.0.0.1", "imap_port": mail.imaps, "imap_security": "tls", "authority": mail.authority,
            "smtp_host": "127.0.0.1", "smtp_port": mail.submission, "smtp_security": "starttls",
            "auth": "xoauth2", "token_url": http.url("/token"), "client_id": "c",
        }  # fmt: skip
        good = AccountConfig(1, "email", "Acme", SUPPORT, options, {"refresh_token": get_random_string(12)})
        assert [error for _step, error in trying.test(good)] == ["", ""], mail.log_tail()
        assert any(asked.path == "/introspect" for asked in http.asked)
