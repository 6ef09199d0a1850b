"""When somebody last looked whether the facts of a page still hold."""

import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# After a year a page says that its facts may be old.
STALE_AFTER = datetime.timedelta(days=365)


class Confirmed(models.Model):
    """Facts that staff confirm from time to time (`home.confirming`).

    The day belongs to the page, not to a version of its text: publishing an older draft, or going
    back to one, leaves it.
    """

    confirmed_on = models.DateField(_("last confirmed on"), null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("confirmed by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        abstract = True

    def with_content_json(self, content: Any) -> Any:
        version = super().with_content_json(content)  # type: ignore[misc]
        version.confirmed_on, version.confirmed_by_id = self.confirmed_on, self.confirmed_by_id
        return version

    @property
    def confirmation_is_old(self) -> bool:
        """Whether nobody has confirmed the facts for a year, or nobody ever has."""
        return self.confirmed_on is None or self.confirmed_on < stale_before(timezone.localdate())


def stale_before(today: datetime.date) -> datetime.date:
    """What was confirmed before that day is to be confirmed again."""
    return today - STALE_AFTER
