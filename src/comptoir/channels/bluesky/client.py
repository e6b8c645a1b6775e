"""Sends posts and direct messages, looks them up, fetches files, renews the session.

A post has a record key of our own, derived from the message's key: the server refuses to make it a second time
(INV-03), so that a broken line is simply tried again. A direct message has no key: a broken line leaves a doubt, and
the conversation is read to find out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from comptoir.channels.base import Fetched, HandOver, Renewed, Step
from comptoir.core import clock, http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, OutboundFile, Receipt

from . import xrpc
from .records import DID, IMAGE_BYTES, IMAGE_TYPES, MOST_IMAGES, POST, instant, parts_of, record_key, stamp
from .render import Reference, limit_of, parts, post, private_message
from .richtext import handles
from .xrpc import CHAT, XrpcError, call

DIRECTORY = "https://plc.directory"
FILE_BYTES = 100 * 1024 * 1024
FILE_SECONDS = 60.0
GATE = "app.bsky.feed.threadgate"
MOST_HIDDEN = 300  # replies of one thread; app.bsky.feed.threadgate


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send one message, in as many parts as it takes. Raises ChannelError; DoubtfulDelivery for direct messages."""
    if message.thread_key.startswith("dm:"):
        return _send_private(message, account, hand_over)
    return _send_public(message, account, hand_over)


