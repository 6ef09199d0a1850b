"""No tables of its own: this package reads. What is here is what its rights hang on."""

from django.utils.translation import gettext_lazy as _

from funding.ledger.models import Period


class Books(Period):
    """The months of bookkeeping, as what two rights of the back office are about."""

    class Meta:
        proxy = True
        verbose_name = _("books")
        verbose_name_plural = _("books")
        default_permissions = ()
        permissions = [
            ("close_books", "Can close months and years"),
            ("download_audit_pack", "Can download the auditor's pack, which names everyone"),
        ]
