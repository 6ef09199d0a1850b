"""Importing a bank's file: all of its statements or none. Imports post nothing."""

import datetime
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils import formats, timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.refusals import month_in_words
from funding.payments.banking import camt, csv_statements, mt940_statements, refusals
from funding.payments.banking.accounts import require_right
from funding.payments.banking.csv_statements import Mapping
from funding.payments.banking.parsed import MAX_BYTES, ParsedStatement
from funding.payments.models import (
    BankAccount,
    BankLine,
    BankStatement,
    CsvMapping,
    Match,
    Reconciliation,
)
from funding.payments.permissions import IMPORT_STATEMENT

Format = BankStatement.Format

# A date in a wrong format makes a day of another century, which no statement could follow.
FIRST_DAY = datetime.date(2000, 1, 1)


class Upload(Protocol):
    """What a form hands over, or ``ContentFile``."""

    name: str | None

    def read(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought. ``again``: this file was imported before, and nothing changed."""

    statements: tuple[BankStatement, ...]
    again: bool = False

    @property
    def lines(self) -> int:
        return sum(statement.lines.count() for statement in self.statements)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would bring; nothing is written."""

    format: str
    statements: tuple[ParsedStatement, ...]


def import_statement(
    account: BankAccount,
    upload: Upload,
    *,
    by: User,
    mapping: Mapping | None = None,
    opening: Money | None = None,
    closing: Money | None = None,
) -> Imported:
    """Import every statement of the file to ``account``, in the order of their days.

    CSV needs ``mapping``, which is remembered for the account, and, where the file has no balances,
    ``opening`` and ``closing``. The same file again imports nothing and says so. Raises the
    refusals of `funding.payments.banking.refusals` under "Files" and "Statements": then nothing of
    the file was imported.
    """
    require_right(by, IMPORT_STATEMENT)
    content = read_limited(upload)
    sha256 = hashlib.sha256(content).hexdigest()
    before = _imported_before(account, sha256)
    if before:
        return Imported(before, again=True)
    plan = parse(account, content, mapping=mapping, opening=opening, closing=closing)
    with use_case():
        # Whoever imports to the same account meanwhile waits here, and then meets the new closing.
        account = BankAccount.objects.select_for_update().get(pk=account.pk)
        before = _imported_before(account, sha256)
        if before:
            return Imported(before, again=True)
        check(account, plan)
        statements = tuple(
            _write(account, upload.name or "", content, sha256, plan.format, position, parsed, by)
            for position, parsed in enumerate(plan.statements, 1)
        )
        if plan.format == Format.CSV and mapping is not None:
            CsvMapping.objects.update_or_create(
                account=account, defaults={"settings": mapping.as_settings()}
            )
        return Imported(statements)


def discard(statement: BankStatement, *, by: User, reason: str) -> BankStatement:
    """Take back the import of an account's last statement, of which nothing was matched ever.

    It counts nowhere from then on, and its file can be imported again once every statement of it
    is discarded. Raises NotPermitted, ReasonWanted, NotTheLastStatement, StatementMatched,
    MonthSigned.
    """
    require_right(by, IMPORT_STATEMENT)
    if not reason.strip():
        raise refusals.ReasonWanted
    with use_case():
        # As importing does: neither a newer statement nor another discard comes between.
        BankAccount.objects.select_for_update().get(pk=statement.account_id)
        last = BankStatement.objects.filter(account=statement.account_id).order_by("-pk").first()
        if last is None or last.pk != statement.pk:
            raise refusals.NotTheLastStatement
        # Whoever matches one of its lines meanwhile is waited for, or waits and is refused.
        list(last.lines.select_for_update(of=("self",), no_key=True).order_by("pk"))
        if Match.objects.filter(line__statement=last).exists():
            raise refusals.StatementMatched
        _require_unsigned(last)
        last.discarded_by, last.discarded_at = by, timezone.now()
        last.discarded_reason = reason.strip()[:500]
        last.save(update_fields=["discarded_by", "discarded_at", "discarded_reason"])
        audit.record("payments.discard_statement", last, by=by, reason=last.discarded_reason)
    return last


def _require_unsigned(statement: BankStatement) -> None:
    """Raise MonthSigned where a month was signed off on the word of this statement.

    The first of an account speaks for every month before it too, by what it opens with.
    """
    account = statement.account
    signed = Reconciliation.objects.filter(
        place=Reconciliation.Place.BANK, currency=account.currency
    )
    if account.statements.exclude(pk=statement.pk).exists():
        signed = signed.filter(month__gte=statement.first_day.replace(day=1))
    if (first := signed.order_by("month").first()) is not None:
        raise refusals.MonthSigned(month=month_in_words(first.month))


def read_limited(upload: Upload) -> bytes:
    """The file's bytes. Raises FileTooLarge and FileEmpty."""
    size = getattr(upload, "size", None)
    if size is not None and size > MAX_BYTES:
        raise refusals.FileTooLarge(limit=MAX_BYTES // 1024 // 1024)
    content = bytes(upload.read())
    if len(content) > MAX_BYTES:
        raise refusals.FileTooLarge(limit=MAX_BYTES // 1024 // 1024)
    if not content.strip():
        raise refusals.FileEmpty
    return content


def format_of(content: bytes) -> str:
    """Which format a file is in, by how it begins. Raises UnknownFormat for what is binary."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if head.startswith(b"<") or (utf16 and head[2:4] in (b"<\x00", b"\x00<")):
        return Format.CAMT
    if re.search(rb"(?m)^\s*(\{1:|:20:)", head):
        return Format.MT940
    if not utf16 and b"\x00" in head:
        raise refusals.UnknownFormat
    return Format.CSV


def parse(
    account: BankAccount,
    content: bytes,
    *,
    mapping: Mapping | None = None,
    opening: Money | None = None,
    closing: Money | None = None,
) -> Plan:
    """What the file says, in whichever format. Raises the refusals of `BadFile`."""
    found = format_of(content)
    if found == Format.CAMT:
        statements = camt.parse(content)
    elif found == Format.MT940:
        statements = mt940_statements.parse(content)
    elif mapping is None:
        raise refusals.MappingIncomplete
    else:
        statements = csv_statements.parse(
            content,
            mapping,
            account.currency,
            opening=opening.amount if opening else None,
            closing=closing.amount if closing else None,
        )
    return Plan(found, tuple(_in_order(statements)))


def check(account: BankAccount, plan: Plan) -> None:
    """Hold the rules of a statement: right account and currency, and every sum to the last unit.

    Raises AccountClosed, OtherAccount, OtherCurrency, SumDiffers, DayOutOfRange, OpeningDiffers,
    DaysOutOfOrder, ImportedBefore.
    """
    if account.closed_on is not None:
        raise refusals.AccountClosed(account=str(account))
    last = account.statements.order_by("-pk").first()
    closing = last.closing if last else None
    day = last.last_day if last else None
    for number, parsed in enumerate(plan.statements, 1):
        name = parsed.identification or str(number)
        _check_account(account, parsed)
        _check_sum(account.currency, name, parsed)
        _check_days(name, parsed)
        if closing is not None and day is not None:
            if parsed.opening != closing:
                raise refusals.OpeningDiffers(
                    statement=name,
                    opening=_words(parsed.opening, account),
                    last=_words(closing, account),
                    day=formats.date_format(day),
                    difference=_words(abs(parsed.opening - closing), account),
                )
            if parsed.first_day < day and any(line.booked_on < day for line in parsed.lines):
                raise refusals.DaysOutOfOrder(
                    statement=name,
                    first=formats.date_format(parsed.first_day),
                    last=formats.date_format(day),
                )
        _check_new(account, name, parsed)
        closing, day = parsed.closing, parsed.last_day


def _in_order(statements: Sequence[ParsedStatement]) -> list[ParsedStatement]:
    """Oldest first: some banks put the newest first. Those of one day stay as the file has them."""
    return sorted(statements, key=lambda parsed: (parsed.first_day, parsed.last_day))


def _check_account(account: BankAccount, parsed: ParsedStatement) -> None:
    if parsed.account and not is_ours(account, parsed.account):
        raise refusals.OtherAccount(found=parsed.account, wanted=account.iban or account.number)
    if parsed.currency and parsed.currency != account.currency:
        raise refusals.OtherCurrency(found=parsed.currency, wanted=account.currency)


def is_ours(account: BankAccount, told: str) -> bool:
    """Whether a file's account is this one. MT940 names it as the bank likes: an IBAN, the bank's
    code and the number, or either with the currency behind."""
    found = _compact(told).removesuffix(account.currency)
    iban, number = _compact(account.iban), _compact(account.number)
    if found in (iban, number):
        return True
    if number and len(number) >= 6 and found.endswith(number):
        return True
    return bool(iban) and len(found) >= 8 and iban.endswith(found)


def _compact(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def _check_sum(currency: str, name: str, parsed: ParsedStatement) -> None:
    makes = parsed.opening + parsed.total
    if makes != parsed.closing:
        raise refusals.SumDiffers(
            statement=name,
            opening=Money(parsed.opening, currency).format(),
            lines=Money(parsed.total, currency).format(),
            sum=Money(makes, currency).format(),
            closing=Money(parsed.closing, currency).format(),
            difference=Money(abs(parsed.closing - makes), currency).format(),
        )


def _check_days(name: str, parsed: ParsedStatement) -> None:
    # Tomorrow is taken: the bank's day may have begun before ours.
    last = timezone.localdate() + datetime.timedelta(days=1)
    for day in (parsed.first_day, parsed.last_day):  # every line lies between
        if not FIRST_DAY <= day <= last:
            raise refusals.DayOutOfRange(statement=name, day=day.isoformat())


def _check_new(account: BankAccount, name: str, parsed: ParsedStatement) -> None:
    """The same statement, downloaded again as another file: where it closes as it opened, its
    balances alone would let it in twice."""
    alike = account.statements.filter(
        first_day=parsed.first_day,
        last_day=parsed.last_day,
        opening=parsed.opening,
        closing=parsed.closing,
    ).defer("content")
    theirs = [
        (line.booked_on, line.amount, line.bank_reference, line.text) for line in parsed.lines
    ]
    for statement in alike:
        named = bool(parsed.identification) and parsed.identification == statement.identification
        ours = statement.lines.order_by("position").values_list(
            "booked_on", "amount", "bank_reference", "text"
        )
        if named or list(ours) == theirs:
            raise refusals.ImportedBefore(
                statement=name, day=formats.date_format(statement.last_day)
            )


def _words(amount: int, account: BankAccount) -> str:
    return Money(amount, account.currency).format()


def _imported_before(account: BankAccount, sha256: str) -> tuple[BankStatement, ...]:
    return tuple(account.statements.filter(file_sha256=sha256).order_by("position"))


def _write(
    account: BankAccount,
    name: str,
    content: bytes,
    sha256: str,
    format_: str,
    position: int,
    parsed: ParsedStatement,
    by: User,
) -> BankStatement:
    statement = BankStatement.objects.create(
        account=account,
        format=format_,
        file_name=name[-250:],
        file_sha256=sha256,
        content=content,
        position=position,
        identification=parsed.identification,
        opening=parsed.opening,
        closing=parsed.closing,
        first_day=parsed.first_day,
        last_day=parsed.last_day,
        imported_by=by,
    )
    BankLine.objects.bulk_create(
        [
            BankLine(
                statement=statement,
                position=place,
                booked_on=line.booked_on,
                value_on=line.value_on,
                amount=line.amount,
                bank_reference=line.bank_reference,
                payer_reference=line.payer_reference,
                counterparty=line.counterparty,
                counterparty_account=line.counterparty_account,
                text=line.text,
                instructed_amount=line.instructed_amount,
                instructed_currency=line.instructed_currency,
            )
            for place, line in enumerate(parsed.lines, 1)
        ]
    )
    audit.record(
        "payments.import_statement",
        statement,
        by=by,
        account=str(account),
        file=statement.file_name,
        sha256=sha256,
        lines=len(parsed.lines),
    )
    return statement
