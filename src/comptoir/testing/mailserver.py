"""Real mail servers for tests: Dovecot (IMAP with IDLE, LMTP, submission with TLS) and OpenSMTPD, on free ports of
loopback, in a folder of their own. Needs root, because both change accounts.

    with running_mail_servers() as mail:
        mail.add_user("ada@customer.test", "secret")
        mail.deliver(raw, to=["support@brand.test"])      # by SMTP, as the world does
"""

import contextlib
import os
import random
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imapclient import IMAPClient

PROGRAMS = {
    "dovecot": "/usr/sbin/dovecot",
    "doveadm": "/usr/bin/doveadm",
    "smtpd": "/usr/sbin/smtpd",
    "openssl": "/usr/bin/openssl",
}
DOMAINS = ("brand.test", "customer.test")
SUPPORT, ADA = "support@brand.test", "ada@customer.test"
PASSWORDS = {SUPPORT: "counter-1", ADA: "garden-2", "sales@brand.test": "harbour-3"}

_DOVECOT = """
base_dir = {home}/base
state_dir = {home}/state
log_path = {home}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp submission
hostname = mail.brand.test
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0 secs
mail_location = maildir:{home}/mail/%u
mail_uid = {account}
mail_gid = {account}
first_valid_uid = 1
default_internal_user = {account}
default_login_user = dovenull
recipient_delimiter = +
submission_relay_host = 127.0.0.1
submission_relay_port = {smtp}
submission_max_mail_size = 2M
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Complaints {{
    auto = subscribe
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service anvil {{
  client_limit = 400
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
# The domain gone.test accepts every mail and bounces it, as a relay does that learns too late that nobody is there.
# The token endpoint of the tests answers the question whether a token is valid.
_OAUTH2 = (
    "introspection_mode = post\nintrospection_url = {url}\nusername_attribute = username\nactive_attribute = active\n"
)
_SMTPD = """
queue ttl 1m
listen on 127.0.0.1 port {smtp} hostname mx.brand.test
action "local" lmtp "127.0.0.1:{lmtp}" rcpt-to virtual {{ "@" = {account} }}
action "gone" mda "echo '550 5.1.1 User unknown'; exit 67" virtual {{ "@" = {account} }}
match from any for domain {{ {domains} }} action "local"
match from any for domain "gone.test" action "gone"
"""


def available() -> str:
    """Return why these servers cannot run here, '' when they can."""
    absent = [name for name, path in PROGRAMS.items() if not Path(path).exists()]
    if absent:
        return f"needs Dovecot and OpenSMTPD ({', '.join(absent)} missing)"
    return "" if os.getuid() == 0 else "needs root, because Dovecot and OpenSMTPD change accounts"


def free_port() -> int:
    """Return a port of loopback that nobody uses at this moment.

    Below the range from which outgoing connections take theirs: while a server is down, one of those could sit on its
    port, and a client that tries to reach it may even be connected to itself.
    """
    for _ in range(200):
        port = random.randint(20_000, 31_999)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@dataclass(slots=True)
class MailServers:
    """The running servers: where they are, and what a test does to them."""

    home: Path
    imap: int = field(default_factory=free_port)
    imaps: int = field(default_factory=free_port)
    submission: int = field(default_factory=free_port)
    smtp: int = field(default_factory=free_port)
    lmtp: int = field(default_factory=free_port)
    introspection_url: str = "http://127.0.0.1:9/"
    dovecot: subprocess.Popen[bytes] | None = None
    smtpd: subprocess.Popen[bytes] | None = None

    @property
    def authority(self) -> str:
        """The certificate that clients must trust."""
        return (self.home / "cert.pem").read_text()

    def add_user(self, address: str, password: str) -> None:
        """Give somebody a mailbox."""
        with (self.home / "users").open("a") as users:
            users.write(f"{address}:{{PLAIN}}{password}:::: {self.home}/mail/{address}::\n".replace(":::: ", "::::"))

    def deliver(self, raw: bytes, *, to: Sequence[str] = (SUPPORT,), sender: str = ADA) -> None:
        """Send a mail to the mail exchanger, as any server of the world does."""
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=10) as client:
            client.sendmail(sender, list(to), raw)

    @contextlib.contextmanager
    def mailbox(self, address: str = SUPPORT, folder: str = "INBOX") -> Iterator[IMAPClient]:
        """Open somebody's mailbox by IMAP, as their own mail program does."""
        with IMAPClient("127.0.0.1", self.imap, ssl=False, timeout=10) as client:
            client.login(address, PASSWORDS[address])
            client.select_folder(folder)
            yield client

    def append(self, raws: Sequence[bytes], *, address: str = SUPPORT, folder: str = "INBOX") -> None:
        """Put mails into a folder directly."""
        with self.mailbox(address, folder) as client:
            for raw in raws:
                client.append(folder, raw)

    def mails(self, address: str = ADA, *, count: int = 1, seconds: float = 10, folder: str = "INBOX") -> list[bytes]:
        """Wait until a mailbox has so many mails and return them in the order of arrival."""
        ends_at = time.monotonic() + seconds
        while True:
            with self.mailbox(address, folder) as client:
                found = client.fetch(client.search(), ["BODY.PEEK[]"])
            if len(found) >= count:
                return [found[uid][b"BODY[]"] for uid in sorted(found)]
            if time.monotonic() > ends_at:
                raise AssertionError(f"{len(found)} mails of {count} in the mailbox of {address}; {self.log_tail()}")
            time.sleep(0.1)

    def empty(self, *addresses: str) -> None:
        """Remove all mails and folders of these mailboxes, so that a test finds them new."""
        for address in addresses:
            shutil.rmtree(self.home / "mail" / address, ignore_errors=True)

    def rebuild(self, address: str = SUPPORT, folder: str = "INBOX") -> None:
        """Give a folder another UIDVALIDITY, as after a restored backup or a move to another server."""
        config, number = str(self.home / "dovecot.conf"), str(int(time.time()) + 1000)
        _run([PROGRAMS["doveadm"], "-c", config, "mailbox", "update", "-u", address, "--uid-validity", number, folder])

    def log_tail(self) -> str:
        """Return the end of the servers' logs."""
        logs = [self.home / name for name in ("dovecot.log", "smtpd.log")]
        return "\n".join(
            line for log in logs if log.exists() for line in log.read_text(errors="replace").splitlines()[-8:]
        )

    def start_imap(self) -> None:
        """Start Dovecot."""
        self.dovecot = _spawn(
            [PROGRAMS["dovecot"], "-F", "-c", str(self.home / "dovecot.conf")], self.home / "dovecot.out"
        )
        _wait_for(self.imap, self)

    def stop_imap(self) -> None:
        """Stop Dovecot, which ends all its connections."""
        _stop(self.dovecot)
        self.dovecot = None

    def start_smtp(self) -> None:
        """Start OpenSMTPD."""
        command = [PROGRAMS["smtpd"], "-d", "-f", str(self.home / "smtpd.conf")]
        self.smtpd = _spawn([*_own_spool(), *command], self.home / "smtpd.log")
        _wait_for(self.smtp, self)

    def stop_smtp(self) -> None:
        """Stop OpenSMTPD."""
        _stop(self.smtpd)
        self.smtpd = None


