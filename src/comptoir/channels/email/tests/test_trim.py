"""What is shown of a reply, and what is folded away."""

# ruff: noqa: E501  (tables of what mail programs write, easier to read on one line each)

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.email.trim import trim_html, trim_text

# Announcements as mail programs write them; each stands between an answer and a quote.
ANNOUNCEMENTS = [
    ("english, gmail", "On Mon, Feb 3, 2020 at 10:00 AM Zoé Martin <zoe@shop.example> wrote:"),
    (
        "english, wrapped",
        "On Mon, Feb 3, 2020 at 10:00 AM Support of the very long company name <\nzoe@shop.example> wrote:",
    ),
    ("english, thunderbird", "On 03/02/2020 10:00, Zoé Martin wrote:"),
    ("english, apple", "On 3 Feb 2020, at 10:00, Zoé Martin <zoe@shop.example> wrote:"),
    ("english, zoho", "---- On Mon, 03 Feb 2020 10:00:00 +0100 Zoé <zoe@shop.example> wrote ----"),
    ("french, gmail", "Le lun. 3 févr. 2020 à 10:00, Zoé Martin <zoe@shop.example> a écrit :"),
    ("french, wrapped", "Le lun. 3 févr. 2020 à 10:00, Service clients de la boutique\n<zoe@shop.example>\na écrit :"),
    ("french, thunderbird", "Le 03/02/2020 à 10:00, Zoé Martin a écrit :"),
    ("french, no-break space", "Le 3 févr. 2020 à 10:00, Zoé Martin <zoe@shop.example> a écrit\u00a0:"),
    ("german, gmail", "Am Mo., 3. Feb. 2020 um 10:00 Uhr schrieb Zoé Martin <zoe@shop.example>:"),
    ("german, inbox", "Zoé Martin <zoe@shop.example> schrieb am Mo., 3. Feb. 2020\num 10:00 Uhr:"),
    ("german, thunderbird", "Am 03.02.2020 um 10:00 schrieb Zoé Martin:"),
    ("spanish", "El lun, 3 feb 2020 a las 10:00, Zoé Martin (<zoe@shop.example>) escribió:"),
    ("italian", "Il giorno lun 3 feb 2020 alle ore 10:00 Zoé Martin <zoe@shop.example> ha scritto:"),
    ("dutch", "Op ma 3 feb. 2020 om 10:00 schreef Zoé Martin <zoe@shop.example>:"),
    ("portuguese", "Em seg., 3 de fev. de 2020 às 10:00, Zoé Martin <zoe@shop.example> escreveu:"),
    ("russian, gmail without a verb", "пн, 3 февр. 2020 г. в 10:00, Зоя <zoe@shop.example>:"),
    ("russian, verb", "понедельник, 3 февраля 2020 г. пользователь Зоя написал:"),
    ("russian, thunderbird", "03.02.2020 10:00, Зоя пишет:"),
    ("ukrainian", "пн, 3 лют. 2020 р. о 10:00 Зоя <zoe@shop.example> пише:"),
    ("polish, gmail", "pon., 3 lut 2020 o 10:00 Zoé Martin <zoe@shop.example> napisał(a):"),
    ("polish, thunderbird", "W dniu 03.02.2020 o 10:00, Zoé Martin pisze:"),
    ("czech", "po 3. 2. 2020 v 10:00 odesílatel Zoé Martin <zoe@shop.example> napsal:"),
    ("danish", "Den man. 3. feb. 2020 kl. 10.00 skrev Zoé Martin <zoe@shop.example>:"),
    ("norwegian", "man. 3. feb. 2020 kl. 10:00 skrev Zoé Martin <zoe@shop.example>:"),
    ("swedish", "Den mån 3 feb. 2020 kl 10:00 skrev Zoé Martin <zoe@shop.example>:"),
    ("finnish", "ma 3. helmik. 2020 klo 10.00 Zoé Martin (zoe@shop.example) kirjoitti:"),
    ("hungarian", "Zoé Martin <zoe@shop.example> ezt írta (időpont: 2020. febr. 3., H, 10:00):"),
    ("romanian", "În lun., 3 feb. 2020 la 10:00, Zoé Martin <zoe@shop.example> a scris:"),
    ("greek", "Στις Δευ 3 Φεβ 2020 στις 10:00 π.μ., ο χρήστης Zoé <zoe@shop.example> έγραψε:"),
    ("turkish", "Zoé Martin <zoe@shop.example>, 3 Şub 2020 Pzt, 10:00 tarihinde şunu yazdı:"),
    ("catalan", "El dl., 3 de febr. 2020, 10:00, Zoé Martin <zoe@shop.example> va escriure:"),
    ("japanese", "2020年2月3日(月) 10:00 Zoé Martin <zoe@shop.example>:"),
    ("chinese", "Zoé Martin <zoe@shop.example> 于2020年2月3日周一 10:00写道："),
    ("korean", "2020년 2월 3일 (월) 오전 10:00, Zoé Martin <zoe@shop.example>님이 작성:"),
    ("horde", "Quoting Zoé Martin <zoe@shop.example>:"),
    ("lotus", "-----Zoé Martin/Paris/Shop wrote: -----"),
    ("dutch, apple", "Op 3 feb. 2020 om 10:00 heeft Zoé Martin <zoe@shop.example> het volgende geschreven:"),
    ("french, cut in the verb", "Le lun. 3 févr. 2020 à 10:00, Zoé Martin <zoe@shop.example> a\nécrit :"),
    ("english, yahoo", "On Monday, February 3, 2020, 10:00:00 AM GMT+1, Zoé <zoe@shop.example> wrote:"),
    ("indonesian", "Pada 3 Februari 2020 10.00, Zoé <zoe@shop.example> menulis:"),
    ("vietnamese", "Vào 10:00 3 tháng 2, 2020, Zoé <zoe@shop.example> đã viết:"),
    ("gmail, date only", "2020-02-03 10:00 GMT+01:00 Zoé Martin <zoe@shop.example>:"),
]


