"""What the public sees of evangelists: the directory, a page, a certificate; and the preview."""

import datetime
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.images.models import Image
from wagtail.images.tests.utils import get_test_image_file

from core.models import User
from home.evangelists import certificate, confirming, contact, nominating, service
from home.models import EvangelistPage, HomePage
from portal import groups
from tests.core.pdf_text import text_of
from tests.factories.evangelists import (
    a_person,
    an_activity,
    evangelist_of,
    nominated,
    serving,
    terms_version,
    written_to,
)
from tests.factories.home import make_staff, sign_in
from tests.home.test_evangelist_profile import typed
from tests.look import stylesheet
from tests.look.html import Document

INDEX = "/evangelists/"


def names_on(page: str) -> list[str]:
    return re.findall(r"<h3><a [^>]*>([^<]+)</a></h3>", page)


@pytest.fixture
def three(site: HomePage) -> list[EvangelistPage]:
    return [
        serving(title="Ada", level="technical", countries=["MW"], languages=["en", "fr"]),
        serving(title="Ben", level="country", countries=["MW", "ZM"], languages=["en"]),
        serving(
            title="Cleo",
            level="country",
            countries=["MZ"],
            languages=["pt"],
            days=(datetime.date(2020, 1, 1),),
        ),
    ]


# --- The directory --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Ada", "Ben", "Cleo"]),
        ("?level=country", ["Ben", "Cleo"]),
        ("?country=MW", ["Ada", "Ben"]),
        ("?language=en&country=ZM", ["Ben"]),
        ("?level=donor", []),
        ("?level=technical&language=pt", []),
        ("?level=", ["Ada", "Ben", "Cleo"]),
    ],
)
def test_the_directory_by_level_country_and_language(
    three: list[EvangelistPage], client: Client, query: str, names: list[str]
) -> None:
    page = client.get(INDEX + query).content.decode()
    assert names_on(page) == names
    assert ("Nobody fits all that you chose" in page) == (not names)


@pytest.mark.parametrize("query", ["?level=king", "?country=XX", "?country=mw", "?language=%00"])
def test_a_filter_that_names_nothing_is_not_found(
    three: list[EvangelistPage], client: Client, query: str
) -> None:
    assert client.get(INDEX + query).status_code == 404


def test_choices_are_links_with_counts_that_keep_the_others(
    three: list[EvangelistPage], client: Client
) -> None:
    page = client.get(f"{INDEX}?country=MW").content.decode()
    assert '<a href="?country=MW&amp;language=fr">French</a>' in page
    assert 'href="?country=MW" aria-current="true">Malawi</a> <span class="soft num">2<' in page
    assert "Malawi: 2 people." in page
    # Portuguese leads to nobody in Malawi, so no link leads there.
    assert "language=pt" not in page


def test_alumni_stand_apart(three: list[EvangelistPage], client: Client) -> None:
    page = client.get(INDEX).content.decode()
    before, after = page.split('id="alumni"')
    assert "Cleo" in after
    assert "Cleo" not in before


def test_the_directory_takes_the_same_queries_whatever_its_size(
    site: HomePage, client: Client
) -> None:
    photo = Image.objects.create(title="A face", file=get_test_image_file())

    def queries() -> int:
        client.get(INDEX)  # Makes the renditions that are missing.
        with CaptureQueriesContext(connection) as found:
            assert client.get(INDEX).status_code == 200
        return len(found)

    an_activity(serving(photo=photo))
    few = queries()
    for _number in range(5):
        an_activity(serving(photo=photo))
    assert queries() == few


# --- A page ---------------------------------------------------------------------------------------


def test_a_page_takes_the_same_queries_however_much_was_done(
    site: HomePage, client: Client
) -> None:
    page = serving()

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(page.url)
        return len(found)

    an_activity(page)
    queries()
    few = queries()
    for _number in range(40):
        an_activity(page)
    assert queries() == few
    shown = client.get(page.url).content.decode()
    assert "41 activities" in shown
    assert "The newest 30 are shown" in shown


def test_the_page_tells_programs_who_it_is(site: HomePage, client: Client) -> None:
    page = serving(title="Ada </script><b>", countries=["MW"], languages=["en"], topics=["Maps"])
    shown = client.get(page.url).content.decode()
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', shown)
    (said,) = [each for each in map(json.loads, blocks) if each["@type"] == "Person"]
    assert said["name"] == "Ada </script><b>"
    assert said["knowsLanguage"] == ["en"]
    assert said["workLocation"] == [{"@type": "Country", "identifier": "MW", "name": "Malawi"}]
    assert page.person is not None
    assert page.person.email not in shown


def test_an_invented_person_is_told_to_no_program(site: HomePage, client: Client) -> None:
    assert '"Person"' not in client.get(serving(is_example=True).url).content.decode()


# --- The certificate ------------------------------------------------------------------------------


def made_for(page: EvangelistPage, language: str = "en") -> str:
    evangelist = evangelist_of(page)
    made = certificate.certificate(
        evangelist, page, service.of(evangelist), language=language, on=datetime.date(2026, 11, 28)
    )
    return " ".join(text_of(made).split())


def test_the_certificate_names_person_days_and_where_it_is_checked(
    site: HomePage, client: Client
) -> None:
    page = serving(title="Ada Example")
    text = made_for(page)
    assert "Ada Example" in text
    assert "is an evangelist of" in text
    assert f"/evangelists/certificate/{evangelist_of(page).code}/" in text.replace(" ", "")
    checked = client.get(reverse("evangelist_certificate", args=[evangelist_of(page).code]))
    assert "is an evangelist today" in checked.content.decode()
    assert page.url in checked.content.decode()


