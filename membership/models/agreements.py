"""Texts that members agree to, in versions, and who accepted which."""

import datetime

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models.fields import in_language
from membership.models.organisations import Organisation


class Agreement(models.Model):
    """A text that has versions, such as the code of conduct."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    name_fr = models.CharField(_("name in French"), max_length=120, blank=True)
    name_pt = models.CharField(_("name in Portuguese"), max_length=120, blank=True)
    required = models.BooleanField(
        _("required to join"),
        default=True,
        help_text=_("An application cannot be submitted without accepting it."),
    )
    position = models.PositiveSmallIntegerField(_("position in lists"), default=0)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return in_language(self, "name")

    def version_in_force(self, on: datetime.date) -> "AgreementVersion | None":
        """The newest published version that is effective on ``on``."""
        return self.versions.in_force(on).order_by("-effective_from").first()


class AgreementVersionQuerySet(models.QuerySet["AgreementVersion"]):
    def in_force(self, on: datetime.date) -> "AgreementVersionQuerySet":
        """Published and effective on ``on``; an agreement may have several, the newest counts."""
        return self.filter(published_at__isnull=False, effective_from__lte=on)


class AgreementVersion(models.Model):
    """The words of an agreement. Once published they never change: people accepted them."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    label = models.CharField(_("version"), max_length=20, help_text=_("Such as 1.0."))
    text = models.TextField(_("text"), help_text=_("The English text is the binding one."))
    text_fr = models.TextField(_("text in French"), blank=True)
    text_pt = models.TextField(_("text in Portuguese"), blank=True)
    effective_from = models.DateField(_("in force from"))
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)

    objects = AgreementVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of an agreement")
        verbose_name_plural = _("versions of agreements")
        ordering = ["agreement", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "label"],
                name="version_label_once",
                violation_error_message=_("This agreement has a version of this name already."),
            ),
            models.UniqueConstraint(
                fields=["agreement", "effective_from"],
                condition=Q(published_at__isnull=False),
                name="version_one_a_day",
                violation_error_message=_(
                    "Another version of this agreement is in force from this day."
                ),
            ),
        ]
        triggers = [
            # Whoever accepted version 1.0 must be able to read the words they accepted, whatever
            # staff, a bug or a script does later.
            pgtrigger.Protect(
                name="published_version_stays",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.agreement} {self.label}"

    @property
    def local_text(self) -> str:
        return in_language(self, "text")


class Acceptance(models.Model):
    """A person accepted a version for an organisation, or for one that applies. A fact."""

    version = models.ForeignKey(
        AgreementVersion, on_delete=models.PROTECT, related_name="acceptances"
    )
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acceptances")
    application = models.ForeignKey(
        "membership.Application",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="acceptances",
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="acceptances"
    )
    # Who has the authority, in their own words; ``person`` is who pressed the button. Both are
    # empty where an organisation accepted before this was asked.
    signatory_name = models.CharField(_("who accepts"), max_length=150, blank=True)
    signatory_function = models.CharField(_("function of who accepts"), max_length=150, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"))

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "version"],
                name="acceptance_once_per_application",
                violation_error_message=_("This version was accepted already."),
            ),
            models.UniqueConstraint(
                fields=["organisation", "version"],
                name="acceptance_once_per_organisation",
                violation_error_message=_("This version was accepted already."),
            ),
            models.CheckConstraint(
                condition=Q(application__isnull=False) | Q(organisation__isnull=False),
                name="acceptance_is_for_someone",
            ),
            models.CheckConstraint(
                condition=Q(signatory_name="", signatory_function="")
                | (~Q(signatory_name="") & ~Q(signatory_function="")),
                name="acceptance_names_person_and_function",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="acceptance_stays", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} · {self.person}"


class AgreementNotice(models.Model):
    """An organisation was told of a version that its members must accept: once."""

    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="notices")
    # Named "+": it stays with the organisation that was told, also where that is merged away.
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("notice of an agreement")
        verbose_name_plural = _("notices of agreements")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "organisation"], name="agreement_notice_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} · {self.organisation}"
