"""The words by which mail programs announce a quoted mail or sign a mail, in the languages of Europe and some more.

Data only. Each entry was written by a mail program, so none is a guess at grammar. All are lower case and compared
without regard to case.
"""

# ruff: noqa: E501  (tables of what mail programs write, easier to read on one line each)

import re

# The verb of 'On <date>, <name> wrote:'.
WROTE = (
    "wrote",
    "writes",
    "a écrit",
    "a ecrit",
    "écrivait",
    "schrieb",
    "schreibt",
    "hat geschrieben",
    "geschrieben",
    "escribió",
    "escribio",
    "escribe",
    "ha escrito",
    "va escriure",
    "ha escrit",
    "ha scritto",
    "scrisse",
    "scrive",
    "schreef",
    "heeft geschreven",
    "het volgende geschreven",
    "escreveu",
    "написал",
    "написала",
    "написал(а)",
    "писал",
    "пишет",
    "пише",
    "написав",
    "написано",
    "napisał",
    "napisała",
    "napisał(a)",
    "napisał(-a)",
    "pisze",
    "skrev",
    "kirjoitti",
    "napsal",
    "napsal(a)",
    "napsala",
    "napísal",
    "napísal(a)",
    "írta",
    "a scris",
    "έγραψε",
    "yazdı",
    "şunları yazdı",
    "napisao",
    "napisala",
    "je napisao/la",
    "написа",
    "rašė",
    "kirjutas",
    "rakstīja",
    "skrifaði",
    "menulis",
    "đã viết",
    "写道",
    "寫道",
    "のメール",
    "さんが書きました",
    "님이 작성",
    "작성",
    "כתב",
    "כתבה",
    "كتب",
)
# Every verb above holds one of these; most lines hold none, and this is quicker to see.
WROTE_STEMS = (
    "wr", "crit", "écriv", "schr", "schreef", "escri", "escre", "scri", "писа", "пише", "napis", "napís", "pisze",
    "skr", "kirj", "naps", "írta", "γραψ", "yazd", "raš", "rakst", "menulis", "viết", "写", "寫", "メール", "書き", "작성",
    "כתב", "كتب",
)  # fmt: skip
# How such a line begins; a digit or a name with an address may stand there as well.
BEGINS = (
    "on ", "le ", "am ", "el ", "il ", "op ", "em ", "a ", "w dniu", "dnia", "den ", "på ", "på ", "dne ", "dňa ",
    "po ", "út ", "st ", "čt ", "pá ", "ne ", "în ", "la ", "în data", "στις ", "το ", "τη ", "την ", "dana ", "u ", "vào ", "pada ",
    "kuupäeval", "ma ", "kl ", "el dia ", "在", "於", "il giorno", "no dia", "quarta", "---- on ", "---- le ",
    "---- am ", "---- el ", "в ", "от ", "чт", "пт", "пн", "вт", "ср", "сб", "вс", "понедельник", "вторник", "среда",
    "среду", "четверг", "пятница", "пятницу", "суббота", "субботу", "воскресенье", "pon", "wt", "śr", "czw", "pt",
    "sob", "niedz", "lun", "mar", "mer", "jeu", "ven", "sam", "dim", "mon", "tue", "wed", "thu", "fri", "sat", "sun",
    "mo", "di", "mi", "do", "fr", "sa", "so", "to ", "ti ", "ke ", "pe ", "la ", "su ", "ma ", "tors", "ons", "tis",
    "mån", "fre", "lör", "sön", "man", "tir", "tor", "lør", "søn", "lunes", "martes", "miérc", "jueves", "viernes",
    "sábado", "domingo", "seg", "ter", "qua", "qui", "sex", "dom", "sáb",
)  # fmt: skip
_WEEKDAYS = (
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|"
    "mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|mo|di|mi|do|fr|sa|so|lunes|martes|jueves|viernes|domingo|"
    "yesterday|today|hier|gestern|heute|ayer|ieri|gisteren|ontem|вчера|wczoraj|igår"
)
DATE_LIKE = re.compile(rf"(?i)\d|\b(?:{_WEEKDAYS})\b")

