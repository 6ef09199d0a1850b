"""What evangelists do, as public figures, and what people write to them."""

import datetime
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from home.fields import SpokenLanguagesFormField, names_of
from home.models.evangelist_service import Evangelist, Level
from membership.models.fields import CountryField

MOST_REACHED = 20_000


class Activity(models.Model):
    """A talk, training or meeting. Its numbers stay when its evangelist is forgotten."""

    class Kind(models.TextChoices):
        TALK = "talk", _("Talk")
        TRAINING = "training", _("Training")
        MEETING = "meeting", _("Meeting")

    evangelist = models.ForeignKey(Evangelist, on_delete=models.PROTECT, related_name="activities")
    kind = models.CharField(_("what it was"), max_length=10, choices=Kind.choices)
    held_on = models.DateField(_("day"))
    title = models.CharField(_("title"), max_length=150, blank=True)
    country = CountryField(
        _("country"), blank=True, help_text=_("Leave it out where people joined from anywhere.")
    )
    language = models.CharField(_("language"), max_length=3, blank=True)
    reached = models.PositiveIntegerField(
        _("people reached"),
        validators=[MinValueValidator(1), MaxValueValidator(MOST_REACHED)],
        help_text=_("How many were there. Count, do not guess high: the figure is public."),
    )
    link = models.URLField(
        _("link"), max_length=300, blank=True, help_text=_("Slides, a recording, a report.")
    )
    # The level of the evangelist on that day: a fact of the day, whatever follows.
    level = models.CharField(_("level"), max_length=10, choices=Level.choices)
    created_at = models.DateTimeField(default=timezone.now)
    hidden_at = models.DateTimeField(_("hidden at"), null=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    hidden_reason = models.TextField(_("why it is hidden"), blank=True)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["-held_on", "-id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["evangelist", "kind", "held_on", "title"],
                condition=~Q(title=""),
                name="activity_once",
            ),
            models.CheckConstraint(
                condition=Q(reached__gte=1, reached__lte=MOST_REACHED),
                name="activity_reached_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(hidden_at=None) | ~Q(hidden_reason=""),
                name="activity_hidden_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["evangelist", "-held_on"], name="activity_of_evangelist")]

    def __str__(self) -> str:
        return str(_("Activity %(number)s")) % {"number": self.pk}

    @property
    def country_name(self) -> str:
        return countries.get(self.country).name() if self.country else str(_("online"))

    @property
    def language_name(self) -> str:
        return names_of([self.language], SpokenLanguagesFormField)[0] if self.language else ""


class ContactMessage(models.Model):
    """A message to an evangelist: sent on once its sender has shown that the address is theirs.

    It is deleted after 30 days; one that was reported, 30 days after staff closed it.
    """

    VALID = datetime.timedelta(days=2)
    KEEP = datetime.timedelta(days=30)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    form_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    evangelist = models.ForeignKey(Evangelist, on_delete=models.CASCADE, related_name="messages")
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail address"), db_index=True)
    text = models.TextField(_("message"), max_length=3000)
    language = models.CharField(max_length=10)
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("written at"), default=timezone.now, db_index=True)
    confirmed_at = models.DateTimeField(_("sent on at"), null=True)
    reported_at = models.DateTimeField(_("reported at"), null=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    finding = models.TextField(_("what staff found"), blank=True)

    class Meta:
        verbose_name = _("message to an evangelist")
        verbose_name_plural = _("messages to evangelists")
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(reported_at=None) | Q(confirmed_at__isnull=False),
                name="message_reported_once_sent_on",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | (Q(reported_at__isnull=False) & ~Q(finding="")),
                name="message_closed_with_finding",
            ),
        ]

    def __str__(self) -> str:
        return str(_("Message %(number)s")) % {"number": self.pk}

    @property
    def is_good(self) -> bool:
        """Whether its sender can still confirm it."""
        return self.confirmed_at is None and timezone.now() < self.created_at + self.VALID
