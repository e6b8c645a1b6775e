"""What reaches every real mailbox beside customers: machines, nested mails, remote pictures, an unreadable record."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from comptoir import worker
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Message
from comptoir.core import clock
from comptoir.demo import files
from comptoir.demo.doors import BOUTIQUE, MAILBOX_NAMES, SUPPORT, Doors, Place
from comptoir.demo.mails import Letter, as_bytes
from comptoir.demo.people import STAFF, Person
from comptoir.demo.wording import set_typography
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply

UNREADABLE = "demo-unreadable"  # the last record of the past: once it is in the log, the past is complete


@dataclass(frozen=True, slots=True)
class Ending:
    """A letter whose answer ends in an unusual way."""

    sender: Person
    mailbox: str
    colleague: int  # place in STAFF
    wrote: timedelta  # before now
    answered: timedelta
    subject: str
    text: str
    answer: str


REFUSED = Ending(
    Person("Odile Marchand", "odile.marchand@pelican.example", "fr", "elderly"),
    SUPPORT, 2, timedelta(hours=31), timedelta(hours=30), "Télécommande muette",
    "Madame, Monsieur,\n\nLa télécommande que vous m’avez envoyée ne commande rien du tout, pas même la lumière. "
    "J’ai changé les piles deux fois. Pourriez-vous m’en adresser une autre ?\n\n"
    "Avec mes salutations distinguées,\nOdile Marchand",
    "Bonjour Madame Marchand,\n\nVotre nouvelle télécommande est partie ce matin ; elle arrive sous deux jours dans "
    "votre boîte aux lettres. Gardez l’ancienne jusque-là.\n\nBien à vous,\nInès",
)  # fmt: skip
BOUNCED = Ending(
    Person("Julien Perrot", "julien.perrot@vallee-mail.example", "fr", "any"),
    BOUTIQUE, 4, timedelta(hours=36), timedelta(hours=29), "Garantie de la Nérine X2",
    "Bonjour,\n\nLa garantie de deux ans part-elle de la commande ou de la livraison ? Il y a trois semaines d’écart, "
    "et mon écran a lâché pile entre les deux.\n\nMerci,\nJulien Perrot",
    "Bonjour Monsieur Perrot,\n\nElle part de la livraison : votre écran est donc couvert. Voici l’étiquette pour nous "
    "l’envoyer, nous le réparons en cinq jours.\n\nBien à vous,\nYann",
)  # fmt: skip
SCHEDULED = Ending(
    Person("Maëlle Hervé", "maelle.herve@posty.example", "fr", "any"),
    SUPPORT, 2, timedelta(hours=5), timedelta(minutes=25), "Confirmation pour demain ?",
    "Bonsoir,\n\nVous m’avez promis de confirmer demain matin l’heure du technicien. Je dois prévenir mon école : "
    "pouvez-vous m’écrire avant 9 h ?\n\nMerci d’avance,\nMaëlle Hervé",
    "Bonjour Maëlle,\n\nComme convenu : le technicien passe aujourd’hui entre 10 h et midi, et vous appelle une "
    "demi-heure avant.\n\nBonne journée,\nInès",
)  # fmt: skip
ENDINGS = (REFUSED, BOUNCED, SCHEDULED)


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


def post_letters(doors: Doors, *, base: datetime) -> list[Place]:
    """Let the letters of ENDINGS arrive."""
    places = []
    for ending in ENDINGS:
        at, to = base - ending.wrote, (MAILBOX_NAMES[ending.mailbox], ending.mailbox)
        letter = Letter(ending.sender, to, ending.subject, set_typography(ending.text, "fr"), at)
        with clock.showing(at):
            places.append(doors.post(letter))
    return places


def answer_letters(places: Sequence[Place], *, base: datetime) -> None:
    """Answer them: one answer is refused, one leaves and will bounce, one waits for tomorrow morning."""
    for place, ending in zip(places, ENDINGS, strict=True):
        conversation = Message.objects.get(record__account=place[0], record__external_id=place[1]).conversation
        if Delivery.objects.filter(message__conversation=conversation).exists():
            continue  # it was done before a crash
        user = User.objects.get(email=STAFF[ending.colleague].email)
        tomorrow = (base + timedelta(days=1)).replace(hour=7, minute=30, second=0, microsecond=0)
        draft = Draft(set_typography(ending.answer, "fr"), send_at=tomorrow if ending is SCHEDULED else None)
        with clock.showing(base - ending.answered):
            queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=draft)
        with clock.showing(base - ending.answered + timedelta(seconds=12)):
            while sender.send_one():
                pass


def post_bounce(doors: Doors, place: Place, *, base: datetime) -> None:
    """Let a delivery report come back for the answer that had left well."""
    delivery = Delivery.objects.get(
        message__conversation__messages__record__account=place[0],
        message__conversation__messages__record__external_id=place[1],
    )
    at = base - timedelta(hours=4)
    with clock.showing(at):
        doors.post_raw(BOUTIQUE, _bounce(delivery, at))
        worker.digest_all()


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
        at, "La Lettre des réseaux <lettre@lettre-des-reseaux.example>", SUPPORT,
        "N° 214 – Ce que la fin du cuivre change pour les mairies",
        List_Id="<lettre.lettre-des-reseaux.example>", Precedence="bulk",
        List_Unsubscribe="<https://lettre-des-reseaux.example/desinscription>",
    )  # fmt: skip
    mail.set_content(
        "Au sommaire cette semaine :\n\n– la fermeture du cuivre, commune par commune ;\n"
        "– trois maires racontent ;\n– l’agenda.\n"
    )
    mail.add_alternative(
        '<html><body><img src="https://lettre-des-reseaux.example/ouvert.gif?id=4471" width="1" height="1">'
        "<h1>La Lettre des réseaux</h1><p>Au sommaire cette semaine : la fermeture du cuivre, commune par commune.</p>"
        '<p><a href="https://lettre-des-reseaux.example/214">Lire en ligne</a></p></body></html>',
        subtype="html",
    )
    return as_bytes(mail)


def _absence(at: datetime) -> bytes:
    mail = _mail(
        at, "Bénédicte Oriol <b.oriol@oriol-associes.example>", BOUTIQUE, "Réponse automatique : Votre devis",
        Auto_Submitted="auto-replied", X_Auto_Response_Suppress="All",
    )  # fmt: skip
    mail.set_content(
        "Bonjour,\n\nJe suis absente jusqu’au 30 novembre inclus. En cas d’urgence, écrivez à "
        "accueil@oriol-associes.example.\n\nB. Oriol\n"
    )
    return as_bytes(mail)


def _forwarded(at: datetime) -> bytes:
    inner = _mail(
        at - timedelta(hours=3), "Paul Kerroux <paul.kerroux@vergers-kerlann.example>",
        "Gwenn <gwenn@vergers-kerlann.example>", "Caisse bloquée ce matin",
    )  # fmt: skip
    inner.set_content(
        "Gwenn,\n\nLa caisse affiche « hors ligne » depuis l’ouverture. J’ai noté les ventes sur papier.\n\nPaul\n"
    )
    mail = _mail(at, "Gwenn Le Roux <gwenn@vergers-kerlann.example>", SUPPORT, "TR : Caisse bloquée ce matin")
    mail["Cc"] = "Nadège Kerroux <n.kerroux@infogerance-ouest.example>"
    mail.set_content(
        "Bonjour,\n\nJe vous transmets le message de notre caissier. Nadège, notre informaticienne, est en "
        "copie et peut faire les essais "
        "avec vous. C’est la troisième fois ce mois-ci.\n\nGwenn Le Roux\nLes Vergers de Kerlann\n"
    )
    mail.add_attachment(inner)
    return as_bytes(mail)


def _with_pictures(at: datetime) -> bytes:
    mail = _mail(at, "Callum Tate <callum.tate@posty.example>", BOUTIQUE, "Wrong colour, see for yourself")
    mail.set_content(
        "Hello,\n\nI ordered the green one. This is what came out of the box.\n\nCould you swap it?\n\nCallum Tate\n"
    )
    mail.add_alternative(
        "<html><body><p>Hello,</p><p>I ordered the <b>green</b> one. This is what came out of the box:</p>"
        '<p><img src="cid:box-photo"></p><p>Could you swap it?</p><p>Callum Tate</p>'
        '<p><img src="https://signature-banner.example/callum/banner.png" alt="My banner"></p></body></html>',
        subtype="html",
    )
    picture = files.photo_png(random.Random(3))  # noqa: S311  # a draw of pixels
    html = mail.get_body(("html",))
    assert html is not None
    html.add_related(picture, maintype="image", subtype="png", cid="<box-photo>", filename="box.png")
    return as_bytes(mail)


def _bounce(delivery: Delivery, at: datetime) -> bytes:
    address = delivery.envelope["to"][0]["address"]
    domain = address.rpartition("@")[2]
    head = (
        f"From: MAILER-DAEMON@mx.{domain}\r\nTo: {BOUTIQUE}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {format_datetime(at)}\r\nMessage-ID: <{int(at.timestamp())}.bounce@mx.{domain}>\r\n"
        f"Auto-Submitted: auto-replied\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="=_dsn"\r\n\r\n'
    )
    body = (
        "--=_dsn\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
        f"This is the mail system at host mx.{domain}.\r\n\r\nYour message could not be delivered to one "
        f"recipient.\r\n\r\n"
        f"<{address}>: host mx.{domain} said: 550 5.1.1 User unknown\r\n\r\n"
        "--=_dsn\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.{domain}\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: failed\r\n"
        f"Status: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
        f"--=_dsn\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{delivery.key}>\r\n"
        f"From: {BOUTIQUE}\r\nTo: {address}\r\n\r\n"
        "--=_dsn--\r\n"
    )
    return (head + body).encode()
