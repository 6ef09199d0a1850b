"""What editors are told of their pages: which links still lead somewhere, and what was read again."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.models import Page


class LinkedAddress(models.Model):
    """Where at least one page links to, and what was found there."""

    class State(models.TextChoices):
        NEW = "new", _("Not checked yet")
        WORKS = "works", _("Works")
        BROKEN = "broken", _("Broken")
        SILENT = "silent", _("No answer")
        LEFT = "left", _("Not checked")

    class Reason(models.TextChoices):
        """Why it is not simply fine. What a server answered is kept as its number beside it."""

        NONE = "", ""
        NO_PAGE = "no page", _("there is no such page on this site")
        GONE = "gone", _("the server says that there is no such page")
        REFUSED = "refused", _("the server answers browsers, not programs")
        ERROR = "error", _("the server is in trouble")
        NO_HOST = "no host", _("there is no server of this name")
        TIMEOUT = "timeout", _("the server did not answer in time")
        CERTIFICATE = "certificate", _("the certificate of the server is not valid")
        REDIRECTS = "redirects", _("it leads on and on and never arrives")
        PRIVATE = "private", _("it is an address of a private network")
        ODD = "odd", _("it is no web address that can be checked")
        SWITCHED_OFF = "off", _("checking other sites is switched off here")

    # "page:12" and "document:3" stand for what rich text links to by its number.
    address = models.CharField(_("address"), max_length=1000, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.NEW)
    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason.choices, default="", blank=True
    )
    answer = models.PositiveSmallIntegerField(_("answer of the server"), null=True, blank=True)
    since = models.DateTimeField(_("since"))
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("linked address")
        verbose_name_plural = _("linked addresses")
        ordering = ["address"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.address


class PageLink(models.Model):
    """A published page links to an address."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="+")
    address = models.ForeignKey(LinkedAddress, on_delete=models.CASCADE, related_name="links")

    class Meta:
        verbose_name = _("link on a page")
        verbose_name_plural = _("links on pages")
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["page", "address"], name="page_link_once"),
        ]

    def __str__(self) -> str:
        return f"{self.page} · {self.address}"


class PageReview(models.Model):
    """Somebody read a page and found that it still holds, without changing it. The last time."""

    page = models.OneToOneField(Page, on_delete=models.CASCADE, related_name="last_review")
    reviewed_at = models.DateTimeField(_("reviewed at"))
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("review of a page")
        verbose_name_plural = _("reviews of pages")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.page} · {self.reviewed_at:%Y-%m-%d}"
