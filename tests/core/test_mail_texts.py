"""Every shipped e-mail can be written out, changed by staff, checked, and taken back."""

from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.template import Context
from django.template.loader import get_template
from django.utils import translation
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing import catalogue, language, texts
from core.mailing.models import MailText
from core.mailing.samples import SAMPLES
from core.models import User
from core.transactions import use_case
from tests.factories.core import UserFactory

NAMES = catalogue.names()
LANGUAGES = ("en", "fr", "pt")


@pytest.fixture
def officer(db: None) -> User:
    return UserFactory(is_superuser=True)


def save(officer: User, body: str = "{{ organisation }} lapsed.", **changes: Any) -> MailText:
    values = {"subject": "{{ organisation }}", "seen": 0, **changes}
    template = values.pop("template", "dues_lapsed")
    return texts.save(template, values.pop("code", "en"), body=body, by=officer, **values)


def send(template: str = "dues_lapsed", code: str = "en") -> Any:
    with use_case():
        enqueue_mail(template, "amina@example.org", code, {"organisation": "Côte d'Ivoire & Co"})
    run_pending_jobs()
    return mail.outbox[-1]


# --- The shipped texts ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_text_written_out_says_what_the_template_says(name: str, code: str) -> None:
    values = texts.sample_values(code)
    for given in (values, {**dict.fromkeys(SAMPLES, ""), "SITE_URL": "http://testserver"}):
        written = catalogue.shipped(name, code)
        for source, path in ((written.subject, "subject.txt"), (written.body, "txt")):
            template: Any = get_template(f"emails/{name}.{path}")
            with translation.override(code):
                original = template.template.render(Context(given, autoescape=False))
            assert language.fill(source, given).strip() == original.strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_a_shipped_text_has_a_sample(name: str) -> None:
    for variable in texts.known_variables(name):
        first, *part = variable.split("[].")
        if first in catalogue.ALWAYS:
            continue
        assert first in SAMPLES, f"Give {first} a sample in core/mailing/samples.py."
        if part:
            assert part[0] in SAMPLES[first][0]


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_text_passes_its_own_check(name: str) -> None:
    for code in LANGUAGES:
        text = catalogue.shipped(name, code)
        texts.check(name, text.subject, text.body)


def test_every_shipped_mail_belongs_to_an_area_and_topics_name_shipped_mails() -> None:
    assert {name.split("_")[0] for name in NAMES} == set(catalogue.AREAS)
    assert set(catalogue.TOPICS) <= set(NAMES)


# --- What staff may write -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, refusal, words",
    [
        ("{{ organisaton }}", language.UnknownVariables, "organisaton"),
        ("{{ organisation.upper }}", language.UnknownVariables, "organisation.upper"),
        ("{{ organisation|default:secret }}", language.UnknownVariables, "secret"),
        ("{% if secret and path %}x{% endif %}", language.UnknownVariables, "secret"),
        ("{% for x in path %}{{ x.y }}{% endfor %}", language.UnknownVariables, r"path\[\].y"),
        ("One\n{% include 'emails/base.txt' %}", language.UnknownTag, "Line 2.*include"),
        ("{% load i18n %}", language.UnknownTag, "load"),
        ("{% extends 'x' %}", language.UnknownTag, "extends"),
        ("{% debug %}", language.UnknownTag, "debug"),
        ("{{ path|safe }}", language.UnknownFilter, "safe"),
        ("{{ path|center:999999999 }}", language.UnknownFilter, "center"),
        ("One\n\nThree {{ path", language.OpenBrace, "Line 3"),
        ("path }} here", language.OpenBrace, "Line 1"),
        ("{% if path %}x", language.NotReadable, "if"),
        ("{{ path path }}", language.NotReadable, "path"),
        ("{% for a, b, c in organisation %}{% endfor %}", language.DoesNotFill, "sample"),
    ],
)
def test_what_a_text_cannot_say_is_told_in_words(
    officer: User, body: str, refusal: type[language.TextRefusal], words: str
) -> None:
    with pytest.raises(refusal, match=f"(?s){words}"):
        save(officer, body)
    assert not MailText.objects.exists()


def test_a_mistake_in_the_subject_is_told_too(officer: User) -> None:
    with pytest.raises(language.UnknownVariables):
        save(officer, subject="{{ nothing }}")


def test_a_text_that_loses_its_code_is_refused(officer: User) -> None:
    with pytest.raises(language.NeededMissing, match="code"):
        save(officer, "Come in.", template="membership_shared", subject="Come")


# --- What goes out --------------------------------------------------------------------------------


def test_the_text_of_staff_goes_out_in_its_language_alone(officer: User) -> None:
    save(officer, "Bonjour {{ organisation }} <3", code="fr", subject="Fini: {{ organisation }}")

    message = send(code="fr")

    assert message.subject == "Fini: Côte d'Ivoire & Co"
    assert message.body == "Bonjour Côte d'Ivoire & Co <3\n"
    assert "Fini" not in send(code="en").subject


def test_after_going_back_the_original_goes_out_and_the_history_stays(officer: User) -> None:
    original = send().body
    save(officer)
    assert send().body != original

    texts.take_back("dues_lapsed", "en", by=officer, seen=1)

    assert send().body == original
    assert [(row.number, row.is_back) for row in MailText.objects.order_by("number")] == [
        (1, False),
        (2, True),
    ]
    with pytest.raises(texts.NothingToTakeBack):
        texts.take_back("dues_lapsed", "en", by=officer, seen=2)


def test_a_text_that_cannot_be_filled_gives_way_to_the_original_and_says_so(officer: User) -> None:
    original = send().body
    # As if what a message is filled with had changed since: a list is now a text of one letter.
    MailText.objects.create(
        template="dues_lapsed",
        language="en",
        number=1,
        subject="Lapsed",
        body="{% for a, b in organisation %}{{ a }}{% endfor %}",
        changed_by=officer,
    )

    assert send().body == original

    row = MailText.objects.get()
    assert row.broke_at is not None
    assert "ValueError" in row.broke_with


# --- History --------------------------------------------------------------------------------------


def test_each_change_is_a_version_with_its_author_and_stands_in_the_log(officer: User) -> None:
    save(officer)
    other = UserFactory(is_superuser=True)
    save(other, "It is over.", seen=1)

    assert [(row.number, row.changed_by) for row in MailText.objects.order_by("number")] == [
        (1, officer),
        (2, other),
    ]
    assert ModelLogEntry.objects.filter(action="core.change_mail_text").count() == 2


def test_who_began_from_an_older_version_is_told(officer: User) -> None:
    save(officer)
    with pytest.raises(texts.ChangedMeanwhile):
        save(officer, "Mine.")
    with pytest.raises(texts.ChangedMeanwhile):
        texts.take_back("dues_lapsed", "en", by=officer, seen=0)


def test_the_history_cannot_be_rewritten(officer: User) -> None:
    row = save(officer)
    with pytest.raises(DatabaseError), transaction.atomic():
        MailText.objects.filter(pk=row.pk).update(body="Something else.")
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()
