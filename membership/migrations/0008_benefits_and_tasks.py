import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("membership", "0007_fees_and_changes_of_tier"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Benefit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="As the member reads it, in one sentence.",
                        max_length=200,
                        verbose_name="benefit",
                    ),
                ),
                (
                    "name_fr",
                    models.CharField(blank=True, max_length=200, verbose_name="benefit in French"),
                ),
                (
                    "name_pt",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="benefit in Portuguese"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("right", "a right, such as a vote"),
                            ("service", "something that is done for the member"),
                        ],
                        default="service",
                        max_length=10,
                        verbose_name="what it is",
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Counted from the day on which the term begins to count. A right has none.",
                        null=True,
                        verbose_name="done within days",
                    ),
                ),
                (
                    "repeats",
                    models.CharField(
                        choices=[("once", "once"), ("yearly", "every year")],
                        default="yearly",
                        max_length=10,
                        verbose_name="how often",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(default=0, verbose_name="position in lists"),
                ),
                (
                    "offered",
                    models.BooleanField(
                        default=True,
                        help_text="Without it nobody new is promised this. What was promised is still owed.",
                        verbose_name="promised",
                    ),
                ),
                (
                    "offered_from",
                    models.DateField(
                        default=django.utils.timezone.localdate,
                        help_text="Members whose term counts already have their days from then on.",
                        verbose_name="promised from",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Gets the task. Empty: the officers share these tasks out.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who does it",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="benefits",
                        to="membership.tier",
                    ),
                ),
            ],
            options={
                "verbose_name": "benefit",
                "verbose_name_plural": "benefits",
                "ordering": ["tier", "position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="OrganisationNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "form_token",
                    models.UUIDField(blank=True, editable=False, null=True, unique=True),
                ),
                ("text", models.TextField(max_length=2000, verbose_name="note")),
                ("at", models.DateTimeField(verbose_name="written at")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="membership.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "note on an organisation",
                "verbose_name_plural": "notes on organisations",
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "form_token",
                    models.UUIDField(blank=True, editable=False, null=True, unique=True),
                ),
                ("title", models.CharField(max_length=200, verbose_name="task")),
                ("title_fr", models.CharField(blank=True, max_length=200)),
                ("title_pt", models.CharField(blank=True, max_length=200)),
                ("due_on", models.DateField(verbose_name="due on")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("done", "done"),
                            ("excused", "not done, with a reason"),
                            ("ended", "ended with the term"),
                        ],
                        max_length=10,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="closed at"),
                ),
                ("words", models.TextField(blank=True, max_length=2000, verbose_name="words")),
                ("link", models.URLField(blank=True, max_length=500, verbose_name="link")),
                (
                    "benefit",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="membership.benefit",
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="membership.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="in the hands of",
                    ),
                ),
                (
                    "term",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="membership.term",
                    ),
                ),
            ],
            options={
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
                "ordering": ["due_on", "pk"],
            },
        ),
        migrations.CreateModel(
            name="TaskProof",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.CharField(max_length=150, verbose_name="file")),
                ("content_type", models.CharField(max_length=40)),
                ("content", models.BinaryField()),
                ("size", models.PositiveIntegerField()),
                (
                    "task",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proof",
                        to="membership.task",
                    ),
                ),
            ],
            options={
                "verbose_name": "proof of a task",
                "verbose_name_plural": "proofs of tasks",
            },
        ),
        migrations.AddConstraint(
            model_name="benefit",
            constraint=models.UniqueConstraint(
                fields=("tier", "name"),
                name="benefit_once_per_tier",
                violation_error_message="This tier has this benefit already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="benefit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("days__isnull", True), ("kind", "right")),
                    models.Q(
                        ("days__gte", 0),
                        ("days__isnull", False),
                        ("days__lte", 366),
                        ("kind", "service"),
                    ),
                    _connector="OR",
                ),
                name="benefit_service_has_days",
                violation_error_message="What is done for the member needs its days, 366 at most. A right has none.",
            ),
        ),
        migrations.AddConstraint(
            model_name="benefit",
            constraint=models.CheckConstraint(
                condition=models.Q(("repeats__in", ["once", "yearly"])),
                name="benefit_repeats_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="organisationnote",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True),
                name="organisation_note_says_something",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("outcome", "")), fields=["due_on"], name="task_open_by_day"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("outcome", "")),
                fields=["owner", "due_on"],
                name="task_of_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                fields=("term", "benefit"), name="task_once_per_promise"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("benefit__isnull", True), ("term__isnull", True)),
                    models.Q(("benefit__isnull", False), ("term__isnull", False)),
                    _connector="OR",
                ),
                name="task_promise_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("title", ""), _negated=True), name="task_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("link", ""), ("link__regex", "^https?://"), _connector="OR"),
                name="task_link_is_of_the_web",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("link", ""),
                        ("outcome", ""),
                        ("words", ""),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("outcome", "done"),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("link", ""),
                        ("outcome", "excused"),
                        models.Q(("words", ""), _negated=True),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", True),
                        ("link", ""),
                        ("outcome", "ended"),
                        ("term__isnull", False),
                        ("words", ""),
                    ),
                    _connector="OR",
                ),
                name="task_outcome_is_whole",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="task",
            trigger=pgtrigger.compiler.Trigger(
                name="outcome_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.outcome IN ('done', 'excused') AND NEW.outcome <> OLD.outcome)",
                    func="RAISE EXCEPTION 'task_outcome_stays: this task is closed' USING ERRCODE = 'check_violation';",
                    hash="9b6fcd7acfacdcab8abb103450199d81dae97add",
                    operation="UPDATE",
                    pgid="pgtrigger_outcome_stays_44a45",
                    table="membership_task",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="taskproof",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("content_type__in", ["application/pdf", "image/jpeg", "image/png"])
                ),
                name="task_proof_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="taskproof",
            constraint=models.CheckConstraint(
                condition=models.Q(("size__gt", 0)), name="task_proof_is_not_empty"
            ),
        ),
    ]