def test_an_alumnus_keeps_a_certificate_that_says_so(site: HomePage) -> None:
    text = made_for(serving(days=(datetime.date(2020, 1, 1),)))
    assert "was an evangelist of" in text
    assert "31 December 2020" in text


def test_the_certificate_is_downloaded_by_its_person_alone(site: HomePage, client: Client) -> None:
    address = reverse("evangelist_certificate_pdf")
    assert client.get(address).status_code == 302
    sign_in(client, a_person())
    assert client.get(address).status_code == 404
    own = Client()
    sign_in(own, serving().person)
    assert own.get(address).content.startswith(b"%PDF")


def test_a_draft_is_named_by_no_certificate(site: HomePage, client: Client) -> None:
    page = serving(title="Not yet public", live=False)
    shown = client.get(reverse("evangelist_certificate", args=[evangelist_of(page).code]))
    assert "not public at present" in shown.content.decode()
    assert "Not yet public" not in shown.content.decode()


# --- The preview ----------------------------------------------------------------------------------


def test_the_preview_shows_the_page_saves_nothing_and_loses_nothing(
    site: HomePage, client: Client
) -> None:
    page = serving(title="Alice Example", bio="Old words.")
    sign_in(client, page.person)
    shown = client.post(
        "/account/evangelist/", {**typed(bio="New *words*.\n\nAnd more."), "act": "preview"}
    ).content.decode()
    preview, form = shown.split('<form class="form"')
    assert "<p>New *words*.</p>" in preview
    assert "Malawi, Zambia" in preview
    assert "New *words*." in form
    assert shown.count("<h1") == 1
    assert page.revisions.count() == 1
    assert EvangelistPage.objects.get(pk=page.pk).current_workflow_state is None
    assert "Old words." in client.get(page.url).content.decode()


def test_a_preview_of_wrong_words_says_what_is_wrong(site: HomePage, client: Client) -> None:
    page = serving()
    sign_in(client, page.person)
    shown = client.post(
        "/account/evangelist/", {**typed(countries="Malwi"), "act": "preview"}
    ).content.decode()
    assert "Did you mean Malawi?" in shown
    assert 'id="preview"' not in shown


def test_staff_compare_the_versions(site: HomePage, client: Client) -> None:
    page = serving(title="Alice Example", bio="Old words.")
    evangelist = Client()
    sign_in(evangelist, page.person)
    evangelist.post("/account/evangelist/", typed(bio="New words."))
    sign_in(client, make_staff(groups.MODERATORS))
    address = reverse("wagtailadmin_pages:revisions_compare", args=[page.pk, "live", "latest"])
    shown = client.get(address).content.decode()
    assert "deletion" in shown
    assert "Old" in shown
    assert "New" in shown


def test_the_account_says_when_the_year_ends_soon(site: HomePage, client: Client) -> None:
    today = datetime.date.today()
    page = serving(days=(today - datetime.timedelta(days=340),))
    sign_in(client, page.person)
    assert "Say that you are still an evangelist" in client.get("/account/").content.decode()
    assert page.person is not None
    confirming.confirm(evangelist_of(page), by=page.person, version_id=terms_version())
    assert "Say that you are still" not in client.get("/account/").content.decode()


# --- Sound HTML -----------------------------------------------------------------------------------


def faults_of(answer: Any) -> list[Any]:
    page = Document(answer.content.decode())
    twice = [name for name, count in page.ids.items() if count > 1]
    unknown = sorted(page.classes - stylesheet.classes())
    heads = [] if len(page.all("h1")) == 1 else ["h1"]
    return [*page.faults, *page.unlabelled(), *page.dangling(), *twice, *unknown, *heads]


def test_every_page_around_an_evangelist_is_sound(site: HomePage, client: Client) -> None:
    page = serving(title="Alice Example")
    an_activity(page, link="https://example.org/slides")
    message = contact.send_on(written_to(page))
    asked = nominated(a_person(), "new@example.org")
    code = evangelist_of(page).code
    strangers = [
        INDEX,
        f"{INDEX}?level=country",
        page.url,
        f"/evangelists/{page.slug}/write/",
        f"/evangelists/certificate/{code}/",
        f"/evangelists/message/{contact.token_of(written_to(page))}/",
        "/evangelists/message/code/",
        "/evangelists/message/sent/",
        reverse("evangelist_nomination", args=[nominating.token_of(asked)]),
    ]
    own = [
        "/account/",
        "/account/evangelist/",
        "/account/evangelist/service/",
        "/account/evangelist/activities/add/",
        "/account/evangelist/erase/",
        "/account/evangelist/nominate/",
        "/account/evangelist/nominate/?as=successor",
        "/account/evangelist/nominations/code/",
        reverse("evangelist_nomination", args=[nominating.token_of(asked)]),
        reverse("evangelist_message_report", args=[message.public_id]),
    ]
    terms_version()
    assert page.person is not None
    nominated(page.person, "other@example.org")
    found = {where: faults_of(client.get(where)) for where in strangers}
    sign_in(client, page.person)
    found |= {where: faults_of(client.get(where)) for where in own}
    found["preview"] = faults_of(client.post("/account/evangelist/", {**typed(), "act": "preview"}))
    found["wrong"] = faults_of(client.post("/account/evangelist/activities/add/", {}))
    found["none"] = faults_of(_signed_in(a_person()).get("/account/evangelist/"))
    invited = _signed_in(a_person("new@example.org"))
    found["invited"] = faults_of(invited.get(own[-2]))
    assert not {where: faults for where, faults in found.items() if faults}


def _signed_in(person: User) -> Client:
    client = Client()
    sign_in(client, person)
    return client
