"""What the foundation wants to reach, by when, and how far it is."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, FieldRowPanel, InlinePanel
from wagtail.fields import StreamField
from wagtail.models import Orderable, TranslatableMixin
from wagtail.search import index

from home.blocks import BodyBlock
from home.models.base import PortalPage


class GoalsPage(PortalPage):
    """Goals of the short and of the long term, each with its measure and who answers for it."""

    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)
    is_proposal = models.BooleanField(
        _("proposal"),
        default=True,
        help_text=_("Nobody has decided on these goals yet; the page says so."),
    )

    content_panels = [
        *PortalPage.content_panels,
        "is_proposal",
        InlinePanel("goals", heading=_("Goals"), label=_("Goal")),
        "body",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("body"),
        index.RelatedFields("goals", [index.SearchField("title"), index.SearchField("measure")]),
    ]
    parent_page_types = ["home.HomePage", "home.StandardPage"]
    subpage_types: list[str] = []
    template = "home/goals_page.html"
    page_description = _("Goals of the short and of the long term, with how far they are.")

    class Meta:
        verbose_name = _("page of goals")
        verbose_name_plural = _("pages of goals")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        goals = list(self.goals.all())
        context["horizons"] = [
            (horizon, found)
            for horizon in Goal.Horizon
            if (found := [goal for goal in goals if goal.horizon == horizon])
        ]
        return context


class Goal(TranslatableMixin, Orderable):
    """One goal. ``target`` and ``reached`` count what ``measure`` names; none is money."""

    class Horizon(models.TextChoices):
        SHORT = "short", _("In the short term")
        LONG = "long", _("In the long term")

    page = ParentalKey(GoalsPage, on_delete=models.CASCADE, related_name="goals")
    title = models.CharField(_("goal"), max_length=200)
    horizon = models.CharField(
        _("horizon"), max_length=5, choices=Horizon.choices, default=Horizon.SHORT
    )
    measure = models.CharField(
        _("measure"),
        max_length=200,
        help_text=_("What is counted, such as: ministries of health among the members."),
    )
    target = models.PositiveIntegerField(
        _("target"), validators=[MinValueValidator(1)], help_text=_("The number to reach.")
    )
    reached = models.PositiveIntegerField(
        _("reached"), null=True, blank=True, help_text=_("Left empty: nobody has counted yet.")
    )
    as_of = models.DateField(
        _("as of"), null=True, blank=True, help_text=_("The day of the count.")
    )
    source = models.CharField(
        _("source"), max_length=250, blank=True, help_text=_("Where the number was read.")
    )
    responsible = models.CharField(
        _("responsible"),
        max_length=160,
        blank=True,
        help_text=_("Who answers for it: a committee or an office."),
    )

    panels = [
        FieldPanel("title"),
        FieldPanel("horizon"),
        FieldPanel("measure"),
        FieldRowPanel([FieldPanel("target"), FieldPanel("reached"), FieldPanel("as_of")]),
        FieldPanel("source"),
        FieldPanel("responsible"),
    ]

    class Meta(Orderable.Meta, TranslatableMixin.Meta):
        verbose_name = _("goal")
        verbose_name_plural = _("goals")
        constraints = [
            models.CheckConstraint(condition=Q(target__gt=0), name="goal_target_is_positive"),
            models.CheckConstraint(
                condition=Q(reached__isnull=True) | Q(as_of__isnull=False),
                name="goal_count_has_its_day",
                violation_error_message=_("Say on which day that was counted."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.reached is not None and self.as_of is None:
            raise ValidationError({"as_of": _("Say on which day that was counted.")})
        if self.as_of and self.as_of > timezone.localdate():
            raise ValidationError({"as_of": _("This day has not come yet.")})

    @property
    def is_reached(self) -> bool:
        return self.reached is not None and self.reached >= self.target
