"""Links on pages and what was found there, and the last review of a page."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('home', '0007_search_and_follow'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(settings.WAGTAIL_PAGE_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LinkedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=1000, unique=True, verbose_name='address')),
                ('state', models.CharField(choices=[('new', 'Not checked yet'), ('works', 'Works'), ('broken', 'Broken'), ('silent', 'No answer'), ('left', 'Not checked')], default='new', max_length=10, verbose_name='state')),
                ('reason', models.CharField(blank=True, choices=[('', ''), ('no page', 'there is no such page on this site'), ('gone', 'the server says that there is no such page'), ('refused', 'the server answers browsers, not programs'), ('error', 'the server is in trouble'), ('no host', 'there is no server of this name'), ('timeout', 'the server did not answer in time'), ('certificate', 'the certificate of the server is not valid'), ('redirects', 'it leads on and on and never arrives'), ('private', 'it is an address of a private network'), ('odd', 'it is no web address that can be checked'), ('off', 'checking other sites is switched off here')], default='', max_length=20, verbose_name='reason')),
                ('answer', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='answer of the server')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('checked_at', models.DateTimeField(blank=True, null=True, verbose_name='checked at')),
            ],
            options={
                'verbose_name': 'linked address',
                'verbose_name_plural': 'linked addresses',
                'ordering': ['address'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PageReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reviewed_at', models.DateTimeField(verbose_name='reviewed at')),
                ('page', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='last_review', to=settings.WAGTAIL_PAGE_MODEL)),
                ('reviewed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'review of a page',
                'verbose_name_plural': 'reviews of pages',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PageLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='home.linkedaddress')),
                ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.WAGTAIL_PAGE_MODEL)),
            ],
            options={
                'verbose_name': 'link on a page',
                'verbose_name_plural': 'links on pages',
                'ordering': ['id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('page', 'address'), name='page_link_once')],
            },
        ),
    ]
