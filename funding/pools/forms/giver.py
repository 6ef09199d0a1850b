"""Who gives: the part that the forms of gifts and pledges share."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import Money
from core.refusals import Refusal
from funding.pools.donors import Giver
from funding.pools.models import Donor, PoolProfile
from funding.pools.policy import policy
from funding.pools.refusals import GivingRefusal

OWN = "own"
NAMED, ANONYMOUS = "named", "anonymous"


class GiverForm(forms.Form):
    """Who gives and how they want to be named; shared by gifts and pledges."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("For the receipt. The public sees it only if you choose so below."),
        error_messages={"required": _("Enter your name, so that the receipt can carry it.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("We send the receipt to it."),
        error_messages={
            "required": _("Enter an e-mail address, so that we can send the receipt."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    naming = forms.ChoiceField(
        label=_("How the pool’s page names you"),
        choices=[
            (ANONYMOUS, _("As an anonymous donor")),
            (NAMED, _("By the name below")),
        ],
        help_text=_(
            "Either way the public ledger shows the day and the amount of each payment, "
            "and never a name."
        ),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether the pool’s page may name you.")},
    )
    public_name = forms.CharField(
        label=_("Name to show"),
        max_length=120,
        required=False,
        help_text=_("A person’s or an organisation’s name. Left empty, it is your name above."),
    )

    def __init__(
        self, *args: Any, profile: PoolProfile, user: User | None = None, **kwargs: Any
    ) -> None:
        self.profile = profile
        self.user = user
        donor = Donor.objects.filter(user=user).first() if user is not None else None
        kwargs["initial"] = self._known(donor) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.policy = policy(profile.currency)
        if self.policy.anonymous_limit is not None:
            limit = Money(self.policy.anonymous_limit, profile.currency)
            words = _("Up to %(limit)s you can stay anonymous. Above that the page names you.")
            told = self.fields["naming"].help_text
            self.fields["naming"].help_text = f"{words % {'limit': limit.format()}} {told}"
        if user is not None:
            # The account's own address: shown, not asked for, and never taken from the form.
            self.fields["email"].disabled = True
            self.fields["email"].help_text = _("The address of your account.")

    def _known(self, donor: Donor | None) -> dict[str, Any]:
        """What the form offers before anything is typed."""
        known: dict[str, Any] = {"form_token": uuid.uuid4(), "naming": ANONYMOUS}
        if self.user is not None:
            known |= {"email": self.user.email, "name": self.user.get_full_name()}
        if donor is not None:
            known |= {
                "name": donor.name,
                "public_name": donor.public_name,
                "naming": ANONYMOUS if donor.anonymous else NAMED,
            }
        return known

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        shown = cleaned.get("public_name") or cleaned.get("name", "")
        cleaned["shown_name"] = shown if cleaned.get("naming") == NAMED else ""
        return cleaned

    @property
    def giver(self) -> Giver:
        return Giver(
            name=self.cleaned_data["name"],
            email=self.cleaned_data["email"],
            public_name=self.cleaned_data["shown_name"],
            user=self.user,
        )

    def refuse(self, refusal: Refusal) -> None:
        """Show a rule's refusal at the field that mends it, or above the form."""
        field = refusal.field if isinstance(refusal, GivingRefusal) else None
        self.add_error(field if field in self.fields else None, str(refusal))
