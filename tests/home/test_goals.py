"""Goals say how far they are, on which day, and who answers for them."""

import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from wagtail.models import Locale

from core.transactions import use_case
from home.models import Goal, GoalsPage, HomePage
from portal.site_tree import plant


def goal(**values: Any) -> Goal:
    given = {
        "title": "A voice",
        "horizon": "long",
        "measure": "Ministries",
        "target": 20,
        "locale": Locale.objects.get(language_code="en"),
        **values,
    }
    return Goal(**given)


def goals_page(site: HomePage, *goals: Goal, **values: Any) -> GoalsPage:
    page = GoalsPage(slug="aims", **values)
    page.goals = list(goals)
    with use_case():
        return plant(site, page, {"en": {"title": "Aims"}, "fr": {"title": "Buts"}})


def test_a_goal_shows_how_far_it_is_and_one_without_a_count_says_so(
    site: HomePage, client: Client
) -> None:
    day = datetime.date(2026, 11, 1)
    page = goals_page(
        site,
        goal(reached=5, as_of=day, responsible="Committee", source="The directory"),
        goal(title="Counted soon", horizon="short"),
        goal(title="Done", reached=20, as_of=day),
    )

    shown = client.get(page.url).content.decode()

    assert "5 of 20 on 1 November 2026" in shown
    assert '<rect class="in" width="25.00%"' in shown
    assert "Target: 20. Nobody has counted yet." in shown
    assert shown.count(">Reached<") == 1
    assert shown.index("In the short term") < shown.index("In the long term")
    assert "Committee" in shown
    assert "A proposal: nobody has decided" in shown


def test_goals_that_were_decided_are_no_proposal(site: HomePage, client: Client) -> None:
    page = goals_page(site, is_proposal=False)
    shown = client.get(page.url).content.decode()
    assert "A proposal" not in shown
    assert "No goal is written yet" in shown


def test_a_translated_page_has_goals_of_its_own_language(site: HomePage, client: Client) -> None:
    page = goals_page(site, goal())
    french = page.get_translation(Locale.objects.get(language_code="fr"))

    (copy,) = french.goals.all()
    assert copy.locale.language_code == "fr"
    assert copy.translation_key == page.goals.get().translation_key
    assert "A voice" in client.get(french.url).content.decode()


def test_a_count_has_its_day_and_no_day_to_come() -> None:
    with pytest.raises(ValidationError, match="on which day"):
        Goal(title="x", target=1, reached=1).clean()
    with pytest.raises(ValidationError, match="has not come"):
        Goal(title="x", target=1, reached=1, as_of=datetime.date(2999, 1, 1)).clean()


def test_the_database_refuses_a_count_without_a_day_and_a_target_of_nothing(
    site: HomePage,
) -> None:
    page = goals_page(site)
    for wrong in ({"reached": 3}, {"target": 0}):
        row = goal(**wrong)
        row.page = page
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()
