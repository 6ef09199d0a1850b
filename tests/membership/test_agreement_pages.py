"""The agreements for everyone: versions, days, what changed, and the language of the words."""

import datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from funding.ledger.models import Pool
from membership import agreements
from membership.models import Agreement, AgreementVersion
from tests.look.html import Document

pytestmark = pytest.mark.django_db

DAY = datetime.timedelta(days=1)


def today() -> datetime.date:
    return timezone.localdate()


@pytest.fixture
def policy(foundation: Pool) -> Agreement:
    """An agreement with a replaced version, one in force, one that comes, and a draft."""
    policy = Agreement.objects.create(
        code="policy", name="Policy", name_fr="Politique", required=False, position=50
    )
    for label, days, words in (
        ("1.0", -400, "We meet monthly. We answer within ten days."),
        ("1.1", -30, "We meet monthly. We answer within five days."),
        ("2.0", 20, "We meet weekly. We answer within five days."),
    ):
        version = AgreementVersion.objects.create(
            agreement=policy,
            label=label,
            text=words,
            text_fr=f"En français : {words}" if label != "2.0" else "",
            effective_from=today() + days * DAY,
        )
        agreements.publish(version, by=None)
    AgreementVersion.objects.create(
        agreement=policy, label="draft", text="Secret.", effective_from=today() + 40 * DAY
    )
    return policy


