"""Every named example of the gallery, alone; then the gallery itself, in a browser."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from portal.gallery import Example, groups
from tests.look import stylesheet
from tests.look.html import Document

EXAMPLES = [
    pytest.param(example, id=f"{example.template}-{example.name}")
    for group in groups()
    for example in group.examples
]
FRAME = {"header", "footer", "languages", "mark", "messages"}  # parts of base.html
PARTS = {"field_notes", "money_bar"}  # parts of other components


def document(example: Example) -> Document:
    return Document(example.html(RequestFactory().get("/demo/components/")))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_sound_html(example: Example) -> None:
    page = document(example)

    assert page.elements
    assert page.faults == []
    assert [name for name, count in page.ids.items() if count > 1] == []
    assert page.unlabelled() == []
    assert page.dangling() == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_uses_classes_of_the_stylesheet_alone(example: Example) -> None:
    assert document(example).classes <= stylesheet.classes()


@pytest.mark.parametrize("example", EXAMPLES)
def test_pictures_without_words_are_hidden_from_screen_readers(example: Example) -> None:
    for picture in document(example).all("svg"):
        assert picture.attributes.get("aria-hidden") == "true"


def test_every_component_has_an_example() -> None:
    folder = Path(settings.BASE_DIR) / "templates" / "components"
    names = {path.stem for path in folder.glob("*.html")} - FRAME - PARTS
    shown = {example.template for group in groups() for example in group.examples}

    # These stand inside a form's examples.
    assert names - shown == {"fields", "error_summary"}


def example(template: str, name: str) -> Document:
    return document(
        next(
            example
            for group in groups()
            for example in group.examples
            if (example.template, example.name) == (template, name)
        )
    )


def test_a_money_figure_is_a_table_whose_amounts_lead_to_their_entries() -> None:
    table = example("money_figure", "of a pool")

    assert [cell.text.strip() for cell in table.all("th") if cell.attributes["scope"] == "row"] == [
        "At the start",
        "Received",
        "Refunded",
        "Processing fees",
        "Paid to grantees",
        "Committed, not yet paid",
        "Available",
    ]
    assert [cell.text.strip() for cell in table.all("td")][-2:] == ["−\u00a030,000.00", "27,395.62"]
    assert len(table.all("a")) == 6
    assert table.all("caption")[0].text.startswith("US dollars")


def test_a_field_with_an_error_names_hint_and_error_and_keeps_what_was_typed() -> None:
    form = example("form", "with errors")
    email = next(field for field in form.all("input") if field.attributes.get("name") == "email")
    amount = next(field for field in form.all("input") if field.attributes.get("name") == "amount")

    assert email.attributes["value"] == "amina@"
    assert email.attributes["aria-invalid"] == "true"
    assert amount.attributes["aria-describedby"].split() == [
        "id_amount_helptext",
        "id_amount_error",
    ]


def test_the_summary_of_errors_leads_to_each_field() -> None:
    form = example("form", "with errors")
    targets = [
        link.attributes["href"][1:]
        for link in form.all("a")
        if link.attributes["href"].startswith("#id_")
    ]

    assert targets == ["id_amount", "id_email", "id_country", "id_constituency_0"]
    assert set(targets) <= set(form.ids)


def test_a_form_without_errors_has_no_summary() -> None:
    assert "error-summary" not in example("form", "empty").classes


@pytest.mark.django_db
def test_the_gallery_asks_the_database_nothing(
    client: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        response = client.get("/demo/components/")

    assert response.status_code == 200
    assert Document(response.content.decode()).faults == []
