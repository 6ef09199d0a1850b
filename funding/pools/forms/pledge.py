"""The form of a pledge and its schedule."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import Money, format_minor
from core.refusals import Refusal
from funding.pools.forms.amounts import AmountField, plain_amount, without_currency
from funding.pools.forms.giver import ANONYMOUS, NAMED, OWN, GiverForm
from funding.pools.models import Pledge
from funding.pools.schedules import MOST_INSTALMENTS, Part, even_parts, months_later, rhythmic_days

EVEN = "even"
BY_MILESTONES = "milestones"

DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4})")

# An amount as it is typed before words: digits with their marks, and no space in it.
AMOUNT = re.compile(r"\d[\d.,'’]*")
MILESTONE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class OwnPart:
    """One line of a donor's own schedule; ``amount`` is None where only a day was written."""

    due_on: datetime.date
    amount: Money | None
    milestone: str = ""


class ScheduleField(forms.CharField):
    """Instalments typed one a line: a day and, if wanted, an amount. Cleans to OwnPart rows.

    With ``milestones`` each line is a day, an amount without spaces in it, and, on one line at
    least, what the instalment waits for.
    """

    widget = forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"})

    def __init__(self, *, milestones: bool = False, **kwargs: Any) -> None:
        self.currency = ""
        self.milestones = milestones
        super().__init__(max_length=6000, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
        parts = [self._part(number, line) for number, line in enumerate(lines, start=1)]
        if self.milestones:
            return parts
        if len({part.amount is None for part in parts}) > 1:
            raise ValidationError(
                _("Write an amount on every line, or on none to share the pledge evenly.")
            )
        return parts

    def _part(self, number: int, line: str) -> OwnPart:
        match = DAY.match(line)
        try:
            if match is None:
                raise ValueError(line)
            groups = match.groups()
            year, month, day = groups[:3] if groups[0] else (groups[5], groups[4], groups[3])
            due_on = datetime.date(int(year), int(month), int(day))
        except ValueError:
            raise ValidationError(
                _("Line %(number)s, “%(line)s”, does not begin with a date like 2027-03-31."),
                params={"number": number, "line": line[:40]},
            ) from None
        rest, milestone = line[match.end() :].strip(" \t:;,–—-"), ""
        if self.milestones:
            rest, milestone = self._amount_and_words(number, rest)
        rest = without_currency(rest, self.currency).strip(" \t:;,–—-")
        if not rest:
            return OwnPart(due_on, None)
        try:
            return OwnPart(due_on, Money.parse(rest, self.currency), milestone)
        except Refusal as refusal:
            raise ValidationError(
                _("Line %(number)s: %(problem)s"),
                params={"number": number, "problem": str(refusal)},
            ) from refusal

    def _amount_and_words(self, number: int, rest: str) -> tuple[str, str]:
        """The amount, and what the instalment waits for; "" where it waits for nothing."""
        found = AMOUNT.match(rest.removeprefix(self.currency).lstrip())
        if found is None:
            raise ValidationError(
                _("Line %(number)s has no amount after the date."), params={"number": number}
            )
        rest = rest.removeprefix(self.currency).lstrip()
        words = rest[found.end() :].strip(" \t:;,–—-").removeprefix(self.currency)
        words = words.strip(" \t:;,–—-")
        if len(words) > MILESTONE_LENGTH:
            raise ValidationError(
                _("Line %(number)s: write the milestone in %(most)s characters at most."),
                params={"number": number, "most": MILESTONE_LENGTH},
            )
        return found.group(), words


class PledgeForm(GiverForm):
    """A promise: how much, when, and how firm."""

    amount = AmountField(
        label=_("Amount of the whole pledge"),
        error_messages={"required": _("Enter the amount you want to pledge.")},
    )
    schedule = forms.ChoiceField(
        label=_("When you will pay"),
        choices=[
            (EVEN, _("In equal instalments, at a regular rhythm")),
            (OWN, _("On dates of my own")),
            (BY_MILESTONES, _("When milestones are reached")),
        ],
        initial=EVEN,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose when you will pay.")},
    )
    count = forms.IntegerField(
        label=_("Number of instalments"),
        required=False,
        initial=1,
        min_value=1,
        max_value=MOST_INSTALMENTS,
        help_text=_("From 1 to %(most)s.") % {"most": MOST_INSTALMENTS},
        error_messages={
            "invalid": _("Enter the number of instalments in digits, such as 4."),
            "min_value": _("A pledge has one instalment at least. Enter 1 or more."),
            "max_value": _("A pledge has %(limit_value)s instalments at most. Enter fewer."),
        },
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": 1, "max": MOST_INSTALMENTS}),
    )
    rhythm = forms.ChoiceField(
        label=_("Rhythm"),
        required=False,
        choices=[
            ("monthly", _("Every month")),
            ("quarterly", _("Every three months")),
            ("yearly", _("Every year")),
        ],
        initial="monthly",
    )
    first_on = forms.DateField(
        label=_("Date of the first instalment"),
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"],
        error_messages={"invalid": _("Enter the date like 2027-03-31.")},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    own_dates = ScheduleField(
        label=_("Your dates"),
        required=False,
        help_text=_(
            "One instalment a line: the date like 2027-03-31 and, if they differ, the amount. "
            "Dates alone share the pledge evenly."
        ),
    )
    milestones = ScheduleField(
        milestones=True,
        label=_("Your milestones"),
        required=False,
        help_text=_(
            "One instalment a line: the day you expect it, the amount, and what must be reached: "
            "2027-06-30 5000 First release. It falls due 30 days after we agree that it is reached. "
            "Without words it falls due on its day."
        ),
    )
    condition = forms.CharField(
        label=_("Condition"),
        required=False,
        max_length=500,
        help_text=_("What must happen before anything of the pledge is asked for. Empty: nothing."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    binding = forms.ChoiceField(
        label=_("How firm the pledge is"),
        choices=[
            (
                "intent",
                _(
                    "An intent: you mean to give, and you can withdraw it at any time. "
                    "The pool shows it as pledged and plans with care."
                ),
            ),
            (
                "binding",
                _(
                    "A binding pledge: you owe it to the pool, or will once its condition is met. "
                    "It is entered in the books, and the pool plans with it."
                ),
            ),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how firm the pledge is.")},
    )

    field_order = [
        "amount",
        "schedule",
        "count",
        "rhythm",
        "first_on",
        "own_dates",
        "milestones",
        "condition",
        "binding",
        "name",
        "email",
        "naming",
        "public_name",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = self.profile.currency
        for name in ("own_dates", "milestones"):
            typed = self.fields[name]
            assert isinstance(typed, ScheduleField)
            typed.currency = self.profile.currency
        amount.help_text = _("In %(currency)s.") % {"currency": self.profile.currency}
        self.fields["name"].help_text = _("The public sees it only if you choose so below.")
        if self.user is None:
            self.fields["email"].help_text = ""
        today = timezone.localdate()
        self.fields["first_on"].initial = months_later(today.replace(day=1), 1)
        self.fields["first_on"].widget.attrs["min"] = today.isoformat()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("schedule") == OWN:
            self._clean_own(cleaned)
        elif cleaned.get("schedule") == BY_MILESTONES:
            self._clean_milestones(cleaned)
        else:
            self._clean_even(cleaned)
        return cleaned

    def _clean_even(self, cleaned: dict[str, Any]) -> None:
        # What stands in the boxes of the schedule that was not chosen is no mistake.
        for unused in ("own_dates", "milestones"):
            self.errors.pop(unused, None)
        if cleaned.get("count") is None and "count" not in self.errors:
            self.add_error("count", _("Enter the number of instalments, such as 4."))
        if cleaned.get("first_on") is None and "first_on" not in self.errors:
            self.add_error("first_on", _("Enter the date of the first instalment."))
        if not {"amount", "count", "first_on"} & set(self.errors):
            rhythm = cleaned.get("rhythm") or "monthly"
            self._share(cleaned, rhythmic_days(cleaned["first_on"], cleaned["count"], rhythm))

    def _clean_own(self, cleaned: dict[str, Any]) -> None:
        for unused in ("count", "first_on", "rhythm", "milestones"):
            self.errors.pop(unused, None)
        rows: list[OwnPart] = cleaned.get("own_dates") or []
        if not rows and "own_dates" not in self.errors:
            self.add_error("own_dates", _("Enter a date for at least one instalment."))
        if {"amount", "own_dates"} & set(self.errors):
            return
        if rows[0].amount is None:
            self._share(cleaned, [row.due_on for row in rows])
        else:
            cleaned["parts"] = [Part(row.due_on, row.amount.amount) for row in rows if row.amount]

    def _clean_milestones(self, cleaned: dict[str, Any]) -> None:
        for unused in ("count", "first_on", "rhythm", "own_dates"):
            self.errors.pop(unused, None)
        rows: list[OwnPart] = cleaned.get("milestones") or []
        if "milestones" in self.errors:
            return
        if not any(row.milestone for row in rows):
            self.add_error("milestones", _("Write what at least one instalment waits for."))
        cleaned["parts"] = [
            Part(row.due_on, row.amount.amount, row.milestone) for row in rows if row.amount
        ]

    def _share(self, cleaned: dict[str, Any], days: list[datetime.date]) -> None:
        if cleaned["amount"].amount < len(days):
            self.add_error(
                "amount",
                _("This is too little for %(count)s instalments. Enter more, or choose fewer.")
                % {"count": len(days)},
            )
        else:
            cleaned["parts"] = even_parts(cleaned["amount"], days)

    def refuse(self, refusal: Refusal) -> None:
        field = getattr(refusal, "field", None)
        if field in ("count", "first_on", "own_dates"):
            fields = {OWN: "own_dates", BY_MILESTONES: "milestones"}
            even_field = "first_on" if field == "first_on" else "count"
            self.add_error(
                fields.get(self.cleaned_data.get("schedule", ""), even_field), str(refusal)
            )
        else:
            super().refuse(refusal)


def schedule_as_typed(parts: Iterable[Part], currency: str) -> list[str]:
    """Instalments as lines that `ScheduleField` reads."""
    return [
        f"{part.due_on.isoformat()}  {format_minor(part.amount, currency, 'en')}"
        f"  {part.milestone}".rstrip()
        for part in parts
    ]


def pledge_as_typed(pledge: Pledge) -> dict[str, Any]:
    """A draft as the form's initial values: its instalments written out line by line."""
    by_milestones = any(part.milestone for part in pledge.instalments.all())
    lines = schedule_as_typed(
        [Part(part.due_on, part.amount, part.milestone) for part in pledge.instalments.all()],
        pledge.currency,
    )
    return {
        "amount": plain_amount(pledge.money),
        "schedule": BY_MILESTONES if by_milestones else OWN,
        "milestones" if by_milestones else "own_dates": "\n".join(lines),
        "condition": pledge.condition,
        "count": len(lines),
        "first_on": pledge.instalments.all()[0].due_on,
        "binding": "binding" if pledge.binding else "intent",
        "naming": ANONYMOUS if pledge.anonymous else NAMED,
        "public_name": pledge.public_name,
    }
