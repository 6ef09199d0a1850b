"""Who a gift is from, and who may see it. Rows are never merged by an address alone.

- A signed-in person has one row of their own, found by their account.
- A gift made without an account gets a row of its own. Whoever typed an address has not shown that
  it is theirs, so such a gift is joined to nothing.
- A person sees, beside their own row's gifts, those made without an account with an address that
  they have verified (a code sent to it came back). That is worked out at each reading and stored
  nowhere: an address that is no longer theirs shows them nothing any more.
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
        donor.public_name = giver.public_name or donor.public_name
        donor.anonymous = giver.anonymous
        donor.save(update_fields=["name", "email", "public_name", "anonymous"])
    return donor


def donors_of(user: User) -> QuerySet[Donor]:
    """The donor rows whose gifts ``user`` may see; the only way to them in the account area."""
    verified = EmailAddress.objects.filter(
        user=user, verified=True, email__iexact=OuterRef("email")
    )
    return Donor.objects.filter(Q(user=user) | Q(Exists(verified), user__isnull=True))
