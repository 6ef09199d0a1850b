import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from funding.ledger.sql import bulk, closing, guards, posting, rights, sealing

# Whoever sets pgtrigger.ignore passes these; `stays` (funding.ledger.sql.guards) nobody passes so.
REPLACED = [
    (table, verb)
    for table in (
        "account", "checkpoint", "cosignature", "entry", "figure", "leaf", "posting", "treehash",
    )
    for verb in ("update", "delete", "truncate")
]  # fmt: skip


def restrict(apps, schema_editor):
    rights.restrict_app_role(schema_editor.connection, settings.DATABASE_APP_ROLE)


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0002_ledger_of_its_own"),
    ]

    operations = [
        *(
            pgtrigger.migrations.RemoveTrigger(
                model_name=table, name=f"ledger_{table}_refuses_{verb}"
            )
            for table, verb in REPLACED
        ),
        # A CHECK is read anew by every statement; the functions hold these limits.
        migrations.AlterField(
            model_name="entry", name="figure_count", field=models.SmallIntegerField()
        ),
        migrations.AlterField(
            model_name="entry", name="posting_count", field=models.SmallIntegerField()
        ),
        # What is in force, where 0002 ran before it was: on the way back 0002 drops it.
        *(
            migrations.RunSQL(text, migrations.RunSQL.noop)
            for text in (
                guards.GUARD,
                guards.SLOT,
                posting.OPEN_MONTH,
                posting.AVAILABLE,
                posting.POST_PARTS,
                posting.POST,
                bulk.POST_MANY_BEFORE,
                bulk.POST_MANY,
                closing.CLOSE,
                closing.REBUILD,
                sealing.SEAL,
            )
        ),
        migrations.RunPython(restrict, migrations.RunPython.noop),
    ]
