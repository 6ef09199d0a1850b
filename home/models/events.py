"""Events, their occurrences, and who comes: plain rows. The pages stand in `event_pages`.

An event is one row whatever the languages of its pages, so that a time, a seat and a cancelled
call are the same for every reader. Its changes are the verbs of `home.events`.
"""

import datetime
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from core.models import languages
from core.money import CurrencyField, Money
from home.events.recurrence import EARLIEST_DAY, LAST_SURE_DAY, LATEST_DAY, Repeats, Schedule
from home.events.zones import validate_zone

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Event(models.Model):
    """When something happens, how often, and who may come.

    ``sequence`` counts the changes that matter to calendars (RFC 5545, SEQUENCE).
    """

    class Kind(models.TextChoices):
        CALL = "call", _("Community call")
        MEETING = "meeting", _("Meeting")
        TRAINING = "training", _("Training")
        CONFERENCE = "conference", _("Conference")

    class LinkFor(models.TextChoices):
        ANYONE = "anyone", _("anyone")
        REGISTERED = "registered", _("those who registered")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(
        _("name"), max_length=120, help_text=_("For staff; readers see the title of its page.")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.CALL)
    zone = models.CharField(
        _("time zone"),
        max_length=60,
        validators=[validate_zone],
        help_text=_("Its clock counts: a change of the clocks elsewhere moves nothing."),
    )
    starts_on = models.DateField(_("first day"))
    starts_at = models.TimeField(_("begins at"))
    ends_on = models.DateField(_("last day"), help_text=_("Of the first occurrence."))
    ends_at = models.TimeField(_("ends at"))
    repeats = models.CharField(_("repeats"), max_length=16, choices=Repeats, default=Repeats.NEVER)
    until = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last day on which one may begin.")
    )
    count = models.PositiveSmallIntegerField(
        _("how many times"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(500)],
        help_text=_("Instead of a last day."),
    )
    join_link = models.URLField(_("online link"), blank=True, max_length=500)
    link_for = models.CharField(
        _("the link is shown to"), max_length=12, choices=LinkFor, default=LinkFor.REGISTERED
    )
    takes_registrations = models.BooleanField(_("people register"), default=True)
    capacity = models.PositiveIntegerField(
        _("number of seats"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("At each occurrence. Without a number there is room for everybody."),
    )
    offers_travel_support = models.BooleanField(
        _("travel support"),
        default=False,
        help_text=_("Whoever registers may ask for it; staff decide."),
    )
    sequence = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-starts_on", "-pk"]
        permissions = [("move_event", "Can move and cancel occurrences, also of published events")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on"))
                | Q(ends_on=F("starts_on"), ends_at__gt=F("starts_at")),
                name="event_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(count__isnull=True),
                name="event_until_or_count",
            ),
            models.CheckConstraint(
                condition=~Q(repeats=Repeats.NEVER) | Q(until__isnull=True, count__isnull=True),
                name="event_ends_its_series_only_if_it_repeats",
            ),
            models.CheckConstraint(
                condition=~Q(repeats=Repeats.MONTHLY_DAY) | Q(starts_on__day__lte=LAST_SURE_DAY),
                name="event_monthly_on_a_day_of_every_month",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            zone=self.zone,
            starts=datetime.datetime.combine(self.starts_on, self.starts_at),
            ends=datetime.datetime.combine(self.ends_on, self.ends_at),
            repeats=self.repeats,
            until=self.until,
            count=self.count,
        )

    @property
    def does_repeat(self) -> bool:
        return self.repeats != Repeats.NEVER

    def clean(self) -> None:
        """The constraints in words that help."""
        wrong: dict[str, StrOrPromise] = {}
        for name in ("starts_on", "ends_on", "until"):
            day = getattr(self, name)
            if day is not None and not EARLIEST_DAY <= day <= LATEST_DAY:
                wrong[name] = _("Write a day between the years 2000 and 2100.")
        whole = (self.starts_on, self.starts_at, self.ends_on, self.ends_at)
        if None not in whole and (self.ends_on, self.ends_at) <= (self.starts_on, self.starts_at):
            wrong["ends_at"] = _("It ends before it begins. Write a later time, or a later day.")
        if self.repeats == Repeats.NEVER and (self.until or self.count):
            wrong["repeats"] = _("Say how it repeats, or leave last day and number empty.")
        if self.until and self.count:
            wrong["count"] = _("Give a last day or a number, not both.")
        if self.until and self.starts_on and self.until < self.starts_on:
            wrong["until"] = _("The last day lies before the first.")
        if (
            self.repeats == Repeats.MONTHLY_DAY
            and self.starts_on
            and self.starts_on.day > LAST_SURE_DAY
        ):
            wrong["repeats"] = _("Not every month has this day. Choose a weekday instead.")
        if wrong:
            raise ValidationError(wrong)


class Occurrence(models.Model):
    """What is particular about one occurrence of an event: it was moved or cancelled, people come.

    ``day`` is the day it was planned for: it stands in its address and never changes. An occurrence
    without anything particular has no row.
    """

    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="occurrences", verbose_name=_("event")
    )
    day = models.DateField(_("planned day"))
    moved_on = models.DateField(_("moved to day"), null=True, blank=True)
    moved_at = models.TimeField(_("moved to time"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("occurrence")
        verbose_name_plural = _("occurrences")
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["event", "day"], name="occurrence_one_per_day"),
            models.CheckConstraint(
                condition=Q(moved_on__isnull=True, moved_at__isnull=True)
                | Q(moved_on__isnull=False, moved_at__isnull=False),
                name="occurrence_moved_to_day_and_time",
            ),
            models.CheckConstraint(
                condition=Q(moved_on__isnull=True, cancelled_at__isnull=True) | ~Q(reason=""),
                name="occurrence_says_why_it_changed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}, {self.day.isoformat()}"


class Registration(models.Model):
    """Somebody who comes to one occurrence. No account is needed; the address is confirmed by mail.

    ``queued_at`` is when they confirmed: seats and places on the waiting list go by it. ``zone`` is
    whose clock our messages use. Some time after the event who they are is erased
    (`home.events.keeping`), and the row counts on.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("not confirmed")
        SEATED = "seated", _("has a seat")
        WAITING = "waiting", _("on the waiting list")
        WITHDRAWN = "withdrawn", _("withdrawn")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    occurrence = models.ForeignKey(
        Occurrence,
        on_delete=models.PROTECT,
        related_name="registrations",
        verbose_name=_("occurrence"),
    )
    name = models.CharField(_("name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    organisation = models.CharField(_("organisation"), max_length=160, blank=True)
    country = models.CharField(_("country"), max_length=2, choices=countries.choices)
    language = models.CharField(_("language"), max_length=10, choices=languages)
    zone = models.CharField(_("time zone"), max_length=60)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    code_hash = models.CharField(max_length=64, blank=True, editable=False)
    asked_at = models.DateTimeField(_("registered"), default=timezone.now)
    queued_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("reminded"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)

    class Meta:
        verbose_name = _("registration for an event")
        verbose_name_plural = _("registrations for events")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                "occurrence",
                condition=~Q(state="withdrawn") & Q(erased_at__isnull=True),
                name="registration_once_an_address",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["seated", "waiting"]) | Q(queued_at__isnull=False),
                name="registration_queued_when_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                | Q(name="", email="", organisation="", code_hash=""),
                name="registration_erased_names_nobody",
            ),
        ]
        indexes = [models.Index(fields=["code_hash"], name="registration_by_code")]

    def __str__(self) -> str:
        return self.name or str(_("somebody, erased since"))


class TravelRequest(models.Model):
    """A request for travel support. Staff grant or decline it; what is granted is paid elsewhere."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")

    registration = models.OneToOneField(
        Registration,
        on_delete=models.CASCADE,
        related_name="travel_request",
        verbose_name=_("registration for an event"),
    )
    travels_from = models.CharField(_("travels from"), max_length=120, blank=True)
    needs = models.TextField(_("what is needed"), max_length=1000, blank=True)
    why = models.TextField(_("why"), max_length=1000, blank=True)
    amount = models.BigIntegerField(
        _("estimate"), null=True, blank=True, help_text=_("In minor units of the currency.")
    )
    currency = CurrencyField(blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    reason = models.TextField(_("reason"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("request for travel support")
        verbose_name_plural = _("requests for travel support")
        ordering = ["-pk"]
        permissions = [("decide_travelrequest", "Can decide about travel support")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="") | (Q(amount__gt=0) & ~Q(currency="")),
                name="travel_request_amount_with_currency",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True, decided_by__isnull=True)
                | Q(
                    ~Q(state="asked"),
                    ~Q(reason=""),
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
                name="travel_request_decided_by_somebody_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.registration)

    @property
    def money(self) -> Money | None:
        """The estimate, where one was given."""
        return Money(self.amount, self.currency) if self.amount is not None else None