# Lines that stand between a mail and the one before it.
_ORIGINAL = (
    "original message", "original e-?mail", "original mail", "forwarded message", "forwarded e-?mail",
    "forwarded by.{1,60}", "begin forwarded message", "reply message", "replied message", "mail original", "mail d.origine", "courrier original", "courriel d.origine", "message d.origine",
    "message original", "message d’origine", "message initial", "message transféré", "message transmis",
    "e-?mail transféré", "début du message (?:transféré|réexpédié)", "courriel original",
    "ursprüngliche (?:nachricht|mail|e-mail)", "originalnachricht", "original-nachricht", "weitergeleitete nachricht",
    "anfang der weitergeleiteten (?:nachricht|e-mail)", "mensaje original", "mensaje reenviado",
    "inicio del mensaje reenviado", "missatge original", "messaggio originale", "messaggio inoltrato",
    "inizio messaggio inoltrato", "oorspronkelijk bericht", "oorspronkelijke? (?:e-)?mail", "doorgestuurd bericht",
    "begin doorgestuurd bericht", "mensagem original", "mensagem encaminhada", "início da mensagem (?:re)?encaminhada",
    "исходное сообщение", "пересылаемое сообщение", "пересланное сообщение", "переадресованное сообщение",
    "начало переадресованного сообщения", "вихідне повідомлення", "wiadomość oryginalna", "oryginalna wiadomość",
    "treść przekazanej wiadomości", "wiadomość przekazana", "ursprungligt meddelande", "originalmeddelande",
    "vidarebefordrat (?:meddelande|brev)", "vidarebefordrat mail", "oprindelig (?:meddelelse|besked)",
    "videresendt (?:meddelelse|besked|melding)", "opprinnelig melding", "alkuperäinen viesti", "välitetty viesti",
    "původní (?:zpráva|e-mail)", "přeposlaná zpráva", "pôvodná správa", "preposlaná správa", "eredeti üzenet",
    "továbbított üzenet", "mesaj original", "mesajul original", "mesaj redirecționat", "αρχικό μήνυμα",
    "προωθημένο μήνυμα", "özgün mesaj", "orijinal mesaj", "iletilen mesaj", "izvorna poruka", "izvirno sporočilo",
    "оригинално съобщение", "препратено съобщение", "originalus laiškas", "algne kiri", "原始邮件", "原始郵件", "转发邮件信息",
    "轉寄信件", "回复的原邮件", "元のメッセージ", "転送メッセージ", "원본 메[일세]지?", "원본 메시지", "הודעה מקורית", "رسالة أصلية",
)  # fmt: skip
SEPARATOR = re.compile(
    rf"(?i)^[\s*_>]*(?:(?:[-_=*—–]{{2,}}|[-—–]\s*[-—–])[-_=*—–\s]*(?:{'|'.join(_ORIGINAL)})\s*:?\s*(?:[-_=*—–]{{2,}}.*)?[-_=*—–\s]*"
    rf"|(?:begin forwarded message|début du message (?:transféré|réexpédié)|anfang der weitergeleiteten (?:nachricht|e-mail)"
    rf"|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht|início da mensagem (?:re)?encaminhada"
    rf"|начало переадресованного сообщения)\s*[:：]\s*)$"
)
# Cheap tests that most lines fail, before the long expressions are tried.
SEPARATOR_HINT = re.compile(r"^[\s*_>]*[-_=*—–]{2}|[:：]\s*$|^[-—–]\s[-—–]")
REPLY_HINT = re.compile(r"(?i)above|dessus|ober|über|encima|sopra|boven")
REPLY_ABOVE = re.compile(
    r"(?i)(?:(?:please )?(?:type|write|reply|enter)\W+(?:your reply\W+)?above this line|répond(?:ez|re)\W+(?:\w+\W+)?au.dessus de cette ligne|"
    r"(?:écri(?:re|vez)|saisi(?:r|ssez)) (?:votre réponse )?au.dessus de cette ligne|antworten sie (?:bitte )?(?:ober|über)|oberhalb dieser (?:zeile|linie)|"
    r"por encima de esta línea|sopra questa (?:riga|linea)|boven deze (?:regel|lijn))"
)