def read(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    html: str = answer.content.decode()
    assert Document(html).faults == []
    return html


def test_the_list_shows_what_is_in_force_and_what_comes(client: Client, policy: Agreement) -> None:
    page = read(client, "/agreements/")

    assert 'href="/agreements/policy/"' in page
    assert "Version 1.1, since" in page
    assert "Version 2.0 replaces it on" in page
    assert "Code of conduct" in page
    assert "It guides the work; nobody signs it." in page


def test_without_any_agreement_the_list_says_so(client: Client, db: None) -> None:
    assert "No agreement is published yet" in read(client, "/agreements/")


def test_the_address_of_an_agreement_shows_the_version_in_force(
    client: Client, policy: Agreement
) -> None:
    page = read(client, "/agreements/policy/")

    assert "within five days" in page
    assert "We meet monthly" in page
    assert "Version 2.0 replaces this text on" in page
    assert 'href="/agreements/policy/2.0/compare/1.1/"' in page
    assert 'href="/agreements/policy/1.0/"' in page
    assert "Secret" not in page
    assert 'href="/agreements/policy/draft/"' not in page


def test_a_version_that_comes_says_from_when_it_holds(client: Client, policy: Agreement) -> None:
    page = read(client, "/agreements/policy/2.0/")

    assert "Not yet in force" in page
    assert "Until then another version holds." in page


def test_a_replaced_version_stays_and_leads_to_the_newer_one(
    client: Client, policy: Agreement
) -> None:
    page = read(client, "/agreements/policy/1.0/")

    assert "Replaced" in page
    assert "A newer version of this text is in force." in page
    assert "within ten days" in page


def test_an_agreement_of_which_only_a_later_version_is_published_is_shown(
    client: Client, foundation: Pool
) -> None:
    soon = Agreement.objects.create(code="soon", name="Soon", required=False)
    version = AgreementVersion.objects.create(
        agreement=soon, label="1.0", text="Words.", effective_from=today() + DAY
    )
    agreements.publish(version, by=None)

    page = read(client, "/agreements/soon/")

    assert "This text is in force from" in page
    assert "Until then another version holds." not in page


@pytest.mark.parametrize(
    "address",
    [
        "/agreements/none/",
        "/agreements/policy/9.9/",
        "/agreements/policy/draft/",
        "/agreements/policy/draft/compare/1.0/",
        "/agreements/policy/1.0/compare/1.0/",
        "/agreements/policy/1.0/compare/draft/",
        "/agreements/policy/1.0/compare/9.9/",
    ],
)
def test_what_is_not_published_is_not_there(
    client: Client, policy: Agreement, address: str
) -> None:
    assert client.get(address).status_code == 404


def test_a_draft_alone_is_no_agreement_yet(client: Client, foundation: Pool) -> None:
    new = Agreement.objects.create(code="new", name="New")
    AgreementVersion.objects.create(
        agreement=new, label="1.0", text="Words.", effective_from=today()
    )

    assert client.get("/agreements/new/").status_code == 404
    assert "/agreements/new/" not in read(client, "/agreements/")


@pytest.mark.parametrize("pair", ["1.1/compare/1.0", "1.0/compare/1.1"])
def test_changes_run_from_the_earlier_to_the_later_version(
    client: Client, policy: Agreement, pair: str
) -> None:
    page = read(client, f"/agreements/policy/{pair}/")
    document = Document(page)

    assert "What changed from version 1.0 to 1.1" in page
    assert "1 paragraph differs." in page
    # Words for who hears the page, beside the marks for who sees it.
    assert [e.text for e in document.all("del")] == [
        "Removed: We answer within ten days. End of the removal."
    ]
    assert [e.text for e in document.all("ins")] == [
        "Added: We answer within five days. End of the addition."
    ]


def test_versions_with_the_same_words_say_so(client: Client, foundation: Pool) -> None:
    conduct = Agreement.objects.get(code="code-of-conduct")
    first = conduct.versions.get()
    again = AgreementVersion.objects.create(
        agreement=conduct, label="1.0.1", text=first.text, effective_from=today()
    )
    agreements.publish(again, by=None)

    page = read(client, "/agreements/code-of-conduct/1.0.1/compare/1.0/")
    assert "Not a word differs" in page


def test_a_translated_version_is_read_in_the_readers_language(
    client: Client, policy: Agreement
) -> None:
    page = read(client, "/fr/agreements/policy/")

    assert "En français : We meet monthly" in page
    assert "<h1>Politique</h1>" in page


def test_a_missing_translation_falls_back_visibly(client: Client, policy: Agreement) -> None:
    page = Document(read(client, "/fr/agreements/policy/2.0/"))
    [words] = [e for e in page.elements if "prose" in e.attributes.get("class", "")]

    assert words.attributes["lang"] == "en"
    assert "We meet weekly" in words.text
    # One of two versions without French: both are compared in English, and the page says so.
    changes = Document(read(client, "/fr/agreements/policy/2.0/compare/1.1/"))
    assert [e for e in changes.elements if e.attributes.get("lang") == "en"]
    assert not any("En français" in e.text for e in changes.all("p"))


def test_markup_in_a_text_is_shown_as_it_is_typed(client: Client, foundation: Pool) -> None:
    odd = Agreement.objects.create(code="odd", name="<b>Odd</b>", required=False)
    for label, words in (("1", "<script>one</script>"), ("2", "<script>two</script>")):
        version = AgreementVersion.objects.create(
            agreement=odd, label=label, text=words, effective_from=today() - int(label) * DAY
        )
        agreements.publish(version, by=None)

    for address in ("/agreements/", "/agreements/odd/", "/agreements/odd/1/compare/2/"):
        page = read(client, address)
        assert "<script>one" not in page
        assert "<b>Odd" not in page


def test_a_label_that_no_address_can_hold_is_found_by_its_number(
    client: Client, foundation: Pool
) -> None:
    conduct = Agreement.objects.get(code="code-of-conduct")
    version = AgreementVersion.objects.create(
        agreement=conduct, label="2/2026", text="New.", effective_from=today()
    )
    agreements.publish(version, by=None)

    page = read(client, "/agreements/code-of-conduct/")

    assert f'href="/join/agreements/{version.pk}/"' in page
    read(client, f"/join/agreements/{version.pk}/")


@pytest.mark.parametrize(
    "address",
    ["/agreements/", "/agreements/policy/", "/agreements/policy/1.1/compare/1.0/"],
)
def test_the_pages_ask_one_query_however_many_versions_there_are(
    client: Client,
    policy: Agreement,
    django_assert_num_queries: DjangoAssertNumQueries,
    address: str,
) -> None:
    for n in range(3, 9):
        version = AgreementVersion.objects.create(
            agreement=policy, label=f"{n}.0", text="More.", effective_from=today() + n * 30 * DAY
        )
        agreements.publish(version, by=None)

    with django_assert_num_queries(1):
        assert client.get(address).status_code == 200


def test_the_old_address_of_a_version_stays_and_leads_on(client: Client, policy: Agreement) -> None:
    version = policy.versions.get(label="1.0")

    page = read(client, f"/join/agreements/{version.pk}/")
    assert 'href="/agreements/policy/"' in page


def test_the_sitemap_names_each_version_that_is_published(
    client: Client, policy: Agreement
) -> None:
    found = client.get("/sitemap.xml").content.decode()

    assert "<loc>http://testserver/agreements/policy/</loc>" in found
    assert "<loc>http://testserver/fr/agreements/policy/2.0/</loc>" in found
    assert "draft" not in found
