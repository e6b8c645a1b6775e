"""What each event of X means to us, whichever interface told it. Pure."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from comptoir.channels.x.reading import held, instant, number_of, objects, readable, text, without_mentions
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Author, Delivered, Inbound, InboundKind, Receipt, RemoteFile

NETWORK = "x"
LIKE, REPOST = "like", "repost"
TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif",
         "mp4": "video/mp4"}  # fmt: skip
Users = Mapping[str, Any]


def _person(number: str, users: Users, known: Mapping[str, Any] | None = None) -> Author:
    user = known or held(users, number)
    return Author(NETWORK, number, text(user, "name")[:200] or _username(user))


def _username(user: Any) -> str:
    return (text(user, "username") or text(user, "screen_name"))[:50]


def _author_id(post: Mapping[str, Any]) -> str:
    return number_of(post, "author_id") or number_of(held(post, "user"), "id_str", "id")


def _parent_of(post: Mapping[str, Any]) -> str:
    """Return the post that a post answers, '' where it answers none."""
    parent = number_of(post, "in_reply_to_tweet_id", "in_reply_to_status_id_str", "in_reply_to_status_id")
    return parent or _referenced(post, "replied_to")


def _referenced(post: Mapping[str, Any], kind: str) -> str:
    for one in (*objects(post, "referenced_tweets"), *objects(post, "referenced_posts")):
        if text(one, "type") == kind:
            return number_of(one, "id")
    return ""


def thread_of(post: Mapping[str, Any]) -> str:
    """Return the first post of a post's thread; of the older interface's, the nearest that it tells."""
    return (
        number_of(post, "conversation_id", "conversation_id_str") or _parent_of(post) or number_of(post, "id_str", "id")
    )


def deleted_id(value: Mapping[str, Any]) -> str:
    """Return the post that was deleted."""
    return number_of(held(value, "status"), "id_str", "id") or number_of(value, "id_str", "id")


def other_of(value: Mapping[str, Any], us: str) -> str:
    """Return the person at the other end of a direct message."""
    held_in = held(value, "message_create") or value
    sender, recipient = number_of(held_in, "sender_id"), number_of(held(held_in, "target"), "recipient_id")
    return recipient if sender == us and us else sender


def post(value: Mapping[str, Any], us: str, users: Users) -> Inbound:
    """Return a post: of a customer, of ours, an edit of one, or a repost."""
    number, author_id = number_of(value, "id_str", "id"), _author_id(value)
    if not number or not author_id:
        raise AnomalousPayload("The post has no id, or no author.")
    user = held(value, "user") or held(users, author_id)
    author = _person(author_id, users, user)
    at = instant(value, "created_at", "timestamp_ms")
    shared = number_of(held(value, "retweeted_status"), "id_str", "id") or _referenced(value, "retweeted")
    if shared:
        return Inbound(author, "", InboundKind.REACTION, about=shared, reaction=REPOST, sent_at=at, is_public=True)
    written, is_ours = _written(value), author_id == us and bool(us)
    if is_ours:
        written = without_mentions(written, value.get("display_text_range"))
    thread = f"post:{thread_of(value)}"
    facts = _facts(value, number, author_id, _username(user))
    versions = _versions(value)
    if len(versions) > 1 and versions[0] != number:
        # X gives each version a number of its own; we know the message by that of its first.
        return Inbound(
            author, written, InboundKind.EDIT, thread, about=versions[0], sent_at=at, is_public=True, facts=facts
        )
    if not is_ours:
        return Inbound(
            author,
            written,
            thread_key=thread,
            message_id=number,
            in_reply_to=tuple(filter(None, [_parent_of(value)])),
            sent_at=at,
            language=_language(value),
            remote_files=_media(value),
            is_public=True,
            facts=facts,
        )
    customer = _answered(value, us, users)
    return Inbound(
        author,
        written,
        InboundKind.OWN,
        thread,
        message_id=number,
        to=(customer,),
        sent_at=at,
        remote_files=_media(value),
        is_public=True,
        facts=facts,
    )


def _written(value: Mapping[str, Any]) -> str:
    """Return the whole text: a long post is cut in `text`, and stands elsewhere in full."""
    long, extended = held(value, "note_tweet") or held(value, "note_post"), held(value, "extended_tweet")
    for whole, name in ((long, "text"), (extended, "full_text"), (value, "full_text"), (value, "text")):
        if said := text(whole, name):
            return readable(said, held(whole, "entities") or held(value, "entities"))
    return ""


def _versions(value: Mapping[str, Any]) -> list[str]:
    for name in ("edit_history_tweet_ids", "edit_history_post_ids"):
        if isinstance(found := value.get(name), list):
            return [one for one in found if isinstance(one, str) and one.isascii() and one.isdigit()]
    return []


def _language(value: Mapping[str, Any]) -> str:
    """Return the language that X saw, '' for its words for none ('und', 'qme')."""
    given = text(value, "lang").partition("-")[0]
    return given if len(given) == 2 and given.isascii() and given.isalpha() else ""


def _facts(value: Mapping[str, Any], number: str, author_id: str, username: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "post_id": number,
        "author_id": author_id,
        "permalink": f"https://x.com/{username or 'i/web'}/status/{number}",
    }
    given = {
        "username": username,
        "conversation_id": number_of(value, "conversation_id", "conversation_id_str"),
        "parent_id": _parent_of(value),
        "quoted_id": _referenced(value, "quoted") or number_of(value, "quoted_status_id_str", "quoted_status_id"),
        "reply_settings": text(value, "reply_settings")[:30],
    }
    return facts | {name: found for name, found in given.items() if found}


def _answered(value: Mapping[str, Any], us: str, users: Users) -> Author:
    """Return the customer that a post of ours is for: whom it answers, or the first other person it names."""
    number = number_of(value, "in_reply_to_user_id", "in_reply_to_user_id_str")
    if number and number != us:
        name = text(value, "in_reply_to_screen_name")[:50]
        return _person(number, users) if held(users, number) else Author(NETWORK, number, name)
    entities = held(value, "entities")
    for one in (*objects(entities, "mentions"), *objects(entities, "user_mentions")):
        number = number_of(one, "id_str", "id")
        if number and number != us:
            return Author(NETWORK, number, (text(one, "name") or _username(one))[:200])
    raise UnsupportedEvent("A post of ours that is for nobody in particular.")


def _media(value: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """Return the pictures and films of a post, where they were told: the newer interface has them beside it."""
    found = objects(value, "media") or objects(held(value, "extended_entities"), "media")
    found = found or objects(held(value, "entities"), "media")
    return tuple(file for one in found if (file := _file(one)))


def _file(media: Mapping[str, Any]) -> RemoteFile | None:
    url = text(media, "media_url_https") or text(media, "url")
    variants = objects(held(media, "video_info"), "variants") or objects(media, "variants")
    if films := [one for one in variants if text(one, "content_type") == "video/mp4"]:
        url = text(max(films, key=_rate), "url") or url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname:
        return None
    name = parts.path.rpartition("/")[2][:100]
    return RemoteFile({"url": url[:2000]}, name, TYPES.get(name.rpartition(".")[2].lower(), ""))


def _rate(film: Mapping[str, Any]) -> int:
    rate = film.get("bitrate", film.get("bit_rate"))
    return rate if isinstance(rate, int) else 0


def deletion(value: Mapping[str, Any], us: str, users: Users) -> Inbound:
    """Return the deletion of a post."""
    number = deleted_id(value)
    if not number:
        raise AnomalousPayload("The deletion does not say of which post.")
    status = held(value, "status") or value
    author = number_of(status, "author_id", "user_id", "user_id_str")
    return Inbound(
        _person(author, users), "", InboundKind.DELETION, about=number, is_public=True,
        sent_at=instant(value, "timestamp_ms", "deleted_at"),
    )  # fmt: skip


def like(value: Mapping[str, Any], us: str, users: Users) -> Inbound:
    """Return a like. The newer interface tells whose post it was and, among the people, who liked it."""
    status = held(value, "favorited_status")
    about = number_of(value, "liked_tweet_id", "liked_post_id") or number_of(status, "id_str", "id")
    if not about:
        raise AnomalousPayload("The like does not say of which post.")
    user = held(value, "user")
    owner = number_of(value, "liked_tweet_author_id", "liked_post_author_id")
    others = [number for number in users if number and number != owner]
    liker = number_of(user, "id_str", "id") or (us if owner != us and us else "") or (others[0] if others else "")
    author = _person(liker, users, user or None) if liker else Author(NETWORK, f"like:{text(value, 'id')[:60]}")
    at = instant(value, "created_at", "timestamp_ms")
    return Inbound(author, "", InboundKind.REACTION, about=about, reaction=LIKE, sent_at=at, is_public=True)


def direct(value: Mapping[str, Any], us: str, users: Users) -> Inbound:
    """Return a direct message: of a customer, or of ours."""
    told = held(value, "message_create")
    number, sender = number_of(value, "id"), number_of(told, "sender_id")
    other = other_of(value, us)
    if not number or not sender or not other:
        raise AnomalousPayload("The direct message has no id, no sender or nobody to go to.")
    data = held(told, "message_data")
    attached = held(held(data, "attachment"), "media")
    file = _private_file(attached, number) if attached else None
    said = readable(text(data, "text"), held(data, "entities"))
    if file and (short := text(attached, "url")):
        said = said.replace(short, "").strip()  # the link that stands for the picture itself
    customer, is_ours = _person(other, users), sender == us and bool(us)
    facts = {"dm": True, "dm_event_id": number, "participant_id": other, "username": _username(held(users, other))}
    return Inbound(
        author=_person(sender, users) if is_ours else customer,
        text=said,
        kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
        to=(customer,) if is_ours else (),
        thread_key=f"dm:{other}",
        message_id=number,
        sent_at=instant(value, "created_timestamp"),
        remote_files=(file,) if file else (),
        facts=facts,
    )


def _private_file(media: Mapping[str, Any], number: str) -> RemoteFile | None:
    """Return the file of a direct message, which only its participants get: by three ids, not by its address."""
    file = _file(media)
    if file is None:
        return None
    media_id = number_of(media, "id_str", "id")
    resource = urlsplit(str(file.ref["url"])).path.rpartition("/")[2]
    return RemoteFile({"dm": number, "media": media_id, "resource": resource}, file.filename, file.content_type)


def read(value: Mapping[str, Any], us: str, users: Users) -> Inbound:
    """Return that somebody has read our direct messages up to an instant."""
    reader, at = number_of(value, "sender_id"), instant(value, "created_timestamp")
    if not reader or at is None:
        raise AnomalousPayload("It does not say who has read, or when.")
    if reader == us:
        raise UnsupportedEvent("We have read it ourselves.")
    return Inbound(
        _person(reader, users), "", InboundKind.RECEIPT, f"dm:{reader}", sent_at=at,
        receipt=Receipt("", Delivered.READ, up_to=at),
    )  # fmt: skip


READERS: Mapping[str, Callable[[Mapping[str, Any], str, Users], Inbound]] = {
    "post": post, "post.delete": deletion, "like": like, "dm": direct, "dm.read": read,
}  # fmt: skip
