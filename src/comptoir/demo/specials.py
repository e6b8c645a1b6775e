"""What reaches every real mailbox beside customers: machines, nested mails, hostile pictures, a record nobody can read."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.demo import files
from comptoir.demo.doors import BOUTIQUE, MAILBOX_NAMES, SUPPORT, Doors, Place
from comptoir.demo.mails import Letter
from comptoir.demo.people import STAFF, Person
from comptoir.demo.wording import set_typography
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply

UNREADABLE = "demo-unreadable"  # the last record of the past: once it is in the log, the past is complete
ODILE = Person("Odile Marchand", "odile.marchand@pelican.example", "fr", "elderly")
_ANSWER_TO_ODILE = (
    "Bonjour Odile Marchand,\n\nVotre nouvelle télécommande est partie ce matin ; elle arrive sous deux jours dans votre boîte aux lettres. "
    "Gardez l’ancienne jusque-là.\n\nBien à vous,\nInès"
)
_ANSWER_LATER = (
    "Bonjour,\n\nComme convenu, je reviens vers vous avec la confirmation : le technicien passera bien entre 8 h et 10 h.\n\n"
    "Bien à vous,\nInès"
)


def is_past_complete(doors: Doors) -> bool:
    """Return whether the whole past is in the log."""
    return Record.objects.filter(account=doors.sandbox, external_id=UNREADABLE).exists()


def post_specials(doors: Doors, *, base: datetime) -> None:
    """Let the special mails arrive, each at its own time."""
    for minutes, raw, mailbox in (
        (19 * 60, _newsletter(base - timedelta(hours=19)), SUPPORT),
        (27 * 60, _absence(base - timedelta(hours=27)), BOUTIQUE),
        (6 * 60, _forwarded(base - timedelta(hours=6)), SUPPORT),
        (9 * 60, _with_pictures(base - timedelta(hours=9)), BOUTIQUE),
    ):
        with clock.showing(base - timedelta(minutes=minutes)):
            doors.post_raw(mailbox, raw)


def post_letter_from_a_full_box(doors: Doors, *, base: datetime) -> Place:
    """Let somebody write whose own box takes no answer."""
    at = base - timedelta(hours=31)
    text = (
        "Madame, Monsieur,\n\nLa télécommande que vous m'avez envoyée ne commande rien du tout, pas même la lumière. J'ai changé les piles "
        "deux fois. Pourriez-vous m'en adresser une autre ?\n\nAvec mes salutations distinguées,\nOdile Marchand"
    )
    letter = Letter(ODILE, (MAILBOX_NAMES[SUPPORT], SUPPORT), "Télécommande muette", set_typography(text, "fr"), at)
    with clock.showing(at):
        return doors.post(letter)


def fail_and_schedule(place: Place, *, base: datetime) -> None:
    """Show the two ends that a reply seldom has: one that was refused, one that waits for its hour."""
    ines = User.objects.get(email=STAFF[2].email)
    refused = Message.objects.get(record__account=place[0], record__external_id=place[1]).conversation
    with clock.showing(base - timedelta(hours=30)):
        queue_reply(actor=actor_of(ines), user=ines, conversation=refused, draft=Draft(set_typography(_ANSWER_TO_ODILE, "fr")))
    with clock.showing(base - timedelta(hours=30) + timedelta(seconds=12)):
        while sender.send_one():
            pass
    waiting = Conversation.objects.filter(
        channel="email", language="fr", team__name=STAFF[2].teams[0], waiting_since__lt=base - timedelta(hours=3), state="open"
    ).order_by("waiting_since")  # fmt: skip
    chosen = waiting.exclude(pk=refused.pk).first()
    if chosen is not None:
        tomorrow = (base + timedelta(days=1)).replace(hour=7, minute=30, second=0, microsecond=0)
        with clock.showing(base - timedelta(minutes=25)):
            draft = Draft(set_typography(_ANSWER_LATER, "fr"), send_at=tomorrow)
            queue_reply(actor=actor_of(ines), user=ines, conversation=chosen, draft=draft)


def post_bounce(doors: Doors, *, base: datetime) -> None:
    """Let a delivery report come back for a reply that had left well."""
    sent = Delivery.objects.filter(state="sent", account=doors.mailboxes[BOUTIQUE]).select_related("message")
    delivery = sent.filter(finished_at__lt=base - timedelta(hours=5)).order_by("-finished_at").first()
    if delivery is not None:
        at = base - timedelta(hours=4)
        with clock.showing(at):
            doors.post_raw(BOUTIQUE, _bounce(delivery, at))


def post_unreadable(doors: Doors, *, base: datetime) -> None:
    """Let an event arrive that was cut off on its way: it is set aside on the Intake page."""
    raw = '{"id": "demo-unreadable", "type": "message", "thread": "demo-perdu", "author": {"address": "lea.vidal", "na'
    with clock.showing(base - timedelta(minutes=47)):
        receive([Arrival(doors.sandbox.pk, UNREADABLE, raw.encode(), conversation_key="demo-perdu", source="sandbox")])


def _mail(at: datetime, sender_: str, to: str, subject: str, **headers: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender_, to, subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{int(at.timestamp())}.{len(subject)}@{sender_.rpartition('@')[2].strip('>')}>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    return mail


def _newsletter(at: datetime) -> bytes:
    mail = _mail(
        at, "La Lettre des réseaux <lettre@lettre-des-reseaux.example>", SUPPORT, "N° 214 – Ce que la fin du cuivre change pour les mairies",
        List_Id="<lettre.lettre-des-reseaux.example>", Precedence="bulk",
        List_Unsubscribe="<https://lettre-des-reseaux.example/desinscription>",
    )  # fmt: skip
    mail.set_content("Au sommaire cette semaine :\n\n– la fermeture du cuivre, commune par commune ;\n– trois maires racontent ;\n– l’agenda.\n")
    mail.add_alternative(
        '<html><body><img src="https://lettre-des-reseaux.example/ouvert.gif?id=4471" width="1" height="1">'
        "<h1>La Lettre des réseaux</h1><p>Au sommaire cette semaine : la fermeture du cuivre, commune par commune.</p>"
        '<p><a href="https://lettre-des-reseaux.example/214">Lire en ligne</a></p></body></html>',
        subtype="html",
    )
    return mail.as_bytes()


def _absence(at: datetime) -> bytes:
    mail = _mail(
        at, "Bénédicte Oriol <b.oriol@oriol-associes.example>", BOUTIQUE, "Réponse automatique : Votre devis",
        Auto_Submitted="auto-replied", X_Auto_Response_Suppress="All",
    )  # fmt: skip
    mail.set_content("Bonjour,\n\nJe suis absente jusqu’au 30 novembre inclus. En cas d’urgence, écrivez à accueil@oriol-associes.example.\n\nB. Oriol\n")
    return mail.as_bytes()


def _forwarded(at: datetime) -> bytes:
    inner = _mail(
        at - timedelta(hours=3), "Paul Kerroux <paul.kerroux@vergers-kerlann.example>", "Gwenn <gwenn@vergers-kerlann.example>",
        "Caisse bloquée ce matin",
    )  # fmt: skip
    inner.set_content("Gwenn,\n\nLa caisse affiche « hors ligne » depuis l’ouverture. J’ai noté les ventes sur papier.\n\nPaul\n")
    mail = _mail(at, "Gwenn Le Roux <gwenn@vergers-kerlann.example>", SUPPORT, "TR : Caisse bloquée ce matin")
    mail["Cc"] = "Nadège Kerroux <n.kerroux@infogerance-ouest.example>"
    mail.set_content(
        "Bonjour,\n\nJe vous transmets le message de notre caissier. Nadège, notre informaticienne, est en copie et peut faire les essais "
        "avec vous. C’est le troisième samedi de suite.\n\nGwenn Le Roux\nLes Vergers de Kerlann\n"
    )
    mail.add_attachment(inner)
    return mail.as_bytes()


def _with_pictures(at: datetime) -> bytes:
    mail = _mail(at, "Callum Tate <callum.tate@posty.example>", BOUTIQUE, "Wrong colour, see for yourself")
    mail.set_content("Hello,\n\nI ordered the green one. This is what came out of the box.\n\nCould you swap it?\n\nCallum Tate\n")
    mail.add_alternative(
        "<html><body><p>Hello,</p><p>I ordered the <b>green</b> one. This is what came out of the box:</p>"
        '<p><img src="cid:box-photo"></p><p>Could you swap it?</p><p>Callum Tate</p>'
        '<p><img src="https://signature-banner.example/callum/banner.png" alt="My banner"></p></body></html>',
        subtype="html",
    )
    import random

    picture = files.photo_png(random.Random(3))  # noqa: S311  # a draw of pixels
    html = mail.get_payload()[1]
    assert isinstance(html, EmailMessage)
    html.add_related(picture, maintype="image", subtype="png", cid="<box-photo>", filename="box.png")
    return mail.as_bytes()


def _bounce(delivery: Delivery, at: datetime) -> bytes:
    address = delivery.envelope["to"][0]["address"]
    domain = address.rpartition("@")[2]
    head = (
        f"From: MAILER-DAEMON@mx.{domain}\r\nTo: {BOUTIQUE}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {format_datetime(at)}\r\nMessage-ID: <{int(at.timestamp())}.bounce@mx.{domain}>\r\nAuto-Submitted: auto-replied\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="=_dsn"\r\n\r\n'
    )
    body = (
        "--=_dsn\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
        f"This is the mail system at host mx.{domain}.\r\n\r\nYour message could not be delivered to one recipient.\r\n\r\n"
        f"<{address}>: host mx.{domain} said: 550 5.1.1 User unknown\r\n\r\n"
        "--=_dsn\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.{domain}\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
        f"--=_dsn\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{delivery.key}>\r\nFrom: {BOUTIQUE}\r\nTo: {address}\r\n\r\n"
        "--=_dsn--\r\n"
    )
    return (head + body).encode()
