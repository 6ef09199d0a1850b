"""Tables of e-mail: what went out, texts of staff, dead addresses, what people want no more of."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Topic(models.TextChoices):
    """What a person can unsubscribe from. Everything else is owed to whoever gets it."""

    RENEWALS = "renewals", _("reminders of a membership renewal")
    GIVING = "giving", _("reminders of pledges and gifts")


class Delivery(models.Model):
    """One message to one address, written in the transaction that queues it.

    Address and context are personal data: emptied after a time (`core.mailing.log.tidy`) and
    wherever a person is erased (`core.mailing.forgetting.forget`).
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        BOUNCED = "bounced", _("bounced")
        COMPLAINED = "complained", _("marked as spam")
        HELD = "held", _("not sent: the address wants none")
        WITHHELD = "withheld", _("withheld: the address is dead")

    class Held(models.TextChoices):
        """Why a message was not sent."""

        UNSUBSCRIBED = "unsubscribed", _("the address wants none")
        DEAD = "dead", _("the address is dead")

    template = models.CharField(_("template"), max_length=100)
    address = models.CharField(_("address"), max_length=254, blank=True, db_index=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    topic = models.CharField(_("can be unsubscribed"), max_length=20, blank=True)
    about = models.CharField(_("about"), max_length=200, blank=True)
    message_id = models.CharField(_("message number"), max_length=255, unique=True)
    # The number that the mail service gave it, where one is used.
    service_id = models.CharField(
        _("number at the mail service"), max_length=255, blank=True, db_index=True
    )
    # What fills the text, for "send again"; None where it is not kept (`catalogue.may_keep`).
    context = models.JSONField(_("filled with"), null=True)
    attachments = models.JSONField(_("attachments"), default=list)
    is_test = models.BooleanField(_("test"), default=False)
    again_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        related_name="sent_again",
        verbose_name=_("sent again"),
    )
    queued_at = models.DateTimeField(_("queued at"), default=timezone.now, db_index=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    bounced_at = models.DateTimeField(_("bounced at"), null=True)
    complained_at = models.DateTimeField(_("marked as spam at"), null=True)
    held_at = models.DateTimeField(_("held at"), null=True)
    held_as = models.CharField(_("held because"), max_length=20, choices=Held.choices, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [
            ("send_delivery", _("Can send an e-mail again")),
            ("forget_address", _("Can erase an address from the log of e-mails")),
        ]
        indexes = [
            # The operator class finds what begins with a text, too: all that is about `term:7`.
            models.Index(
                fields=["about", "template"],
                name="delivery_about",
                opclasses=["varchar_pattern_ops", "varchar_pattern_ops"],
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(held_at=None, held_as="")
                | Q(held_at__isnull=False, held_as__in=["unsubscribed", "dead"]),
                name="delivery_held_says_why",
            ),
        ]

    def __str__(self) -> str:
        # No address: the audit log keeps this for ever as the name of the row.
        return f"{self.template} {self.pk}".strip()

    @property
    def state(self) -> State:
        """What stands about it, the worst first."""
        if self.complained_at:
            return self.State.COMPLAINED
        if self.bounced_at:
            return self.State.BOUNCED
        if self.sent_at:
            return self.State.SENT
        if self.failed_at:
            return self.State.FAILED
        if self.held_at:
            return self.State.WITHHELD if self.held_as == self.Held.DEAD else self.State.HELD
        return self.State.QUEUED

    @classmethod
    def in_state(cls, state: str) -> Q:
        """The rows whose `state` is this one."""
        spam, bounced = Q(complained_at__isnull=False), Q(bounced_at__isnull=False)
        sent, failed = Q(sent_at__isnull=False), Q(failed_at__isnull=False)
        held, dead = Q(held_at__isnull=False), Q(held_as=cls.Held.DEAD)
        return {
            cls.State.COMPLAINED: spam,
            cls.State.BOUNCED: bounced & ~spam,
            cls.State.SENT: sent & ~bounced & ~spam,
            cls.State.FAILED: failed & ~sent & ~bounced & ~spam,
            cls.State.HELD: held & ~dead & ~failed & ~sent & ~bounced & ~spam,
            cls.State.WITHHELD: dead & ~failed & ~sent & ~bounced & ~spam,
            cls.State.QUEUED: ~(held | failed | sent | bounced | spam),
        }[cls.State(state)]


class MailText(models.Model):
    """A text that staff wrote in place of a shipped one, a row for each change.

    The newest row of a template and language is in force; ``is_back`` says that the shipped text is
    in force again. Rows stay as they are: they are the history.
    """

    template = models.CharField(_("template"), max_length=100)
    language = models.CharField(_("language"), max_length=10)
    number = models.PositiveIntegerField(_("version"))
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(_("text"), blank=True)
    is_back = models.BooleanField(_("back to the original"), default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, verbose_name=_("changed by")
    )
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)
    # It did not fill when a message was to go out, which then went with the shipped text.
    broke_at = models.DateTimeField(_("failed at"), null=True)
    broke_with = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("text of an e-mail")
        verbose_name_plural = _("texts of e-mails")
        ordering = ["template", "language", "-number"]
        default_permissions = ("change",)
        constraints = [
            # Two who change the same text at once: the second is told.
            models.UniqueConstraint(
                fields=["template", "language", "number"], name="mail_text_version_once"
            ),
            models.CheckConstraint(
                condition=Q(is_back=True, subject="", body="")
                | (Q(is_back=False) & ~Q(subject="") & ~Q(body="")),
                name="mail_text_is_whole",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="mail_text_stays", exclude=["broke_at", "broke_with"]),
            pgtrigger.Protect(name="mail_text_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.template} ({self.language})"


class AddressField(models.EmailField):
    """An address in small letters: mailboxes are told apart by nothing else in practice."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared.strip().lower() if isinstance(prepared, str) else prepared


class DeadAddress(models.Model):
    """An address that takes no mail, or whose owner marked ours as spam."""

    class Why(models.TextChoices):
        BOUNCED = "bounced", _("mail comes back")
        COMPLAINED = "complained", _("marked our mail as spam")

    address = AddressField(_("address"), unique=True)
    why = models.CharField(_("why"), max_length=20, choices=Why.choices)
    detail = models.CharField(_("in the words of the other side"), max_length=500, blank=True)
    since = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("dead address")
        verbose_name_plural = _("dead addresses")
        ordering = ["-since"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(why__in=["bounced", "complained"]), name="dead_address_why_is_known"
            ),
        ]

    def __str__(self) -> str:
        # No address: the audit log keeps this for ever as the name of the row.
        return f"{self._meta.verbose_name} {self.pk}"


class Unsubscription(models.Model):
    """An address that wants no mail of a topic."""

    address = AddressField(_("address"))
    topic = models.CharField(_("topic"), max_length=20, choices=Topic.choices)
    since = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("unsubscription")
        verbose_name_plural = _("unsubscriptions")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["address", "topic"], name="unsubscribed_once"),
            models.CheckConstraint(
                condition=Q(topic__in=["renewals", "giving"]), name="unsubscribed_topic_is_known"
            ),
        ]

    def __str__(self) -> str:
        # No address, as above.
        return f"{self._meta.verbose_name} {self.pk}"


class MissingMessage(models.Model):
    """A message that should have gone out by dates and facts, and of which the log knows nothing."""

    expectation = models.CharField(_("what should have gone out"), max_length=60)
    about = models.CharField(_("about"), max_length=200)
    template = models.CharField(_("template"), max_length=100)
    address = models.CharField(_("address"), max_length=254, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    due_on = models.DateField(_("due on"))
    found_at = models.DateTimeField(_("found at"), default=timezone.now)

    class Meta:
        verbose_name = _("missing message")
        verbose_name_plural = _("missing messages")
        ordering = ["due_on", "id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["expectation", "about", "template"], name="missing_message_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template}: {self.about}"
