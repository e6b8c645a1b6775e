"""The only writer of listening: searches, sources, mentions, and what people make of them.

Taking posts in and moving a source's cursor is one transaction, and a post is known by its id: whatever is told twice
changes nothing (the constraint `mention_once_a_source`). Mentions become conversations through the inbound log alone.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team, User
from comptoir.accounts.queries import organisation, team_ids_of
from comptoir.channels import services as channels
from comptoir.channels.base import Found, Piece
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.conversations.services import add_note
from comptoir.core import bulk, clock, crypto
from comptoir.core.errors import ChannelError, InputError
from comptoir.core.http import checked_host
from comptoir.core.textfold import clean
from comptoir.core.types import Author
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, fitting_id, receive
from comptoir.journal import services as journal
from comptoir.journal.services import SYSTEM, Actor
from comptoir.listening.bursts import Verdict
from comptoir.listening.models import Burst, Hit, Mention, Search, Source, SourceKind
from comptoir.listening.rules import (
    LONGEST_TERM,
    MOST_TERMS,
    Matcher,
    Post,
    Wanted,
    bounded_instant,
    https_only,
    language_of,
    write_wanted,
)
from comptoir.understanding.language import guess_language

KEPT = timedelta(days=90)
EMPTIED_AFTER = timedelta(days=7)  # from a dismissal on: so long it can be taken back
FRESH = timedelta(days=2)  # older mentions (a feed's first reading) make no conversation by themselves
MOST_AN_HOUR = 100  # conversations that one search makes by itself: a storm stays a list of mentions
SWEPT = 1000  # rows at once
LONGEST_TEXT = 20_000
RAW_BYTES = 60_000  # of a post as its source told it; what is larger is answered as a mention, not on its network

MENTION = """
INSERT INTO listening_mention AS m (source_id, external_id, author_name, author_handle, author_id, text, url, language,
                                    reach, published_at, found_at, seen_at, raw)
SELECT %s, a, b, c, d, e, f, g, h, i, %s, %s, j::jsonb
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
            %s::timestamptz[], %s::text[]) AS v(a, b, c, d, e, f, g, h, i, j)
ON CONFLICT ON CONSTRAINT mention_once_a_source DO UPDATE SET seen_at = excluded.seen_at
RETURNING m.id, m.external_id, m.published_at, m.text <> ''
"""
HIT = """
INSERT INTO listening_hit (mention_id, search_id, at, is_due)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::bool[])
ON CONFLICT ON CONSTRAINT hit_once DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """What the active searches of one source want, ready to be looked for."""

    matcher: Matcher
    due: frozenset[int]  # the searches that make conversations by themselves


@dataclass(frozen=True, slots=True)
class _Matched:
    """A post that answers searches."""

    post: Post
    language: str
    at: datetime
    searches: Sequence[int]


def matched(listener: Listener, posts: Sequence[Post], *, at: datetime) -> list[_Matched]:
    """Return the posts that answer a search and are not too old to be news, each once."""
    found: dict[str, _Matched] = {}
    for post in posts:
        published = bounded_instant(post.published_at, at=at)
        if published < at - KEPT or not post.id or len(post.id) > 300:
            continue
        language = ""
        numbers = listener.matcher.matches(post)
        if numbers:
            language = language_of(guess_language(post.text), post.languages)
            numbers = listener.matcher.matches(post, language)
        if numbers:
            found[post.id] = _Matched(post, language, published, numbers)
    return list(found.values())


