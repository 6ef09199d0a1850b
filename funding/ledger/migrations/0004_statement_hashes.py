import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from funding.ledger.sql import guards, rights


def restrict(apps, schema_editor):
    rights.restrict_app_role(schema_editor.connection, settings.DATABASE_APP_ROLE)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_own_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="StatementHash",
            fields=[
                (
                    "period",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="statement_hash",
                        serialize=False,
                        to="ledger.period",
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statement_hashes",
                        to="ledger.checkpoint",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(guards.STATEMENTS_STAY, guards.STATEMENTS_STAY_REVERSE),
        migrations.RunPython(restrict, migrations.RunPython.noop),
    ]