def _send_public(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    asked, root = _references(message)
    _check_images(message.files)
    texts = parts(message.text, limit_of(message))
    sent = list(hand_over.sent)
    dids = _dids(message.text, account)
    images = [] if sent else [_upload(file, account) for file in message.files]
    parent = _made(sent[-1], account) if sent and len(sent) < len(texts) else asked
    did = xrpc.session_of(account).did
    for number, text in enumerate(texts):
        if number < len(sent):
            continue
        record = post(text, root=root, parent=parent, dids=dids, images=images if number == 0 else (),
                      written_at=stamp(clock.now()))  # fmt: skip
        hand_over()
        parent = _put(record, _rkey(message, number), did, account)
        hand_over.keep(parent.uri)
        sent.append(parent.uri)
    return Receipt(message.key, Delivered.SENT, sent[-1])


def _rkey(message: Outbound, number: int) -> str:
    return record_key(message.key, str(message.answers.get("at", "")), number)


def _references(message: Outbound) -> tuple[Reference, Reference]:
    """Return the post that is answered and the first one of its thread."""
    facts = [str(message.answers.get(name, "")) for name in ("uri", "cid", "root_uri", "root_cid")]
    if not all(facts):
        raise ChannelError(
            _("It is not known which post this answers. Answer a post of the conversation."), permanent=True
        )
    return Reference(facts[0], facts[1]), Reference(facts[2], facts[3])


def _check_images(files: Sequence[OutboundFile]) -> None:
    if len(files) > MOST_IMAGES:
        raise ChannelError(_("Bluesky takes four images at most."), permanent=True)
    for file in files:
        if file.content_type not in IMAGE_TYPES:
            words = _("“%(name)s” is no image (JPEG, PNG, WebP, GIF); Bluesky takes nothing else.")
            raise ChannelError(words % {"name": file.filename}, permanent=True)
        if len(file.content) > IMAGE_BYTES:
            words = _("“%(name)s” is larger than 2 MB; Bluesky takes no larger image.")
            raise ChannelError(words % {"name": file.filename}, permanent=True)


def _dids(text: str, account: AccountConfig) -> dict[str, str]:
    """Return the accounts of the handles that a text mentions; a handle that is nobody's is left out."""
    found: dict[str, str] = {}
    for handle in handles(text)[:20]:
        try:
            answer = call(account, "com.atproto.identity.resolveHandle", query=[("handle", handle)])
        except XrpcError as error:
            if not error.permanent:
                raise
            continue
        if isinstance(answer.get("did"), str):
            found[handle] = answer["did"]
    return found


def _upload(file: OutboundFile, account: AccountConfig) -> Mapping[str, Any]:
    answer = call(account, "com.atproto.repo.uploadBlob", body=file.content, content_type=file.content_type)
    blob = answer.get("blob")
    if not isinstance(blob, dict):
        raise ChannelError(_("The server's answer is not understood."))
    return blob


def _put(record: Mapping[str, Any], rkey: str, did: str, account: AccountConfig) -> Reference:
    """Make a record, unless it is there already: then the earlier attempt made it, and its answer was lost."""
    body = {"repo": did, "collection": POST, "rkey": rkey, "record": record, "swapRecord": None}
    try:
        return _reference(call(account, "com.atproto.repo.putRecord", body=body))
    except XrpcError as error:
        if error.name != "InvalidSwap":
            raise
    return _made(f"at://{did}/{POST}/{rkey}", account)


def _made(uri: str, account: AccountConfig) -> Reference:
    """Return a record as it is. Raises ChannelError."""
    return _reference(_record(uri, account))


def _record(uri: str, account: AccountConfig) -> dict[str, Any]:
    did, collection, rkey = parts_of(uri)
    return call(
        account, "com.atproto.repo.getRecord", query=[("repo", did), ("collection", collection), ("rkey", rkey)]
    )


def _reference(answer: Mapping[str, Any]) -> Reference:
    uri, cid = answer.get("uri"), answer.get("cid")
    if not isinstance(uri, str) or not isinstance(cid, str):
        raise ChannelError(_("The server's answer is not understood."))
    return Reference(uri, cid)


def _send_private(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    if message.files:
        raise ChannelError(_("Direct messages on Bluesky take no files. Send a link."), permanent=True)
    convo, dids = _convo(message, account), _dids(message.text, account)
    sent = list(hand_over.sent)
    for text in parts(message.text, limit_of(message))[len(sent) :]:
        body = {"convoId": convo, "message": private_message(text, dids)}
        xrpc.session_of(account)  # signs in before the hand-over where that is needed
        hand_over()
        try:
            answer = call(account, "chat.bsky.convo.sendMessage", body=body, proxy=CHAT)
        except XrpcError as error:
            if error.status < 500:
                raise
            raise DoubtfulDelivery(str(error)) from error
        except ChannelError as error:
            if error.permanent:
                raise
            raise DoubtfulDelivery(str(error)) from error
        name = f"{convo}/{answer.get('id', '')}"
        hand_over.keep(name)
        sent.append(name)
    return Receipt(message.key, Delivered.SENT, sent[-1])


def _convo(message: Outbound, account: AccountConfig) -> str:
    """Return the private conversation of a message: the one that it answers in, or the one with its recipient."""
    known = message.answers.get("convo")
    if isinstance(known, str) and known:
        return known
    did = message.thread_key.removeprefix("dm:") if DID.fullmatch(message.thread_key[3:]) else ""
    did = did or (message.to[0].address if message.to else "")
    answer = call(account, "chat.bsky.convo.getConvoForMembers", query=[("members", did)], proxy=CHAT)
    convo = answer.get("convo")
    if not isinstance(convo, dict) or not isinstance(convo.get("id"), str):
        raise ChannelError(_("The server's answer is not understood."))
    return str(convo["id"])


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Find out what became of a message.

    Posts are looked up by their keys; where one is missing the message goes on where it stopped, since none can be made
    twice. Of a direct message the conversation tells: its text, from us, after what it answers.
    """
    if message.thread_key.startswith("dm:"):
        return _reconcile_private(message, account)
    did = xrpc.session_of(account).did
    texts = parts(message.text, limit_of(message))
    if len(texts) > 1:
        return Receipt(message.key, Delivered.QUEUED)
    try:
        found = _made(f"at://{did}/{POST}/{_rkey(message, 0)}", account)
    except XrpcError as error:
        if error.name != "RecordNotFound":
            raise
        return Receipt(message.key, Delivered.QUEUED)
    return Receipt(message.key, Delivered.SENT, found.uri)


def _reconcile_private(message: Outbound, account: AccountConfig) -> Receipt | None:
    texts = parts(message.text, limit_of(message))
    convo, did = _convo(message, account), xrpc.session_of(account).did
    after = instant(str(message.answers.get("at", "")))
    answer = call(account, "chat.bsky.convo.getMessages", query=[("convoId", convo), ("limit", "100")], proxy=CHAT)
    listed = answer.get("messages")
    for one in listed if isinstance(listed, list) else ():
        sender = one.get("sender") if isinstance(one, dict) else None
        if not isinstance(sender, dict) or sender.get("did") != did or one.get("text") != texts[-1]:
            continue
        sent_at = instant(str(one.get("sentAt", "")))
        if after is None or (sent_at is not None and sent_at > after):
            return Receipt(message.key, Delivered.SENT, f"{convo}/{one.get('id', '')}")
    return None


def renew(account: AccountConfig) -> Renewed:
    """Renew the session. Raises ChannelError; with `is_revoked` where the app password was withdrawn."""
    session = xrpc.refresh(account)
    return Renewed({"access": session.access, "refresh": session.refresh}, session.expires_at)


def profile(address: str, account: AccountConfig) -> str:
    """Return the name of an account as people see it, or its handle."""
    try:
        answer = call(account, "app.bsky.actor.getProfile", query=[("actor", address)])
    except XrpcError as error:
        if error.permanent:
            return ""
        raise
    for name in ("displayName", "handle"):
        found = answer.get(name)
        if isinstance(found, str) and found.strip() and found != "handle.invalid":
            return found.strip()[:200]
    return ""


def fetch(ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
    """Fetch a file of a post from its author's own server, which the directory of accounts names."""
    did, cid = str(ref.get("did", "")), str(ref.get("cid", ""))
    if not DID.fullmatch(did) or not cid.isalnum():
        raise ChannelError(_("This file has no address."), permanent=True)
    query = urlencode([("did", did), ("cid", cid)])
    url = f"{_home(did, account)}/xrpc/com.atproto.sync.getBlob?{query}"
    response = http.get(url, timeout=FILE_SECONDS, max_bytes=FILE_BYTES)
    if not response.is_success:
        is_gone = 400 <= response.status < 500 and response.status != 429
        words = _("The author's server does not give the file (%(status)s).")
        raise ChannelError(words % {"status": response.status}, permanent=is_gone, retry_after=response.retry_after)
    return Fetched(response.body, response.headers.get("content-type", "").split(";")[0].strip())


def _home(did: str, account: AccountConfig) -> str:
    """Return the address of the server that keeps an account."""
    directory = str(account.options.get("plc_url") or DIRECTORY).rstrip("/")
    host = did.removeprefix("did:web:")
    url = f"https://{host}/.well-known/did.json" if host != did else f"{directory}/{did}"
    response = http.get(url)
    if not response.is_success:
        is_gone = response.status in {404, 410}
        raise ChannelError(_("The author's account cannot be found."), permanent=is_gone)
    services = xrpc.json_of(response).get("service")
    for service in services if isinstance(services, list) else ():
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            return str(service.get("serviceEndpoint", "")).rstrip("/")
    raise ChannelError(_("The author's account cannot be found."), permanent=True)


def hide(message_id: str, account: AccountConfig, *, hidden: bool) -> None:
    """Hide a reply below a post of ours from the thread, or show it again."""
    did = xrpc.session_of(account).did
    reply = _record(message_id, account).get("value", {}).get("reply")
    root = str(reply["root"]["uri"]) if isinstance(reply, dict) else ""
    if not root.startswith(f"at://{did}/"):
        raise ChannelError(_("Only replies below your own posts can be hidden on Bluesky."), permanent=True)
    rkey = parts_of(root)[2]
    try:
        known = _record(f"at://{did}/{GATE}/{rkey}", account)
    except XrpcError as error:
        if error.name != "RecordNotFound":
            raise
        known = {}
    record = dict(known.get("value") or {"$type": GATE, "post": root, "createdAt": stamp(clock.now())})
    others = [uri for uri in record.get("hiddenReplies", []) if uri != message_id]
    record["hiddenReplies"] = ([message_id, *others] if hidden else others)[:MOST_HIDDEN]
    # The record as it was read is named, so that what a colleague hides at the same moment is not lost.
    body = {"repo": did, "collection": GATE, "rkey": rkey, "record": record, "swapRecord": known.get("cid")}
    call(account, "com.atproto.repo.putRecord", body=body)


def steps(account: AccountConfig) -> Sequence[Step]:
    """Return what there is to try: the sign-in, the mentions, the direct messages."""
    found = [
        Step(_("Sign in with the app password"), lambda: _tried(lambda: xrpc.sign_in(account))),
        Step(_("Read mentions and replies"), lambda: _tried(lambda: notifications(account, limit=1)), True),
    ]
    if reads_chat(account):
        found.append(Step(_("Read direct messages"), lambda: _tried(lambda: _try_chat(account)), True))
    return found


def _tried(run: Any) -> str:
    try:
        run()
    except ChannelError as error:
        return str(error)
    return ""


def _try_chat(account: AccountConfig) -> None:
    if xrpc.session_of(account).scope == xrpc.WITHOUT_CHAT:
        words = _("This app password may not read direct messages. Make one that allows it, or switch them off here.")
        raise ChannelError(words, permanent=True)
    call(account, "chat.bsky.convo.listConvos", query=[("limit", "1")], proxy=CHAT)


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Try the connection step by step."""
    for step in steps(account):
        said = step.run()
        yield step.label, said
        if said:
            return


def reads_chat(account: AccountConfig) -> bool:
    """Whether direct messages are wanted."""
    return account.options.get("direct_messages", True) is not False


def notifications(
    account: AccountConfig, *, limit: int, cursor: str = "", reasons: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a page of notifications, the newest first."""
    query = [("limit", str(limit)), *(("reasons", reason) for reason in reasons)]
    return call(account, "app.bsky.notification.listNotifications",
                query=[*query, ("cursor", cursor)] if cursor else query)  # fmt: skip


def own_posts(account: AccountConfig, *, did: str, limit: int, cursor: str = "") -> dict[str, Any]:
    """Return a page of our own posts, the newest keys first."""
    query = [("repo", did), ("collection", POST), ("limit", str(limit))]
    return call(account, "com.atproto.repo.listRecords", query=[*query, ("cursor", cursor)] if cursor else query)


def vanished(uris: Sequence[str], account: AccountConfig) -> list[str]:
    """Return which of at most 25 posts are gone. One that is only hidden from us (a block) is not."""
    answer = call(account, "app.bsky.feed.getPosts", query=[("uris", uri) for uri in uris])
    listed = answer.get("posts")
    if not isinstance(listed, list):
        raise ChannelError(_("The server's answer is not understood."))
    there = {one.get("uri") for one in listed if isinstance(one, dict)}
    return [uri for uri in uris if uri not in there and _is_gone(uri, account)]


def _is_gone(uri: str, account: AccountConfig) -> bool:
    try:
        _record(uri, account)
    except XrpcError as error:
        if error.name == "RecordNotFound":
            return True
        if not error.permanent:
            raise
    return False


def chat_beginning(account: AccountConfig) -> str:
    """Return the revision of the newest private conversation: behind it is what comes from now on."""
    answer = call(account, "chat.bsky.convo.listConvos", query=[("limit", "100")], proxy=CHAT)
    listed = answer.get("convos")
    revisions = [str(one.get("rev", "")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return max(revisions, default="")


def chat_log(account: AccountConfig, *, cursor: str) -> dict[str, Any]:
    """Return what happened in private conversations behind a cursor, the oldest first."""
    return call(account, "chat.bsky.convo.getLog", query=[("cursor", cursor)] if cursor else (), proxy=CHAT)


def members(account: AccountConfig, *, convo: str) -> list[dict[str, Any]]:
    """Return the profiles of a private conversation."""
    answer = call(account, "chat.bsky.convo.getConvo", query=[("convoId", convo)], proxy=CHAT)
    found = answer.get("convo")
    listed = found.get("members") if isinstance(found, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
