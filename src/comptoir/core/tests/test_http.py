"""Outgoing HTTP: private addresses are refused, answers are bounded in size and time, redirects are answers."""

import ipaddress
import ssl
import time

import pytest
from pytest_django import Settings

from comptoir.core import hosts, http
from comptoir.core.errors import ChannelError, InputError
from comptoir.core.tls import client_context
from comptoir.testing.loopback import Answer, http_server


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("172.16.0.1", False, True),
        ("192.168.1.1", False, True),
        ("100.64.0.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("239.1.1.1", False, False),
        ("ff02::1", False, False),
        ("255.255.255.255", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("::ffff:169.254.169.254", False, False),
        ("::ffff:93.184.216.34", True, True),
        ("64:ff9b::7f00:1", False, True),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b::5db8:d822", True, True),
        ("2002:7f00:1::1", False, False),
    ],
)
def test_the_guard_knows_every_kind_of_address(address: str, public: bool, private: bool) -> None:
    parsed = ipaddress.ip_address(address)
    if address == "2002:7f00:1::1":  # 6to4 around loopback: refused as public; its own block is special enough
        assert not hosts.is_allowed(parsed, private=False)
        return
    assert hosts.is_allowed(parsed, private=False) is public
    assert hosts.is_allowed(parsed, private=True) is private


def test_a_private_address_is_refused_for_good_and_says_what_to_do(settings: Settings) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with http_server(lambda asked: Answer()) as server:
        for url in (server.url(), f"http://localhost:{server.port}/", f"http://0x7f.1:{server.port}/"):
            with pytest.raises(ChannelError, match="COMPTOIR_ALLOW_PRIVATE") as caught:
                http.get(url)
            assert caught.value.permanent
        assert server.asked == []


def test_the_metadata_address_is_refused_even_when_it_is_named(settings: Settings) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["169.254.169.254"]
    with pytest.raises(ChannelError, match="private network"):
        http.get("http://169.254.169.254/latest/meta-data/")


def test_a_post_carries_its_body_and_headers() -> None:
    with http_server(lambda asked: Answer(201, b'{"ok": true}', {"X-Kept": "yes"})) as server:
        answer = http.post(server.url("/hook?a=1"), body=b"hello", headers={"X-Signature": "abc"})
    assert (answer.status, answer.body, answer.is_success) == (201, b'{"ok": true}', True)
    assert answer.headers["x-kept"] == "yes"
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/hook?a=1", b"hello")
    assert asked.headers["x-signature"] == "abc"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with http_server(lambda asked: Answer(302, b"", {"Location": "http://169.254.169.254/"})) as server:
        answer = http.get(server.url())
    assert answer.status == 302
    assert not answer.is_success
    assert len(server.asked) == 1


def test_an_answer_that_is_too_large_is_cut_off() -> None:
    with (
        http_server(lambda asked: Answer(200, b"x" * 100_000)) as server,
        pytest.raises(ChannelError, match="more than 5000 bytes") as caught,
    ):
        http.get(server.url(), max_bytes=5000)
    assert caught.value.permanent


def test_an_answer_that_drips_is_ended_at_the_deadline() -> None:
    drip = Answer(200, chunks=(b"x",) * 100, pause=0.1)
    begun = time.monotonic()
    with http_server(lambda asked: drip) as server, pytest.raises(ChannelError, match=r"within 0\.5 seconds"):
        http.get(server.url(), timeout=0.5)
    assert time.monotonic() - begun < 2


def test_a_connection_that_is_refused_may_be_tried_again() -> None:
    with http_server(lambda asked: Answer()) as server:
        url = server.url()
    with pytest.raises(ChannelError, match=r"127\.0\.0\.1.*failed") as caught:
        http.get(url)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.org/", "file:///etc/passwd", "http://", "http://user:secret@example.org/", "http://[::1",
     "http://a b/",
     "http://example.org:99999/", "http://example.org/\r\nX: 1", "//example.org/", "http://exämple.org/"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_for_good(url: str) -> None:
    with pytest.raises(ChannelError) as caught:
        http.get(url)
    assert caught.value.permanent
    assert "secret" not in str(caught.value)


def test_a_header_cannot_be_smuggled() -> None:
    with http_server(lambda asked: Answer()) as server, pytest.raises(ChannelError) as caught:
        http.post(server.url(), body=b"", headers={"X-A": "1\r\nX-B: 2"})
    assert caught.value.permanent
    assert server.asked == []


def test_a_name_that_does_not_exist_may_be_tried_again() -> None:
    with pytest.raises(ChannelError, match="no host named") as caught:
        http.get("http://does-not-exist.invalid/")
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("", None), ("Fri, 1 Jan 2027 00:00:00 GMT", None), ("-1", None)],
)
def test_retry_after_is_read_where_it_is_a_number(value: str, seconds: float | None) -> None:
    assert http.Response(429, b"", {"retry-after": value}).retry_after == seconds


def test_certificates_are_always_checked() -> None:
    context = client_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    with pytest.raises(InputError, match="PEM"):
        client_context("not a certificate")