@transaction.atomic
def take_in(
    *, source_id: int, posts: Sequence[Post], listener: Listener, deleted: Collection[str] = (), cursor: str = ""
) -> int:
    """Keep the posts that answer a search, forget those that their authors took back; return how many hits are new.

    The cursor moves with them ('': it stays). A mention of which a conversation was made stays when it is taken back.
    """
    at = clock.now()
    if deleted:
        gone = Mention.objects.filter(source_id=source_id, external_id__in=list(deleted))
        gone.exclude(Exists(Hit.objects.filter(mention=OuterRef("pk"), record__isnull=False))).delete()
    if cursor:
        Source.objects.filter(pk=source_id).update(cursor=cursor)
    # What was published and taken back within one batch (a stream that is told again) was never there.
    found = matched(listener, [post for post in posts if post.id not in deleted], at=at)
    if not found:
        return 0
    # A search that was deleted or switched off since it was read finds nothing any more.
    named = {number for one in found for number in one.searches}
    alive = set(Search.objects.filter(pk__in=named, is_active=True).values_list("pk", flat=True))
    found = [one for one in found if alive.intersection(one.searches)]
    if not found:
        return 0
    rows = bulk.fetch_all(MENTION, _mention_columns(source_id, found, at))
    # What everybody dismissed a week ago has lost its words: no search finds it anew.
    stored = {row[1]: (row[0], row[2]) for row in rows if row[3]}
    hits = [
        (*stored[one.post.id], number, number in listener.due and one.at > at - FRESH)
        for one in found
        if one.post.id in stored
        for number in one.searches
        if number in alive
    ]
    columns = [[h[0] for h in hits], [h[2] for h in hits], [h[1] for h in hits], [h[3] for h in hits]]
    return len(bulk.fetch_all(HIT, columns))


def _mention_columns(source_id: int, found: Sequence[_Matched], at: datetime) -> list[object]:
    ordered = sorted(found, key=lambda one: one.post.id)  # two workers take their locks in one order
    posts = [one.post for one in ordered]
    return [
        source_id,
        at,
        at,
        [post.id for post in posts],
        [clean(post.author_name)[:200] for post in posts],
        [clean(post.author_handle)[:300] for post in posts],
        [clean(post.author_id)[:500] for post in posts],
        [clean(post.text)[:LONGEST_TEXT] for post in posts],
        [https_only(post.url) for post in posts],
        [one.language[:8] for one in ordered],
        [post.reach for post in posts],
        [one.at for one in ordered],
        [_raw(post) for post in posts],
    ]


def _raw(post: Post) -> str:
    """Return the post as its source told it, as PostgreSQL can hold it; {} where it is too large."""
    text = json.dumps(dict(post.raw), ensure_ascii=True)
    if "\\u0000" in text or "\\ud8" in text.lower() or len(text) > RAW_BYTES:
        text = json.dumps(_cleaned(dict(post.raw)), ensure_ascii=False)
    return text if len(text) <= RAW_BYTES else "{}"


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


# Searches and sources


def checked_wanted(wanted: Wanted) -> Wanted:
    """Return the value if it can be listened for; raises InputError."""
    if wanted.is_empty:
        raise InputError(_("Name at least one word, phrase, handle or hashtag."), field="words")
    count = sum(len(group) for group in (wanted.words, wanted.phrases, wanted.handles, wanted.hashtags))
    if count + len(wanted.exclusions) > MOST_TERMS:
        raise InputError(_("A search has at most %(count)s terms.") % {"count": MOST_TERMS}, field="words")
    if any(len(word) < 2 for word in wanted.words if word.isascii()):
        raise InputError(_("A word of one letter would be found everywhere."), field="words")
    if any(len(term) > LONGEST_TERM for term in (*wanted.words, *wanted.phrases)):
        raise InputError(_("A term has at most %(count)s characters.") % {"count": LONGEST_TERM}, field="words")
    return wanted


@transaction.atomic
def save_search(
    *,
    actor: Actor,
    user: User,
    search: Search | None,
    name: str,
    team: Team,
    wanted: Wanted,
    sources: Sequence[Source],
    makes_conversations: bool,
    is_active: bool,
) -> Search:
    """Make or change a search of one of the person's teams. Raises InputError."""
    name = " ".join(clean(name).split())
    if not name or len(name) > 80:
        raise InputError(_("Give it a name of at most 80 characters."), field="name")
    if team.pk not in team_ids_of(user):
        raise InputError(_("Choose one of your teams."), field="team")
    now = clock.now()
    row = search or Search(made_by=user, created_at=now)
    row.name, row.team, row.wanted = name, team, write_wanted(checked_wanted(wanted))
    row.makes_conversations, row.is_active, row.changed_at = makes_conversations, is_active, now
    row.save()
    row.sources.set(sources)
    kind = "listening.search_changed" if search else "listening.search_created"
    journal.append(actor=actor, kind=kind, facts={"search": row.pk, "name": name, "team": team.pk})
    return row


