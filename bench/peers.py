"""Other helpdesks on the same mails in the same run: Roundup by its mail gateway, django-helpdesk by IMAP, both from
PyPI in environments of their own, both with SQLite. Opt-in, because it downloads them.

What was recorded of four helpdesks on a machine of the same size, pages and memory included, stands beside our figures.
"""

import mailbox
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import Result
from bench.mail_ingest import MAILS, Row, fill, generate, score
from bench.peer_files import MissingError
from comptoir.testing import mailserver

NAME = "peers"
VERSIONS = {"roundup": "2.6.0", "django-helpdesk": "2.6.1"}
DJANGO_HELPDESK = """
from pathlib import Path
SECRET_KEY = "bench"
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
SITE_ID = 1
ROOT_URLCONF = "peer_urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.sites", "django.contrib.humanize", "django.contrib.messages", "django.contrib.staticfiles",
    "rest_framework", "helpdesk",
]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]}}]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
MEDIA_ROOT = str(Path(__file__).parent / "media")
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
HELPDESK_TEAMS_MODE_ENABLED = False
"""
HELPDESK_QUEUE = """
import django; django.setup()
from helpdesk.models import Queue
Queue.objects.create(title="Support", slug="support", email_address="support@brand.test", allow_email_submission=True,
    email_box_type="imap", email_box_host="127.0.0.1", email_box_port={port}, email_box_ssl=False,
    email_box_user="{user}", email_box_pass="{password}", email_box_imap_folder="INBOX", email_box_interval=0)
"""
HELPDESK_ROWS = """
import django, json; django.setup()
from helpdesk.models import FollowUp, Ticket
rows = []
for ticket in Ticket.objects.all():
    follow_ups = list(ticket.followup_set.order_by("id"))
    texts = [f.comment or "" for f in follow_ups] or [ticket.description or ""]
    rows += [{"ticket": ticket.pk, "body": text} for text in texts]
print(json.dumps(rows))
"""
ROUNDUP_ROWS = """
import json, sys
import roundup.instance
db = roundup.instance.open(sys.argv[1]).open("admin")
pairs = [(i, m) for i in db.issue.list() for m in db.issue.get(i, "messages")]
rows = [{"ticket": i, "body": db.msg.get(m, "content") or ""} for i, m in pairs]
print(json.dumps(rows))
"""


class Environment:
    """A virtual environment with one peer in it."""

    def __init__(self, folder: Path, package: str) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        pip = [
            str(self.program("pip")),
            "install",
            "-q",
            "--disable-pip-version-check",
            f"{package}=={VERSIONS[package]}",
        ]
        if subprocess.run(pip, stderr=subprocess.DEVNULL).returncode:
            raise MissingError(f"{package} cannot be downloaded")

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.folder / "venv" / "bin" / name

    def run(self, words: Sequence[object], **environment: str) -> tuple[str, float, float]:
        """Run a program of it; return what it printed, the seconds and the CPU ms of it and its children."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr[-2000:]}")
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
        return done.stdout, seconds, cpu


def roundup(folder: Path, mails: Path) -> tuple[float, float, list[dict[str, Any]]]:
    """Let Roundup's mail gateway read an mbox; return seconds, CPU ms and rows."""
    place = Environment(folder, "roundup")
    home = folder / "tracker"
    admin = place.program("roundup-admin")
    settings = "mail_domain=brand.test,tracker_web=http://localhost/,mail_host=localhost"
    place.run([admin, "-i", home, "install", "classic", "sqlite", settings])
    config, schema = home / "config.ini", home / "schema.py"
    # Without it a mail that is HTML alone is bounced, and the bounce itself ends the run.
    config.write_text(config.read_text().replace("convert_htmltotext = none", "convert_htmltotext = dehtml"))
    strangers = "db.security.addPermissionToRole('Anonymous', 'Email Access')"
    schema.write_text(schema.read_text().replace(f"#{strangers}", strangers))
    place.run([admin, "-i", home, "initialise", "bench-password"])
    box = mailbox.mbox(folder / "mails.mbox")
    for path in sorted((mails / "main").glob("*.eml")):
        box.add(path.read_bytes())
    box.close()
    quiet = {"SENDMAILDEBUG": "/dev/null"}
    _, seconds, cpu = place.run([place.program("roundup-mailgw"), home, "mailbox", folder / "mails.mbox"], **quiet)
    told, _, _ = place.run([place.program("python"), "-c", ROUNDUP_ROWS, home])
    return seconds, cpu, _rows(told)


def django_helpdesk(folder: Path, mails: Path) -> tuple[float, float, list[dict[str, Any]]]:
    """Let django-helpdesk read a mailbox of Dovecot; return seconds, CPU ms (Dovecot's apart) and rows."""
    place = Environment(folder, "django-helpdesk")
    (folder / "peer_settings.py").write_text(DJANGO_HELPDESK)
    (folder / "peer_urls.py").write_text(
        "from django.urls import include, path\n"
        "urlpatterns = [path('', include('helpdesk.urls', namespace='helpdesk'))]\n"
    )
    django = {"DJANGO_SETTINGS_MODULE": "peer_settings", "PYTHONPATH": str(folder)}
    python = place.program("python")
    place.run([python, "-m", "django", "migrate", "-v0"], **django)
    with mailserver.running_mail_servers() as servers:
        fill(servers, mails, with_nasty=False)
        user = mailserver.SUPPORT
        queue = HELPDESK_QUEUE.format(port=servers.imap, user=user, password=mailserver.PASSWORDS[user])
        place.run([python, "-c", queue], **django)
        _, seconds, cpu = place.run([python, "-m", "django", "get_email", "--quiet"], **django)
    told, _, _ = place.run([python, "-c", HELPDESK_ROWS], **django)
    return seconds, cpu, _rows(told)


def _rows(told: str) -> list[dict[str, Any]]:
    import json

    rows: list[dict[str, Any]] = json.loads(told.splitlines()[-1])
    return rows


def run() -> Result:
    """Install the peers and give each the thousand mails."""
    result = Result(
        NAME,
        "Peers on the same mails, in the same run",
        f"{MAILS:,} mails of the same generator; CPU of the peer's process with its SQLite. The nasty mails are left "
        "out, because one of them stops django-helpdesk's queue for good.",
    )
    peers: Mapping[str, Any] = {"roundup": roundup, "django-helpdesk": django_helpdesk}
    work = Path(tempfile.mkdtemp(prefix="comptoir-peers-"))
    try:
        generate(work / "mails")
        for name, ingest in peers.items():
            label = f"{name} {VERSIONS[name]}"
            try:
                (work / name).mkdir()
                seconds, cpu, values = ingest(work / name, work / "mails")
            except (MissingError, RuntimeError, subprocess.SubprocessError, AssertionError) as error:
                result.notes.append(f"{label} could not be measured: {str(error)[-300:]}")
                print(f"  {label}: {str(error)[-300:]}", flush=True)
                continue
            truth = score([Row(int(v["ticket"]), v["body"], "", "", 0, "", "") for v in values], work / "mails")
            result.add(f"{label}: mails", MAILS / seconds, "messages/s")
            result.add(f"{label}: CPU", cpu / MAILS, "ms a message")
            result.add(f"{label}: conversations", truth["tickets"], f"of {truth['tickets_expected']}")
            result.add(f"{label}: replies in the wrong place", truth["misthreaded"], f"of {truth['of_replies']}")
            result.add(f"{label}: bodies with ruined accents", truth["accents_damaged"], "bodies")
            print(f"  {label}: {MAILS / seconds:.0f}/s, {cpu / MAILS:.1f} CPU ms a message", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return result
