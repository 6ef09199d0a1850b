import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import membership.models.fields
import membership.models.shares


class Migration(migrations.Migration):
    dependencies = [
        ("core", "__first__"),
        ("membership", "0002_organisation_profile"),
    ]

    operations = [
        migrations.CreateModel(
            name="Share",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail address")),
                (
                    "code",
                    models.CharField(
                        default=membership.models.shares.new_code,
                        editable=False,
                        max_length=8,
                        unique=True,
                        verbose_name="code",
                    ),
                ),
                ("shared_at", models.DateTimeField(verbose_name="shared at")),
                (
                    "opened_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="opened at"),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="revoked at"),
                ),
            ],
            options={
                "verbose_name": "shared draft",
                "verbose_name_plural": "shared drafts",
                "ordering": ["id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="application",
            name="application_kind_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="application",
            name="application_constituency_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="application",
            name="application_country_is_iso2",
        ),
        migrations.AddField(
            model_name="acceptance",
            name="signatory_function",
            field=models.CharField(
                blank=True, max_length=150, verbose_name="function of who accepts"
            ),
        ),
        migrations.AddField(
            model_name="acceptance",
            name="signatory_name",
            field=models.CharField(blank=True, max_length=150, verbose_name="who accepts"),
        ),
        migrations.AddField(
            model_name="application",
            name="billing_email",
            field=models.EmailField(
                blank=True, max_length=254, verbose_name="e-mail address of the billing contact"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="billing_name",
            field=models.CharField(blank=True, max_length=150, verbose_name="billing contact"),
        ),
        migrations.AddField(
            model_name="application",
            name="contact_email",
            field=models.EmailField(
                blank=True, max_length=254, verbose_name="e-mail address of the primary contact"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="contact_name",
            field=models.CharField(blank=True, max_length=150, verbose_name="primary contact"),
        ),
        migrations.AddField(
            model_name="application",
            name="may_bind",
            field=models.BooleanField(default=False, verbose_name="may bind the organisation"),
        ),
        migrations.AddField(
            model_name="application",
            name="registration_agency",
            field=models.CharField(
                blank=True, max_length=20, verbose_name="agency of the registration number"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="registration_number",
            field=models.CharField(blank=True, max_length=100, verbose_name="registration number"),
        ),
        migrations.AddField(
            model_name="application",
            name="signatory_function",
            field=models.CharField(
                blank=True, max_length=150, verbose_name="function of who accepts"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="signatory_name",
            field=models.CharField(blank=True, max_length=150, verbose_name="who accepts"),
        ),
        migrations.AddField(
            model_name="application",
            name="step_versions",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="application",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="application",
            name="voting_email",
            field=models.EmailField(
                blank=True,
                max_length=254,
                verbose_name="e-mail address of the voting representative",
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="voting_name",
            field=models.CharField(
                blank=True, max_length=150, verbose_name="voting representative"
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="constituency",
            field=models.CharField(
                blank=True,
                choices=[
                    ("country", "Country"),
                    ("implementer", "Implementer"),
                    ("donor", "Donor"),
                    ("technical", "Technical"),
                    ("community", "Community"),
                ],
                max_length=20,
                verbose_name="constituency",
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="country",
            field=membership.models.fields.CountryField(
                blank=True, max_length=2, verbose_name="country"
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("ministry", "Ministry or public body"),
                    ("ngo", "Non-governmental organisation"),
                    ("implementer", "Implementer"),
                    ("donor", "Donor"),
                    ("academic", "University or research institute"),
                    ("company", "Company"),
                ],
                max_length=20,
                verbose_name="type",
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="legal_name",
            field=models.CharField(blank=True, max_length=200, verbose_name="legal name"),
        ),
        migrations.AlterField(
            model_name="application",
            name="public_name",
            field=models.CharField(blank=True, max_length=120, verbose_name="public name"),
        ),
        migrations.AlterField(
            model_name="application",
            name="tier",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="applications",
                to="membership.tier",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("signatory_function", ""), ("signatory_name", "")),
                    models.Q(
                        models.Q(("signatory_name", ""), _negated=True),
                        models.Q(("signatory_function", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="acceptance_names_person_and_function",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", ""),
                    (
                        "kind__in",
                        ["ministry", "ngo", "implementer", "donor", "academic", "company"],
                    ),
                    _connector="OR",
                ),
                name="application_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("constituency", ""),
                    (
                        "constituency__in",
                        ["country", "implementer", "donor", "technical", "community"],
                    ),
                    _connector="OR",
                ),
                name="application_constituency_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("country", ""), ("country__regex", "^[A-Z]{2}$"), _connector="OR"
                ),
                name="application_country_is_iso2",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("submitted_at__isnull", True),
                    models.Q(
                        models.Q(("legal_name", ""), _negated=True),
                        models.Q(("public_name", ""), _negated=True),
                        models.Q(("kind", ""), _negated=True),
                        models.Q(("country", ""), _negated=True),
                        models.Q(("constituency", ""), _negated=True),
                        ("tier__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="application_submitted_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("submitted_at__isnull", True),
                    models.Q(("registration_agency", ""), ("registration_number", "")),
                    models.Q(
                        models.Q(("registration_agency", ""), _negated=True),
                        models.Q(("registration_number", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="application_registration_names_its_agency",
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="application",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="shares",
                to="membership.application",
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="shares",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="shared_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=("application", "email"),
                name="share_once_per_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("opened_at__isnull", True), ("person__isnull", True)),
                    models.Q(("opened_at__isnull", False), ("person__isnull", False)),
                    _connector="OR",
                ),
                name="share_opened_by_somebody",
            ),
        ),
    ]
