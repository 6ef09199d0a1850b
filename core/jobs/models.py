"""Rows beside the framework's own table of jobs: who works, and what the schedule has done."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A worker process and when it last said that it lives (the database's clock)."""

    worker_id = models.CharField(max_length=64, primary_key=True)
    queue = models.CharField(max_length=32)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "core"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return f"{self.queue} ({self.host}, {self.pid})"


class ScheduledSlot(models.Model):
    """A moment of a schedule that has been dealt with: at most once, whoever looks."""

    name = models.CharField(max_length=100)
    slot = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "core"
        verbose_name = _("scheduled slot")
        verbose_name_plural = _("scheduled slots")
        constraints = [
            models.UniqueConstraint(fields=["name", "slot"], name="scheduled_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.slot:%Y-%m-%d %H:%M}"
