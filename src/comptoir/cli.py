"""The program's one command: `comptoir …`. Commands load Django only when they need it, so that `--help` is instant."""

import argparse
import contextlib
import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MAIL_FILES = ("mbox", "maildir", "eml")
OTHER_SYSTEMS = ("zendesk", "zammad", "chatwoot", "freescout", "csv")  # as in moving/readers, without loading it

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "comptoir.settings")


def _setup() -> None:
    import django

    django.setup()


@contextlib.contextmanager
def _database() -> Iterator[None]:
    """Give a command its database: the running one, or the embedded one for as long as the command runs."""
    from comptoir import embedded, env

    process = None if env.text("DATABASE_URL") else embedded.start(env.home())
    try:
        _setup()
        yield
    finally:
        from django.db import connections

        connections.close_all()
        if process is not None:
            embedded.stop(process)


def _migrate() -> None:
    """Bring the tables up to date; two programs that start together wait for each other."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        # Asked again and again: a statement that waits would hold a snapshot, and an index that is built beside the
        # running product waits for every snapshot there is, so that the two would wait for each other.
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [0x0C02])
        while cursor.fetchone() != (True,):
            time.sleep(0.2)
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [0x0C02])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [0x0C02])


def _collect_static() -> None:
    """Collect the static files when the code is newer than what was collected."""
    from django.conf import settings
    from django.core.management import call_command

    source, stamp = Path(settings.BASE_DIR) / "static", Path(settings.STATIC_ROOT) / ".collected"
    newest = max((p.stat().st_mtime for p in source.rglob("*") if p.is_file()), default=0.0)
    if not stamp.exists() or float(stamp.read_text() or 0) < newest:
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(str(newest))


def up(args: argparse.Namespace) -> None:
    """Start everything on this machine, and stop it on Ctrl-C."""
    began = time.monotonic()
    from comptoir import supervisor

    roof = supervisor.Supervisor()
    _setup()
    from django.conf import settings
    from django.db import connections

    try:
        _migrate()
        _collect_static()
        # Loaded before the fork, so that the processes share the memory; after the collection, which it indexes.
        from comptoir import asgi, web, worker  # noqa: F401

        greeting = _prepare_demo() if args.demo else _greet()
    except BaseException:
        roof.give_up()
        raise
    roof.add("web", web.main)
    roof.add("worker", worker.main)
    if args.demo:
        from comptoir.demo import play

        roof.add("demo", lambda: play.main(args.rate))
    for connection in connections.all():
        connection.close()
        # A pool's sockets and threads do not survive a fork: every process makes its own.
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it

    def ready() -> None:
        _wait_for_web(settings.PORT)
        took = time.monotonic() - began
        print(
            f"\nComptoir is open: {settings.PUBLIC_URL}   (started in {took:.1f} s; Ctrl-C stops it)\n{greeting}",
            flush=True,
        )

    roof.run(ready)


def _wait_for_web(port: int) -> None:
    import socket

    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)


def _prepare_demo() -> str:
    from comptoir.demo import seed

    return seed.ensure()


def _greet() -> str:
    from django.conf import settings

    from comptoir.accounts import founding

    if founding.is_founded():
        return ""
    code = founding.founding_code()
    return (
        f"Nobody is here yet. Begin at {settings.PUBLIC_URL}/setup/\n"
        f"On this machine that is all; elsewhere with the code {code} ({settings.PUBLIC_URL}/setup/?code={code})\n"
    )


def web_command(args: argparse.Namespace) -> None:
    """Run a web process alone (production)."""
    _setup()
    from comptoir import web

    _collect_static()
    web.main()


def worker_command(args: argparse.Namespace) -> None:
    """Run a worker process alone (production)."""
    _setup()
    from comptoir import worker

    worker.main()


def migrate(args: argparse.Namespace) -> None:
    """Bring the tables up to date."""
    with _database():
        _migrate()
    print("The database is up to date.")


def demo(args: argparse.Namespace) -> None:
    """Let the invented customers write, at a pace."""
    with _database():
        _migrate()
        from comptoir.demo import play, seed

        print(seed.ensure())
        play.main(args.rate)


def parse(args: argparse.Namespace) -> None:
    """Print what a parser makes of files, as JSON."""
    from comptoir.channels.email.cli_json import mail_as_json
    from comptoir.core.errors import AnomalousPayload

    several = len(args.files) > 1
    for name in args.files:
        try:
            raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise SystemExit(f"comptoir: {name} cannot be read: {error.strerror}.") from None
        try:
            value = mail_as_json(raw)
        except AnomalousPayload as error:  # one bad file leaves the others readable
            value = {"error": str(error)}
        print(json.dumps(value, ensure_ascii=False, indent=None if several else 2))


def import_command(args: argparse.Namespace) -> None:
    """Read mails from a file or folder, or move in from another system."""
    from comptoir.core.errors import InputError

    if args.kind not in MAIL_FILES:
        _move_in(args)
        return

    with _database():
        _migrate()
        from comptoir.channels.email import importing
        from comptoir.channels.models import ChannelAccount

        accounts = ChannelAccount.objects.filter(kind="email")
        chosen = accounts.filter(address__iexact=args.account) if args.account else accounts
        if chosen.count() != 1:
            known = ", ".join(accounts.values_list("address", flat=True)) or "none is connected yet"
            raise SystemExit(f"comptoir: name one mailbox with --account ADDRESS. Known: {known}.")
        try:
            told = importing.import_mails(chosen.get().pk, args.kind, Path(args.path), _progress)
        except (InputError, OSError) as error:
            raise SystemExit(f"\ncomptoir: {error}") from None
        print(f"\n{told}")
        if args.digest:
            from comptoir import worker

            worker.digest_all()


def _move_in(args: argparse.Namespace) -> None:
    """Import conversations, contacts, saved replies and articles of another system."""
    from comptoir.core.errors import InputError

    with _database():
        _migrate()
        from comptoir.moving import command

        try:
            command.run(args)
        except (InputError, OSError) as error:
            raise SystemExit(f"\ncomptoir: {error}") from None


def _progress(count: int) -> None:
    print(f"\r{count} mails read", end="", flush=True)


def token(args: argparse.Namespace) -> None:
    """Create an access token for the REST API; it is shown once."""
    with _database():
        _migrate()
        from comptoir.accounts.models import User
        from comptoir.api.services import create_token
        from comptoir.core.errors import InputError
        from comptoir.journal.services import SYSTEM

        user = User.objects.filter(email=args.user.lower()).first()
        if user is None:
            known = ", ".join(User.objects.filter(is_active=True).values_list("email", flat=True)[:10])
            raise SystemExit(f"comptoir: nobody has the address {args.user}. Known: {known}.")
        try:
            print(create_token(actor=SYSTEM, user=user, name=args.name, scopes=args.scope or ["read"]))
        except InputError as error:
            raise SystemExit(f"comptoir: {error}") from None


def person(args: argparse.Namespace) -> None:
    """Create a member of staff, or remove a second factor that was lost."""
    with _database():
        _migrate()
        from comptoir.accounts.models import Team, User
        from comptoir.accounts.services import create_person, remove_second_factor
        from comptoir.journal.services import SYSTEM

        if args.action == "unlock":
            user = User.objects.filter(email=args.email.lower()).first()
            if user is None:
                raise SystemExit(f"comptoir: nobody has the address {args.email}.")
            remove_second_factor(actor=SYSTEM, person=user)
            print(f"{user.name} signs in with the password alone, and can set up a new second factor.")
            return
        if not args.name:
            raise SystemExit("comptoir: give the person's name after the address.")

        if User.objects.filter(email=args.email.lower()).exists():
            raise SystemExit(f"comptoir: {args.email} exists already.")
        names = args.team or ["Service"]
        teams = [Team.objects.get_or_create(name=name)[0] for name in names]
        password = os.environ.get("COMPTOIR_PASSWORD") or getpass.getpass("Password (10 characters or more): ")
        if len(password) < 10:
            raise SystemExit("comptoir: the password needs at least 10 characters.")
        role = "admin" if args.admin else args.role
        create_person(actor=SYSTEM, email=args.email, name=args.name, password=password, role=role, teams=teams)
        print(f"{args.name} can sign in as {args.email}.")


def replay(args: argparse.Namespace) -> None:
    """Put records that were set aside back in front of the digest."""
    with _database():
        from comptoir.inbound.models import Record, RecordState
        from comptoir.inbound.services import replay_records
        from comptoir.journal.services import SYSTEM

        chosen = args.ids or list(Record.objects.filter(state=RecordState.FAILED).values_list("id", flat=True))
        count = replay_records(actor=SYSTEM, record_ids=chosen)
        print(f"{count} records are in front of the digest again.")


def doctor(args: argparse.Namespace) -> None:
    """Say in words what is wrong with this installation; exit 1 when something is."""
    from comptoir import doctor as examination

    sys.exit(examination.main())


def bench(args: argparse.Namespace) -> None:
    """Run the benchmarks of a source checkout."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        from bench import run
    except ImportError:
        raise SystemExit("comptoir: the benchmarks are in a source checkout; run this in its folder.") from None
    run.main(args.names)


