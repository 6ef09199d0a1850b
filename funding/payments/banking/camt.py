"""CAMT.053 by pycamt, behind this adapter.

pycamt reads names, references and texts. Money is read here, from the XML's own text: pycamt takes
pending entries like booked ones, computes debit balances through float, and takes for a part's
amount the first one that it meets, which may be in the payer's currency.
"""

import datetime
from typing import Any

from django.utils.translation import gettext as _
from lxml import etree
from pycamt.parser import Camt053Parser

from funding.payments.banking.parsed import (
    MAX_LINES,
    ParsedLine,
    ParsedStatement,
    minor,
    one_line,
)
from funding.payments.banking.refusals import (
    BadFile,
    BalanceMissing,
    LineInOtherCurrency,
    NotAStatement,
    NotReadable,
    NotXml,
    TooManyLines,
    XmlWithDtd,
)


def parse(content: bytes) -> list[ParsedStatement]:
    """The statements of a CAMT.053 file, with their booked entries alone.

    Raises the refusals of `BadFile`.
    """
    root = _read(content)
    statements = list(root.iter("Stmt"))
    if not statements:
        raise NotAStatement
    for entry in list(root.iter("Ntry")):
        if _status(entry) != "BOOK":
            parent = entry.getparent()
            assert parent is not None
            parent.remove(entry)
    if sum(1 for _entry in root.iter("Ntry")) > MAX_LINES:
        raise TooManyLines(limit=MAX_LINES)
    details = iter(_details(root))
    return [
        _statement(statement, number, details) for number, statement in enumerate(statements, 1)
    ]


def _read(content: bytes) -> etree._Element:
    """The document without its namespaces (banks use several versions and prefixes)."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise NotXml(line=error.lineno or 1) from None
    docinfo = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        raise XmlWithDtd
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    etree.cleanup_namespaces(root)
    return root


def _details(root: etree._Element) -> list[dict[str, Any]]:
    """What pycamt finds: a dictionary for each part of each entry, in the order of the file."""
    try:
        found: list[dict[str, Any]] = Camt053Parser(etree.tostring(root)).get_transactions()
    except (ValueError, AttributeError, KeyError, etree.LxmlError) as error:
        raise NotReadable(line=1, text="Document", why=str(error)[:200]) from error
    return found


def _statement(statement: etree._Element, number: int, details: Any) -> ParsedStatement:
    name = _text(statement, "Id") or str(number)
    balances = {
        code: balance
        for balance in statement.findall("Bal")
        if (code := _text(balance, "Tp/CdOrPrtry/Cd"))
    }
    # A statement in several pages closes one with an interim balance; a day's opening balance may
    # be told as the previous day's closing one.
    opening = balances.get("OPBD", balances.get("PRCD"))
    closing = balances.get("CLBD")
    if opening is None:
        raise BalanceMissing(statement=name, balance=_("opening balance (OPBD)"))
    if closing is None:
        raise BalanceMissing(statement=name, balance=_("closing balance (CLBD)"))
    currency = _text(statement, "Acct/Ccy") or _currency_of(closing)
    lines: list[ParsedLine] = []
    for entry in statement.findall("Ntry"):
        lines.extend(_lines(entry, currency, details))
    days = [line.booked_on for line in lines]
    told_first = _day_of(statement.find("FrToDt/FrDtTm")) or _day_of(opening.find("Dt"))
    told_last = _day_of(statement.find("FrToDt/ToDtTm")) or _day_of(closing.find("Dt"))
    first = told_first or min(days, default=told_last)
    last = told_last or max(days, default=told_first)
    if first is None or last is None:
        raise _unreadable(statement, name, _("A date is expected here."))
    return ParsedStatement(
        account=_text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id"),
        currency=currency,
        identification=one_line(name, 100),
        opening=_signed(opening, currency),
        closing=_signed(closing, currency),
        first_day=min([first, *days]),
        last_day=max([last, *days]),
        lines=tuple(lines),
    )


def _lines(entry: etree._Element, currency: str, details: Any) -> list[ParsedLine]:
    """The lines of one booked entry: one for each of its parts where the bank says what each is
    worth and they add up to the entry, else one for the whole."""
    parts = [part for group in entry.findall("NtryDtls") for part in group.findall(".//TxDtls")]
    told = [next(details) for _part in parts or [entry]]
    whole = _signed(entry, currency)
    if whole == 0:
        return []
    if _text(entry, "RvslInd").lower() == "true" and _text(entry, "CdtDbtInd") == "":
        raise _unreadable(entry, "RvslInd", _("It does not say whether money came or went."))
    amounts = [_part_amount(part, entry, currency) for part in parts]
    known = [amount for amount in amounts if amount]
    if len(parts) > 1 and len(known) == len(parts) and sum(known) == whole:
        return [
            _line(entry, part, amount, facts, currency)
            for part, amount, facts in zip(parts, known, told, strict=True)
        ]
    merged = _merged(told) if len(told) > 1 else told[0]
    return [_line(entry, parts[0] if len(parts) == 1 else None, whole, merged, currency)]


def _merged(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts of a batch that cannot be told apart: every text, and the names that agree."""
    merged = {
        key: value
        for key, value in told[0].items()
        if all(other.get(key) == value for other in told)
    }
    texts = [one_line(facts.get("RemittanceInformationFull")) for facts in told]
    merged["RemittanceInformationFull"] = " / ".join(text for text in texts if text)
    return merged


