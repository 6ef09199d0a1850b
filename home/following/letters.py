"""Sending what was written down for followers: at once, or together once a week."""

from typing import Any

from django.db.models import Min
from django.utils import timezone, translation

from core.mail import enqueue_mail
from core.transactions import inside_transaction, use_case
from home.following import follows, subjects
from home.following.subjects import Subject
from home.models.base import public
from home.models.following import Follow, Notice
from home.models.implementations import ImplementationCountryPage
from home.models.news import NewsPage

# So many mails are queued in one transaction.
BATCH = 100


def send_at_once() -> int:
    """Queue a mail for each notice of those who want to hear at once; how many."""
    sent = 0
    names: dict[str, dict[Subject, str]] = {}
    while batch := _send_batch(names):
        sent += batch
    return sent


def _send_batch(names: dict[str, dict[Subject, str]]) -> int:
    with use_case():
        notices = list(
            Notice.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(sent_at=None, follow__often=Follow.Often.AT_ONCE)
            .select_related("follow")
            .order_by("pk")[:BATCH]
        )
        for notice in _public_now(notices):
            language = notice.follow.language
            if language not in names:
                names[language] = subjects.names(language)
            _send_one(notice, names[language])
    return len(notices)


@inside_transaction
def _public_now(notices: list[Notice]) -> list[Notice]:
    """Those whose page anyone may still read; the others are deleted.

    Up to a week passes until a digest, and a page may have been taken down since.
    """
    keys = {
        notice.subject.split(":")[1] for notice in notices if notice.subject.startswith("news:")
    }
    codes = {
        notice.subject.split(":")[1] for notice in notices if notice.subject.startswith("country:")
    }
    news = public(NewsPage).filter(translation_key__in=keys).select_related(None)
    countries = public(ImplementationCountryPage).filter(country__in=codes).select_related(None)
    readable = {f"news:{key}" for key in news.values_list("translation_key", flat=True)}
    readable |= {f"country:{code}" for code in countries.values_list("country", flat=True)}
    gone = [
        notice
        for notice in notices
        if notice.subject.startswith(("news:", "country:"))
        and ":".join(notice.subject.split(":")[:2]) not in readable
    ]
    Notice.objects.filter(pk__in=[notice.pk for notice in gone]).delete()
    return [notice for notice in notices if notice not in gone]


@inside_transaction
def _send_one(notice: Notice, names: dict[Subject, str]) -> None:
    follow = notice.follow
    path = follows.stop_path(follow.address, follows.of(follow), follow.language)
    with translation.override(follow.language):
        context: dict[str, Any] = {
            **_item(notice, names),
            "summary": notice.summary,
            "stop_path": path,
            "all_path": follows.all_path(follow.address),
            "unsubscribe_path": path,
        }
    enqueue_mail(
        "follow_change",
        follow.address,
        follow.language,
        context,
        about=f"follow:{follow.pk}/{notice.subject}"[:200],
    )
    notice.sent_at = timezone.now()
    notice.save(update_fields=["sent_at"])


def send_digests() -> int:
    """Queue one mail for each address with changes to tell of since its last digest; how many."""
    waiting = (
        Notice.objects.filter(sent_at=None, follow__often=Follow.Often.WEEKLY)
        .values("address")
        .annotate(first=Min("pk"))
        .order_by("first")
    )
    return sum(_send_digest(str(row["address"])) for row in waiting)


def _send_digest(address: str) -> bool:
    with use_case():
        notices = list(
            Notice.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(address=address, sent_at=None, follow__often=Follow.Often.WEEKLY)
            .select_related("follow")
            .order_by("pk")
        )
        notices = _public_now(notices)
        if not notices:
            return False
        # Who follows in several languages reads the one they chose last.
        language = max(notices, key=lambda each: each.follow_id).follow.language
        path = follows.stop_path(address, None, language)
        with translation.override(language):
            names = subjects.names(language)
            context: dict[str, Any] = {
                "changes": [_item(notice, names) for notice in notices],
                "stop_path": path,
                "all_path": follows.all_path(address),
                "unsubscribe_path": path,
            }
        enqueue_mail(
            "follow_digest", address, language, context, about=f"follow-digest:{notices[0].pk}"
        )
        Notice.objects.filter(pk__in=[each.pk for each in notices]).update(sent_at=timezone.now())
    return True


def _item(notice: Notice, names: dict[Subject, str]) -> dict[str, str]:
    return {
        "title": notice.title,
        "path": notice.path,
        "subject": follows.name_of(notice.follow, names),
    }
