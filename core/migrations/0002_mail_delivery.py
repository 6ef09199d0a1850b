import core.mailing.models
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "address",
                    core.mailing.models.AddressField(
                        max_length=254, unique=True, verbose_name="address"
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("bounced", "mail comes back"),
                            ("complained", "marked our mail as spam"),
                        ],
                        max_length=20,
                        verbose_name="why",
                    ),
                ),
                (
                    "detail",
                    models.CharField(
                        blank=True, max_length=500, verbose_name="in the words of the other side"
                    ),
                ),
                (
                    "since",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="since"),
                ),
            ],
            options={
                "verbose_name": "dead address",
                "verbose_name_plural": "dead addresses",
                "ordering": ["-since"],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("why__in", ["bounced", "complained"])),
                        name="dead_address_why_is_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MissingMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "expectation",
                    models.CharField(max_length=60, verbose_name="what should have gone out"),
                ),
                ("about", models.CharField(max_length=200, verbose_name="about")),
                ("template", models.CharField(max_length=100, verbose_name="template")),
                ("address", models.CharField(blank=True, max_length=254, verbose_name="address")),
                ("language", models.CharField(blank=True, max_length=10, verbose_name="language")),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "found_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="found at"
                    ),
                ),
            ],
            options={
                "verbose_name": "missing message",
                "verbose_name_plural": "missing messages",
                "ordering": ["due_on", "id"],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("expectation", "about", "template"), name="missing_message_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Unsubscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "address",
                    core.mailing.models.AddressField(max_length=254, verbose_name="address"),
                ),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("renewals", "reminders of a membership renewal"),
                            ("giving", "reminders of pledges and gifts"),
                        ],
                        max_length=20,
                        verbose_name="topic",
                    ),
                ),
                (
                    "since",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="since"),
                ),
            ],
            options={
                "verbose_name": "unsubscription",
                "verbose_name_plural": "unsubscriptions",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("address", "topic"), name="unsubscribed_once"),
                    models.CheckConstraint(
                        condition=models.Q(("topic__in", ["renewals", "giving"])),
                        name="unsubscribed_topic_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("template", models.CharField(max_length=100, verbose_name="template")),
                (
                    "address",
                    models.CharField(
                        blank=True, db_index=True, max_length=254, verbose_name="address"
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=10, verbose_name="language")),
                (
                    "topic",
                    models.CharField(blank=True, max_length=20, verbose_name="can be unsubscribed"),
                ),
                ("about", models.CharField(blank=True, max_length=200, verbose_name="about")),
                (
                    "message_id",
                    models.CharField(max_length=255, unique=True, verbose_name="message number"),
                ),
                (
                    "service_id",
                    models.CharField(
                        blank=True,
                        db_index=True,
                        max_length=255,
                        verbose_name="number at the mail service",
                    ),
                ),
                ("context", models.JSONField(null=True, verbose_name="filled with")),
                ("attachments", models.JSONField(default=list, verbose_name="attachments")),
                ("is_test", models.BooleanField(default=False, verbose_name="test")),
                (
                    "queued_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="queued at"
                    ),
                ),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent at")),
                ("failed_at", models.DateTimeField(null=True, verbose_name="failed at")),
                ("bounced_at", models.DateTimeField(null=True, verbose_name="bounced at")),
                (
                    "complained_at",
                    models.DateTimeField(null=True, verbose_name="marked as spam at"),
                ),
                ("held_at", models.DateTimeField(null=True, verbose_name="held at")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                (
                    "again_of",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="sent_again",
                        to="core.delivery",
                        verbose_name="sent again",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
                "ordering": ["-id"],
                "permissions": [("send_delivery", "Can send an e-mail again")],
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["about", "template"], name="delivery_about")],
            },
        ),
        migrations.CreateModel(
            name="MailText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("template", models.CharField(max_length=100, verbose_name="template")),
                ("language", models.CharField(max_length=10, verbose_name="language")),
                ("number", models.PositiveIntegerField(verbose_name="version")),
                ("subject", models.CharField(blank=True, max_length=200, verbose_name="subject")),
                ("body", models.TextField(blank=True, verbose_name="text")),
                (
                    "is_back",
                    models.BooleanField(default=False, verbose_name="back to the original"),
                ),
                (
                    "changed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="changed at"
                    ),
                ),
                ("broke_at", models.DateTimeField(null=True, verbose_name="failed at")),
                ("broke_with", models.CharField(blank=True, max_length=500, verbose_name="error")),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "text of an e-mail",
                "verbose_name_plural": "texts of e-mails",
                "ordering": ["template", "language", "-number"],
                "default_permissions": ("change",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("template", "language", "number"), name="mail_text_version_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("body", ""), ("is_back", True), ("subject", "")),
                            models.Q(
                                ("is_back", False),
                                models.Q(("subject", ""), _negated=True),
                                models.Q(("body", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="mail_text_is_whole",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mailtext",
            trigger=pgtrigger.compiler.Trigger(
                name="mail_text_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."template" IS DISTINCT FROM (NEW."template") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."subject" IS DISTINCT FROM (NEW."subject") OR OLD."body" IS DISTINCT FROM (NEW."body") OR OLD."is_back" IS DISTINCT FROM (NEW."is_back") OR OLD."changed_by_id" IS DISTINCT FROM (NEW."changed_by_id") OR OLD."changed_at" IS DISTINCT FROM (NEW."changed_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="a9183163368afb38d8d0928b3fe77eda5231c14a",
                    operation="UPDATE",
                    pgid="pgtrigger_mail_text_stays_72938",
                    table="core_mailtext",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mailtext",
            trigger=pgtrigger.compiler.Trigger(
                name="mail_text_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="8a48f89ac9d109574ed80243bec7856f2f99e222",
                    operation="DELETE",
                    pgid="pgtrigger_mail_text_is_kept_88e43",
                    table="core_mailtext",
                    when="BEFORE",
                ),
            ),
        ),
    ]