def _line(
    entry: etree._Element,
    part: etree._Element | None,
    amount: int,
    facts: dict[str, Any],
    currency: str,
) -> ParsedLine:
    booked = _day_of(entry.find("BookgDt")) or _day_of(entry.find("ValDt"))
    if booked is None:
        raise _unreadable(entry, "BookgDt", _("A booking date is expected here."))
    other = "Debtor" if amount > 0 else "Creditor"
    role = "Dbtr" if amount > 0 else "Cdtr"
    # Later versions put a name within <Pty>, and an account without an IBAN under <Othr>.
    counterparty = facts.get(f"{other}Name") or _text(part, f".//RltdPties/{role}//Nm")
    account = facts.get(f"{other}IBAN") or _text(part, f".//RltdPties/{role}Acct/Id/Othr/Id")
    end_to_end = facts.get("EndToEndId") or ""
    structured = _text(part, ".//RmtInf/Strd/CdtrRefInf/Ref")
    texts = [
        structured,
        facts.get("RemittanceInformationFull"),
        facts.get("AdditionalRemittanceInformation"),
        facts.get("AdditionalEntryInformation"),
        _text(part, ".//AddtlTxInf"),
    ]
    instructed, instructed_currency = _instructed(part, currency)
    return ParsedLine(
        booked_on=booked,
        value_on=_day_of(entry.find("ValDt")) or booked,
        amount=amount,
        bank_reference=one_line(
            _text(part, "Refs/AcctSvcrRef")
            or _text(entry, "AcctSvcrRef")
            or _text(entry, "NtryRef"),
            140,
        ),
        payer_reference="" if end_to_end == "NOTPROVIDED" else one_line(end_to_end, 140),
        counterparty=one_line(counterparty, 250),
        counterparty_account=one_line(account, 50),
        text=" · ".join(dict.fromkeys(found for text in texts if (found := one_line(text)))),
        instructed_amount=instructed,
        instructed_currency=instructed_currency,
    )


def _part_amount(part: etree._Element, entry: etree._Element, currency: str) -> int | None:
    """What one part of a batch is worth in the account's currency, signed; None if untold."""
    amount = part.find("Amt")
    if amount is None:
        amount = part.find("AmtDtls/TxAmt/Amt")
    if amount is None or amount.get("Ccy") != currency:
        return None
    sign = _text(part, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    value = minor(one_line(amount.text), currency, line=amount.sourceline or 0)
    return -value if sign == "DBIT" else value


def _instructed(part: etree._Element | None, currency: str) -> tuple[int | None, str | None]:
    """What the payer's bank took, where that was in another currency; never a reason to refuse."""
    amount = part.find("AmtDtls/InstdAmt/Amt") if part is not None else None
    theirs = amount.get("Ccy", "") if amount is not None else ""
    if amount is None or theirs == currency or len(theirs) != 3 or not theirs.isupper():
        return None, None
    try:
        return minor(one_line(amount.text), theirs, line=amount.sourceline or 0), theirs
    except BadFile:
        return None, None


def _signed(element: etree._Element, currency: str) -> int:
    """The amount of an entry or a balance, as exact decimal text, negative for a debit."""
    amount = element.find("Amt")
    if amount is None:
        raise _unreadable(element, "Amt", _("An amount is expected here."))
    found = amount.get("Ccy", currency)
    if found != currency:
        raise LineInOtherCurrency(line=amount.sourceline or 0, found=found, wanted=currency)
    sign = _text(element, "CdtDbtInd")
    if sign not in ("CRDT", "DBIT"):
        raise _unreadable(element, "CdtDbtInd", _("It does not say whether money came or went."))
    text = one_line(amount.text)
    if not text.replace(".", "", 1).isdigit() or not text.isascii():
        raise NotReadable(
            line=amount.sourceline or 0, text=text[:50], why=_("An amount is expected here.")
        )
    value = minor(text, currency, line=amount.sourceline or 0)
    return -value if sign == "DBIT" else value


def _currency_of(balance: etree._Element) -> str:
    amount = balance.find("Amt")
    if amount is None:
        raise _unreadable(balance, "Amt", _("An amount is expected here."))
    return amount.get("Ccy", "")


def _status(entry: etree._Element) -> str:
    return _text(entry, "Sts/Cd") or _text(entry, "Sts")


def _day_of(element: etree._Element | None) -> datetime.date | None:
    """The day of ``<Dt>``, of ``<DtTm>`` or of the element's own text; None where there is none."""
    if element is None:
        return None
    text = _text(element, "Dt") or _text(element, "DtTm") or one_line(element.text)
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        raise _unreadable(element, text, _("A date is expected here.")) from None


def _text(element: etree._Element | None, path: str) -> str:
    found = element.find(path) if element is not None else None
    return one_line(found.text) if found is not None else ""


def _unreadable(element: etree._Element, text: str, why: str) -> NotReadable:
    return NotReadable(line=element.sourceline or 0, text=text[:50], why=why)
