"""History of seats, organisations and terms, written by triggers; what stands now is its first row."""

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# What was before is not known: each begins with its row's own time, as it stands now.
FIRST_ROWS = """
INSERT INTO membership_organisationrecord
    (organisation_id, public_name, constituency, country, begins_at)
SELECT id, public_name, constituency, country, created_at FROM membership_organisation;
INSERT INTO membership_seatrecord (organisation_id, person_id, roles, begins_at)
SELECT organisation_id, person_id, roles, created_at FROM membership_seat;
INSERT INTO membership_termrecord
    (term_id, organisation_id, starts_on, ends_on, settled_on, waived_on, cancelled_on, begins_at)
SELECT id, organisation_id, starts_on, ends_on, settled_on, waived_on, cancelled_on, created_at
FROM membership_term;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('membership', '0009_saved_views'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AgreementNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sent_at', models.DateTimeField(verbose_name='told at')),
            ],
            options={
                'verbose_name': 'notice of an agreement',
                'verbose_name_plural': 'notices of agreements',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='OrganisationRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begins_at', models.DateTimeField(verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('public_name', models.CharField(max_length=120, verbose_name='public name')),
                ('constituency', models.CharField(max_length=20, verbose_name='constituency')),
                ('country', models.CharField(max_length=2, verbose_name='country')),
            ],
            options={
                'verbose_name': 'record of an organisation',
                'verbose_name_plural': 'records of organisations',
                'ordering': ['begins_at', 'id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SeatRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begins_at', models.DateTimeField(verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), size=None, verbose_name='roles')),
            ],
            options={
                'verbose_name': 'record of a seat',
                'verbose_name_plural': 'records of seats',
                'ordering': ['begins_at', 'id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TermRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begins_at', models.DateTimeField(verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('starts_on', models.DateField(verbose_name='first day')),
                ('ends_on', models.DateField(verbose_name='last day')),
                ('settled_on', models.DateField(blank=True, null=True, verbose_name='settled on')),
                ('waived_on', models.DateField(blank=True, null=True, verbose_name='waived on')),
                ('cancelled_on', models.DateField(blank=True, null=True, verbose_name='cancelled with effect from')),
            ],
            options={
                'verbose_name': 'record of a term',
                'verbose_name_plural': 'records of terms',
                'ordering': ['begins_at', 'id'],
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='agreementnotice',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='membership.organisation'),
        ),
        migrations.AddField(
            model_name='agreementnotice',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='membership.agreementversion'),
        ),
        migrations.AddField(
            model_name='organisationrecord',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='membership.organisation'),
        ),
        migrations.AddField(
            model_name='seatrecord',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='membership.organisation'),
        ),
        migrations.AddField(
            model_name='seatrecord',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='termrecord',
            name='organisation',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='membership.organisation'),
        ),
        migrations.AddField(
            model_name='termrecord',
            name='term',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='membership.term'),
        ),
        migrations.RunSQL(FIRST_ROWS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='agreementnotice',
            constraint=models.UniqueConstraint(fields=('version', 'organisation'), name='agreement_notice_once'),
        ),
        migrations.AddConstraint(
            model_name='organisationrecord',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('begins_at')), _connector='OR'), name='organisationrecord_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='organisationrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('ends_at__isnull', True)), fields=('organisation',), name='organisationrecord_one_stands'),
        ),
        migrations.AddConstraint(
            model_name='seatrecord',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('begins_at')), _connector='OR'), name='seatrecord_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='seatrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('ends_at__isnull', True)), fields=('organisation', 'person'), name='seatrecord_one_stands'),
        ),
        migrations.AddConstraint(
            model_name='termrecord',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('begins_at')), _connector='OR'), name='termrecord_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='termrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('ends_at__isnull', True)), fields=('term',), name='termrecord_one_stands'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organisation',
            trigger=pgtrigger.compiler.Trigger(name='keeps_history', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE moment timestamptz;', func="\n            IF TG_OP = 'UPDATE' AND (OLD.id, OLD.public_name, OLD.constituency, OLD.country) IS NOT DISTINCT FROM (NEW.id, NEW.public_name, NEW.constituency, NEW.country) THEN\n                RETURN NULL;\n            END IF;\n            IF TG_OP = 'INSERT' THEN\n                moment := NEW.created_at;\n            ELSE\n                UPDATE membership_organisationrecord SET ends_at = GREATEST(begins_at, clock_timestamp())\n                WHERE organisation_id = OLD.id AND ends_at IS NULL\n                RETURNING ends_at INTO moment;\n            END IF;\n            IF TG_OP <> 'DELETE' THEN\n                INSERT INTO membership_organisationrecord (organisation_id, public_name, constituency, country, begins_at)\n                VALUES (NEW.id, NEW.public_name, NEW.constituency, NEW.country, COALESCE(moment, clock_timestamp()));\n            END IF;\n            RETURN NULL;\n        ", hash='31abf196cfec2aa43a639a7dc82d2a79a93a3450', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_keeps_history_745f2', table='membership_organisation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seat',
            trigger=pgtrigger.compiler.Trigger(name='keeps_history', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE moment timestamptz;', func="\n            IF TG_OP = 'UPDATE' AND (OLD.organisation_id, OLD.person_id, OLD.roles) IS NOT DISTINCT FROM (NEW.organisation_id, NEW.person_id, NEW.roles) THEN\n                RETURN NULL;\n            END IF;\n            IF TG_OP = 'INSERT' THEN\n                moment := NEW.created_at;\n            ELSE\n                UPDATE membership_seatrecord SET ends_at = GREATEST(begins_at, clock_timestamp())\n                WHERE organisation_id = OLD.organisation_id AND person_id = OLD.person_id AND ends_at IS NULL\n                RETURNING ends_at INTO moment;\n            END IF;\n            IF TG_OP <> 'DELETE' THEN\n                INSERT INTO membership_seatrecord (organisation_id, person_id, roles, begins_at)\n                VALUES (NEW.organisation_id, NEW.person_id, NEW.roles, COALESCE(moment, clock_timestamp()));\n            END IF;\n            RETURN NULL;\n        ", hash='1c46f68c6d1e35f7b82ac9afdb4fdf545febf86c', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_keeps_history_c6610', table='membership_seat', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='term',
            trigger=pgtrigger.compiler.Trigger(name='keeps_history', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE moment timestamptz;', func="\n            IF TG_OP = 'UPDATE' AND (OLD.id, OLD.organisation_id, OLD.starts_on, OLD.ends_on, OLD.settled_on, OLD.waived_on, OLD.cancelled_on) IS NOT DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.starts_on, NEW.ends_on, NEW.settled_on, NEW.waived_on, NEW.cancelled_on) THEN\n                RETURN NULL;\n            END IF;\n            IF TG_OP = 'INSERT' THEN\n                moment := NEW.created_at;\n            ELSE\n                UPDATE membership_termrecord SET ends_at = GREATEST(begins_at, clock_timestamp())\n                WHERE term_id = OLD.id AND ends_at IS NULL\n                RETURNING ends_at INTO moment;\n            END IF;\n            IF TG_OP <> 'DELETE' THEN\n                INSERT INTO membership_termrecord (term_id, organisation_id, starts_on, ends_on, settled_on, waived_on, cancelled_on, begins_at)\n                VALUES (NEW.id, NEW.organisation_id, NEW.starts_on, NEW.ends_on, NEW.settled_on, NEW.waived_on, NEW.cancelled_on, COALESCE(moment, clock_timestamp()));\n            END IF;\n            RETURN NULL;\n        ", hash='701d82b6736a0c34677952d9259135b68db6748b', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_keeps_history_1a7df', table='membership_term', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organisationrecord',
            trigger=pgtrigger.compiler.Trigger(name='written_by_triggers_alone', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF pg_trigger_depth() < 2 OR TG_OP = 'DELETE'\n            OR (TG_OP = 'UPDATE' AND OLD.ends_at IS NOT NULL) THEN\n            RAISE EXCEPTION 'history_stands: % is written by triggers alone', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NEW;\n    ", hash='c155832664c301a70970d4175506528dda307d3f', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_written_by_triggers_alone_6363a', table='membership_organisationrecord', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seatrecord',
            trigger=pgtrigger.compiler.Trigger(name='written_by_triggers_alone', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF pg_trigger_depth() < 2 OR TG_OP = 'DELETE'\n            OR (TG_OP = 'UPDATE' AND OLD.ends_at IS NOT NULL) THEN\n            RAISE EXCEPTION 'history_stands: % is written by triggers alone', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NEW;\n    ", hash='884d7d37d28fec2d3f6397896d26f72279930b19', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_written_by_triggers_alone_d5b61', table='membership_seatrecord', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='termrecord',
            trigger=pgtrigger.compiler.Trigger(name='written_by_triggers_alone', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF pg_trigger_depth() < 2 OR TG_OP = 'DELETE'\n            OR (TG_OP = 'UPDATE' AND OLD.ends_at IS NOT NULL) THEN\n            RAISE EXCEPTION 'history_stands: % is written by triggers alone', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NEW;\n    ", hash='872931dc30b41b6cd53cd1cc281a28276f973b7f', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_written_by_triggers_alone_5d515', table='membership_termrecord', when='BEFORE')),
        ),
    ]
