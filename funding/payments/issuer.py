"""Who issues our papers, what they say of goods and services, and where a transfer goes.

Staff set it in the back office (Settings, "details on papers"). Each paper copies what holds on its
day, in its own language, and keeps it.
"""

from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from funding.payments.models import BankAccount, IssuerDetails

# The purposes whose papers say that something is given in return; every other payment is a gift.
DUES = ("dues", "dues-change")


@dataclass(frozen=True, slots=True)
class Issuer:
    name: str
    address: str
    registration: str = ""


def details() -> IssuerDetails:
    """What staff have set; the defaults where they set nothing yet. Writes nothing."""
    return IssuerDetails.objects.first() or IssuerDetails()


def current() -> Issuer:
    """The issuer whose facts a new paper copies.

    The foundation is proposed: until staff enter its legal facts, papers carry its working name
    and its address on the web.
    """
    ours = details()
    return Issuer(
        name=ours.legal_name or settings.SITE_NAME,
        address=ours.address or settings.SITE_URL,
        registration=ours.registration,
    )


def statement(purpose: str, language: str) -> str:
    """Whether goods or services are given for a payment of ``purpose``, for a paper in ``language``."""
    ours = details()
    with translation.override(language):
        if purpose in DUES:
            return ours.dues_statement or _("Membership in return, as its tier says.")
        return ours.gift_statement or _("No goods or services were given in return.")


def open_account(currency: str) -> BankAccount | None:
    """Our bank account for ``currency``, None where there is none."""
    return BankAccount.objects.filter(currency=currency, closed_on=None).first()


def transfer_details(account: BankAccount, language: str) -> str:
    """What a payer needs for a transfer to ``account``, a line each, labelled in ``language``."""
    with translation.override(language):
        lines = [
            _("Account holder: %(name)s") % {"name": account.holder},
            _("Bank: %(name)s") % {"name": account.bank},
        ]
        if account.iban:
            lines.append(f"IBAN: {in_fours(account.iban)}")
        if account.number:
            lines.append(_("Account number: %(number)s") % {"number": account.number})
        if account.bic:
            lines.append(f"BIC: {account.bic}")
    return "\n".join([*lines, *account.more.strip().splitlines()])


def in_fours(text: str) -> str:
    """An IBAN or a reference in groups of four, as people read and copy it."""
    compact = text.replace(" ", "")
    return " ".join(compact[at : at + 4] for at in range(0, len(compact), 4))