@pytest.mark.parametrize(("case", "announcement"), ANNOUNCEMENTS, ids=[c for c, _ in ANNOUNCEMENTS])
def test_announcement_and_quote_are_folded(case: str, announcement: str) -> None:
    trimmed = trim_text(f"Merci, c'est réglé.\n\n{announcement}\n\n> Bonjour,\n> avez-vous essayé ?\n")
    assert trimmed.visible == "Merci, c'est réglé."
    assert "avez-vous essayé" in trimmed.elided


BLOCKS = [
    (
        "outlook, english",
        "From: Zoé <zoe@shop.example>\nSent: Monday, February 3, 2020 10:00 AM\nTo: Ann\nSubject: RE: order",
    ),
    (
        "outlook, french",
        "De : Zoé <zoe@shop.example>\nEnvoyé : lundi 3 février 2020 10:00\nÀ : Anne\nObjet : RE: commande",
    ),
    (
        "outlook, french, rule",
        "________________________________\nDe : Zoé\nEnvoyé : lundi 3 février 2020 10:00\nÀ : Anne\nObjet : RE: x",
    ),
    (
        "outlook, german",
        "Von: Zoé <zoe@shop.example>\nGesendet: Montag, 3. Februar 2020 10:00\nAn: Anna\nBetreff: AW: x",
    ),
    (
        "outlook, spanish",
        "De: Zoé <zoe@shop.example>\nEnviado el: lunes, 3 de febrero de 2020 10:00\nPara: Ana\nAsunto: RE: x",
    ),
    ("outlook, italian", "Da: Zoé <zoe@shop.example>\nInviato: lunedì 3 febbraio 2020 10:00\nA: Anna\nOggetto: R: x"),
    (
        "outlook, dutch",
        "Van: Zoé <zoe@shop.example>\nVerzonden: maandag 3 februari 2020 10:00\nAan: Anna\nOnderwerp: RE: x",
    ),
    (
        "outlook, portuguese",
        "De: Zoé <zoe@shop.example>\nEnviada em: segunda-feira, 3 de fevereiro\nPara: Ana\nAssunto: RES: x",
    ),
    ("outlook, polish", "Od: Zoé <zoe@shop.example>\nWysłano: poniedziałek, 3 lutego 2020\nDo: Anna\nTemat: RE: x"),
    ("outlook, russian", "От: Зоя <zoe@shop.example>\nОтправлено: 3 февраля 2020 г. 10:00\nКому: Анна\nТема: RE: x"),
    ("outlook, swedish", "Från: Zoé <zoe@shop.example>\nSkickat: den 3 februari 2020 10:00\nTill: Anna\nÄmne: SV: x"),
    ("outlook, danish", "Fra: Zoé <zoe@shop.example>\nSendt: 3. februar 2020 10:00\nTil: Anna\nEmne: SV: x"),
    (
        "outlook, finnish",
        "Lähettäjä: Zoé <zoe@shop.example>\nLähetetty: 3. helmikuuta 2020 10:00\nVastaanottaja: Anna\nAihe: VS: x",
    ),
    ("outlook, bold labels", "*From:* Zoé <zoe@shop.example>\n*Sent:* Monday\n*To:* Ann\n*Subject:* RE: order"),
    ("outlook, chinese", "发件人: Zoé <zoe@shop.example>\n发送时间: 2020年2月3日 10:00\n收件人: Ann\n主题: RE: x"),
    ("separator, english", "-----Original Message-----\nFrom: Zoé\nHello"),
    ("separator, french", "-----Message d'origine-----\nDe : Zoé"),
    ("free, french", "----- Mail original -----\nDe: Zoé"),
    (
        "sfr, french",
        "========================================\n\nMessage du : 03/02/2020 10:00\nDe : Zoé\nA : Anne\nSujet : x",
    ),
    ("separator and more", "-----Original Message----- From: Zoé"),
    ("separator, thunderbird", "-------- Message original --------"),
    ("separator, german", "-----Ursprüngliche Nachricht-----"),
    ("separator, spanish", "-----Mensaje original-----"),
    ("separator, italian", "-----Messaggio originale-----"),
    ("separator, dutch", "-----Oorspronkelijk bericht-----"),
    ("separator, portuguese", "-----Mensagem original-----"),
    ("separator, russian", "-----Исходное сообщение-----"),
    ("separator, stars", "*-------- Original Message --------*"),
    ("forward, gmail", "---------- Forwarded message ---------\nFrom: Zoé"),
    ("forward, apple french", "Début du message transféré :"),
    ("helpdesk line", "##- Please type your reply above this line -##"),
]


