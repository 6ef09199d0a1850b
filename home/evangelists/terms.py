"""The terms of service: an agreement in versions, which each evangelist accepts for themself."""

from django.utils import timezone

from core.models import User
from core.transactions import inside_transaction
from home.evangelists.refusals import NoTerms, TermsChanged, TermsNotAccepted
from home.models import TermsAcceptance
from membership.models import Agreement, AgreementVersion

CODE = "evangelist-terms"


def in_force() -> AgreementVersion | None:
    """The version that counts today."""
    return (
        AgreementVersion.objects.in_force(timezone.localdate())
        .filter(agreement__code=CODE)
        .select_related("agreement")
        .order_by("-effective_from")
        .first()
    )


def to_accept(person: User) -> AgreementVersion | None:
    """The version in force where the person has not accepted it yet."""
    version = in_force()
    if version is None or person.evangelist_terms.filter(version=version).exists():
        return None
    return version


@inside_transaction
def accept(person: User, version_id: int | None) -> TermsAcceptance:
    """Write down that ``person`` ticked a version; once more changes nothing.

    ``version_id`` is the one that was shown; it may be missing where the version in force was
    accepted before. Raises NoTerms, TermsNotAccepted, TermsChanged.
    """
    # Publishing locks the agreement too: what is in force is so until this is written.
    Agreement.objects.select_for_update(no_key=True).filter(code=CODE).first()
    version = in_force()
    if version is None:
        raise NoTerms
    known = person.evangelist_terms.filter(version=version).first()
    if known is not None:
        return known
    if version_id is None:
        raise TermsNotAccepted
    if version_id != version.pk:
        raise TermsChanged
    return TermsAcceptance.objects.create(person=person, version=version)
