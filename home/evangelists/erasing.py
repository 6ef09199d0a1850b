"""A person wishes to be forgotten: words, picture and versions go, the numbers stay without a name."""

from django.db.models import Q
from django.utils import timezone
from wagtail.images import get_image_model
from wagtail.models import PageLogEntry, ReferenceIndex
from wagtail_localize.models import TranslatableObject

from core import audit
from core.mailing.models import Delivery
from core.models import User
from core.transactions import inside_transaction, use_case
from home.evangelists import service
from home.evangelists.refusals import ErasedAlready, NotToErase
from home.models import Activity, Confirmation, Evangelist, EvangelistPage, Nomination
from membership.seats import confirmed_addresses

ERASE = "home.erase_evangelist"


def erase(evangelist: Evangelist, *, by: User, reason: str = "") -> None:
    """Delete what names the person: pages in all languages with their versions, the picture,
    messages, nominations' words, titles of activities, the acceptance of the terms.

    What stays: the numbers of activities, the days of service without a name, and that somebody
    erased it. Their account is another matter. Raises NotToErase, ErasedAlready.
    """
    with use_case():
        found = Evangelist.objects.select_for_update().get(pk=evangelist.pk)
        if service.evangelist_of(by) != found and not by.has_perm(ERASE):
            raise NotToErase
        if found.erased_at is not None:
            raise ErasedAlready
        people = _people_of(found)
        _erase_pages(found)
        _erase_words(found)
        _erase_nominations(found, people)
        for person in people:
            person.evangelist_terms.all().delete()
            _empty_log_of_mail(person)
        found.erased_at = timezone.now()
        found.accepts_messages = False
        found.save(update_fields=["erased_at", "accepts_messages"])
        audit.record("home.erase_evangelist", found, by=by, reason=reason.strip())


def _people_of(evangelist: Evangelist) -> list[User]:
    return list(
        User.objects.filter(
            pk__in=EvangelistPage.objects.filter(evangelist=evangelist).values("person")
        )
    )


@inside_transaction
def _erase_pages(evangelist: Evangelist) -> None:
    pages = list(EvangelistPage.objects.filter(evangelist=evangelist))
    photos = {page.photo_id for page in pages if page.photo_id} | _drafted_photos(pages)
    keys = {page.translation_key for page in pages}
    numbers = [page.pk for page in pages]
    # Aliases first: deleting an original would make pages of their own of them.
    for page in sorted(pages, key=lambda page: page.alias_of_id is None):
        page.delete()
    for row in TranslatableObject.objects.filter(translation_key__in=keys):
        row.delete()
    # Who did what and when stays; the name was the title of the page. Not by `save`, which asks for
    # the page that is gone.
    PageLogEntry.objects.filter(page_id__in=numbers).update(label=str(evangelist), data={})
    for image in get_image_model().objects.filter(pk__in=photos):
        if not ReferenceIndex.get_references_to(image).exists():
            image.delete()


def _drafted_photos(pages: list[EvangelistPage]) -> set[int]:
    """Pictures of versions that were never published, or not any more."""
    found = {
        revision.content.get("photo")
        for page in pages
        for revision in page.revisions.all()
        if isinstance(revision.content, dict)
    }
    return {pk for pk in found if isinstance(pk, int)}


@inside_transaction
def _erase_words(evangelist: Evangelist) -> None:
    Activity.objects.filter(evangelist=evangelist).update(title="", link="")
    evangelist.messages.all().delete()
    # A wish to return that staff have not decided about is no wish any more.
    evangelist.confirmations.filter(asks_staff=True, decided_at=None).delete()
    Confirmation.objects.filter(evangelist=evangelist).exclude(reason="").update(reason="")


@inside_transaction
def _erase_nominations(evangelist: Evangelist, people: list[User]) -> None:
    """Those that led here and those that led nowhere; one still open is withdrawn by it."""
    addresses = {address for person in people for address in confirmed_addresses(person)}
    of_person = Nomination.objects.filter(
        Q(evangelist=evangelist) | Q(accepted_by__in=people) | Q(email__in=addresses)
    )
    of_person.filter(accepted_at=None, refused_at=None, withdrawn_at=None).update(
        withdrawn_at=timezone.now()
    )
    of_person.update(name="", email="", reason="", decision_reason="")


@inside_transaction
def _empty_log_of_mail(person: User) -> None:
    """What these letters were filled with; that they went out stays, as for everybody."""
    letters = Delivery.objects.filter(address__iexact=person.email)
    letters.filter(template__startswith="evangelist_").update(context=None)
