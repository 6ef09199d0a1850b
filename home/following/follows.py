"""The way of a follow: asked for, confirmed by whoever reads the mailbox, changed, ended.

A follow begins to count with its confirmation alone, by a link with a button or by a code to type:
anybody can type anybody's address into a form. What the form answers is the same in any case.
"""

import datetime

from django.core import signing
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare

from core.mail import enqueue_mail
from core.mailing.models import DeadAddress
from core.transactions import inside_transaction, use_case
from core.typed_codes import hashes_of, new_code
from home.following import subjects
from home.following.refusals import CodeIsWrong, FollowLinkIsOld, FollowLinkIsWrong
from home.following.subjects import Subject
from home.models.following import Follow

# A follow that nobody confirmed is deleted, and with it an address that perhaps nobody meant to give.
CONFIRM_WITHIN = datetime.timedelta(days=7)

_CONFIRM, _STOP, _ALL, _ASKED = (
    f"home.following.{name}" for name in ("confirm", "stop", "all", "asked")
)


# --- Asked and confirmed --------------------------------------------------------------------------


def ask(address: str, subject: Subject, *, often: str, language: str) -> None:
    """Write down who wants to follow what and send the mail that asks. Nothing counts yet.

    Who follows it already gets a mail that says so; a dead address gets none. A later asking makes
    a new code and leaves the links of the earlier mails good.
    """
    address = address.strip().lower()
    with use_case():
        if DeadAddress.objects.filter(address=address).exists():
            return
        code = new_code()
        Follow.objects.bulk_create(
            [
                Follow(
                    address=address,
                    kind=subject.kind,
                    key=subject.key,
                    language=language,
                    often=often,
                )
            ],
            ignore_conflicts=True,  # two at once, or asked before
        )
        follow = _locked(address, subject)
        if follow is None:  # ended this moment by somebody else
            return
        if follow.confirmed_at is not None:
            _tell_of_standing(follow)
            return
        follow.often, follow.language = often, language
        follow.asked_at, follow.code_hash = timezone.now(), hashes_of(code)[0]
        follow.save(update_fields=["often", "language", "asked_at", "code_hash"])
        _send_question(follow, code)


def confirm_by_link(token: str) -> Follow:
    """The follow counts from now on; twice is once. Raises FollowLinkIsWrong, FollowLinkIsOld."""
    pk, address = _loads(token, _CONFIRM, parts=2)
    with use_case():
        follow = Follow.objects.select_for_update().filter(pk=pk, address=address).first()
        if follow is None:
            raise FollowLinkIsOld
        _confirm(follow)
    return follow


def by_link(token: str) -> Follow:
    """The follow that a link asks about. Raises FollowLinkIsWrong, FollowLinkIsOld."""
    pk, address = _loads(token, _CONFIRM, parts=2)
    follow = Follow.objects.filter(pk=pk, address=address).first()
    if follow is None:
        raise FollowLinkIsOld
    return follow


def confirm_by_code(asked: str, code: str) -> Follow:
    """The follow counts from now on. ``asked`` is `asked_token`.

    Raises FollowLinkIsWrong, and CodeIsWrong for a wrong code, a follow that is confirmed or none.
    """
    address, kind, key = _loads(asked, _ASKED, parts=3)
    with use_case():
        follow = _locked(str(address), Subject(str(kind), str(key)))
        known = follow.code_hash if follow is not None else ""
        right = [constant_time_compare(one, known) for one in hashes_of(code)]
        if follow is None or not known or not any(right):
            raise CodeIsWrong
        _confirm(follow)
    return follow


@inside_transaction
def _confirm(follow: Follow) -> None:
    if follow.confirmed_at is None:
        follow.confirmed_at, follow.code_hash = timezone.now(), ""
        follow.save(update_fields=["confirmed_at", "code_hash"])


# --- Changed and ended ----------------------------------------------------------------------------


def stop(token: str) -> tuple[str, str]:
    """End what a signed link of an e-mail names; twice is once. Its kind and key.

    The link of a digest names no follow and ends all that are told weekly. Raises FollowLinkIsWrong.
    """
    address, kind, key = read_stop(token)
    with use_case():
        found = Follow.objects.filter(address=address)
        if kind:
            found.filter(kind=kind, key=key).delete()
        else:
            found.filter(often=Follow.Often.WEEKLY).delete()
    return kind, key


