from django.db import migrations, models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower


def say_why(apps, schema_editor):
    """What was held so far was held as a reminder: of a dead address, or of one that wants none."""
    delivery = apps.get_model("core", "Delivery")
    dead = apps.get_model("core", "DeadAddress").objects.filter(
        address=Lower(OuterRef("address"))
    )
    held = delivery.objects.filter(held_at__isnull=False)
    held.filter(Exists(dead)).update(held_as="dead")
    held.filter(held_as="").update(held_as="unsubscribed")


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_mail_delivery"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="delivery",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [
                    ("send_delivery", "Can send an e-mail again"),
                    ("forget_address", "Can erase an address from the log of e-mails"),
                ],
                "verbose_name": "message",
                "verbose_name_plural": "messages",
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="held_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unsubscribed", "the address wants none"),
                    ("dead", "the address is dead"),
                ],
                max_length=20,
                verbose_name="held because",
            ),
        ),
        migrations.RunPython(say_why, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("held_as", ""), ("held_at", None)),
                    models.Q(
                        ("held_as__in", ["unsubscribed", "dead"]), ("held_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="delivery_held_says_why",
            ),
        ),
        migrations.RemoveIndex(
            model_name="delivery",
            name="delivery_about",
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["about", "template"],
                name="delivery_about",
                opclasses=["varchar_pattern_ops", "varchar_pattern_ops"],
            ),
        ),
    ]