@transaction.atomic
def delete_search(*, actor: Actor, search: Search) -> None:
    """Delete a search with its hits; what no other search found goes with them. Conversations stay."""
    facts = {"search": search.pk, "name": search.name, "team": search.team_id}
    search.delete()
    Mention.objects.filter(~Exists(Hit.objects.filter(mention=OuterRef("pk")))).delete()
    journal.append(actor=actor, kind="listening.search_deleted", facts=facts)


@transaction.atomic
def save_source(
    *,
    actor: Actor,
    source: Source | None,
    kind: str,
    name: str,
    address: str,
    hashtag: str = "",
    token: str = "",
    is_active: bool = True,
) -> Source:
    """Make or change a source; an empty token keeps the old one. Raises InputError."""
    name, address, hashtag = " ".join(clean(name).split()), address.strip(), hashtag.strip().lstrip("#")
    if not name or len(name) > 80:
        raise InputError(_("Give it a name of at most 80 characters."), field="name")
    if kind not in SourceKind.values:
        raise InputError(_("Choose what kind of source it is."), field="kind")
    _check_address(kind, address)
    if len(hashtag) > 100 or " " in hashtag:
        raise InputError(_("A hashtag is one word."), field="hashtag")
    row = source or Source(created_at=clock.now())
    if source is not None and (source.kind, source.address, source.hashtag) != (kind, address, hashtag):
        row.cursor = row.etag = row.modified = ""
    row.kind, row.name, row.address, row.hashtag = kind, name, address, hashtag if kind == "mastodon" else ""
    row.is_active, row.next_at, row.failures, row.last_error, row.last_error_at = is_active, None, 0, "", None
    if token:
        row.credentials = crypto.encrypt_mapping({"token": token.strip()})
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise InputError(_("This source is there already."), field="address") from None
    facts = {"source": row.pk, "name": name, "active": is_active}
    journal.append(actor=actor, kind="listening.source_changed" if source else "listening.source_created", facts=facts)
    return row


def _check_address(kind: str, address: str) -> None:
    schemes = ("wss://", "ws://") if kind == SourceKind.BLUESKY else ("https://", "http://")
    if not address.startswith(schemes) or len(address) > 500:
        words = _("The address begins with %(scheme)s.") % {"scheme": schemes[0]}
        raise InputError(words, field="address")
    try:
        checked_host(address.replace("wss://", "https://", 1).replace("ws://", "http://", 1))
    except ChannelError as error:
        raise InputError(str(error), field="address") from error


@transaction.atomic
def delete_source(*, actor: Actor, source: Source) -> None:
    """Delete a source with what was found there. Conversations stay."""
    facts = {"source": source.pk, "name": source.name}
    source.delete()
    journal.append(actor=actor, kind="listening.source_deleted", facts=facts)


def token_of(source: Source) -> str:
    """Return the source's token in clear, for its client."""
    return crypto.decrypt_mapping(source.credentials).get("token", "") if source.credentials else ""


def note_heard(*, source_id: int, at: datetime, **changed: Any) -> None:
    """Record that a source answered; clears the error. `changed`: its etag, modified, next_at."""
    Source.objects.filter(pk=source_id).update(heard_at=at, failures=0, last_error="", last_error_at=None, **changed)


def note_failed(*, source_id: int, at: datetime, reason: str, next_at: datetime | None = None) -> None:
    """Record in words why a source does not answer, and when to ask again."""
    Source.objects.filter(pk=source_id).update(
        last_error=reason[:2000], last_error_at=at, failures=F("failures") + 1, next_at=next_at
    )


def name_authors(profiles: Mapping[str, tuple[str, str, int | None]], *, source_ids: Collection[int]) -> None:
    """Keep who authors are: {author id: (handle, name, followers)}."""
    for author_id, (handle, name, followers) in profiles.items():
        nameless = Mention.objects.filter(source_id__in=source_ids, author_id=author_id, author_handle="")
        nameless.update(author_handle=handle[:300], author_name=name[:200], reach=followers)


