"""The published versions of agreements, as anyone may read them."""

import datetime
import enum
from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language

from membership.models import Agreement, AgreementVersion


class Standing(enum.StrEnum):
    IN_FORCE = "in force"
    LATER = "later"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Words:
    """A text, and the language it is really in."""

    text: str
    language: str

    @property
    def foreign(self) -> str:
        """The language's code where it is not the reader's own, else empty."""
        return "" if self.language == get_language() else self.language


@dataclass(frozen=True, slots=True)
class Version:
    """A published version on a day. ``until`` is the day on which the next one replaces it."""

    row: AgreementVersion
    standing: Standing
    until: datetime.date | None
    # The one before it, which it can be compared with.
    before: AgreementVersion | None

    @property
    def href(self) -> str:
        return address(self.row)

    @property
    def changes_href(self) -> str:
        return changes_address(self.row, self.before) if self.before else ""


@dataclass(frozen=True, slots=True)
class Published:
    """An agreement with its published versions, the newest first; there is one at least."""

    agreement: Agreement
    versions: list[Version]

    @property
    def href(self) -> str:
        return reverse("agreement_text", kwargs={"code": self.agreement.code})

    @property
    def current(self) -> Version:
        """The one in force, else the one that comes into force first."""
        in_force = [one for one in self.versions if one.standing == Standing.IN_FORCE]
        return in_force[0] if in_force else self.versions[-1]

    @property
    def next(self) -> Version | None:
        """The one that replaces the one in force, where that is known."""
        later = [one for one in self.versions if one.standing == Standing.LATER]
        return later[-1] if later and later[-1] is not self.current else None

    def version(self, label: str) -> Version | None:
        return next((one for one in self.versions if one.row.label == label), None)


def all_published(on: datetime.date) -> list[Published]:
    """Every agreement that has a published version, in the order staff chose. One query."""
    return _published(AgreementVersion.objects.all(), on)


def published(code: str, on: datetime.date) -> Published | None:
    """The agreement of a code; None where nothing of it is published. One query."""
    found = _published(AgreementVersion.objects.filter(agreement__code=code), on)
    return found[0] if found else None


def _published(rows: QuerySet[AgreementVersion], on: datetime.date) -> list[Published]:
    by_agreement: dict[Agreement, list[AgreementVersion]] = {}
    for row in (
        rows.filter(published_at__isnull=False)
        .select_related("agreement")
        .order_by("agreement__position", "agreement__code", "effective_from")
    ):
        by_agreement.setdefault(row.agreement, []).append(row)
    return [Published(agreement, _versions(rows, on)) for agreement, rows in by_agreement.items()]


def _versions(rows: list[AgreementVersion], on: datetime.date) -> list[Version]:
    """``rows`` are in the order of their days."""
    found = []
    for n, row in enumerate(rows):
        after = rows[n + 1] if n + 1 < len(rows) else None
        if row.effective_from > on:
            standing = Standing.LATER
        elif after is not None and after.effective_from <= on:
            standing = Standing.REPLACED
        else:
            standing = Standing.IN_FORCE
        until = after.effective_from if after else None
        found.append(Version(row, standing, until, rows[n - 1] if n else None))
    return found[::-1]


def words(version: AgreementVersion) -> Words:
    """The words in the reader's language, else the English ones, which bind."""
    code = (get_language() or "en").split("-")[0]
    text = getattr(version, f"text_{code}", "")
    return Words(text, code) if text else Words(version.text, "en")


def words_of_both(one: AgreementVersion, other: AgreementVersion) -> tuple[Words, Words]:
    """The words of two versions in one language: the reader's where both have it, else English."""
    first, second = words(one), words(other)
    if first.language == second.language:
        return first, second
    return Words(one.text, "en"), Words(other.text, "en")


def address(version: AgreementVersion) -> str:
    """Its page by name. A label that no address can hold is found by its number."""
    kwargs = {"code": version.agreement.code, "label": version.label}
    try:
        return reverse("agreement_version", kwargs=kwargs)
    except NoReverseMatch:
        return reverse("agreement", args=[version.pk])


def changes_address(version: AgreementVersion, before: AgreementVersion) -> str:
    """The page of what changed; empty where a label cannot stand in an address."""
    kwargs = {"code": version.agreement.code, "label": version.label, "other": before.label}
    try:
        return reverse("agreement_changes", kwargs=kwargs)
    except NoReverseMatch:
        return ""