@pytest.mark.parametrize(("case", "block"), BLOCKS, ids=[c for c, _ in BLOCKS])
def test_history_below_a_header_block_is_folded(case: str, block: str) -> None:
    trimmed = trim_text(f"Merci, c'est réglé.\n\n{block}\n\nBonjour,\navez-vous essayé ?\nZoé\n")
    assert trimmed.visible == "Merci, c'est réglé."
    assert trimmed.elided.endswith("Zoé")


SIGNATURES = [
    ("usenet", "-- \nZoé Martin\n01 23 45 67 89"),
    ("iphone, english", "Sent from my iPhone"),
    ("iphone, french", "Envoyé de mon iPhone"),
    ("android, french", "Envoyé depuis mon téléphone Samsung"),
    ("outlook, french", "Envoyé à partir d'Outlook pour Android"),
    ("outlook, english", "Get Outlook for iOS<https://aka.ms/o0ukef>"),
    ("outlook, french link", "Télécharger Outlook pour iOS"),
    ("iphone, german", "Von meinem iPhone gesendet"),
    ("iphone, spanish", "Enviado desde mi iPhone"),
    ("iphone, italian", "Inviato da iPhone"),
    ("iphone, dutch", "Verstuurd vanaf mijn iPhone"),
    ("iphone, portuguese", "Enviado do meu iPhone"),
    ("iphone, russian", "Отправлено с iPhone"),
    ("iphone, polish", "Wysłane z iPhone'a"),
    ("iphone, swedish", "Skickat från min iPhone"),
    ("ipad, norwegian", "Sendt fra min iPad"),
    ("iphone, finnish", "Lähetetty iPhonesta"),
    ("orange", "Envoyé depuis l'application Mail Orange"),
    ("windows", "Sent from Mail for Windows 10"),
    ("windows, french", "Provenance : Courrier pour Windows 10"),
    ("android, spanish", "Enviado desde mi móvil"),
    ("antivirus", "Garanti sans virus. www.avast.com"),
    ("dashes and a number", "---\nZoé Martin\nTél. 01 23 45 67 89"),
    ("rule", "________________________________\nZoé Martin, responsable des achats"),
]