def stop_one(address: str, pk: int) -> None:
    """End one follow of an address."""
    with use_case():
        Follow.objects.filter(address=address, pk=pk).delete()


def stop_all(address: str) -> None:
    """End all follows of an address."""
    with use_case():
        forget(address)


def change(address: str, pk: int, often: str) -> None:
    """Tell of one follow at once or weekly."""
    with use_case():
        Follow.objects.filter(address=address, pk=pk).update(often=Follow.Often(often))


@inside_transaction
def forget(address: str) -> None:
    """Erase an address: its follows and what it was told."""
    Follow.objects.filter(address=address.strip().lower()).delete()


def tidy(now: datetime.datetime | None = None) -> None:
    """Delete what nobody confirmed in time, and the follows of addresses that take no mail."""
    asked_before = (now or timezone.now()) - CONFIRM_WITHIN
    Follow.objects.filter(confirmed_at__isnull=True, asked_at__lt=asked_before).delete()
    Follow.objects.filter(address__in=DeadAddress.objects.values("address")).delete()


# --- Mails ----------------------------------------------------------------------------------------


@inside_transaction
def _send_question(follow: Follow, code: str) -> None:
    with translation.override(follow.language):
        context = {
            "subject": name_of(follow),
            "often": str(follow.get_often_display()),
            "code": code,
            "confirm_path": reverse(
                "follow_confirm", args=[_dumps(_CONFIRM, follow.pk, follow.address)]
            ),
            "code_path": f"{reverse('follow_code')}?asked={asked_token(follow.address, of(follow))}",
        }
    enqueue_mail(
        "follow_confirm", follow.address, follow.language, context, about=f"follow:{follow.pk}"
    )


@inside_transaction
def _tell_of_standing(follow: Follow) -> None:
    with translation.override(follow.language):
        context = {"subject": name_of(follow), "all_path": all_path(follow.address)}
    enqueue_mail(
        "follow_stands", follow.address, follow.language, context, about=f"follow:{follow.pk}"
    )


def of(follow: Follow) -> Subject:
    return Subject(follow.kind, follow.key)


def name_of(follow: Follow, names: dict[Subject, str] | None = None) -> str:
    """What a follow is called in the language in force."""
    found = subjects.names() if names is None else names
    return found.get(of(follow), follow.key)


# --- Signed addresses -----------------------------------------------------------------------------


def asked_token(address: str, subject: Subject) -> str:
    """What the page for the code is about. It says what was typed and gives no right."""
    return _dumps(_ASKED, address.strip().lower(), subject.kind, subject.key)


def read_asked(token: str) -> tuple[str, Subject]:
    """Raises FollowLinkIsWrong."""
    address, kind, key = _loads(token, _ASKED, parts=3)
    return str(address), Subject(str(kind), str(key))


def stop_path(address: str, subject: Subject | None, language: str) -> str:
    """The page that ends a follow, or all that are told weekly; good for ever."""
    named = (subject.kind, subject.key) if subject else ("", "")
    with translation.override(language):
        return reverse("follow_stop", args=[_dumps(_STOP, address, *named)])


def read_stop(token: str) -> tuple[str, str, str]:
    """Address, kind and key of a link; no kind for the weekly digest. Raises FollowLinkIsWrong."""
    address, kind, key = _loads(token, _STOP, parts=3)
    return str(address), str(kind), str(key)


def all_path(address: str) -> str:
    """The page of all that an address follows, in the language in force; good for ever."""
    return reverse("follow_all", args=[_dumps(_ALL, address)])


def read_all(token: str) -> str:
    """The address of a link to all its follows. Raises FollowLinkIsWrong."""
    (address,) = _loads(token, _ALL, parts=1)
    return str(address)


def _dumps(salt: str, *parts: str | int) -> str:
    return signing.dumps(list(parts), salt=salt)


def _loads(token: str, salt: str, *, parts: int) -> list[str | int]:
    try:
        found = signing.loads(token, salt=salt)
    except (signing.BadSignature, ValueError, TypeError):
        raise FollowLinkIsWrong from None
    if not isinstance(found, list) or len(found) != parts:
        raise FollowLinkIsWrong
    return found


@inside_transaction
def _locked(address: str, subject: Subject) -> Follow | None:
    return (
        Follow.objects.select_for_update()
        .filter(address=address, kind=subject.kind, key=subject.key)
        .first()
    )
