"""Existing members from a CSV file: what each row would do, with its errors by column; then all of
it, or nothing.

An import makes the organisation, its primary contact (an account without a password, so that only
who reads the mail of its address gets in) and the term, which counts as settled elsewhere: no
invoice, no entry in the books. A file brought again imports nothing new: each row is known by its
organisation and the first day of its term (`ImportedTerm`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import formats
from django.utils.translation import gettext, override

from core import audit
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from membership import fees, member_csv, organisations, seats, terms
from membership import import_refusals as refusals
from membership.links import path_in
from membership.member_rows import OF_ORGANISATION, Body, Paid, Row, read_row
from membership.models import ImportedTerm, Organisation, Seat, Term, Tier
from membership.refusals import NotPermitted, OwnRequest
from membership.seat_mails import tell
from membership.seat_refusals import AccountClosed
from membership.terms import IMPORT

# Imports wait for each other: two who bring the same file at once import it once.
_IMPORTERS = 0x6D656D62  # "memb"


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a file would do. Nothing of it is written."""

    rows: list[Row]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def known(self) -> list[Row]:
        return [row for row in self.rows if row.known and not row.errors]

    @property
    def new(self) -> list[Row]:
        """Those that would be imported, where nobody says otherwise."""
        return [row for row in self.rows if not (row.errors or row.known or row.alike)]

    @property
    def alike(self) -> list[Row]:
        """Those that are skipped unless somebody says that it is another organisation."""
        return [row for row in self.rows if row.alike and not (row.errors or row.known)]

    @property
    def organisations(self) -> int:
        return len({row.first for row in self.new if row.organisation is None})

    @property
    def may_be_imported(self) -> bool:
        return not self.wrong and bool(self.new or self.alike)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, in rows."""

    imported: int
    skipped: int
    known: int


def dry_run(content: bytes, *, by: User) -> DryRun:
    """What the file would import, row by row. Raises NotPermitted and the subclasses of FileRefused."""
    _require_right(by)
    return _look(member_csv.read(content), by=by)


def apply(
    content: bytes, *, file_name: str, others: frozenset[int], invite: bool, by: User
) -> Outcome:
    """Import every row that is not known yet: all of them, or none.

    ``others``: numbers of the first rows of organisations that look like one here and are another
    one; those that are not named are skipped. ``invite``: write to the primary contacts.

    Raises as `dry_run` does, RowsHaveErrors where a row has one by now, and RowNotImported.
    """
    _require_right(by)
    rows = member_csv.read(content)
    with use_case():
        _one_at_a_time()
        look = _look(rows, by=by)
        if look.wrong:
            raise refusals.RowsHaveErrors
        wanted = [*look.new, *(row for row in look.alike if row.first in others)]
        made: dict[int, Organisation] = {}
        for row in sorted(wanted, key=lambda row: row.number):
            try:
                _import(row, made, file_name=file_name[:250], invite=invite, by=by)
            except Refusal as refusal:
                raise refusals.RowNotImported(row=row.number, words=str(refusal)) from refusal
        return Outcome(len(wanted), len(look.alike) + len(look.new) - len(wanted), len(look.known))


def _require_right(by: User) -> None:
    if not by.has_perm(IMPORT):
        raise NotPermitted


@inside_transaction
def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_IMPORTERS])


# --- Writing --------------------------------------------------------------------------------------


@inside_transaction
def _import(
    row: Row, made: dict[int, Organisation], *, file_name: str, invite: bool, by: User
) -> None:
    """Rows of one new organisation share the one that the first of them made."""
    assert row.body is not None
    assert row.paid is not None
    organisation = row.organisation or made.get(row.first)
    is_new = organisation is None
    if organisation is None:
        organisation = made[row.first] = _make_organisation(row.body, by=by)
    term = _make_term(organisation, row.paid, by=by)
    if row.first in made:
        _pay_in_the_last_currency(organisation)
    ImportedTerm.objects.create(
        term=term,
        organisation_key=row.body.key,
        starts_on=term.starts_on,
        file_name=file_name,
        row=row.number,
        imported_by=by,
    )
    audit.record("membership.import_term", term, by=by, file=file_name, row=row.number)
    if is_new and invite:
        person = organisation.seats.select_related("person").get().person
        audit.record("membership.invite_imported", organisation, by=by, person=person.pk)
        tell_imported(organisation, person)


@inside_transaction
def tell_imported(organisation: Organisation, person: User) -> None:
    """Write to the primary contact that the organisation is here now, and how to sign in."""
    path = path_in(person.preferred_language, "account_reset_password")
    tell(person, "membership_imported", organisation, sign_in_path=path, email=person.email)


@inside_transaction
def _pay_in_the_last_currency(organisation: Organisation) -> None:
    """What it paid in last is what its renewals are billed in, where the fee table has it."""
    currency = organisation.terms.order_by("-starts_on")[0].currency
    organisation.currency = "" if currency == fees.MAIN_CURRENCY else currency
    organisation.save(update_fields=["currency"])


@inside_transaction
def _make_organisation(body: Body, *, by: User) -> Organisation:
    """The organisation with its primary contact, who is all that an organisation needs at first."""
    organisation = organisations.create(
        **{name: getattr(body, name) for name in OF_ORGANISATION}, by=by
    )
    address = body.contact_email
    person = _people_of({address}).get(address) or _make_account(body)
    seats.take_place(organisation, person, organisations.vacant_roles(organisation), by=by)
    return organisation


@inside_transaction
def _make_account(body: Body) -> User:
    """An account that opens with a password chosen by whoever reads the mail of its address."""
    first, _space, last = body.contact_name.rpartition(" ")
    user = User.objects.create_user(
        body.contact_email,
        first_name=(first or last)[:150],
        last_name=(last if first else "")[:150],
        preferred_language=body.language,
    )
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    return user


@inside_transaction
def _make_term(organisation: Organisation, paid: Paid, *, by: User) -> Term:
    term = terms.open_term(
        organisation,
        paid.tier,
        starts_on=paid.starts_on,
        ends_on=paid.ends_on,
        fee=paid.fee,
        by=by,
    )
    with override("en"):
        evidence = paid.evidence or gettext("the list of members that was imported")
        if not paid.fee.amount:
            words = gettext("It cost nothing before this portal came, see: %(evidence)s.")
            return terms.waive(term, on=paid.paid_on, by=by, reason=words % {"evidence": evidence})
        words = gettext("Paid before this portal came, see: %(evidence)s.")
    return terms.settle_elsewhere(
        term, on=paid.paid_on, by=by, evidence=words % {"evidence": evidence}
    )


# --- Looking at the rows --------------------------------------------------------------------------


def _look(cells: Iterable[tuple[int, dict[str, str]]], *, by: User) -> DryRun:
    """Reads whatever the rows are compared with by a fixed number of queries."""
    tiers = {tier.code: tier for tier in Tier.objects.all()}
    rows = [read_row(number, each, tiers) for number, each in cells]
    read = [row for row in rows if row.body is not None]
    _compare_with_each_other(read)
    _compare_with_imported(read)
    _compare_with_organisations(read)
    _check_contacts(read, by=by)
    return DryRun(rows)


def _compare_with_each_other(rows: list[Row]) -> None:
    """Rows of one organisation say the same of it, and their terms share no day."""
    of_one: dict[str, list[Row]] = {}
    for row in rows:
        assert row.body is not None
        before = of_one.setdefault(row.body.key, [])
        row.first = before[0].number if before else row.number
        if before:
            _same_words(row, before[0])
        for other in before:
            _require_no_overlap(row, other)
        before.append(row)


def _same_words(row: Row, first: Row) -> None:
    for column in Body.__dataclass_fields__:
        if getattr(row.body, column) != getattr(first.body, column):
            row.refuse(refusals.SaysOtherwise(row=first.number), column)


def _require_no_overlap(row: Row, other: Row) -> None:
    assert row.paid is not None
    assert other.paid is not None
    if row.paid.starts_on == other.paid.starts_on:
        row.refuse(refusals.RowTwice(row=other.number), "starts_on")
    elif row.paid.starts_on <= other.paid.ends_on and other.paid.starts_on <= row.paid.ends_on:
        label = gettext("row %(row)s") % {"row": other.number}
        row.refuse(refusals.DaysOverlap(other=label), "starts_on")


def _compare_with_imported(rows: list[Row]) -> None:
    """What an earlier file brought: the very term, or its organisation with other terms."""
    keys = {row.body.key for row in rows if row.body}
    found = ImportedTerm.objects.filter(organisation_key__in=keys).select_related(
        "term__organisation"
    )
    known = {(each.organisation_key, each.starts_on) for each in found}
    made = {each.organisation_key: each.term.organisation for each in found}
    own: dict[int, list[Term]] = {}
    for term in Term.objects.filter(organisation__in=made.values()):
        own.setdefault(term.organisation_id, []).append(term)
    for row in rows:
        assert row.body is not None
        assert row.paid is not None
        row.organisation = made.get(row.body.key)
        row.known = (row.body.key, row.paid.starts_on) in known
        if row.organisation is None or row.known:
            continue
        for term in own.get(row.organisation.pk, []):
            if row.paid.starts_on <= term.last_day and term.starts_on <= row.paid.ends_on:
                days = (
                    f"{formats.date_format(term.starts_on)} – {formats.date_format(term.last_day)}"
                )
                row.refuse(refusals.DaysOverlap(other=days), "starts_on")


def _compare_with_organisations(rows: list[Row]) -> None:
    firsts = [row for row in rows if row.organisation is None and row.first == row.number]
    bodies = [row.body.organisation() for row in firsts if row.body]
    alike = dict(
        zip(
            (row.number for row in firsts),
            organisations.alike(bodies),
            strict=True,
        )
    )
    for row in rows:
        row.alike = alike.get(row.first, [])


def _people_of(emails: set[str]) -> dict[str, User]:
    """Whose an address is: of whoever confirmed it, first or second address, before whose account
    only has it."""
    named = {person.email.lower(): person for person in User.objects.filter(email__in=emails)}
    return named | _people_by_proof(emails)


def _people_by_proof(emails: set[str]) -> dict[str, User]:
    found = EmailAddress.objects.filter(email__in=emails, verified=True).select_related("user")
    return {each.email.lower(): each.user for each in found}


def _check_contacts(rows: list[Row], *, by: User) -> None:
    """An account that is there already is one that its owner proved, and not the importer's own."""
    emails = {row.body.contact_email for row in rows if row.body}
    people, proved = _people_of(emails), _people_by_proof(emails)
    own_addresses = {by.email, *seats.confirmed_addresses(by)}
    own = set(Seat.objects.filter(person=by).values_list("organisation", flat=True))
    for row in rows:
        assert row.body is not None
        if row.known:
            continue
        if row.body.contact_email in own_addresses or (
            row.organisation is not None and row.organisation.pk in own
        ):
            row.refuse(OwnRequest(), "contact_email")
            continue
        person = people.get(row.body.contact_email)
        if person is None or row.organisation is not None:
            continue
        is_proved = row.body.contact_email in proved
        if not person.is_active:
            row.refuse(AccountClosed(person=person), "contact_email")
        elif not is_proved and person.has_usable_password():
            row.refuse(refusals.ContactUnproven(), "contact_email")