@pytest.mark.parametrize(("case", "signature"), SIGNATURES, ids=[c for c, _ in SIGNATURES])
def test_signature_is_folded(case: str, signature: str) -> None:
    assert trim_text(f"Merci, c'est réglé.\n\n{signature}\n").visible == "Merci, c'est réglé."


SHOWN = [
    ("nothing quoted", "Bonjour,\n\nmon colis n'est pas arrivé.\n\nCordialement\nZoé"),
    ("a rule in the text", "Voici la liste :\n\n----------\n\nLampe\nTable\n\n----------\n\nMerci de vérifier."),
    ("a form", "Nouveau message :\n=================\nNom : Orberer\nTéléphone : 01 23 45 67 89\nDemande : un devis"),
    ("a word that looks like an announcement", "Votre collègue a écrit :\nvous serez remboursé.\nQu'en est-il ?"),
    ("a sentence on a device", "The parcel was sent from my office and it never arrived.\nPlease help."),
    ("indented code", "Voici :\n\n    a = 1\n    b = 2\n\nMerci"),
    ("a quote and an answer", "> Avez-vous reçu le colis ?\n\nOui."),
    ("a lone address line", "Mon adresse :\nDe la Paix, 12\n75002 Paris"),
    ("two fields only", "Bonjour\n\nObjet : facture 12\nDate : 3 mai\n\nMerci de la corriger."),
    (
        "text is a forward",
        "---------- Forwarded message ---------\nFrom: Zoé <z@shop.example>\nDate: 3 May\nSubject: x\nTo: y\n\nBonjour",
    ),
    ("a list under a rule", "Voici ma liste\n\n---\n\nune lampe\nune table\nune chaise"),
    ("a question under a rule", "Bonjour\n\n----\n\nmon numéro est le 01 23 45 67 89, m'appelez-vous ?"),
    ("only a signature line", "-- \nZoé Martin"),
    ("a dash in a list", "Il manque :\n- une vis\n-- la petite\n- un écrou"),
]


@pytest.mark.parametrize(("case", "text"), SHOWN, ids=[c for c, _ in SHOWN])
def test_a_text_without_history_is_shown_whole(case: str, text: str) -> None:
    trimmed = trim_text(text)
    assert trimmed.visible.split() == text.split()
    assert not trimmed.elided.strip()


def test_answers_between_quotes_stay_with_their_quotes() -> None:
    text = "Le 3 mai 2020 à 10:00, Zoé <z@shop.example> a écrit :\n> Couleur ?\n\nBleu.\n\n> Taille ?\n\nM.\n\n> Merci\n> Zoé\n"
    assert trim_text(text).visible == "> Couleur ?\n\nBleu.\n\n> Taille ?\n\nM."


def test_an_answer_under_the_quote_is_shown_alone() -> None:
    text = "On 3 May 2020, Ann wrote:\n> Did it arrive?\n> Ann\n\nYes, thank you.\n"
    assert trim_text(text).visible == "Yes, thank you."


def test_answers_above_and_below_the_quote_are_both_shown() -> None:
    text = "Hello Ann,\n\nOn 3 May 2020, Ann wrote:\n> Did it arrive?\n\nYes, it did.\n\n> When?\n\nYesterday.\n"
    visible = trim_text(text).visible
    assert "Hello Ann," in visible
    assert "Yes, it did." in visible
    assert "Yesterday." in visible


def test_my_answers_below_shows_everything() -> None:
    text = (
        "Bonjour, mes réponses ci-dessous en rouge.\n\nLe 3 mai 2020, Zoé a écrit :\n> Couleur ? Bleu.\n> Taille ? M.\n"
    )
    assert "Taille ? M." in trim_text(text).visible


def test_nothing_but_a_quote_is_empty() -> None:
    assert trim_text("On 3 May 2020, Ann wrote:\n> everything\n> quoted").visible == ""


