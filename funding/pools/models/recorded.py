"""What staff wrote down for donors who never sign in."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funding.payments.models.rules import never_deleted
from funding.pools.models.donor import Donor
from funding.pools.models.gift import Gift
from funding.pools.models.pledge import Pledge


class RecordedGiving(models.Model):
    """One line that staff recorded, by hand or from a file: it is known by ``external_id`` and so is
    never recorded twice."""

    class Kind(models.TextChoices):
        EXPECTED = "expected", _("A gift that is expected")
        PLEDGE = "pledge", _("A pledge")
        PAYMENT = "payment", _("A payment that has come")

    external_id = models.CharField(
        _("identifier"),
        max_length=100,
        unique=True,
        help_text=_("What the file or the letter calls it; the same one is recorded once."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="recorded")
    gift = models.OneToOneField(
        Gift, on_delete=models.PROTECT, related_name="recorded", null=True, blank=True
    )
    pledge = models.OneToOneField(
        Pledge, on_delete=models.PROTECT, related_name="recorded", null=True, blank=True
    )
    # The line as it was read, so that the same identifier with other content is refused.
    content_sha256 = models.CharField(max_length=64)
    file_name = models.CharField(_("file"), max_length=250, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True)

    class Meta:
        verbose_name = _("recorded gift or pledge")
        verbose_name_plural = _("recorded gifts and pledges")
        ordering = ["-recorded_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(gift__isnull=False, pledge__isnull=True)
                | Q(gift__isnull=True, pledge__isnull=False),
                name="recorded_one_thing",
            )
        ]
        triggers = never_deleted("recorded_giving", "What was recorded is never deleted.")

    def __str__(self) -> str:
        return self.external_id
