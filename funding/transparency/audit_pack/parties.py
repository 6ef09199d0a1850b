"""Who an entry is about and who made it. The books themselves hold opaque references alone.

Everything here is asked for many at once. Whoever was erased stays a reference without a name.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.models import User
from funding.dues.billing import CHANGE
from funding.dues.billing import PURPOSE as DUES
from funding.payments.models import BankLine, Invoice, Payment, Payout
from funding.pools.models import Gift, Pledge
from membership.models import Term, TierChange


@dataclass(frozen=True, slots=True)
class Party:
    """A donor, a member organisation or a payer: an opaque reference (``donor:7``) and a name."""

    reference: str = ""
    name: str = ""


NOBODY = Party()


@dataclass(frozen=True, slots=True)
class Subject:
    """What tells whom an entry is about: its number and source (of a reversal: the reversed one's)."""

    entry: int
    source: str


def parties(subjects: Iterable[Subject]) -> dict[Subject, Party]:
    """The party of each entry that has one: by its source, else by the payment it books.

    An anonymous donor too is named: the pack is the auditor's.
    """
    wanted = set(subjects)
    by_kind: dict[str, set[str]] = {}
    for subject in wanted:
        kind, _, key = subject.source.partition(":")
        by_kind.setdefault(kind, set()).add(key)
    known = {
        f"{kind}:{key}": party
        for kind, keys in by_kind.items()
        if kind in _FINDERS
        for key, party in _FINDERS[kind](keys).items()
    }
    found = {subject: known[subject.source] for subject in wanted if subject.source in known}
    left = {subject.entry: subject for subject in wanted - found.keys()}
    payments = Payment.objects.filter(entry__in=left).values_list(
        "entry", "public_id", "payer_name"
    )
    for entry, public_id, name in payments:
        found[left[entry]] = Party(f"payment:{public_id}", name)
    return found


def people(references: Iterable[str]) -> dict[str, str]:
    """The names of those who prepared or approved, by reference (``user:5``)."""
    numbers = {reference.removeprefix("user:") for reference in references}
    users = User.objects.filter(pk__in=_numbers(numbers))
    return {f"user:{user.pk}": str(user) for user in users}


# --- By source ------------------------------------------------------------------------------------


def _of_gifts(references: Iterable[str]) -> dict[str, Party]:
    gifts = Gift.objects.filter(reference__in=_uuids(references)).select_related("donor")
    return {str(gift.reference): _donor(gift) for gift in gifts}


def _of_pledges(references: Iterable[str]) -> dict[str, Party]:
    pledges = Pledge.objects.filter(reference__in=_uuids(references)).select_related("donor")
    return {str(pledge.reference): _donor(pledge) for pledge in pledges}


def _donor(given: Gift | Pledge) -> Party:
    return Party(f"donor:{given.donor_id}", given.donor.name)


def _of_terms(numbers: Iterable[str]) -> dict[str, Party]:
    terms = Term.objects.filter(pk__in=_numbers(numbers)).select_related("organisation")
    return {
        str(term.pk): Party(f"organisation:{term.organisation_id}", term.organisation.legal_name)
        for term in terms
    }


def _of_tier_changes(numbers: Iterable[str]) -> dict[str, Party]:
    changes = TierChange.objects.filter(pk__in=_numbers(numbers))
    of_term = dict(changes.values_list("pk", "term"))
    members = _of_terms(str(term) for term in of_term.values())
    return {str(pk): members[str(term)] for pk, term in of_term.items()}


def _of_invoices(numbers: Iterable[str]) -> dict[str, Party]:
    """The member that a dues invoice bills; of another invoice the name that stands on it."""
    invoices = list(Invoice.objects.filter(number__in=numbers))
    members = {
        purpose: find(str(paper.purpose_id) for paper in invoices if paper.purpose == purpose)
        for purpose, find in ((DUES, _of_terms), (CHANGE, _of_tier_changes))
    }
    found = {}
    for paper in invoices:
        member = members.get(paper.purpose, {}).get(str(paper.purpose_id))
        found[paper.number] = member or Party(f"invoice:{paper.number}", paper.bill_to_name)
    return found


def _of_payments(references: Iterable[str]) -> dict[str, Party]:
    found = Payment.objects.filter(public_id__in=_uuids(references))
    return {
        str(payment.public_id): Party(f"payment:{payment.public_id}", payment.payer_name)
        for payment in found
    }


def _of_payouts(references: Iterable[str]) -> dict[str, Party]:
    found = Payout.objects.filter(public_id__in=_uuids(references))
    return {
        str(payout.public_id): Party(f"payout:{payout.public_id}", payout.beneficiary)
        for payout in found
    }


def _of_bank_lines(numbers: Iterable[str]) -> dict[str, Party]:
    """Whom the bank names on a line that is parked, or is a charge of its own."""
    found = BankLine.objects.filter(pk__in=_numbers(numbers)).exclude(counterparty="")
    return {str(line.pk): Party(f"bank-line:{line.pk}", line.counterparty) for line in found}


_FINDERS: dict[str, Callable[[Iterable[str]], dict[str, Party]]] = {
    "gift": _of_gifts,
    "pledge": _of_pledges,
    "term": _of_terms,
    "tier-change": _of_tier_changes,
    "invoice": _of_invoices,
    "payment": _of_payments,
    "payout": _of_payouts,
    "bank-line": _of_bank_lines,
}


def _uuids(texts: Iterable[str]) -> list[uuid.UUID]:
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _numbers(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts if text.isdecimal() and len(text) < 19]
