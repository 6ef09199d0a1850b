"""What a bank line may be: suggestions with a stated confidence. Nothing is chosen by itself.

The confidence is a rule of thumb in 0–100, the same for everybody: it says how much speaks for a
suggestion, not how likely it is.
"""

import datetime
import difflib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum import iso11649

from core.money import Money
from funding.payments.banking.arrivals import (
    parts_of,
    payments_in_transit,
    payouts_in_transit,
)
from funding.payments.banking.confirming import Kind, left_of, left_of_parked
from funding.payments.banking.receiving import outstanding
from funding.payments.models import (
    BankLine,
    Channel,
    ExpectedPayment,
    Match,
    Payment,
    Payout,
    ProcessorPayout,
    Status,
)

# How many of a kind are looked at and shown. More that look alike are no suggestion.
MOST = 10
# Rows whose names are compared, newest first.
MOST_LOOKED_AT = 500
# A payout of the processor arrives on its day, or a few days beside it.
DAYS_BESIDE = datetime.timedelta(days=5)
SIMILAR = 0.84
SOMEWHAT_SIMILAR = 0.6
# Payouts that one debit may hold together.
MOST_TOGETHER = 4
CAP_IF_AMBIGUOUS = 60

# How banks name what they charge, and what they take back or send back.
CHARGE_WORDS = (
    "CHARGE",
    "FEE",
    "COMMISSION",
    "FRAIS",
    "AGIOS",
    "COTISATION CARTE",
    "COMISSAO",
    "COMISSOES",
    "DESPESAS",
    "MANUTENCAO",
    "ENTGELT",
    "GEBUEHR",
    "GEBUHR",
    "SPESEN",
)
RETURN_WORDS = (
    "RETURN",
    "REJECT",
    "UNPAID",
    "REVERSAL",
    "RECALL",
    "RETOUR",
    "REJET",
    "IMPAYE",
    "DEVOLU",
    "ESTORNO",
    "RUECK",
    # Without the umlaut; RUCK alone is in TRUCK.
    "RUCKZAHL",
    "RUCKLAST",
    "RUCKGABE",
    "RUCKBUCH",
    "RUCKUBERW",
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that a line may be. ``act`` names the verb that would confirm it.

    ``amount``: how much of what is left of the line it would take, above zero.
    """

    act: str
    confidence: int
    why: str | Promise
    amount: Money
    expected: ExpectedPayment | None = None
    processor_payout: ProcessorPayout | None = None
    payments: tuple[Payment, ...] = ()
    payout: Payout | None = None
    payment: Payment | None = None
    parked: Match | None = None

    @property
    def words(self) -> str | Promise:
        """The confidence in a word."""
        if self.confidence >= 90:
            return _("near certain")
        if self.confidence >= 70:
            return _("likely")
        if self.confidence >= 50:
            return _("possible")
        return _("weak")


def suggest(line: BankLine, parked: Match | None = None) -> list[Suggestion]:
    """What the rest of the line (or of what is parked of it) may be, best first.

    Where more than one expected payment fits, all are shown and none stands above "possible":
    a person chooses.
    """
    left = left_of_parked(parked) if parked is not None else left_of(line)
    if left.amount == 0:
        return []
    if left.amount > 0:
        found = list(_expected(line, left))
        if parked is None:
            found += [*_arrivals(line, left), *_channels(line, left), *_returned(line, left)]
    else:
        found = [
            *_payouts(line, -left),
            *_charges(line, -left),
            *_taken_back(line, -left),
            *_parked(line, -left),
            *_processor_collects(line, left),
        ]
    return sorted(found, key=lambda suggestion: -suggestion.confidence)


# --- Texts ----------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Capitals without accents, with single spaces: how texts are compared."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^0-9A-Z]+", " ", bare.upper()).split())


def words_of(line: BankLine) -> str:
    """Everything that the bank says of a line, plain."""
    return plain(
        " ".join((line.text, line.payer_reference, line.bank_reference, line.counterparty))
    )


def references_in(text: str) -> set[str]:
    """The ISO 11649 references in a text, however it is spaced: those with right check digits."""
    compact = re.sub(r"[^0-9A-Z]", "", text.upper())
    found = set()
    for start in re.finditer(r"(?=RF\d\d)", compact):
        # Words may follow without a space that we could see: every length is tried.
        for length in range(25, 4, -1):
            candidate = compact[start.start() : start.start() + length]
            if len(candidate) == length and iso11649.is_valid(candidate):
                found.add(candidate)
    return found


def numbers_in(text: str) -> set[str]:
    """The numbers of papers in a text, such as INV-2026-00001, with or without their dashes."""
    found = re.findall(r"(?<![A-Z])([A-Z]{3}) ?(20\d\d) ?(\d{5})(?!\d)", plain(text))
    return {f"{prefix}-{year}-{number}" for prefix, year, number in found}


def similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: accents, case and the order of the words do not matter."""
    left, right = plain(one).split(), plain(other).split()
    if not left or not right:
        return 0
    ordered = difflib.SequenceMatcher(None, " ".join(left), " ".join(right)).ratio()
    sorted_ = difflib.SequenceMatcher(None, " ".join(sorted(left)), " ".join(sorted(right))).ratio()
    return max(ordered, sorted_)


# --- Money that came --------------------------------------------------------------------------------


def _expected(line: BankLine, left: Money) -> Iterator[Suggestion]:
    text = " ".join((line.text, line.payer_reference, line.bank_reference, line.counterparty))
    named = list(_named(text, left.currency))
    found = [suggestion for each in named if (suggestion := _by_name(each, text, left))]
    if not any(suggestion.act == "match" for suggestion in found):
        found += list(_by_amount(line, left))
    matching = [suggestion for suggestion in found if suggestion.act == "match"]
    if len(matching) < 2:
        yield from found
        return
    for suggestion in found:
        yield (
            replace(suggestion, confidence=min(suggestion.confidence, CAP_IF_AMBIGUOUS))
            if suggestion in matching
            else suggestion
        )


def _named(text: str, currency: str) -> QuerySet[ExpectedPayment]:
    """The expected payments whose reference or number stands in the text; for an invoice that is
    void also the one that was issued in its place, for what the same payer owes by now."""
    references, numbers = references_in(text), numbers_in(text)
    named = ExpectedPayment.objects.filter(
        Q(reference__in=references) | Q(number__in=numbers) | Q(invoice__number__in=numbers)
    )
    in_its_place = Q()
    for old in named.filter(invoice__credit_note__isnull=False).select_related("invoice")[:MOST]:
        in_its_place |= Q(
            invoice__credit_note=None,
            invoice__purpose=old.purpose,
            invoice__purpose_id=old.purpose_id,
            pk__gt=old.pk,
        )
    found = Q(pk__in=named.values("pk"))
    return (
        ExpectedPayment.objects.filter(found | in_its_place if in_its_place else found)
        .filter(currency=currency)
        .select_related("pool", "invoice__credit_note", "channel")[:MOST]
    )


def _by_name(expected: ExpectedPayment, text: str, left: Money) -> Suggestion | None:
    open_ = outstanding(expected)
    by_reference = expected.reference in references_in(text)
    by_number = (expected.number or getattr(expected.invoice, "number", "")) in numbers_in(text)
    if not by_reference and not by_number:
        if open_.amount == 0:
            return None
        why = _("Its invoice was issued anew, in place of the one whose reference is in the text.")
        return Suggestion(
            "match", 90 if open_ == left else 70, why, min(left, open_), expected=expected
        )
    if open_.amount == 0:
        return Suggestion(
            "owe_back",
            85,
            _(
                "Its reference is in the text, but nothing is outstanding: paid twice, or cancelled."
            ),
            left,
            expected=expected,
        )
    if open_ == left:
        why = (
            _("The reference and the amount agree.")
            if by_reference
            else _("The number of its paper and the amount agree.")
        )
        return Suggestion("match", 99 if by_reference else 95, why, left, expected=expected)
    why = (
        _("The reference agrees; less came than is outstanding.")
        if left < open_
        else _("The reference agrees; more came than is outstanding.")
    )
    return Suggestion("match", 80 if by_reference else 70, why, min(left, open_), expected=expected)


def _by_amount(line: BankLine, left: Money) -> Iterator[Suggestion]:
    """Those of which as much is outstanding, by how alike the names are. Where many have the same
    amount (dues of one tier), the amount alone suggests nothing."""
    ranked = sorted(
        ((similarity(line.counterparty, row.payer_name), row) for row in _open_of_amount(left)),
        key=lambda pair: -pair[0],
    )
    by_name = [pair for pair in ranked if pair[0] >= SOMEWHAT_SIMILAR][:MOST]
    by_amount = ranked if len(ranked) <= MOST else []
    for alike, expected in by_name or by_amount:
        # An invoice may have been paid by card in between, and a row may be void.
        if outstanding(expected) != left:
            continue
        if alike >= SIMILAR:
            confidence, why = 75, _("The amount and the payer’s name agree.")
        elif alike >= SOMEWHAT_SIMILAR:
            confidence, why = 60, _("The amount agrees, and the payer’s name is similar.")
        else:
            confidence, why = 35, _("Only the amount agrees.")
        yield Suggestion("match", confidence, why, left, expected=expected)


def _open_of_amount(left: Money) -> Sequence[ExpectedPayment]:
    """Expected payments of which, by one query, as much may be outstanding."""
    of_invoice = Coalesce(
        Sum("invoice__payments__amount", filter=Q(invoice__payments__status=Status.SUCCEEDED)), 0
    )
    of_request = Coalesce(Sum("payments__amount", filter=Q(payments__status=Status.SUCCEEDED)), 0)
    rows = (
        ExpectedPayment.objects.filter(withdrawn_at=None, currency=left.currency)
        .select_related("pool", "invoice__credit_note", "channel")
        .order_by("-pk")
    )
    requests = rows.filter(invoice=None).annotate(came=of_request)
    invoices = rows.exclude(invoice=None).annotate(came=of_invoice)
    return [
        *requests.filter(
            Q(amount=F("came") + left.amount) | (~Q(repeats="") & Q(amount=left.amount))
        )[:MOST_LOOKED_AT],
        *invoices.filter(amount=F("came") + left.amount)[:MOST_LOOKED_AT],
    ]


def _arrivals(line: BankLine, left: Money) -> Iterator[Suggestion]:
    by_name = "STRIPE" in words_of(line)
    for payout in payouts_in_transit(left.currency).filter(
        arrival_on__range=(line.booked_on - DAYS_BESIDE, line.booked_on + DAYS_BESIDE)
    )[: MOST * 2]:
        transit = sum(parts_of(payout).values())
        if transit == left.amount:
            yield Suggestion(
                "payout_arrived",
                95 if by_name else 70,
                _("A payout of the card processor: the amount and the day agree."),
                left,
                processor_payout=payout,
            )
        elif by_name and 0 < left.amount < transit and left.amount * 10 >= transit * 9:
            yield Suggestion(
                "payout_arrived",
                50,
                _("A payout of the card processor of these days; less came than was sent."),
                left,
                processor_payout=payout,
            )


def _channels(line: BankLine, left: Money) -> Iterator[Suggestion]:
    """What an operator pays on: one payment, or everything of a channel up to that day."""
    waiting = [
        payment
        for payment in payments_in_transit(left.currency).order_by("pk")[:200]
        if payment.settled_on and payment.settled_on <= line.booked_on
    ]
    by_channel: dict[int, list[Payment]] = {}
    for payment in waiting:
        if payment.expected and payment.expected.channel_id:
            by_channel.setdefault(payment.expected.channel_id, []).append(payment)
    said = words_of(line)
    for payments in by_channel.values():
        assert payments[0].expected is not None
        channel = payments[0].expected.channel
        assert channel is not None
        named = plain(channel.name) in said
        total = sum(payment.settled_gross or 0 for payment in payments)
        if total == left.amount:
            yield Suggestion(
                "payments_arrived",
                85 if named else 65,
                _("All that is on its way by this channel adds up to the line."),
                left,
                payments=tuple(payments),
            )
            continue
        if named and left.amount < total and left.amount * 20 >= total * 19:
            yield Suggestion(
                "payments_arrived",
                60,
                _("All that is on its way by this channel, less what the operator keeps."),
                left,
                payments=tuple(payments),
            )
        for payment in payments:
            evident = bool(payment.evidence) and plain(payment.evidence) in said
            if payment.settled_gross == left.amount or evident:
                yield Suggestion(
                    "payments_arrived",
                    90 if evident else 60,
                    _("One payment by this channel is of this amount, or its evidence is named."),
                    left,
                    payments=(payment,),
                )


def _returned(line: BankLine, left: Money) -> Iterator[Suggestion]:
    """A payout of ours that came back, perhaps less what a bank kept of it."""
    said = words_of(line)
    named = any(word in said for word in RETURN_WORDS)
    for payout in payouts_that_may_return(left.currency).filter(
        amount__range=(left.amount, left.amount * 2), paid_on__lte=line.booked_on
    )[:MOST_LOOKED_AT]:
        by_reference = _says(said, payout.bank_reference)
        if payout.amount != left.amount:
            if by_reference:
                yield Suggestion(
                    "payout_returned",
                    60,
                    _("The reference of a payout of ours is in the text; less came than was sent."),
                    left,
                    payout=payout,
                )
        elif named or by_reference:
            yield Suggestion(
                "payout_returned",
                85 if named and by_reference else 65,
                _("A payout of ours of this amount; the text speaks of a return."),
                left,
                payout=payout,
            )


# --- Money that went --------------------------------------------------------------------------------


def payouts_to_leave(currency: str) -> QuerySet[Payout]:
    """Payouts from the bank that are on no statement yet: ordered, to be ordered, or ordered and
    failed by hand (as `confirming.failed_by_hand` says)."""
    ready = Q(status__in=[Payout.Status.APPROVED, Payout.Status.PAID])
    return (
        _from_bank(currency)
        .filter(ready | _FAILED_BY_HAND)
        .exclude(matches__in=Match.objects.filter(kind=Kind.PAYOUT, undone_at=None))
    )


def payouts_that_may_return(currency: str) -> QuerySet[Payout]:
    """Payouts from the bank that left, and whose return is on no statement yet."""
    return (
        _from_bank(currency)
        .filter(Q(status=Payout.Status.PAID) | _FAILED_BY_HAND)
        .exclude(matches__in=Match.objects.filter(kind=Kind.PAYOUT_RETURNED, undone_at=None))
    )


_FAILED_BY_HAND = Q(status=Payout.Status.FAILED, entry__isnull=False) & ~Q(
    pk__in=Match.objects.filter(
        kind=Kind.PAYOUT, undone_at__isnull=False, entry__isnull=False, payout__isnull=False
    ).values("payout")
)


def _from_bank(currency: str) -> QuerySet[Payout]:
    return Payout.objects.filter(place=Payout.Place.BANK, currency=currency)


def _payouts(line: BankLine, out: Money) -> Iterator[Suggestion]:
    said = words_of(line)
    yield from _together(out)
    for payout in payouts_to_leave(out.currency).filter(amount=out.amount)[:MOST]:
        if _says(said, payout.bank_reference):
            confidence, why = 97, _("The bank’s reference and the amount agree.")
        elif similarity(line.counterparty, payout.beneficiary) >= SIMILAR:
            confidence, why = 85, _("The amount and the beneficiary’s name agree.")
        else:
            confidence, why = 50, _("Only the amount agrees.")
        yield Suggestion("paid_out", confidence, why, out, payout=payout)


def _together(out: Money) -> Iterator[Suggestion]:
    """Payouts that the bank took in one debit: each takes its own part of the line."""
    smaller = list(payouts_to_leave(out.currency).filter(amount__lt=out.amount)[: MOST * 2])
    for several in range(2, MOST_TOGETHER + 1):
        for payouts in itertools.combinations(smaller, several):
            if sum(payout.amount for payout in payouts) != out.amount:
                continue
            for payout in payouts:
                yield Suggestion(
                    "paid_out",
                    45,
                    _("One of several payouts of ours that add up to the line: match each."),
                    payout.money,
                    payout=payout,
                )
            return


def _charges(line: BankLine, out: Money) -> Iterator[Suggestion]:
    said = words_of(line)
    if any(word in said for word in CHARGE_WORDS):
        yield Suggestion("charge", 80, _("The text speaks of a charge."), out)


def _taken_back(line: BankLine, out: Money) -> Iterator[Suggestion]:
    said = words_of(line)
    named = any(word in said for word in RETURN_WORDS)
    references = references_in(line.text + " " + line.payer_reference)
    # A cheque came by a channel.
    candidates = Payment.objects.filter(
        channel__in=[Channel.TRANSFER, Channel.MANUAL],
        status=Status.SUCCEEDED,
        currency=out.currency,
        amount=out.amount,
    ).select_related("expected")
    for payment in candidates.order_by("-pk")[:MOST]:
        by_reference = payment.expected is not None and payment.expected.reference in references
        by_name = similarity(line.counterparty, payment.payer_name) >= SIMILAR
        if not (named or by_reference) or payment.refundable.amount < out.amount:
            continue
        confidence = 85 if by_reference else 70 if by_name else 50
        yield Suggestion(
            "receipt_returned",
            confidence,
            _("A payment of this amount that came earlier; the text speaks of a return."),
            out,
            payment=payment,
        )


def parked_waiting(line: BankLine) -> QuerySet[Match]:
    """What was parked on lines of the same account (some of it may have been resolved)."""
    return Match.objects.filter(
        kind=Kind.PARKED, undone_at=None, line__statement__account=line.statement.account
    ).select_related("line__statement__account")


def _parked(line: BankLine, out: Money) -> Iterator[Suggestion]:
    for match in parked_waiting(line).filter(amount__gte=out.amount).order_by("-pk")[:MOST]:
        waits = left_of_parked(match)
        by_name = similarity(line.counterparty, match.line.counterparty) >= SIMILAR
        if waits > out:
            yield Suggestion(
                "parked_returned",
                40 if by_name else 20,
                _("More is parked; a part of it may have been given back."),
                out,
                parked=match,
            )
        if waits != out:
            continue
        yield Suggestion(
            "parked_returned",
            70 if by_name else 45,
            _("Money of this amount is parked; it may have been given back."),
            out,
            parked=match,
        )


def _processor_collects(line: BankLine, left: Money) -> Iterator[Suggestion]:
    """A payout below zero: refunds and disputes were more than what came."""
    if "STRIPE" not in words_of(line):
        return
    for payout in payouts_in_transit(left.currency).filter(amount=left.amount)[:MOST]:
        yield Suggestion(
            "payout_arrived",
            80,
            _("The card processor collects what its account was short of."),
            -left,
            processor_payout=payout,
        )


def _says(said: str, reference: str) -> bool:
    """Whether a reference of some length stands in a plain text."""
    wanted = plain(reference)
    return len(wanted) >= 4 and wanted in said
