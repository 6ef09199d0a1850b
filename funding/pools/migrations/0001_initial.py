import core.money
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('payments', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Donor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('public_name', models.CharField(blank=True, max_length=120, verbose_name='public name')),
                ('anonymous', models.BooleanField(default=True, help_text='What the form offers first at the next gift.', verbose_name='anonymous')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('user', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='donor', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'donor',
                'verbose_name_plural': 'donors',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Gift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='reference')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('currency', core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('anonymous', models.BooleanField(verbose_name='anonymous')),
                ('public_name', models.CharField(blank=True, max_length=120, verbose_name='public name')),
                ('language', models.CharField(max_length=10, verbose_name='language')),
                ('form_token', models.UUIDField(editable=False, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('received_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='received at')),
                ('donor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts', to='pools.donor')),
                ('pool', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts', to='ledger.pool')),
            ],
            options={
                'verbose_name': 'gift',
                'verbose_name_plural': 'gifts',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Pledge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='reference')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('currency', core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('binding', models.BooleanField(verbose_name='binding')),
                ('anonymous', models.BooleanField(verbose_name='anonymous')),
                ('public_name', models.CharField(blank=True, max_length=120, verbose_name='public name')),
                ('language', models.CharField(max_length=10, verbose_name='language')),
                ('form_token', models.UUIDField(editable=False, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('confirmed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='confirmed at')),
                ('cancelled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='cancelled at')),
                ('donor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pledges', to='pools.donor')),
                ('pool', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pledges', to='ledger.pool')),
            ],
            options={
                'verbose_name': 'pledge',
                'verbose_name_plural': 'pledges',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Instalment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(24)], verbose_name='number')),
                ('due_on', models.DateField(verbose_name='due on')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('received_amount', models.BigIntegerField(default=0, editable=False, verbose_name='received')),
                ('received_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='received at')),
                ('settled_by', models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.payment')),
                ('pledge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instalments', to='pools.pledge')),
            ],
            options={
                'verbose_name': 'instalment',
                'verbose_name_plural': 'instalments',
                'ordering': ['pledge', 'number'],
            },
        ),
        migrations.CreateModel(
            name='PoolProfile',
            fields=[
                ('pool', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='profile', serialize=False, to='ledger.pool')),
                ('purpose', models.TextField(help_text='What the money is spent on, in one or two plain sentences.', verbose_name='purpose')),
                ('restricted', models.BooleanField(default=False, help_text='The money may be spent on this purpose alone.', verbose_name='restricted')),
                ('goal', models.BigIntegerField(blank=True, null=True, verbose_name='goal')),
                ('opens_on', models.DateField(verbose_name='opens on')),
                ('closes_on', models.DateField(blank=True, help_text='The last day; empty: stays open.', null=True, verbose_name='closes on')),
                ('paused', models.BooleanField(default=False, help_text='Takes no gifts and no pledges until switched off.', verbose_name='paused')),
                ('suggested_amounts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None, verbose_name='suggested amounts')),
                ('minimum_gift', models.BigIntegerField(default=500, verbose_name='smallest gift')),
                ('maximum_gift', models.BigIntegerField(default=99999999, verbose_name='largest gift')),
            ],
            options={
                'verbose_name': 'pool',
                'verbose_name_plural': 'pools',
                'ordering': ['pool__name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('maximum_gift__gte', models.F('minimum_gift')), ('minimum_gift__gt', 0)), name='pool_gift_limits_in_order', violation_error_message='The largest gift must not be below the smallest.'), models.CheckConstraint(condition=models.Q(('maximum_gift__lte', 99999999)), name='pool_gift_within_a_card_payment', violation_error_message='One card payment cannot be that large.'), models.CheckConstraint(condition=models.Q(('goal__isnull', True), ('goal__gt', 0), _connector='OR'), name='pool_goal_above_zero', violation_error_message='A goal is more than zero; leave it empty for none.'), models.CheckConstraint(condition=models.Q(('closes_on__isnull', True), ('closes_on__gte', models.F('opens_on')), _connector='OR'), name='pool_closes_after_it_opens', violation_error_message='The pool would close before it opens.')],
            },
        ),
        migrations.AddIndex(
            model_name='donor',
            index=models.Index(django.db.models.functions.text.Lower('email'), name='donor_by_email'),
        ),
        migrations.AddIndex(
            model_name='gift',
            index=models.Index(condition=models.Q(('received_at__isnull', False)), fields=['pool', '-received_at'], name='gift_received_by_pool'),
        ),
        migrations.AddConstraint(
            model_name='gift',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='gift_above_zero'),
        ),
        migrations.AddConstraint(
            model_name='pledge',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='pledge_above_zero'),
        ),
        migrations.AddConstraint(
            model_name='pledge',
            constraint=models.CheckConstraint(condition=models.Q(('cancelled_at__isnull', True), ('confirmed_at__isnull', False), _connector='OR'), name='pledge_cancelled_after_confirmed'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pledge',
            trigger=pgtrigger.compiler.Trigger(name='pledge_is_its_instalments', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n        IF EXISTS (\n            SELECT 1 FROM pools_pledge p\n            LEFT JOIN pools_instalment i ON i.pledge_id = p.id\n            WHERE p.id IN (NEW.id)\n            GROUP BY p.id, p.amount\n            HAVING p.amount <> COALESCE(SUM(i.amount), 0)\n        ) THEN\n            RAISE EXCEPTION 'The instalments of a pledge do not add up to the pledge.'\n                USING ERRCODE = '23514', CONSTRAINT = 'pledge_is_its_instalments';\n        END IF;\n        RETURN NULL;\n    ", hash='44633f4906b0731c31aaf1bc30bfac734c6ba414', operation='INSERT OR UPDATE OF "amount"', pgid='pgtrigger_pledge_is_its_instalments_67550', table='pools_pledge', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='instalment',
            index=models.Index(fields=['due_on'], name='instalment_by_day'),
        ),
        migrations.AddConstraint(
            model_name='instalment',
            constraint=models.UniqueConstraint(fields=('pledge', 'number'), name='instalment_number_once'),
        ),
        migrations.AddConstraint(
            model_name='instalment',
            constraint=models.UniqueConstraint(fields=('pledge', 'due_on'), name='instalment_day_once'),
        ),
        migrations.AddConstraint(
            model_name='instalment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='instalment_above_zero'),
        ),
        migrations.AddConstraint(
            model_name='instalment',
            constraint=models.CheckConstraint(condition=models.Q(('received_amount__gte', 0), ('received_amount__lte', models.F('amount'))), name='instalment_received_within_amount'),
        ),
        migrations.AddConstraint(
            model_name='instalment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('received_amount', 0), ('received_at__isnull', True)), models.Q(('received_amount__gt', 0), ('received_at__isnull', False)), _connector='OR'), name='instalment_received_on_a_day'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='instalment',
            trigger=pgtrigger.compiler.Trigger(name='instalments_make_their_pledge', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n        IF EXISTS (\n            SELECT 1 FROM pools_pledge p\n            LEFT JOIN pools_instalment i ON i.pledge_id = p.id\n            WHERE p.id IN (NEW.pledge_id, OLD.pledge_id)\n            GROUP BY p.id, p.amount\n            HAVING p.amount <> COALESCE(SUM(i.amount), 0)\n        ) THEN\n            RAISE EXCEPTION 'The instalments of a pledge do not add up to the pledge.'\n                USING ERRCODE = '23514', CONSTRAINT = 'pledge_is_its_instalments';\n        END IF;\n        RETURN NULL;\n    ", hash='18a0ade625093c6f97996e9cf2804f82bde20625', operation='INSERT OR DELETE OR UPDATE OF "amount", "pledge_id"', pgid='pgtrigger_instalments_make_their_pledge_e3a5f', table='pools_instalment', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        # A gift or a pledge is in its pool's currency: the pair points at the ledger's own pair
        # (its constraint pool_identity), which also keeps that currency from being changed.
        *(
            migrations.RunSQL(
                f"""
                ALTER TABLE pools_{table} ADD CONSTRAINT {table}_in_currency_of_its_pool
                    FOREIGN KEY (pool_id, currency) REFERENCES ledger_pool (id, currency)
                """,
                f"ALTER TABLE pools_{table} DROP CONSTRAINT {table}_in_currency_of_its_pool",
            )
            for table in ("gift", "pledge")
        ),
    ]
