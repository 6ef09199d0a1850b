from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_statement_hashes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                fields=["source"], name="entry_by_source", opclasses=["varchar_pattern_ops"]
            ),
        ),
    ]
