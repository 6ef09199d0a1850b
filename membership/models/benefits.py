"""What a tier gives to its members: rights, and what is done for them within some days."""

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.models import User
from membership.models.fields import in_language
from membership.models.tiers import Tier

OFFICERS = "Membership officers"


def officers() -> int:
    """The key of the group that does what nobody else does."""
    group, __ = Group.objects.get_or_create(name=OFFICERS)
    key: int = group.pk
    return key


class Benefit(models.Model):
    """One line of the list that a tier promises. What is to be done becomes a task of each member.

    A change touches no task that was made before: a member is owed the words it was promised.
    """

    class Kind(models.TextChoices):
        RIGHT = "right", _("a right, such as a vote")
        SERVICE = "service", _("something that is done for the member")

    class Repeats(models.TextChoices):
        ONCE = "once", _("once")
        YEARLY = "yearly", _("every year")

    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="benefits")
    name = models.CharField(
        _("benefit"), max_length=200, help_text=_("As the member reads it, in one sentence.")
    )
    name_fr = models.CharField(_("benefit in French"), max_length=200, blank=True)
    name_pt = models.CharField(_("benefit in Portuguese"), max_length=200, blank=True)
    kind = models.CharField(
        _("what it is"), max_length=10, choices=Kind.choices, default=Kind.SERVICE
    )
    days = models.PositiveSmallIntegerField(
        _("done within days"),
        null=True,
        blank=True,
        help_text=_("Counted from the day on which the term begins to count. A right has none."),
    )
    repeats = models.CharField(
        _("how often"), max_length=10, choices=Repeats.choices, default=Repeats.YEARLY
    )
    # Never empty: the task of a benefit is always somebody's.
    group = models.ForeignKey(
        Group,
        on_delete=models.PROTECT,
        default=officers,
        verbose_name=_("which group does it"),
        related_name="+",
        help_text=_("Its people share these tasks out."),
    )
    owner = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("who does it"),
        related_name="+",
        help_text=_("Gets the task. Empty, or once they left: it is the group’s."),
    )
    position = models.PositiveSmallIntegerField(_("position in lists"), default=0)
    offered = models.BooleanField(
        _("promised"),
        default=True,
        help_text=_("Without it nobody new is promised this. What was promised is still owed."),
    )
    offered_from = models.DateField(
        _("promised from"),
        default=timezone.localdate,
        help_text=_("Members whose term counts already have their days from then on."),
    )

    class Meta:
        verbose_name = _("benefit")
        verbose_name_plural = _("benefits")
        ordering = ["tier", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tier", "name"],
                name="benefit_once_per_tier",
                violation_error_message=_("This tier has this benefit already."),
            ),
            models.CheckConstraint(
                condition=Q(kind="right", days__isnull=True)
                | Q(kind="service", days__isnull=False, days__gte=0, days__lte=366),
                name="benefit_service_has_days",
                violation_error_message=_(
                    "What is done for the member needs its days, 366 at most. A right has none."
                ),
            ),
            models.CheckConstraint(
                condition=Q(repeats__in=["once", "yearly"]), name="benefit_repeats_is_known"
            ),
        ]

    def __str__(self) -> str:
        return in_language(self, "name")

    @property
    def is_right(self) -> bool:
        return self.kind == self.Kind.RIGHT

    @property
    def timing(self) -> str:
        """By when it is done and how often, in words; "" for a right, which is there all the time."""
        if self.days is None:
            return ""
        if self.is_once:
            words = ngettext("once, within %(count)s day", "once, within %(count)s days", self.days)
        else:
            words = ngettext(
                "every year, within %(count)s day", "every year, within %(count)s days", self.days
            )
        return words % {"count": self.days}

    @property
    def is_once(self) -> bool:
        return self.repeats == self.Repeats.ONCE
