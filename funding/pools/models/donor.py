"""Donors, and what was checked about them."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from funding.payments.models.rules import immutable


def not_merged(table: str) -> pgtrigger.Trigger:
    """The trigger of a table whose rows hang on a donor: never on one that was merged.

    The donor's row is locked as a foreign key locks it, so that it waits for a merging under way
    and sees what came of it.
    """
    return pgtrigger.Trigger(
        name=f"{table}_of_a_standing_donor",
        level=pgtrigger.Row,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("donor_id"),
        declare=[("kept", "bigint")],
        func="""
            SELECT merged_into_id INTO kept FROM pools_donor
            WHERE id = NEW.donor_id FOR KEY SHARE;
            IF kept IS NOT NULL THEN
                RAISE EXCEPTION 'This donor was merged: donor % took over.', kept
                    USING ERRCODE = '23514', CONSTRAINT = 'of_a_standing_donor';
            END IF;
            RETURN NEW;
        """,
    )


class Donor(models.Model):
    """Who gives: the row of a signed-in person, one that staff recorded, or one row per gift made
    without an account.

    Rows are never merged by e-mail address alone. `funding.pools.donors` says who may see which.
    The e-mail address and the name are known to staff alone; ``public_name`` is shown where the
    donor agreed to it for that gift.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("A person")
        ORGANISATION = "organisation", _("An organisation")

    user = models.OneToOneField(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="donor"
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.PERSON)
    name = models.CharField(_("name"), max_length=120)
    # Empty for a donor whom staff recorded without one.
    email = models.EmailField(_("e-mail address"), blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    # The organisation this donor is, where it is in the portal too.
    organisation = models.ForeignKey(
        "membership.Organisation",
        on_delete=models.PROTECT,
        related_name="donors",
        null=True,
        blank=True,
    )
    public_name = models.CharField(_("public name"), max_length=120, blank=True)
    anonymous = models.BooleanField(
        _("anonymous"), default=True, help_text=_("What the form offers first at the next gift.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    # Shown beside the public name, once staff have looked at it.
    logo = models.ForeignKey(
        "wagtailimages.Image", on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    logo_approved = models.BooleanField(_("logo approved"), default=False)
    # Staff who wrote the donor down, for one who never signed in.
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    # SHA-256, in hexadecimal, of the code in the letter by which the donor claims what was recorded.
    claim_code_sha256 = models.CharField(
        max_length=64, unique=True, null=True, blank=True, editable=False
    )
    claim_code_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The row that took over all of this one's gifts and pledges; nothing new hangs on a merged row.
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="merged",
        null=True,
        blank=True,
        editable=False,
    )
    merged_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("donor")
        verbose_name_plural = _("donors")
        ordering = ["name", "id"]
        indexes = [
            models.Index(models.functions.Lower("email"), name="donor_by_email"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True, merged_at__isnull=True)
                | Q(merged_into__isnull=False, merged_at__isnull=False, user__isnull=True),
                name="donor_merged_has_no_account",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="donor_not_merged_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DonorCheck(models.Model):
    """That staff looked at where a donor's money comes from, or at the sanctions lists: by whom,
    when, and what they found. Immutable: a second look is a second row."""

    class Kind(models.TextChoices):
        SOURCE = "source", _("Source of funds")
        SANCTIONS = "sanctions", _("Sanctions lists")

    class Outcome(models.TextChoices):
        CLEAR = "clear", _("Nothing against it")
        CONCERN = "concern", _("A concern")

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="checks")
    # What the look was for, where it was for one thing.
    gift = models.ForeignKey(
        "pools.Gift", on_delete=models.PROTECT, related_name="checks", null=True, blank=True
    )
    pledge = models.ForeignKey(
        "pools.Pledge", on_delete=models.PROTECT, related_name="checks", null=True, blank=True
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    looked_at = models.CharField(
        _("what was looked at"),
        max_length=250,
        help_text=_("The lists with their dates, or the papers and addresses."),
    )
    note = models.TextField(_("note"), blank=True)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="donor_checks"
    )
    checked_at = models.DateTimeField(_("checked at"), auto_now_add=True)

    class Meta:
        verbose_name = _("check of a donor")
        verbose_name_plural = _("checks of donors")
        ordering = ["-checked_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(gift__isnull=True) | Q(pledge__isnull=True),
                name="donor_check_for_one_thing",
            )
        ]
        triggers = immutable("donor_check", "A check of a donor stands as it was written.")

    def __str__(self) -> str:
        return f"{self.donor_id} {self.kind} {self.outcome}"
