"""Who wants to hear of what, and what they were told. Addresses are personal data: a row that ends
is deleted with all that hangs on it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.mailing.models import AddressField


class Follow(models.Model):
    """An address that follows a pool, a country, a topic, or the news of a language.

    ``key`` is the pool's code, the country's two letters, the topic's address, or the language's
    code. Mails go in ``language``. Nothing is sent before `confirmed_at` but the mail that asks.
    """

    class Kind(models.TextChoices):
        NEWS = "news", _("News")
        POOL = "pool", _("Pool")
        COUNTRY = "country", _("Country")
        TOPIC = "topic", _("Topic")

    class Often(models.TextChoices):
        AT_ONCE = "at_once", _("At once, one e-mail for each change")
        WEEKLY = "weekly", _("Once a week, all changes together")

    address = AddressField(_("address"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    key = models.CharField(_("what"), max_length=80)
    language = models.CharField(_("language"), max_length=10)
    often = models.CharField(_("how often"), max_length=10, choices=Often.choices)
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    # A keyed hash; empty once confirmed.
    code_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("follow")
        verbose_name_plural = _("follows")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["address", "kind", "key"], name="follow_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["news", "pool", "country", "topic"]) & ~Q(key=""),
                name="follow_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(often__in=["at_once", "weekly"]), name="follow_often_is_known"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(code_hash=""),
                name="follow_confirmed_has_no_code",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "key"],
                name="follow_of_what",
                condition=Q(confirmed_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        # No address: logs keep this.
        return f"{self.kind} {self.key}"


class Change(models.Model):
    """A change that followers were told of: its row says that it is dealt with.

    ``subject`` is what several changes have in common of which nobody hears twice: the languages
    of one piece of news, a country's page within a day.
    """

    about = models.CharField(max_length=200, unique=True)
    subject = models.CharField(max_length=200)
    happened_at = models.DateTimeField()
    found_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        default_permissions = ()

    def __str__(self) -> str:
        return self.about


class Notice(models.Model):
    """What one follower is told of one change; in its words, once per address and subject."""

    follow = models.ForeignKey(Follow, on_delete=models.CASCADE, related_name="notices")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="notices")
    address = AddressField()
    subject = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    summary = models.TextField(blank=True)
    path = models.CharField(max_length=500)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["address", "subject"], name="notice_once"),
        ]
        indexes = [
            models.Index(fields=["id"], name="notice_unsent", condition=Q(sent_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.follow_id} {self.subject}"
