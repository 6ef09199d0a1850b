"""Changes of tier; fees in several currencies; the income groups of countries, with history.

The income groups begin with data/countries.csv. Backwards, fees in other currencies than the first
stay, so that going back is refused by the old constraint where there are two for one case.
"""

import datetime
from typing import Any

import core.money
import django.db.models.deletion
import membership.models.fields
from django.conf import settings
from django.db import migrations, models

from core import countries


# The list that data/countries.csv follows (data/README.md).
SOURCE = "World Bank, July 2023 (fiscal year 2024)"
VALID_FROM = datetime.date(2023, 7, 1)


def take_over_the_file(apps: Any, schema_editor: Any) -> None:
    apps.get_model("membership", "CountryIncomeGroup").objects.bulk_create(
        apps.get_model("membership", "CountryIncomeGroup")(
            country=country.iso2,
            income_group=country.income_group,
            valid_from=VALID_FROM,
            source=SOURCE,
            source_year=VALID_FROM.year,
        )
        for country in countries.all_countries().values()
        if country.income_group
    )


class Migration(migrations.Migration):
    dependencies = [
        ("membership", "0006_reviews_and_attachments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CountryIncomeGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "country",
                    membership.models.fields.CountryField(max_length=2, verbose_name="country"),
                ),
                (
                    "income_group",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("low", "Low income"),
                            ("lower middle", "Lower middle income"),
                            ("upper middle", "Upper middle income"),
                            ("high", "High income"),
                        ],
                        help_text="Empty: it has none, and the fees for any country hold.",
                        max_length=20,
                        verbose_name="income group",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="valid from")),
                (
                    "source",
                    models.CharField(
                        help_text="The list that says so, and its edition.",
                        max_length=200,
                        verbose_name="source",
                    ),
                ),
                (
                    "source_year",
                    models.PositiveSmallIntegerField(verbose_name="year of the source"),
                ),
            ],
            options={
                "verbose_name": "income group of a country",
                "verbose_name_plural": "income groups of countries",
                "ordering": ["country", "-valid_from"],
            },
        ),
        migrations.CreateModel(
            name="TierChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asked_at", models.DateTimeField(auto_now_add=True, verbose_name="asked at")),
                ("allowed_on", models.DateField(blank=True, null=True, verbose_name="allowed on")),
                (
                    "effective_on",
                    models.DateField(blank=True, null=True, verbose_name="counted from"),
                ),
                ("difference", models.BigIntegerField(default=0, verbose_name="difference")),
                ("currency", core.money.CurrencyField(max_length=3, verbose_name="currency")),
                ("applied_on", models.DateField(blank=True, null=True, verbose_name="made on")),
                ("settled_on", models.DateField(blank=True, null=True, verbose_name="settled on")),
                ("waived_on", models.DateField(blank=True, null=True, verbose_name="waived on")),
                (
                    "waived_reason",
                    models.CharField(
                        blank=True, max_length=500, verbose_name="reason of the waiver"
                    ),
                ),
                ("ended_on", models.DateField(blank=True, null=True, verbose_name="ended on")),
                (
                    "ended_reason",
                    models.CharField(blank=True, max_length=500, verbose_name="reason of the end"),
                ),
            ],
            options={
                "verbose_name": "change of tier",
                "verbose_name_plural": "changes of tier",
                "ordering": ["-id"],
                "permissions": [("decide_tierchange", "Can decide on changes of tier")],
            },
        ),
        migrations.RemoveConstraint(
            model_name="feerule",
            name="fee_once_per_day",
        ),
        migrations.AddField(
            model_name="application",
            name="currency",
            field=core.money.CurrencyField(
                blank=True, max_length=3, verbose_name="currency of the dues"
            ),
        ),
        migrations.AddField(
            model_name="organisation",
            name="currency",
            field=core.money.CurrencyField(
                blank=True, max_length=3, verbose_name="currency of the dues"
            ),
        ),
        migrations.AddConstraint(
            model_name="feerule",
            constraint=models.UniqueConstraint(
                fields=("tier", "kind", "income_group", "currency", "valid_from"),
                name="fee_once_per_day",
                violation_error_message="There is a fee for this tier, type, income group and currency from this day already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="countryincomegroup",
            constraint=models.UniqueConstraint(
                fields=("country", "valid_from"),
                name="income_group_once_per_day",
                violation_error_message="There is an income group for this country from this day already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="countryincomegroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("income_group", ""),
                    ("income_group__in", ("low", "lower middle", "upper middle", "high")),
                    _connector="OR",
                ),
                name="income_group_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="countryincomegroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("country__regex", "^[A-Z]{2}$")),
                name="income_group_country_is_iso2",
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="allowed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="new_tier",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="membership.tier"
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="old_tier",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="membership.tier"
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="term",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="membership.term",
            ),
        ),
        migrations.AddField(
            model_name="tierchange",
            name="waived_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="tierchange",
            index=models.Index(
                condition=models.Q(
                    ("applied_on__isnull", False),
                    ("difference__lt", 0),
                    ("settled_on__isnull", True),
                ),
                fields=["term"],
                name="tier_change_owed_back",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("applied_on__isnull", True), ("ended_on__isnull", True)),
                fields=("term",),
                name="tier_change_one_open",
                violation_error_message="A change of tier is open for this term already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("old_tier", models.F("new_tier")), _negated=True),
                name="tier_change_is_a_change",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("allowed_by__isnull", True), ("allowed_on__isnull", True)),
                    models.Q(("allowed_by__isnull", False), ("allowed_on__isnull", False)),
                    _connector="OR",
                ),
                name="tier_change_allowed_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("applied_on__isnull", True),
                    models.Q(
                        ("effective_on__isnull", False),
                        ("ended_on__isnull", True),
                        models.Q(
                            ("difference__lte", 0),
                            ("settled_on__isnull", False),
                            ("waived_on__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="tier_change_is_paid_for",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("settled_on__isnull", True), ("waived_on__isnull", True), _connector="OR"
                ),
                name="tier_change_settled_or_waived",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("waived_by__isnull", True),
                        ("waived_on__isnull", True),
                        ("waived_reason", ""),
                    ),
                    models.Q(
                        ("waived_by__isnull", False),
                        ("waived_on__isnull", False),
                        models.Q(("waived_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="tier_change_waiver_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="tierchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_by__isnull", True), ("ended_on__isnull", True), ("ended_reason", "")
                    ),
                    models.Q(
                        ("ended_on__isnull", False), models.Q(("ended_reason", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="tier_change_end_is_whole",
            ),
        ),
        migrations.RunPython(take_over_the_file, migrations.RunPython.noop),
    ]