# Labels of the block of headers that Outlook and others put above what they quote, by what they mean.
_LABELS = {
    "from": "from|de|von|da|van|fra|från|от|од|від|od|lähettäjä|feladó|από|kimden|gönderen|expéditeur|absender|remitente|mittente|afzender|remetente|"
    "отправитель|od koho|odesílatel|expeditor|de la|发件人|寄件者|寄件人|差出人|보낸 ?사람|מאת|من|lähettänyt|saatja|nuo|no",
    "date": "message du|date|sent|sent at|sent on|envoyé|envoyé le|envoyée|date d.envoi|datum|gesendet|gesendet am|data|inviato|inviato il|fecha|enviado|enviado el|"
    "enviada|enviada em|enviado em|verzonden|verstuurd|verzonden op|дата|отправлено|відправлено|надіслано|wysłano|wyslano|data wysłania|skickat|datum|dato|sendt|"
    "lähetetty|päivämäärä|päiväys|odesláno|odoslané|elküldve|dátum|küldve|trimis|ημερομηνία|στάλθηκε|tarih|gönderildi|gönderme tarihi|poslano|发送时间|日期|"
    "發送時間|寄件日期|送信日時|日時|날짜|보낸 날짜|saadetud|išsiųsta|nosūtīts|תאריך|נשלח|تاريخ|التاريخ",
    "to": "to|à|a|an|para|per|aan|til|till|кому|до|do|vastaanottaja|komu|pro|címzett|către|προς|kime|alıcı|za|pour|destinataire|destinatario|destinatário|"
    "收件人|收件者|宛先|받는 ?사람|אל|إلى|kellele|kam|za|pre",
    "subject": "subject|objet|sujet|betreff|betr|oggetto|asunto|assunto|onderwerp|тема|temat|ämne|emne|aihe|předmět|predmet|tárgy|subiect|θέμα|konu|naslov|"
    "zadeva|主题|主旨|件名|제목|נושא|الموضوع|teema|tema|temats|re",
    "other": "cc|bcc|cci|copie|copie à|kopie|kopia|копия|копія|reply-to|répondre à|antwort an|kopi|kopio|másolat|masolat|priorité|importance|wichtigkeit|"
    "attachments|pièces? jointes?|anlagen|添付|抄送|副本|ответить|bilgi|cópia|con copia|y|organization|organisation|message-id|kópia|κοιν",
}
HEADER = {word: kind for kind, words in _LABELS.items() for word in words.split("|")}
HEADER_LINE = re.compile(
    r"^[ \t>*_|]{0,8}([^\W\d_][^:：\n<>@=,;!?]{0,24}?)[ \t\xa0\u202f*_]*[:：][*_]{0,2}(?:[ \t\xa0]|$|[^/\s])"
)

