"""A draft that its applicant shares with a colleague."""

import secrets
import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models.applications import Application

# Without letters and digits that are read for one another.
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_code() -> str:
    """Eight signs to type. No secret: it finds a share, the verified address opens it."""
    return "".join(secrets.choice(_SIGNS) for _number in range(8))


class Share(models.Model):
    """Somebody with the verified address ``email`` may read and change the draft.

    ``person`` is who opened it. A share ends by being revoked; the row stays.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="shares")
    email = models.EmailField(_("e-mail address"))
    code = models.CharField(_("code"), max_length=8, unique=True, default=new_code, editable=False)
    shared_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    shared_at = models.DateTimeField(_("shared at"))
    person = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="shares"
    )
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shared draft")
        verbose_name_plural = _("shared drafts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "email"],
                condition=Q(revoked_at__isnull=True),
                name="share_once_per_address",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=True, opened_at__isnull=True)
                | Q(person__isnull=False, opened_at__isnull=False),
                name="share_opened_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} · {self.email}"