def manage(args: argparse.Namespace) -> None:
    """Run a Django management command."""
    from django.core.management import execute_from_command_line

    with _database():
        execute_from_command_line(["comptoir manage", *args.words])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="comptoir", description="A self-hosted social customer service hub.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        told = (run.__doc__ or "").strip()
        command = commands.add_parser(name, help=told, description=told)
        command.set_defaults(run=run)
        return command

    start = add("up", up)
    start.add_argument("--demo", action="store_true", help="with an invented organisation whose customers write")
    start.add_argument("--rate", type=float, default=6, help="messages a minute of the demo (default 6)")
    add("web", web_command)
    add("worker", worker_command)
    add("migrate", migrate)
    play = add("demo", demo)
    play.add_argument("--rate", type=float, default=6, help="messages a minute (default 6)")
    one = add("parse", parse)
    one.add_argument("kind", choices=["email"])
    one.add_argument("files", nargs="+", metavar="FILE", help="a raw mail; - is the standard input")
    many = add("import", import_command)
    many.add_argument("kind", choices=[*MAIL_FILES, *OTHER_SYSTEMS])
    many.add_argument(
        "path", help="the mbox file, the maildir folder, .eml files; or the export: a file, folder or zip"
    )
    many.add_argument("--account", help="the address of the mailbox (or the name of the account) that receives them")
    many.add_argument("--digest", action="store_true", help="mails: digest at once, when no worker is running")
    many.add_argument("--dry-run", action="store_true", help="another system: only tell what would come")
    many.add_argument("--team", help="another system: the team of the conversations (default: the account's)")
    many.add_argument("--origin", help="another system: a name that tells two installations of it apart")
    many.add_argument("--map", action="append", metavar="FIELD=COLUMN", help="csv: which column is what")
    key = add("token", token)
    key.add_argument("action", choices=["create"])
    key.add_argument("--user", required=True, help="the e-mail of the person with whose teams it acts")
    key.add_argument("--name", required=True, help="what it is for")
    key.add_argument("--scope", action="append", choices=["read", "write", "admin"], help="default: read")
    who = add("person", person)
    who.add_argument("action", choices=["add", "unlock"])
    who.add_argument("email")
    who.add_argument("name", nargs="?", default="", help="needed to add somebody")
    who.add_argument("--admin", action="store_true")
    who.add_argument("--role", choices=["agent", "lead", "admin", "auditor"], default="agent")
    who.add_argument("--team", action="append", help="made when it does not exist; default: Service")
    again = add("replay", replay)
    again.add_argument("ids", nargs="*", type=int, help="records; none: all that failed")
    add("doctor", doctor)
    measure = add("bench", bench)
    measure.add_argument("names", nargs="*")
    raw = add("manage", manage)
    raw.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Run one command."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
