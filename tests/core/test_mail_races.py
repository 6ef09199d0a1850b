"""Two at once: one message, one version of a text."""

from typing import Any

from django.utils import timezone

from core.mail import enqueue_mail
from core.mailing import log, texts
from core.mailing.models import Delivery, MailText
from core.transactions import use_case
from tests.factories.core import UserFactory
from tests.races import together


def test_two_who_send_again_at_once_send_one(committed_db: Any) -> None:
    officer = UserFactory()
    with use_case():
        first = enqueue_mail("dues_lapsed", "amina@example.org", "en", {"organisation": "Ministry"})
    Delivery.objects.update(failed_at=timezone.now())

    answers = together(*[lambda: log.send_again(first.pk, by=officer)] * 2)

    assert answers[0] == answers[1]
    assert Delivery.objects.filter(again_of=first).count() == 1


def test_two_who_save_the_same_text_at_once_make_one_version(committed_db: Any) -> None:
    officer = UserFactory(is_superuser=True)

    def save() -> MailText:
        return texts.save(
            "dues_lapsed", "en", subject="Lapsed", body="It lapsed.", by=officer, seen=0
        )

    answers = together(save, save)

    assert sorted(type(answer).__name__ for answer in answers) == ["ChangedMeanwhile", "MailText"]
    assert MailText.objects.count() == 1
