"""Views of a list that staff keep under a name."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import User


class SavedView(models.Model):
    """A list as somebody filtered and sorted it, to come back to; shared with colleagues or not."""

    class List(models.TextChoices):
        ORGANISATIONS = "organisations", _("Organisations")
        TERMS = "terms", _("Terms")
        APPLICATIONS = "applications", _("Applications")

    # An address much longer than this is cut by proxies.
    LONGEST = 2_000

    list_name = models.CharField(_("list"), max_length=20, choices=List.choices)
    name = models.CharField(_("name"), max_length=60)
    # What stands behind the question mark of the list's address.
    query = models.CharField(_("filters"), max_length=LONGEST)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    is_shared = models.BooleanField(_("shared with colleagues"), default=False)
    created_at = models.DateTimeField(_("saved at"), auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "list_name", "name"],
                name="saved_view_name_once",
                violation_error_message=_("You have a view of this name already."),
            ),
            models.CheckConstraint(
                condition=Q(list_name__in=["organisations", "terms", "applications"]),
                name="saved_view_list_is_known",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_is_named"),
        ]

    def __str__(self) -> str:
        return self.name
