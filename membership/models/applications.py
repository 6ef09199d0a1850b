"""Requests to join. How they move from state to state stands in membership/applications.py."""

import datetime
import uuid

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import countries
from core.models import User
from core.money import CurrencyField
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
    # For how many days after a decline the applicant may appeal, and how long that takes.
    APPEAL_DAYS = 30
    APPEAL_TARGET_DAYS = 14

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
    # The answers. A draft may lack any of them; what is handed in is whole (see the constraints,
    # and membership/drafts.py for the sentences).
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    kind = models.CharField(_("type"), max_length=20, choices=OrganisationKind.choices, blank=True)
    country = CountryField(_("country"), blank=True)
    registration_agency = models.CharField(
        _("agency of the registration number"), max_length=20, blank=True
    )
    registration_number = models.CharField(_("registration number"), max_length=100, blank=True)
    website = models.URLField(
        _("website"), blank=True, validators=[URLValidator(schemes=["http", "https"])]
    )
    description = models.TextField(_("what the organisation does"), max_length=2000, blank=True)
    contact_name = models.CharField(_("primary contact"), max_length=150, blank=True)
    contact_email = models.EmailField(_("e-mail address of the primary contact"), blank=True)
    voting_name = models.CharField(_("voting representative"), max_length=150, blank=True)
    voting_email = models.EmailField(_("e-mail address of the voting representative"), blank=True)
    billing_name = models.CharField(_("billing contact"), max_length=150, blank=True)
    billing_email = models.EmailField(_("e-mail address of the billing contact"), blank=True)
    tier = models.ForeignKey(
        Tier, on_delete=models.PROTECT, related_name="applications", null=True, blank=True
    )
    constituency = models.CharField(
        _("constituency"), max_length=20, choices=Constituency.choices, blank=True
    )
    # What the dues are billed in, where the fee table offers more than one; empty: the main one.
    currency = CurrencyField(_("currency of the dues"), blank=True)
    # What was ticked while drafting, and for whom; submitting turns it into acceptances.
    ticked_versions = models.ManyToManyField(AgreementVersion, blank=True, related_name="+")
    signatory_name = models.CharField(_("who accepts"), max_length=150, blank=True)
    signatory_function = models.CharField(_("function of who accepts"), max_length=150, blank=True)
    may_bind = models.BooleanField(_("may bind the organisation"), default=False)

    # How often it was saved; and for each step at which saving it was last changed, and by whom (a
    # key of User): two people who have the same step open find out, two who work on different
    # steps do not disturb each other.
    version = models.PositiveIntegerField(default=1, editable=False)
    step_versions = models.JSONField(default=dict, blank=True, editable=False)

    state = models.CharField(
        _("state"), max_length=20, choices=State.choices, default=State.DRAFT, db_index=True
    )
    created_at = models.DateTimeField(_("started at"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    review_started_at = models.DateTimeField(_("review started at"), null=True, blank=True)
    # Who has it in hand. Others may act on it too: nobody waits for somebody's holiday.
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("assigned to"),
        related_name="assigned_applications",
    )
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
                condition=Q(kind="") | Q(kind__in=OrganisationKind.values),
                name="application_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(constituency="") | Q(constituency__in=Constituency.values),
                name="application_constituency_is_known",
            ),
            models.CheckConstraint(
                condition=Q(country="") | Q(country__regex=r"^[A-Z]{2}$"),
                name="application_country_is_iso2",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True)
                | (
                    ~Q(legal_name="")
                    & ~Q(public_name="")
                    & ~Q(kind="")
                    & ~Q(country="")
                    & ~Q(constituency="")
                    & Q(tier__isnull=False)
                ),
                name="application_submitted_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True)
                | Q(registration_agency="", registration_number="")
                | (~Q(registration_agency="") & ~Q(registration_number="")),
                name="application_registration_names_its_agency",
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
        return self.public_name or self.legal_name or gettext("an organisation without a name yet")

    @property
    def dues_currency(self) -> str:
        """What the dues are to be billed in: what was chosen, else what the organisation has."""
        if self.currency or self.organisation is None:
            return self.currency
        return self.organisation.currency

    @property
    def country_name(self) -> str:
        return countries.get(self.country).name() if self.country else ""

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
        begun = self.submitted_at
        if self.has_appeal and self.appeal.outcome == "set_aside" and self.appeal.decided_at:
            begun = self.appeal.decided_at
        return timezone.localdate(begun) + datetime.timedelta(days=self.TARGET_DAYS)

    @property
    def appeal_until(self) -> datetime.date | None:
        """The last day on which a decline can be appealed against; None where none can."""
        if self.state != self.State.DECLINED or self.decided_at is None or self.has_appeal:
            return None
        return timezone.localdate(self.decided_at) + datetime.timedelta(days=self.APPEAL_DAYS)

    @property
    def has_appeal(self) -> bool:
        return hasattr(self, "appeal")

    @property
    def appeal_due_on(self) -> datetime.date | None:
        """The day by which an appeal that waits is decided."""
        if not self.has_appeal or self.appeal.outcome:
            return None
        return timezone.localdate(self.appeal.made_at) + datetime.timedelta(
            days=self.APPEAL_TARGET_DAYS
        )

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
