"""Letting time pass for what history says, which triggers write by the database's own clock."""

import datetime

import pgtrigger
from django.db.models import F

from membership.models import OrganisationRecord, SeatRecord, TermRecord


def days_pass(days: int) -> None:
    """Make all that was written down so far that much older."""
    span = datetime.timedelta(days=days)
    with pgtrigger.ignore():
        for model in (OrganisationRecord, SeatRecord, TermRecord):
            model.objects.update(begins_at=F("begins_at") - span, ends_at=F("ends_at") - span)
