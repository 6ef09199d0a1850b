"""Recording from a CSV file: what each row would do, with its errors by column; then all or nothing.

A file brought again records nothing new: each row is known by its identifier.
"""

from dataclasses import dataclass

from core import audit
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.pools import recorded_csv, recording
from funding.pools import recording_refusals as refusals
from funding.pools.models import Donor, RecordedGiving
from funding.pools.recorded_cells import Row, read_row
from funding.pools.recorded_things import DonorFacts, Found, Giving, Kind, Known, compact, known_for

# Each payment takes a receipt's number, and every other receipt waits for those of the file: about
# 40 payments a second are written.
MOST_PAYMENTS = 1_000


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a file would do. Nothing of it is written."""

    rows: list[Row]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def new(self) -> list[Row]:
        return [row for row in self.rows if not row.errors and not row.known]

    @property
    def known(self) -> list[Row]:
        return [row for row in self.rows if row.known and not row.errors]

    @property
    def new_donors(self) -> int:
        """How many donors would be written down."""
        keys = {
            row.giving.donor.key
            for row in self.new
            if row.giving and isinstance(row.giving.donor, DonorFacts)
            if row.found and row.found.donor is None
        }
        return len(keys)

    @property
    def totals(self) -> list[Money]:
        """What is new, by currency."""
        sums: dict[str, int] = {}
        for row in self.new:
            assert row.giving is not None
            money = row.giving.amount
            sums[money.currency] = sums.get(money.currency, 0) + money.amount
        return [Money(amount, currency) for currency, amount in sorted(sums.items())]


def dry_run(content: bytes, *, by: User) -> DryRun:
    """What the file would record, row by row. Raises NotPermitted and the subclasses of FileRefused."""
    recording.require_right(by)
    return _look([read_row(*row) for row in recorded_csv.read(content)], by=by)


def apply(content: bytes, *, file_name: str, by: User) -> list[RecordedGiving]:
    """Record every row that is not recorded yet: all of them, or none.

    Raises as `dry_run` does, and FileHasErrors where a row has one by now.
    """
    recording.require_right(by)
    rows = [read_row(*row) for row in recorded_csv.read(content)]
    with use_case():
        recording.one_at_a_time()
        look = _look(rows, by=by)
        if look.wrong:
            raise refusals.FileHasErrors
        _lock_donors(look.new)
        made: dict[tuple[str, ...], Donor] = {}
        written = []
        for row in look.new:
            try:
                written.append(_write(row, made, by=by, file_name=file_name))
            except Refusal as refusal:
                raise refusals.RowRefused(row=row.number, words=str(refusal)) from refusal
        if written:
            audit.record(
                "pools.record_file", written[0], by=by, file=file_name[:250], rows=len(written)
            )
        return written


def _lock_donors(rows: list[Row]) -> None:
    """Keep the donors from being merged meanwhile; in one order, as `merging` locks them."""
    ids = [row.found.donor.pk for row in rows if row.found and row.found.donor]
    list(Donor.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def _write(
    row: Row, made: dict[tuple[str, ...], Donor], *, by: User, file_name: str
) -> RecordedGiving:
    """Rows of one new donor share the row that the first of them made."""
    assert row.giving is not None
    assert row.found is not None
    giving, found = row.giving, row.found
    if found.donor is None and isinstance(giving.donor, DonorFacts):
        donor = made.get(giving.donor.key)
        if donor is None:
            donor = made[giving.donor.key] = recording.write_donor(giving.donor, by=by)
        found = Found(found.profile, donor, found.channel, found.parked)
    return recording.write(giving, found, by=by, file_name=file_name)


# --- Looking at the rows ------------------------------------------------------------------------------


def _look(rows: list[Row], *, by: User) -> DryRun:
    known = known_for([row.giving for row in rows if row.giving is not None])
    seen: dict[str, int] = {}
    left: dict[int, int] = {}
    for row in rows:
        if row.giving is None:
            continue
        try:
            _check_row(row, row.giving, known, seen, left, by=by)
        except Refusal as refusal:
            row.refuse(refusal)
    look = DryRun(rows)
    payments = [row for row in look.new if row.giving and row.giving.kind == Kind.PAYMENT]
    if len(payments) > MOST_PAYMENTS:
        raise refusals.TooManyPayments(most=MOST_PAYMENTS)
    return look


def _check_row(
    row: Row,
    giving: Giving,
    known: Known,
    seen: dict[str, int],
    left: dict[int, int],
    *,
    by: User,
) -> None:
    """``seen``: identifier → its row; ``left``: what the rows before leave of parked money."""
    if giving.external_id in seen:
        raise refusals.TwiceInTheFile(external_id=giving.external_id, row=seen[giving.external_id])
    seen[giving.external_id] = row.number
    row.known = recording.recorded_before(giving, known) is not None
    if row.known:
        return
    row.found = known.find(giving)
    recording.check(giving, row.found, known, by=by)
    if row.found.channel is not None and giving.evidence:
        known.evidence.add((row.found.channel.pk, compact(giving.evidence)))
    if parked := row.found.parked:
        rest = left.get(parked.match.pk, parked.left.amount) - giving.amount.amount
        if rest < 0:
            before = Money(rest + giving.amount.amount, giving.amount.currency)
            raise refusals.MoreThanParked(left=before.format())
        left[parked.match.pk] = rest
