"""Gifts, as staff read them; one that is not wanted is declined here, a bad name hidden."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column

from funding.payments.backoffice.base import ReadViewSet, RowPage, facts, money_column, only_read
from funding.payments.permissions import REQUEST_PAYOUT
from funding.pools import checks, declining, hiding, policy
from funding.pools.models import DonorCheck, Gift
from funding.pools.permissions import DECLINE_GIFT, HIDE_NAME, RECORD_CHECK

only_read(Gift)


class WhyForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        help_text=_("For staff and auditors. The donor does not read it."),
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Write the reason. Staff and auditors read it.")},
    )


class GiftPage(RowPage):
    """One gift: facts, checks, payments; declining it, hiding its name."""

    model = Gift
    rights = ("pools.view_gift",)
    template_name = "pools/backoffice/gift.html"
    header_icon = "pick"

    def get_rows(self) -> Any:
        return checks.with_looks(
            Gift.objects.select_related("pool", "donor", "recurring", "declined_by", "recorded_by")
        )

    def get_page_title(self) -> str:
        return gettext("Gift of %(amount)s from %(donor)s") % {
            "amount": self.row.money.format(),
            "donor": self.row.donor.name,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        gift: Gift = self.row
        may_decline = self.person.has_perm(DECLINE_GIFT) and self.person.has_perm(REQUEST_PAYOUT)
        own = gift.donor.user_id == self.person.pk
        context = {
            "facts": facts(
                gift, "reference", "pool", "donor", "anonymous", "public_name", "language",
                "recorded_by", "created_at", "received_at",
                "declined_at", "declined_by", "decline_reason",
            ),
            "fee_cover": gift.fee_cover,
            "payments": declining.payments_of(gift).order_by("pk"),
            "checks": DonorCheck.objects.filter(gift=gift).select_related("checked_by"),
            "wants_checks": policy.needs_check(gift.money) and not gift.declined_at,
            "may_check": self.person.has_perm(RECORD_CHECK) and not own,
            "may_decline": may_decline and not own and gift.declined_at is None,
            "may_hide": self.person.has_perm(HIDE_NAME) and not gift.anonymous,
            "why_form": WhyForm(),
        }  # fmt: skip
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {"decline": (DECLINE_GIFT, self.decline), "hide": (HIDE_NAME, self.hide)}

    def decline(self) -> HttpResponse:
        declining.decline_gift(self.row, by=self.person, reason=self.request.POST.get("reason", ""))
        return self.done(
            gettext("The gift is declined. What came of it is asked back for the donor.")
        )

    def hide(self) -> HttpResponse:
        hiding.hide_name(self.row, by=self.person, reason=self.request.POST.get("reason", ""))
        return self.done(gettext("The name is hidden. The gift shows as anonymous."))


class GiftViewSet(ReadViewSet):
    model = Gift
    name = "gifts"
    icon = "pick"
    menu_label = _("Gifts")
    page_view = GiftPage
    list_filter = ["pool", "received_at", "declined_at", "anonymous"]
    search_fields = ["donor__name", "donor__email"]
    list_display = [
        money_column("money", _("Amount"), lambda row: row.money),
        "pool",
        Column("donor", label=_("Donor"), accessor="donor.name"),
        Column(
            "anonymous",
            label=_("Public name"),
            accessor=lambda row: _("Anonymous") if row.anonymous else row.public_name,
        ),
        "created_at",
        "received_at",
        "declined_at",
    ]

    def rows(self) -> Any:
        return Gift.objects.select_related("pool", "donor")
