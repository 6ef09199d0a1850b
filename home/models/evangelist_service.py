"""The service of an evangelist: since when, confirmed until when, by which terms.

A page is what the world reads; this is what stays when its words change, and what is left without
a name when the person wishes to be forgotten.
"""

import datetime
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Max, Min, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from membership.models import AgreementVersion


class EvangelistQuerySet(models.QuerySet["Evangelist"]):
    def with_days(self) -> "EvangelistQuerySet":
        """Adds ``first_day`` and ``last_confirmed_on``: the first and last confirmation that count."""
        return self.annotate(
            first_day=Min("confirmations__counts_from"),
            last_confirmed_on=Max("confirmations__counts_from"),
        )


class Evangelist(models.Model):
    """One person's service. Its pages, one a language, name it; their person may edit them.

    Whether it is current follows from its confirmations and today (`home.evangelists.service`).
    """

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    accepts_messages = models.BooleanField(
        _("takes messages"),
        default=True,
        help_text=_("Anyone can write by a form; nobody sees the address."),
    )
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    erased_at = models.DateTimeField(_("erased at"), null=True, editable=False)

    objects = EvangelistQuerySet.as_manager()

    class Meta:
        verbose_name = _("service of an evangelist")
        verbose_name_plural = _("services of evangelists")
        ordering = ["id"]
        default_permissions = ("view",)
        permissions = [
            ("decide_nomination", _("Can decide about nominations and returns of evangelists")),
            ("moderate_evangelist", _("Can hide activities and close reported messages")),
            ("erase_evangelist", _("Can erase an evangelist at their wish")),
        ]

    def __str__(self) -> str:
        # No name: the audit log keeps this for ever as the name of the row.
        return str(_("Evangelist %(number)s")) % {"number": self.pk}


class Confirmation(models.Model):
    """The person says that they still serve: it counts for a year.

    An alumnus who returns asks by one that counts only once staff agree.
    """

    evangelist = models.ForeignKey(
        Evangelist, on_delete=models.PROTECT, related_name="confirmations"
    )
    made_at = models.DateTimeField(_("made at"), default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # The first day of the year that it counts for; none while staff have not agreed.
    counts_from = models.DateField(_("counts from"), null=True)
    asks_staff = models.BooleanField(_("asks staff"), default=False)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("confirmation")
        verbose_name_plural = _("confirmations")
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["evangelist", "counts_from"], name="confirmation_once_a_day"
            ),
            models.UniqueConstraint(
                fields=["evangelist"],
                condition=Q(asks_staff=True, decided_at=None),
                name="confirmation_one_return_waits",
            ),
            models.CheckConstraint(
                condition=Q(asks_staff=True) | Q(counts_from__isnull=False, decided_at=None),
                name="confirmation_counts_at_once_or_asks",
            ),
            models.CheckConstraint(
                condition=Q(counts_from=None) | Q(asks_staff=False) | Q(decided_at__isnull=False),
                name="confirmation_returns_by_decision",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(made_by=None) | ~Q(decided_by=F("made_by")),
                name="confirmation_not_decided_by_its_maker",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.evangelist} · {self.made_at:%Y-%m-%d}"


class ConfirmationNotice(models.Model):
    """What was written to an evangelist about a year that ends: each word once."""

    class Kind(models.TextChoices):
        SOON = "soon", _("the year ends soon")
        LAST_DAY = "last_day", _("the year ends today")
        ENDED = "ended", _("the year has ended")

    confirmation = models.ForeignKey(Confirmation, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("notice to an evangelist")
        verbose_name_plural = _("notices to evangelists")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["confirmation", "kind"], name="evangelist_notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.confirmation} · {self.kind}"


class TermsAcceptance(models.Model):
    """A person accepted a version of the terms of service, for themself."""

    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="evangelist_terms"
    )
    accepted_at = models.DateTimeField(_("accepted at"), default=timezone.now)

    class Meta:
        verbose_name = _("acceptance of the terms of service")
        verbose_name_plural = _("acceptances of the terms of service")
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["person", "version"], name="evangelist_terms_once")
        ]

    def __str__(self) -> str:
        return f"{self.version} · {self.person_id}"


class Level(models.TextChoices):
    DONOR = "donor", _("Donor level")
    TECHNICAL = "technical", _("Technical level")
    COUNTRY = "country", _("Country level")


class Nomination(models.Model):
    """Somebody is put forward: invited → accepted → approved or declined by staff."""

    class State(models.TextChoices):
        INVITED = "invited", _("waits for the person")
        EXPIRED = "expired", _("not answered in time")
        REFUSED = "refused", _("the person does not want it")
        WITHDRAWN = "withdrawn", _("withdrawn")
        WAITING = "waiting", _("waits for staff")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")

    VALID = datetime.timedelta(days=30)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Made with the rendered form, so that a form sent twice makes one nomination.
    form_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    nominated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="evangelist_nominations"
    )
    organisation = models.ForeignKey(
        "membership.Organisation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("in the name of"),
    )
    successor_of = models.ForeignKey(
        Evangelist,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="successions",
        verbose_name=_("to follow"),
    )
    follows_in = models.CharField(_("follows in"), max_length=120, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    level = models.CharField(_("level"), max_length=10, choices=Level.choices)
    reason = models.TextField(_("reason"), max_length=1000, blank=True)
    language = models.CharField(_("language of the mail"), max_length=10)
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("nominated at"), default=timezone.now)
    expires_at = models.DateTimeField(_("to be answered by"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    refused_at = models.DateTimeField(_("refused at"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decision_reason = models.TextField(_("reason of the decision"), blank=True)
    evangelist = models.OneToOneField(
        Evangelist, on_delete=models.PROTECT, null=True, related_name="nomination"
    )

    class Meta:
        verbose_name = _("nomination")
        verbose_name_plural = _("nominations")
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(accepted_at=None, refused_at=None, withdrawn_at=None, email__gt=""),
                name="nomination_one_open_per_address",
            ),
            models.UniqueConstraint(
                fields=["accepted_by"],
                condition=Q(accepted_at__isnull=False, decided_at=None),
                name="nomination_one_waits_per_person",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(refused_at=None, withdrawn_at=None),
                name="nomination_has_one_answer",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None) | Q(accepted_at__isnull=False),
                name="nomination_decided_after_acceptance",
            ),
            models.CheckConstraint(
                condition=Q(evangelist=None) | Q(decided_at__isnull=False),
                name="nomination_makes_evangelist_by_decision",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None)
                | (~Q(decided_by=F("nominated_by")) & ~Q(decided_by=F("accepted_by"))),
                name="nomination_not_decided_by_its_people",
            ),
        ]

    def __str__(self) -> str:
        return str(_("Nomination %(number)s")) % {"number": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)

    @property
    def state(self) -> "Nomination.State":
        if self.decided_at is not None:
            return self.State.APPROVED if self.evangelist_id else self.State.DECLINED
        if self.accepted_at is not None:
            return self.State.WAITING
        if self.refused_at is not None:
            return self.State.REFUSED
        if self.withdrawn_at is not None:
            return self.State.WITHDRAWN
        return self.State.EXPIRED if self.expires_at <= timezone.now() else self.State.INVITED

    @property
    def public_name(self) -> str:
        return self.name or str(_("a former evangelist"))

    @property
    def state_words(self) -> str:
        return str(self.state.label)