# What telephones and free mail programs write under a mail, as whole lines.
MOBILE = re.compile(
    r"(?i)^\W{0,4}(?:"
    r"(?:sent|send) (?:from|via|with|using|by) .{2,60}|(?:get|download) outlook (?:for|pour) .{2,30}|obtenez outlook pour .{2,30}|"
    r"(?:télécharge[zr]|obtenir) outlook (?:pour|for) .{2,30}|outlook (?:für|para|per|voor|for) .{2,20} (?:herunterladen|holen|beziehen|downloaden)|"
    r"holen sie sich outlook .{2,40}|obtener outlook para .{2,30}|scarica outlook per .{2,30}|ottieni outlook per .{2,30}|obter o outlook para .{2,30}|"
    r"provenance\s?: courrier pour .{2,30}|télécharger .{2,20} pour (?:android|ios|iphone).{0,20}|"
    r"(?:garanti(?:e)? sans virus|virus-free|virenfrei|libre de virus|privo di virus)\W.{0,60}|"
    r"envoyée? (?:de|depuis|à partir d[e’']|via|avec|par) ?.{2,60}|"
    r"(?:diese nachricht wurde )?(?:von|mit|über) .{2,60} (?:gesendet|geschickt|verschickt|versendet)\.?|gesendet (?:von|mit|über) .{2,50}|"
    r"enviad[oa] (?:desde|do|da|de|a partir d[oe]|por|pelo|via) .{2,50}|inviato (?:da|dal|con|tramite) .{2,50}|"
    r"(?:verzonden|verstuurd) (?:vanaf|met|van|via|vanuit) .{2,50}|отправлено (?:с|из|от|через) .{2,50}|надіслано (?:з|із|від) .{2,50}|"
    r"wysłan[eoay] (?:z|ze|za pomocą|przez) .{2,50}|wysłano (?:z|ze|za pomocą|przez) .{2,50}|skickat från .{2,50}|sendt (?:fra|med|via) .{2,50}|"
    r"lähetetty .{2,50}|odesláno z .{2,50}|odoslané z .{2,50}|iphone.?(?:emről|omról) küldve|elküldve .{2,40}|trimis de pe .{2,50}|"
    r"στάλθηκε από .{2,50}|.{2,30}(?:'?[dt][ae]n|mdan|umdan|imden|ümden) gönderildi|poslano iz .{2,40}|从我的.{2,20}发送|发自我的.{2,20}|發自我的.{2,20}|"
    r".{1,20}から送信|나의 .{2,20}에서 보냄|נשלח מ.{2,30}"
    r")\W{0,3}(?:[<(\[]\s*https?://[^\s>]{1,300}\s*[>)\]])?\W{0,3}$"
)
MOBILE_HINT = re.compile(
    r"(?i)^\W{0,4}(?:sen[tdv]|get |download|obten|télécharge|outlook|holen|scarica|ottieni|obter|envoy|diese nach|von |mit |über |gesendet|"
    r"enviad|inviato|verzonden|verstuurd|отправлено|надіслано|wysłan|skickat|lähetetty|odes|odos|elküldve|trimis|στάλθηκε|poslano|从我的|发自|發自|"
    r"나의|נשלח|iphone|provenance|garanti|virus|viren|libre de|privo)|gönderildi|送信"
)
# What must stand in such a line besides the verb, so that 'Sent from the bank: nothing' stays.
DEVICE = re.compile(
    r"(?i)iphone|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|oneplus|pixel|nokia|lumia|blackberry|windows|outlook|\bmail\b|e-mail|"
    r"\bapp\b|appli|mobile|mobil|m[oó]vil|tablette|k-9|courrier|avast|avg|android|smartphone|telefon|téléphone|tele?fono|telefoon|telefone|phone|handy|portable|tablet|proton|yahoo|gmail|gmx|web\.de|"
    r"orange|free\b|sfr|laposte|bouygues|spark|airmail|thunderbird|t-online|mail\.ru|яндекс|айфон|телефон|устройства|devic|appareil|ger[äa]t|"
    r"dispositivo|apparaat|enhet|enhed|sony|xperia|motorola|\blg\b|htc|bluemail|aol|canary|newton|superhuman|zimbra|三星|手机|手機|邮箱"
)

# 'See my answers below': then the quoted text is the message.
INLINE = re.compile(
    r"(?i)\b(?:in-?line|(?:see|read|find)\b.{0,30}\b(?:below|inline|in red|in blue|in green)|(?:answers?|replies|comments?) (?:are )?(?:below|in red|in blue)|"
    r"(?:réponses?|commentaires?|remarques?) (?:\w+ ){0,3}(?:ci.dessous|plus bas|en (?:rouge|bleu|vert|gras)|dans (?:le|votre) (?:texte|corps|message|mail))|"
    r"voir (?:\w+ ){0,2}(?:ci.dessous|plus bas)|je (?:vous |te )?réponds? (?:ci.dessous|dans le (?:texte|corps|mail))|"
    r"antwort(?:en)? (?:\w+ ){0,3}(?:unten|im text|in rot|in blau|weiter unten)|siehe unten|s\.\s?u\.|"
    r"(?:respuestas?|comentarios?) (?:\w+ ){0,3}(?:abajo|más abajo|en rojo|en azul)|(?:risposte|commenti) (?:\w+ ){0,3}(?:sotto|in rosso|in blu)|"
    r"(?:antwoorden|opmerkingen) (?:\w+ ){0,3}(?:hieronder|in rood)|zie hieronder)"
)
