"""Making organisations, and finding those that may be the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify

from core import audit
from core.models import User
from core.transactions import inside_transaction
from membership.models import Application, Organisation, Seat, SeatRole
from membership.models.organisations import domain_of, name_key
from membership.registers import plain_number

# An address such as /members/<slug>/ stays short; the rest of the column is room for a number.
_SLUG_LENGTH = 60
# Other pages stand at these addresses.
_OTHER_PAGES = {"voice"}


@inside_transaction
def create(
    *,
    legal_name: str,
    public_name: str,
    kind: str,
    constituency: str,
    country: str,
    website: str = "",
    description: str = "",
    registration_agency: str = "",
    registration_number: str = "",
    by: User | None,
) -> Organisation:
    """Make an organisation with an address of its own in the directory."""
    organisation = Organisation(
        legal_name=legal_name,
        public_name=public_name,
        kind=kind,
        constituency=constituency,
        country=country,
        website=website,
        description=description,
        registration_agency=registration_agency if registration_number else "",
        registration_number=plain_number(registration_number) if registration_agency else "",
    )
    _save_with_free_slug(organisation)
    audit.record("membership.create_organisation", organisation, by=by)
    return organisation


def _save_with_free_slug(organisation: Organisation) -> None:
    """Save under the first free address; another transaction may take one at the same moment."""
    base = slugify(organisation.public_name)[:_SLUG_LENGTH].strip("-") or "member"
    found = Organisation.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    taken = _OTHER_PAGES | set(found)
    for number in range(1, 10_000):
        slug = base if number == 1 else f"{base}-{number}"
        if slug in taken:
            continue
        organisation.slug = slug
        try:
            with transaction.atomic():
                organisation.save()
            return
        except IntegrityError as error:
            if "slug" not in str(error):
                raise
    raise RuntimeError(f"No free address for {base!r}.")


def vacant_roles(organisation: Organisation) -> list[SeatRole]:
    """What a person who comes new to ``organisation`` is in it: whatever nobody is yet.

    All of it in a new organisation; one that joins again keeps its people.
    """
    taken = {role for seat in organisation.seats.all() for role in seat.roles}
    every = (
        SeatRole.PRIMARY_CONTACT,
        SeatRole.VOTING_REPRESENTATIVE,
        SeatRole.BILLING_CONTACT,
    )
    return [role for role in every if role not in taken] or [SeatRole.MEMBER]


@inside_transaction
def give_seat(organisation: Organisation, person: User, roles: list[SeatRole]) -> Seat:
    """Give ``person`` a seat; one who has a seat already keeps it as it is."""
    seat, __ = Seat.objects.get_or_create(
        organisation=organisation, person=person, defaults={"roles": [str(role) for role in roles]}
    )
    return seat


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What looks like the same organisation: members, and other requests that are open."""

    organisations: list[Organisation]
    applications: list[Application]

    def __bool__(self) -> bool:
        return bool(self.organisations or self.applications)


def find_by_identifier(agency: str, number: str) -> QuerySet[Organisation]:
    """Organisations registered under ``number`` at the register ``agency`` ("GB-CHC"), or that state
    the two joined as their IATI identifier; however the number is spaced. None for a half one."""
    plain = plain_number(number)
    agency = agency.strip().upper()
    if not agency or not plain:
        return Organisation.objects.none()
    return Organisation.objects.filter(
        Q(registration_agency=agency, registration_number=plain)
        | Q(stated_identifier__iexact=f"{agency}-{plain}"),
        merged_into__isnull=True,
    )


def likely_duplicates(organisation: Organisation) -> QuerySet[Organisation]:
    """Other organisations of the same name, domain or registration, for staff to look at."""
    names = {organisation.legal_key, organisation.public_key} - {""}
    same = Q(legal_key__in=names) | Q(public_key__in=names)
    if organisation.domain:
        same |= Q(domain=organisation.domain)
    registered = find_by_identifier(
        organisation.registration_agency, organisation.registration_number
    )
    same |= Q(pk__in=registered.values("pk"))
    return Organisation.objects.filter(same, merged_into__isnull=True).exclude(pk=organisation.pk)


def alike(candidates: Sequence[Organisation]) -> list[list[Organisation]]:
    """What `likely_duplicates` finds, for each of many that are not saved, by one query."""
    names = {key for each in candidates for key in (each.legal_key, each.public_key)} - {""}
    numbers = {each.registration_number for each in candidates} - {""}
    identifiers = {each.identifier for each in candidates} - {""}
    found = Organisation.objects.filter(
        Q(legal_key__in=names)
        | Q(public_key__in=names)
        | Q(domain__in={each.domain for each in candidates} - {""})
        | Q(registration_number__in=numbers)
        | Q(stated_identifier__in=identifiers),
        merged_into__isnull=True,
    )
    others = list(found) if candidates else []
    by_fact: dict[tuple[str, str], list[Organisation]] = defaultdict(list)
    for other in others:
        for fact in _facts_of(other):
            by_fact[fact].append(other)
    return [
        sorted(
            {other.pk: other for fact in _facts_of(each) for other in by_fact[fact]}.values(),
            key=lambda other: (other.sort_key, other.pk),
        )
        for each in candidates
    ]


def _facts_of(organisation: Organisation) -> set[tuple[str, str]]:
    """What two rows of one organisation share, one of them at least."""
    return {
        ("name", organisation.legal_key),
        ("name", organisation.public_key),
        ("domain", organisation.domain),
        ("identifier", organisation.identifier.upper()),
        (
            "identifier",
            f"{organisation.registration_agency}-{organisation.registration_number}"
            if organisation.registration_number
            else "",
        ),
    } - {("name", ""), ("domain", ""), ("identifier", "")}


def _names_of(application: Application) -> set[str]:
    """Its names as `Organisation.save` keeps them for comparison."""
    return {name_key(application.legal_name), name_key(application.public_name)} - {""}


def find_duplicates(application: Application) -> Duplicates:
    """Organisations and open applications of the same name (accents, case and signs aside),
    website domain or registration. A hint for staff, not a refusal: two bodies may share a domain."""
    names = _names_of(application)
    domain = domain_of(application.website)
    same = Q(legal_key__in=names) | Q(public_key__in=names)
    if domain:
        same |= Q(domain=domain)
    registered = find_by_identifier(
        application.registration_agency, application.registration_number
    )
    same |= Q(pk__in=registered.values("pk"))
    others = (
        Application.objects.exclude(pk=application.pk)
        .exclude(
            state__in=[
                Application.State.DRAFT,
                Application.State.APPROVED,
                Application.State.DECLINED,
                Application.State.WITHDRAWN,
            ]
        )
        .order_by("pk")
    )
    return Duplicates(
        organisations=list(
            Organisation.objects.filter(same, merged_into__isnull=True).exclude(
                applications=application
            )
        ),
        applications=[
            other
            for other in others
            if _names_of(other) & names or (domain and domain_of(other.website) == domain)
        ],
    )