HTML = [
    ("gmail", '<div dir="ltr">Merci !</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Le lun. 3 févr. 2020 à 10:00, Zoé &lt;'
     '<a href="mailto:z@s.example">z@s.example</a>&gt; a écrit :<br></div><blockquote class="gmail_quote">Bonjour</blockquote></div>'),
    ("gmail, inline", '<div class="gmail_quote"><div class="gmail_attr">On Mon, Zoé wrote:</div><blockquote>Ok?</blockquote><div>Merci !</div></div>'),
    ("outlook web", '<div>Merci !</div><hr><div id="divRplyFwdMsg"><b>De :</b> Zoé<br><b>Envoyé :</b> lundi<br></div><div>Bonjour</div>'),
    ("outlook web, quoted twice", '<div>Merci !</div><div id="x_divRplyFwdMsg">De : Zoé</div><div>Bonjour</div>'),
    ("outlook desktop", '<p class="MsoNormal">Merci !</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal"><b>De&nbsp;:</b> Zoé<br>'
     "<b>Envoyé&nbsp;:</b> lundi 3 février 2020 10:00<br><b>À&nbsp;:</b> Anne<br><b>Objet&nbsp;:</b> RE: x</p></div><p>Bonjour</p>"),
    ("apple", '<div>Merci !</div><br><blockquote type="cite"><div>Le 3 févr. 2020 à 10:00, Zoé a écrit :</div>Bonjour</blockquote>'),
    ("thunderbird", '<p>Merci !</p><div class="moz-cite-prefix">Le 03/02/2020 à 10:00, Zoé a écrit&nbsp;:<br></div><blockquote type="cite">Bonjour</blockquote>'),
    ("yahoo", '<div>Merci !</div><div id="ydp1" class="ydp1yahoo_quoted yahoo_quoted"><div>Le lundi, Zoé a écrit :</div><div>Bonjour</div></div>'),
    ("proton", '<div>Merci !</div><div class="protonmail_quote">On Monday, Zoé wrote:<blockquote>Bonjour</blockquote></div>'),
    ("gmx", '<div>Merci !</div><div name="quote"><div><b>Gesendet:</b> Montag<br><b>Von:</b> Zoé<br><b>An:</b> A<br><b>Betreff:</b> x</div>Bonjour</div>'),
    ("signature, gmail", '<div>Merci !</div><div class="gmail_signature" data-smartmail="gmail_signature">Zoé Martin</div>'),
    ("signature, iphone", '<div>Merci !</div><div id="AppleMailSignature">Envoyé de mon iPhone</div><blockquote>Bonjour</blockquote>'),
    ("signature, outlook mobile", '<div>Merci !</div><div id="ms-outlook-mobile-signature">Télécharger Outlook pour iOS</div>'),
]  # fmt: skip


@pytest.mark.parametrize(("case", "html"), HTML, ids=[c for c, _ in HTML])
def test_html_quote_is_folded(case: str, html: str) -> None:
    assert trim_html(f"<html><head><style>p{{}}</style></head><body>{html}</body></html>") == "Merci !"


def test_html_without_a_quote_is_its_text() -> None:
    assert (
        trim_html("<p>Bonjour,</p><ul><li>une lampe</li><li>une table</li></ul><p>Merci</p>")
        == "Bonjour,\n\nune lampe\nune table\n\nMerci"
    )


def test_html_forward_without_a_comment_is_shown() -> None:
    html = '<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>De : Zoé</div><p>Le colis est cassé.</p></div>'
    assert "Le colis est cassé." in trim_html(html)


@pytest.mark.parametrize(
    "line",
    [
        "> a\n",
        "On x wrote:\n",
        "--\n",
        "From: x\n",
        "a\n--\n",
        "Le 3 a écrit :\n",
        '"a" <a@b.c> wrote:\n',
        "\n",
        "a\n_____\n",
    ],
)
def test_cost_grows_with_the_length_only(line: str) -> None:
    started = time.process_time()
    trim_text(line * (1_000_000 // len(line)))
    assert time.process_time() - started < 10


LINES = st.sampled_from(
    [
        "",
        "Bonjour",
        "> cité",
        "-- ",
        "Le 3 mai 2020, Zoé a écrit :",
        "From: a",
        "To: b",
        "Subject: c",
        "Sent from my iPhone",
        "_____",
        "-----Original Message-----",
    ]
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=30))
def test_no_line_is_lost_or_doubled(lines: list[str]) -> None:
    text = "\n".join(lines)
    trimmed = trim_text(text)
    assert sorted(text.split()) == sorted((trimmed.visible + "\n" + trimmed.elided).split())
    if any(line == "Bonjour" for line in lines):
        assert trimmed.visible
