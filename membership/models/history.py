"""What was true when: seats, the facts of organisations that a vote depends on, and terms.

Rows are written by triggers on the tables they tell of, so that no path forgets them: not a merge,
not a hand-over, not a script. Nobody else may write, change or delete one. A row says what stood
from ``begins_at`` until ``ends_at`` (None: it stands). `membership.voting` reads them.
"""

from collections.abc import Sequence

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.models import User

# A trigger that writes a row runs inside another one: a depth of 2. A write by hand has 1.
GUARD = pgtrigger.Trigger(
    name="written_by_triggers_alone",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    func="""
        IF pg_trigger_depth() < 2 OR TG_OP = 'DELETE'
            OR (TG_OP = 'UPDATE' AND OLD.ends_at IS NOT NULL) THEN
            RAISE EXCEPTION 'history_stands: % is written by triggers alone', TG_TABLE_NAME
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """,
)


def keeps_history(records: str, *, of: dict[str, str], facts: Sequence[str]) -> pgtrigger.Trigger:
    """The trigger for a table with ``created_at`` whose history stands in the table ``records``.

    ``of``: which columns of ``records`` say whose history it is, by the column here; ``facts``:
    columns of both. A first row begins with ``created_at``, by the portal's clock, and any other
    by the database's: never before the row that it follows.
    """
    own = [*of, *facts]
    there = ", ".join([*of.values(), *facts])
    old, new = (", ".join(f"{row}.{name}" for name in own) for row in ("OLD", "NEW"))
    same = " AND ".join(f"{theirs} = OLD.{ours}" for ours, theirs in of.items())
    return pgtrigger.Trigger(
        name="keeps_history",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        declare=[("moment", "timestamptz")],
        func=f"""
            IF TG_OP = 'UPDATE' AND ({old}) IS NOT DISTINCT FROM ({new}) THEN
                RETURN NULL;
            END IF;
            IF TG_OP = 'INSERT' THEN
                moment := NEW.created_at;
            ELSE
                UPDATE {records} SET ends_at = GREATEST(begins_at, clock_timestamp())
                WHERE {same} AND ends_at IS NULL
                RETURNING ends_at INTO moment;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO {records} ({there}, begins_at)
                VALUES ({new}, COALESCE(moment, clock_timestamp()));
            END IF;
            RETURN NULL;
        """,  # noqa: S608
    )


class Record(models.Model):
    """Something that stood from ``begins_at`` until ``ends_at``."""

    begins_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("begins_at")),
                name="%(class)s_ends_after_it_begins",
            )
        ]
        triggers = [GUARD]


def _belongs_to(
    model: str, *, db_constraint: bool = True
) -> "models.ForeignKey[models.Model, models.Model]":
    # Named "+", so that a merge leaves history with the organisation that it is of.
    return models.ForeignKey(
        model, on_delete=models.PROTECT, related_name="+", db_constraint=db_constraint
    )


class SeatRecord(Record):
    """The roles that a person had in an organisation for a while."""

    organisation = _belongs_to("membership.Organisation")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    roles: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=30), verbose_name=_("roles")
    )

    class Meta(Record.Meta):
        verbose_name = _("record of a seat")
        verbose_name_plural = _("records of seats")
        ordering = ["begins_at", "id"]
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "person"],
                condition=Q(ends_at__isnull=True),
                name="seatrecord_one_stands",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.organisation} · {', '.join(self.roles)}"

    @property
    def role_names(self) -> list[str]:
        from membership.models.organisations import SeatRole  # that module stands on this one

        return [str(SeatRole(role).label) for role in self.roles]


class OrganisationRecord(Record):
    """What an organisation was called, where it was and whose voice it spoke with for a while."""

    organisation = _belongs_to("membership.Organisation")
    public_name = models.CharField(_("public name"), max_length=120)
    constituency = models.CharField(_("constituency"), max_length=20)
    country = models.CharField(_("country"), max_length=2)

    class Meta(Record.Meta):
        verbose_name = _("record of an organisation")
        verbose_name_plural = _("records of organisations")
        ordering = ["begins_at", "id"]
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(ends_at__isnull=True),
                name="organisationrecord_one_stands",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_name} · {self.constituency} · {self.country}"


class TermRecord(Record):
    """Whose term it was for a while, and which of its facts were written down."""

    term = _belongs_to("membership.Term")
    # Without a constraint, whose check would lock the organisation after its term, against the
    # order in which merging and the daily jobs lock them. Organisations are never deleted.
    organisation = _belongs_to("membership.Organisation", db_constraint=False)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    settled_on = models.DateField(_("settled on"), null=True, blank=True)
    waived_on = models.DateField(_("waived on"), null=True, blank=True)
    cancelled_on = models.DateField(_("cancelled with effect from"), null=True, blank=True)

    class Meta(Record.Meta):
        verbose_name = _("record of a term")
        verbose_name_plural = _("records of terms")
        ordering = ["begins_at", "id"]
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["term"],
                condition=Q(ends_at__isnull=True),
                name="termrecord_one_stands",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} · {self.organisation}"
