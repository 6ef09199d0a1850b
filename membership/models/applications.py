"""Requests to join. How they move from state to state stands in membership/applications.py."""

import datetime
import uuid

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from core.models import User
from membership.models.agreements import AgreementVersion
from membership.models.fields import CountryField
from membership.models.organisations import Constituency, Organisation, OrganisationKind
from membership.models.tiers import Tier


class Application(models.Model):
    """A request to join: the organisation as its applicant describes it, and how far it came.

    The organisation itself is made by the approval; until then its facts live here, so that a
    request that leads nowhere leaves no organisation behind.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("submitted")
        UNDER_REVIEW = "under_review", _("under review")
        INFORMATION_WANTED = "information_wanted", _("more information wanted")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    # Within how many days of its submission an application is answered.
    TARGET_DAYS = 14

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Made with the rendered form, so that a form sent twice makes one application.
    form_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="applications"
    )
    organisation = models.ForeignKey(
        Organisation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
        help_text=_("Set from the start where an organisation joins again, else by approval."),
    )
    legal_name = models.CharField(_("legal name"), max_length=200)
    public_name = models.CharField(_("public name"), max_length=120)
    kind = models.CharField(_("type"), max_length=20, choices=OrganisationKind.choices)
    country = CountryField(_("country"))
    website = models.URLField(
        _("website"), blank=True, validators=[URLValidator(schemes=["http", "https"])]
    )
    description = models.TextField(_("what the organisation does"), max_length=2000, blank=True)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="applications")
    constituency = models.CharField(_("constituency"), max_length=20, choices=Constituency.choices)
    # What the applicant ticked while drafting; submitting turns it into acceptances.
    ticked_versions = models.ManyToManyField(AgreementVersion, blank=True, related_name="+")

    state = models.CharField(
        _("state"), max_length=20, choices=State.choices, default=State.DRAFT, db_index=True
    )
    created_at = models.DateTimeField(_("started at"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    review_started_at = models.DateTimeField(_("review started at"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decided_applications",
    )
    decision_reason = models.TextField(_("reason of the decision"), max_length=2000, blank=True)

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["-submitted_at", "-id"]
        permissions = [("decide_application", "Can review, approve and decline applications")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "draft",
                        "submitted",
                        "under_review",
                        "information_wanted",
                        "approved",
                        "declined",
                        "withdrawn",
                    ]
                ),
                name="application_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OrganisationKind.values), name="application_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(constituency__in=Constituency.values),
                name="application_constituency_is_known",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="application_country_is_iso2"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"]) | Q(submitted_at__isnull=False),
                name="application_submitted_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["approved", "declined"],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                )
                | (
                    ~Q(state__in=["approved", "declined"])
                    & Q(decided_at__isnull=True, decided_by__isnull=True)
                ),
                name="application_decision_has_a_decider",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("applicant")),
                name="application_not_decided_by_applicant",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(organisation__isnull=False),
                name="application_approved_has_organisation",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(decision_reason=""),
                name="application_declined_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.public_name

    @property
    def country_name(self) -> str:
        return countries.get(self.country).name()

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to it."""
        return self.state not in (
            self.State.APPROVED,
            self.State.DECLINED,
            self.State.WITHDRAWN,
        )

    @property
    def tag(self) -> str:
        """How the state is coloured (templates/components/tag.html)."""
        return {
            self.State.INFORMATION_WANTED: "warning",
            self.State.APPROVED: "good",
            self.State.DECLINED: "loss",
            self.State.WITHDRAWN: "quiet",
            self.State.DRAFT: "quiet",
        }.get(self.State(self.state), "")

    @property
    def answer_due_on(self) -> datetime.date | None:
        """The day by which the applicant has an answer; None before the submission."""
        if self.submitted_at is None:
            return None
        return timezone.localdate(self.submitted_at) + datetime.timedelta(days=self.TARGET_DAYS)

    @property
    def open_question(self) -> "InformationRequest | None":
        """The question that waits for the applicant's answer; a decision ends the waiting."""
        if self.state != self.State.INFORMATION_WANTED:
            return None
        return self.information_requests.filter(answered_at__isnull=True).first()


class InformationRequest(models.Model):
    """A question of the reviewers and the applicant's answer to it."""

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="information_requests"
    )
    question = models.TextField(_("question"), max_length=2000)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("asked at"))
    answer = models.TextField(_("answer"), max_length=4000, blank=True)
    answered_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("request for information")
        verbose_name_plural = _("requests for information")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(answered_at__isnull=True),
                name="information_one_open_question",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer="")),
                name="information_answer_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]
