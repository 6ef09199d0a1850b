"""Terms that came from a file: what makes the same file, brought again, import nothing twice."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models.terms import Term


class ImportedTerm(models.Model):
    """A row of a file of members, imported. Its organisation is known by what the row said of it, so
    that it is found again whatever it is called or merged into since."""

    term = models.OneToOneField(Term, on_delete=models.PROTECT, related_name="imported")
    # Of legal name, country and registration (membership.member_rows).
    organisation_key = models.CharField(max_length=64, editable=False)
    starts_on = models.DateField(_("first day"))
    file_name = models.CharField(_("file"), max_length=250)
    row = models.PositiveIntegerField(_("row"))
    imported_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("imported by")
    )
    imported_at = models.DateTimeField(_("imported at"), auto_now_add=True)

    class Meta:
        verbose_name = _("imported term")
        verbose_name_plural = _("imported terms")
        ordering = ["-id"]
        permissions = [("import_members", "Can import members")]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_key", "starts_on"], name="imported_term_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.row}"
