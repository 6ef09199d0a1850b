"""What a donor gave in a year, for their tax office or their books: one paper a currency.

It is made anew at each reading, from payments, receipts and what was given back since. Nobody is
anonymous here: it is the donor's own.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from core.models import User
from core.money import Money
from core.pdf import Document, render
from funding.payments import issuer
from funding.payments.models import Payment, Status
from funding.pools import gifts, pledges
from funding.pools.donors import donors_of, own_row
from funding.pools.models import Gift, Instalment


@dataclass(frozen=True, slots=True)
class Line:
    """Money that came (or, below zero, went back) on a day, and the paper that says so."""

    day: datetime.date
    what: str
    receipt: str
    payer: str
    amount: int


@dataclass(frozen=True, slots=True)
class YearStatement:
    """A year of one donor in one currency, in the order of days."""

    donor: str
    year: int
    currency: str
    lines: list[Line]

    @property
    def given(self) -> Money:
        return Money(sum(max(0, line.amount) for line in self.lines), self.currency)

    @property
    def back(self) -> Money:
        """What was given back, or taken back by a bank, as a sum above zero."""
        return Money(sum(max(0, -line.amount) for line in self.lines), self.currency)

    @property
    def total(self) -> Money:
        return self.given - self.back


def statements_of(user: User) -> list[YearStatement]:
    """A statement of each year and currency in which something came or went, newest first."""
    found: dict[tuple[int, str], list[Line]] = {}
    for payment in payments_of(user):
        for line in _lines(payment):
            found.setdefault((line.day.year, payment.currency), []).append(line)
    own = own_row(user)
    name = own.name if own else user.get_full_name() or user.email
    return [
        YearStatement(name, year, currency, sorted(lines, key=lambda line: line.day))
        for (year, currency), lines in sorted(found.items(), key=lambda item: (-item[0][0], item))
    ]


def statement_of(user: User, year: int, currency: str) -> YearStatement | None:
    """The statement of one year and currency, None where there is nothing to state."""
    return next(
        (each for each in statements_of(user) if (each.year, each.currency) == (year, currency)),
        None,
    )


def received(statements: Iterable[YearStatement]) -> list[Money]:
    """What came over all years and was neither given nor taken back: a sum a currency, by its code.

    A declined gift counts until it is given back, and money beyond a pledge counts too.
    """
    sums: dict[str, int] = {}
    for each in statements:
        sums[each.currency] = sums.get(each.currency, 0) + each.total.amount
    return [Money(amount, currency) for currency, amount in sorted(sums.items()) if amount]


def payments_of(user: User) -> Iterable[Payment]:
    """Every payment that arrived for the person's gifts and pledges, with papers and refunds."""
    donors = donors_of(user).values("pk")
    mine = Gift.objects.filter(donor__in=donors)
    parts = Instalment.objects.filter(pledge__donor__in=donors)
    return (
        Payment.objects.filter(
            Q(purpose=gifts.PURPOSE, purpose_id__in=mine.values("pk"))
            | Q(pk__in=mine.filter(recurring__isnull=False).values("recurring_payment"))
            | Q(purpose=pledges.PURPOSE, purpose_id__in=parts.values("pk")),
            status=Status.SUCCEEDED,
        )
        .select_related("pool")
        .prefetch_related("receipts__credit_note", "refunds__payout", "disputes")
        .order_by("succeeded_at", "pk")
    )


def _lines(payment: Payment) -> Iterable[Line]:
    receipt = payment.receipt
    assert payment.succeeded_at is not None
    number = receipt.number if receipt else ""
    came = receipt.paid_on if receipt else timezone.localdate(payment.succeeded_at)
    yield Line(came, payment.description, number, payment.payer_name, payment.amount)
    for refund in payment.refunds.all():
        if refund.status in ("pending", "succeeded"):
            day = timezone.localdate(refund.created_at)
            yield Line(day, _given_back(payment), number, payment.payer_name, -refund.amount)
    for dispute in payment.disputes.all():
        if dispute.outcome == "lost" and not dispute.inquiry:
            day = timezone.localdate(dispute.closed_at or dispute.opened_at)
            yield Line(day, _taken_back(payment), number, payment.payer_name, -dispute.amount)


def _given_back(payment: Payment) -> str:
    return _("Given back: %(what)s") % {"what": payment.description}


def _taken_back(payment: Payment) -> str:
    return _("Taken back by the payer’s bank: %(what)s") % {"what": payment.description}


def year_statement_pdf(statement: YearStatement, language: str) -> bytes:
    """The statement as a paper, in ``language``."""
    with translation.override(language):
        today = timezone.localdate()
        ours = issuer.current()
        totals = [(_("Received"), statement.given.format(language))]
        if statement.back.amount:
            totals.append((_("Given back"), (-statement.back).format(language)))
        totals.append((_("Given in the year"), statement.total.format(language)))
        document: Document = {
            "language": language,
            "title": _("Statement of gifts"),
            "number": f"{statement.year} {statement.currency}",
            "issued": today,
            "facts": [
                (_("Year"), str(statement.year)),
                (_("Currency"), statement.currency),
                (_("As of"), formats.date_format(today, "DATE_FORMAT")),
            ],
            "parties": [
                (_("Received by"), [ours.name, *ours.address.splitlines()]),
                (_("Given by"), [statement.donor]),
            ],
            "columns": (_("For"), _("Amount")),
            "lines": [_row(line, statement, language) for line in statement.lines],
            "totals": totals,
            "boxes": [],
            "notes": _notes(statement, today, language),
            "stamp": "",
            "page": _("Page %(page)s of %(pages)s"),
        }
        return render("document", document)


def _row(line: Line, statement: YearStatement, language: str) -> tuple[str, str]:
    paper = [formats.date_format(line.day, "DATE_FORMAT")]
    if line.receipt:
        paper.append(_("receipt %(number)s") % {"number": line.receipt})
    if line.payer != statement.donor:
        paper.append(_("paid by %(name)s") % {"name": line.payer})
    amount = Money(line.amount, statement.currency).format(language)
    return f"{line.what}\n{' · '.join(paper)}", amount


def _notes(statement: YearStatement, today: datetime.date, language: str) -> list[str]:
    notes = [
        issuer.statement("gift", language),
        _("The day is the one on which the money came. Each receipt proves its own amount."),
    ]
    if statement.year >= today.year:
        notes.append(_("The year is not over: more may come."))
    return notes