# What people make of mentions


@transaction.atomic
def dismiss_mention(*, user: User, mention: Mention, undo: bool = False) -> int:
    """Put a mention aside for all of the person's teams that found it, or take that back; return how many hits."""
    mine = Hit.objects.filter(mention=mention, search__team_id__in=team_ids_of(user))
    if undo:
        return mine.update(dismissed_at=None, dismissed_by=None)
    return mine.filter(dismissed_at=None).update(dismissed_at=clock.now(), dismissed_by=user, is_due=False)


def accounts_for(mention: Mention, team_ids: Collection[int]) -> list[ChannelAccount]:
    """Return the accounts of some teams that can answer a mention on its network, by name."""
    found = ChannelAccount.objects.filter(team_id__in=team_ids, is_active=True).exclude(kind="mention")
    return [account for account in found.order_by("name", "id") if _adopted(mention, account) is not None]


def _adopted(mention: Mention, account: ChannelAccount) -> Piece | None:
    adopt = channel(account.kind).adopt
    if adopt is None:
        return None
    source = mention.source
    name = mention.author_name or mention.author_handle
    author = Author(source.kind, mention.author_id or mention.author_handle, name)
    post = Found(
        network=source.kind, server=source.address, id=mention.external_id, url=mention.url, author=author,
        text=mention.text, published_at=mention.published_at, language=mention.language,
        handle=mention.author_handle, raw=mention.raw,
    )  # fmt: skip
    return adopt(post, channels.account_config(account))


@transaction.atomic
def make_conversation(
    *, actor: Actor, user: User | None, mention: Mention, team: Team, account: ChannelAccount | None = None
) -> ChannelAccount:
    """Hand a mention over to become a conversation: on an account that can answer it, else inside (kind 'mention').

    The record goes through the inbound log; the pipeline makes the conversation, and `settle` finds it. A mention that
    the account knows already stays one message. Raises InputError where no search of the team found it.
    """
    hits = list(Hit.objects.select_for_update().filter(mention=mention, search__team=team))
    if not hits:
        raise InputError(_("No search of this team found the mention."))
    if not mention.text:
        raise InputError(_("This mention was dismissed, and its text is gone."))
    account = account or next(iter(accounts_for(mention, [team.pk])), None) or _inner_account(actor, team)
    if account.team_id != team.pk:
        raise InputError(_("Choose an account of this team."), field="account")
    piece = _adopted(mention, account)
    if piece is None:
        raise InputError(_("“%(name)s” cannot answer this mention.") % {"name": account.name}, field="account")
    receive([Arrival(account.pk, piece.external_id, piece.raw, piece.conversation_key, source="listening")])
    record = Record.objects.only("id").get(account=account, external_id=fitting_id(piece.external_id))
    now = clock.now()
    Hit.objects.filter(pk__in=[hit.pk for hit in hits]).update(
        record=record, asked_by=user, asked_at=now, is_due=False, dismissed_at=None, conversation=None
    )
    return account


def _inner_account(actor: Actor, team: Team) -> ChannelAccount:
    """Return the team's account for mentions that nobody can answer here; made when it is first needed."""
    Team.objects.select_for_update().get(pk=team.pk)  # two at once make one
    found = ChannelAccount.objects.filter(kind="mention", team=team, is_active=True).order_by("id").first()
    if found is not None:
        return found
    with translation.override(organisation().language):
        name = _("Mentions of %(team)s") % {"team": team.name}
    return channels.connect_account(actor=actor, kind="mention", name=name[:120], team=team, values={})


