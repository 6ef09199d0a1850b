"""Who a gift is from, and who may see it. Rows are never merged by an address alone.

- A signed-in person has one row of their own, found by their account.
- A gift made without an account gets a row of its own. Whoever typed an address has not shown that
  it is theirs, so such a gift is joined to nothing.
- A person sees, beside their own row's gifts, those of rows without an account that carry an
  address they have verified (a code sent to it came back). That is worked out at each reading and
  stored nowhere: an address that is no longer theirs shows them nothing any more.
- Staff merge two rows that they know to be one donor (`funding.pools.merging`), and a donor claims
  what staff recorded (`funding.pools.claims`). The merged row stays, empty, and points to the other.
"""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import User
from core.transactions import inside_transaction
from funding.pools.models import Donor


@dataclass(frozen=True, slots=True)
class Giver:
    """Who stands before the form: what they typed and, when signed in, who they are.

    ``public_name`` is what the public may read; empty means that this gift is anonymous.
    """

    name: str
    email: str
    public_name: str = ""
    user: User | None = None

    @property
    def anonymous(self) -> bool:
        return not self.public_name


@inside_transaction
def donor_for(giver: Giver) -> Donor:
    """The donor row that a gift or pledge of ``giver`` hangs on; made where there is none yet.

    For a signed-in person the row follows what they last said of themselves. An anonymous gift
    leaves the public name of their other gifts as it is.
    """
    if giver.user is None:
        return Donor.objects.create(
            name=giver.name,
            email=giver.email,
            public_name=giver.public_name,
            anonymous=giver.anonymous,
        )
    donor, made = Donor.objects.select_for_update().get_or_create(
        user=giver.user,
        defaults={
            "name": giver.name,
            "email": giver.user.email,
            "public_name": giver.public_name,
            "anonymous": giver.anonymous,
        },
    )
    if not made:
        donor.name = giver.name
        donor.email = giver.user.email
        if giver.public_name and giver.public_name != donor.public_name:
            # Staff approved the logo beside the name that it had.
            donor.public_name, donor.logo_approved = giver.public_name, False
        donor.anonymous = giver.anonymous
        donor.save(update_fields=["name", "email", "public_name", "logo_approved", "anonymous"])
    return donor


def own_row(user: User) -> Donor | None:
    """The row of a signed-in person, where they have one."""
    return Donor.objects.filter(user=user).first()


def standing(donor: Donor) -> Donor:
    """The row that counts for ``donor``: itself, or the one it was merged into."""
    return donor.merged_into or donor


def rows_of(donor: Donor) -> QuerySet[Donor]:
    """``donor`` and the rows merged into it: what was checked of any of them was checked of it."""
    return Donor.objects.filter(Q(pk=donor.pk) | Q(merged_into=donor))


def donors_of(user: User) -> QuerySet[Donor]:
    """The donor rows whose gifts ``user`` may see; the only way to them in the account area.

    A row without an account is theirs, too, where one that was merged into it carries an address
    of theirs: staff have said that both are one donor.
    """
    merged_in = Donor.objects.filter(_carries_address_of(user), merged_into=OuterRef("pk"))
    without_account = Q(user__isnull=True, merged_into__isnull=True)
    return Donor.objects.filter(
        Q(user=user) | (without_account & (_carries_address_of(user) | Exists(merged_in)))
    )


def known_address(email: str) -> bool:
    """Whether something was given from this address without an account, by whomever."""
    return Donor.objects.filter(email__iexact=email, user__isnull=True).exists()


def _carries_address_of(user: User) -> Q:
    verified = EmailAddress.objects.filter(
        user=user, verified=True, email__iexact=OuterRef("email")
    )
    return Q(Exists(verified))