@contextlib.contextmanager
def running_mail_servers(*, introspection_url: str = "http://127.0.0.1:9/") -> Iterator[MailServers]:
    """Start both servers in a temporary folder and stop them again."""
    home = Path(tempfile.mkdtemp(prefix="comptoir-mail-"))
    servers = MailServers(home, introspection_url=introspection_url)
    try:
        _configure(servers)
        servers.start_imap()
        servers.start_smtp()
        yield servers
    finally:
        servers.stop_smtp()
        servers.stop_imap()
        shutil.rmtree(home, ignore_errors=True)


def _configure(servers: MailServers) -> None:
    home = servers.home
    home.chmod(0o755)
    (home / "mail").mkdir()
    shutil.chown(home / "mail", "dovecot", "dovecot")
    values = {
        "home": home, "account": "dovecot", "imap": servers.imap, "imaps": servers.imaps, "smtp": servers.smtp,
        "submission": servers.submission, "lmtp": servers.lmtp, "domains": ", ".join(f'"{d}"' for d in DOMAINS),
    }  # fmt: skip
    (home / "dovecot.conf").write_text(_DOVECOT.format(**values))
    (home / "smtpd.conf").write_text(_SMTPD.format(**values))
    (home / "smtpd.conf").chmod(0o600)
    (home / "oauth2.conf").write_text(_OAUTH2.format(url=servers.introspection_url))
    for address, password in PASSWORDS.items():
        servers.add_user(address, password)
    names = "subjectAltName=DNS:localhost,DNS:mail.brand.test,IP:127.0.0.1"
    _run(
        [PROGRAMS["openssl"], "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", names,
         "-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem")]
    )  # fmt: skip


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # constants of ours
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} failed: {done.stderr.strip()}")


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)  # constants of ours


def _own_spool() -> list[str]:
    """Return what gives the server a queue and a socket of its own: it has no option for them, so a mount must do.

    Where mounts are forbidden it uses the packaged places, and two runs at once are not possible.
    """
    mounts = "mount -t tmpfs -o mode=711 tmpfs /var/spool/smtpd && mount -t tmpfs tmpfs /run"
    wrapper = ["unshare", "--mount", "/bin/sh", "-c", f'{mounts} && exec "$@"', "sh"]
    try:
        works = subprocess.run([*wrapper, "true"], capture_output=True, check=False, timeout=10).returncode == 0
    except FileNotFoundError:
        works = False
    return wrapper if works else []


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(20)  # killed, Dovecot would leave the processes of open connections behind
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(port: int, servers: MailServers, *, seconds: float = 10) -> None:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}: {servers.log_tail()}")