def convert_due(*, at: datetime, limit: int = 50) -> int:
    """Make the conversations that searches ask for by themselves; return how many mentions were handled.

    At most MOST_AN_HOUR of one search; what is beyond stays a mention for people to look at.
    """
    done = 0
    for number in Hit.objects.filter(is_due=True).order_by("id").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            rows = Hit.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=number, is_due=True)
            hit = rows.select_related("search__team", "mention__source").first()
            if hit is None:
                continue
            made = Hit.objects.filter(search=hit.search, asked_by=None, asked_at__gt=at - timedelta(hours=1)).count()
            if made < MOST_AN_HOUR and hit.search.is_active:
                make_conversation(actor=SYSTEM, user=None, mention=hit.mention, team=hit.search.team)
            else:
                Hit.objects.filter(pk=number).update(is_due=False)
            done += 1
    return done


@transaction.atomic
def settle(*, limit: int = 100) -> int:
    """Find the conversations of records that were read since, and note in each where it comes from; return how many."""
    rows = list(
        Hit.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(record__isnull=False, conversation__isnull=True, record__message__isnull=False)
        .select_related("record__message__conversation", "search", "mention__source", "asked_by")
        .order_by("id")[:limit]
    )
    noted: set[int] = set()
    with translation.override(organisation().language):
        for hit in rows:
            message = hit.record.message if hit.record else None
            if message is None:
                continue
            hit.conversation = message.conversation
            hit.save(update_fields=["conversation"])
            if message.conversation_id not in noted:
                noted.add(message.conversation_id)
                _note(hit)
    return len(rows)


def _note(hit: Hit) -> None:
    assert hit.conversation is not None
    values = {"name": hit.search.name, "source": hit.mention.source.name}
    text = _("Found by the saved search “%(name)s” in %(source)s.") % values
    if hit.conversation.channel == "mention":
        text += "\n" + _("No account of this team can answer it here: answer where it stands.")
    if hit.mention.url:
        text += f"\n{hit.mention.url}"
    user = hit.asked_by
    actor = Actor("user", user.pk, user.name) if user is not None else SYSTEM
    add_note(actor=actor, conversation=hit.conversation, user=user, text=text)


# Alerts


@transaction.atomic
def raise_burst(*, search: Search, verdict: Verdict, at: datetime) -> Burst | None:
    """Raise an alert; None where another worker just did."""
    Search.objects.select_for_update().get(pk=search.pk)
    if Burst.objects.filter(search=search, at__gt=at - timedelta(minutes=1)).exists():
        return None
    row = Burst.objects.create(
        search=search, at=at, count=verdict.count, expected=verdict.expected, chance=verdict.chance
    )
    facts = {
        "burst": row.pk, "search": search.pk, "name": search.name, "team": search.team_id, "count": verdict.count,
        "expected": round(verdict.expected, 3),
    }  # fmt: skip
    journal.append(actor=SYSTEM, kind="listening.burst", facts=facts)
    return row


@transaction.atomic
def dismiss_burst(*, user: User, burst: Burst) -> None:
    """Note that somebody has seen to an alert."""
    Burst.objects.filter(pk=burst.pk, dismissed_at=None).update(dismissed_at=clock.now(), dismissed_by=user)


# Retention


@transaction.atomic
def sweep(*, at: datetime, limit: int = SWEPT) -> int:
    """Forget what is older than 90 days, and the words of what everybody dismissed a week ago; return how many rows.

    What was dismissed keeps its id until no source tells it any more: otherwise a feed would bring it back.
    """
    old = list(Mention.objects.filter(seen_at__lt=at - KEPT).order_by("seen_at").values_list("pk", flat=True)[:limit])
    Mention.objects.filter(pk__in=old).delete()
    Burst.objects.filter(at__lt=at - KEPT).delete()
    put_aside = Hit.objects.filter(mention=OuterRef("pk"))
    dismissed = Mention.objects.filter(
        ~Exists(put_aside.filter(dismissed_at=None)),
        ~Exists(put_aside.filter(dismissed_at__gt=at - EMPTIED_AFTER)),
        Exists(put_aside),
    ).exclude(text="")
    numbers = list(dismissed.values_list("pk", flat=True)[:limit])
    nothing = {"text": "", "author_name": "", "author_handle": "", "author_id": "", "url": "", "raw": {}, "reach": 0}
    Mention.objects.filter(pk__in=numbers).update(**nothing)
    return len(old) + len(numbers)
