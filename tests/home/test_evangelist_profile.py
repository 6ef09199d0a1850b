"""Alice edits her own profile; Bob of the moderators approves; Charlie has no business there."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from wagtail.models import PageLogEntry, TaskState

from core.models import User
from home.models import EvangelistPage, HomePage
from home.profiles import State, profile_of, propose, standing
from home.refusals import NotYourProfile, ProfileLocked
from portal import groups
from tests.factories.home import EvangelistFactory, PersonFactory, make_staff, sign_in

ADDRESS = "/account/evangelist/"


@pytest.fixture
def alice(site: HomePage) -> User:
    person: User = PersonFactory(first_name="Alice")
    return person


@pytest.fixture
def profile(alice: User) -> EvangelistPage:
    page: EvangelistPage = EvangelistFactory(
        title="Alice Example", person=alice, bio="Old words.", countries=["MW"], languages=["en"]
    )
    return page


def typed(**changes: str) -> dict[str, str]:
    return {
        "title": "Alice Example",
        "summary": "Trains store managers.",
        "countries": "Malawi\nZambia",
        "languages": "English\nportugais",
        "topics": "Training\nReports",
        "availability": "Fridays",
        "bio": "New words.",
        **changes,
    }


def approve(client: Client, page: EvangelistPage) -> None:
    """Bob presses "Approve" in the back office."""
    sign_in(client, make_staff(groups.MODERATORS))
    task = page.current_workflow_task_state
    address = reverse("wagtailadmin_pages:workflow_action", args=[page.pk, "approve", task.pk])
    assert client.post(address).status_code == 302


def test_a_change_waits_for_staff_and_the_public_page_changes_when_they_approve(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    assert "Old words." in client.get(ADDRESS).content.decode()

    answer = client.post(ADDRESS, typed(), follow=True)

    assert "Waiting for review" in answer.content.decode()
    assert "New words." in answer.content.decode()
    public = client.get(profile.url).content.decode()
    assert "Old words." in public
    assert "New words." not in public

    approve(Client(), profile)

    public = client.get(profile.url).content.decode()
    assert "New words." in public
    assert "Malawi, Zambia" in public
    assert "English, Portuguese" in public
    assert "New words." in client.get(f"/fr{profile.url}").content.decode()
    assert "published as you wrote it" in client.get(ADDRESS).content.decode()


def test_wagtails_log_says_who_changed_and_who_approved(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    client.post(ADDRESS, typed())
    approve(Client(), profile)

    log = PageLogEntry.objects.filter(page=profile.pk).order_by("pk")
    acts = {(entry.action, entry.user) for entry in log}

    assert ("wagtail.edit", alice) in acts
    assert ("wagtail.workflow.start", alice) in acts
    bob = User.objects.get(groups__name=groups.MODERATORS)
    assert ("wagtail.workflow.approve", bob) in acts
    assert ("wagtail.publish", bob) in acts


def test_editing_again_while_it_waits_starts_the_review_again(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    client.post(ADDRESS, typed(bio="First change."))
    first = profile.current_workflow_task_state

    client.post(ADDRESS, typed(bio="Second change."))

    first.refresh_from_db()
    assert first.status == TaskState.STATUS_CANCELLED
    second = EvangelistPage.objects.get(pk=profile.pk).current_workflow_task_state
    assert second.revision.as_object().bio == "Second change."
    # What Bob had open before is approved no more.
    bob = Client()
    sign_in(bob, make_staff(groups.MODERATORS))
    bob.post(reverse("wagtailadmin_pages:workflow_action", args=[profile.pk, "approve", first.pk]))
    assert EvangelistPage.objects.get(pk=profile.pk).bio == "Old words."


def test_staff_ask_for_changes_and_the_owner_reads_why_and_sends_again(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    client.post(ADDRESS, typed())
    bob = make_staff(groups.MODERATORS)
    profile.current_workflow_task_state.specific.reject(user=bob, comment="Name the year.")

    page = client.get(ADDRESS).content.decode()
    assert "Staff ask for changes" in page
    assert "Name the year." in page

    client.post(ADDRESS, typed(bio="In 2014."))

    again = EvangelistPage.objects.get(pk=profile.pk)
    assert standing(again).state == State.WAITING
    assert again.current_workflow_task_state.revision.as_object().bio == "In 2014."


def test_what_was_typed_is_kept_when_a_line_is_wrong(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)

    answer = client.post(ADDRESS, typed(countries="Malwi", bio="Kept words."))

    page = answer.content.decode()
    assert "<title>Error:" in page
    assert "“Malwi” is not in our list. Did you mean Malawi?" in page
    assert "Kept words." in page
    assert re.search(r"<textarea[^>]*>\s*Malwi</textarea>", page)
    assert not EvangelistPage.objects.get(pk=profile.pk).has_unpublished_changes


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("languages", "Elvish of the woods", "is not a language in our list"),
        ("topics", "x" * 81, "is too long"),
        ("topics", "\n".join(f"Topic {number}" for number in range(9)), "Name 8 at most"),
        ("title", "", "This field is required"),
        ("bio", "x" * 3001, "at most 3000 characters"),
    ],
)
def test_each_field_says_what_is_wrong(
    client: Client, alice: User, profile: EvangelistPage, field: str, value: str, sentence: str
) -> None:
    sign_in(client, alice)
    assert sentence in client.post(ADDRESS, typed(**{field: value})).content.decode()


def test_a_script_in_the_words_is_shown_and_never_run(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    sign_in(client, alice)
    client.post(
        ADDRESS,
        typed(bio=attack, summary=attack, topics=attack, availability=attack, title=attack),
    )
    approve(Client(), profile)

    for address in (profile.url, "/evangelists/", "/", ADDRESS):
        page = client.get(address).content.decode()
        # JSON-LD is a block of data, which no browser runs.
        assert "<script" not in page.replace('<script type="application/ld+json">', "")
        assert "<img src=x" not in page
    assert "&lt;script&gt;" in client.get(profile.url).content.decode()


def test_sending_the_same_words_twice_is_one_act(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    client.post(ADDRESS, typed())
    before = profile.revisions.count()

    answer = client.post(ADDRESS, typed(), follow=True)

    assert "Nothing was changed." in answer.content.decode()
    assert profile.revisions.count() == before


def test_what_belongs_to_staff_cannot_be_smuggled_into_the_form(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    client.post(ADDRESS, typed(level="donor", slug="another", is_example="on", person="1"))

    draft = EvangelistPage.objects.get(pk=profile.pk).get_latest_revision_as_object()

    assert draft.level == EvangelistPage.Level.COUNTRY
    assert draft.slug == profile.slug
    assert draft.person == alice


def test_another_person_reaches_no_profile_but_their_own(
    client: Client, profile: EvangelistPage
) -> None:
    charlie = PersonFactory()
    sign_in(client, charlie)

    page = client.get(ADDRESS).content.decode()
    assert "You have no profile" in page
    assert "Old words." not in page
    assert client.post(ADDRESS, typed()).status_code == 404
    with pytest.raises(NotYourProfile):
        propose(profile, by=charlie, values={"bio": "Stolen."})
    assert EvangelistPage.objects.get(pk=profile.pk).revisions.count() == 1


def test_an_evangelist_has_no_way_into_the_back_office(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    sign_in(client, alice)
    address = reverse("wagtailadmin_pages:edit", args=[profile.pk])
    assert client.get(address).status_code == 403
    assert client.get("/admin/").status_code == 403


def test_who_is_not_signed_in_is_asked_to(client: Client, profile: EvangelistPage) -> None:
    answer = client.get(ADDRESS)
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


def test_a_profile_that_staff_locked_is_not_changed(
    client: Client, alice: User, profile: EvangelistPage
) -> None:
    EvangelistPage.objects.filter(pk=profile.pk).update(locked=True)
    with pytest.raises(ProfileLocked):
        propose(profile, by=alice, values={"bio": "Anyway."})

    sign_in(client, alice)
    page = client.post(ADDRESS, typed(bio="Anyway.")).content.decode()
    assert "Staff have locked this profile" in page
    assert "Anyway." in page


def test_the_copy_in_another_language_is_no_second_profile(
    alice: User, profile: EvangelistPage
) -> None:
    assert EvangelistPage.objects.filter(person=alice).count() == 3
    found = profile_of(alice)
    assert found is not None
    assert found.pk == profile.pk
