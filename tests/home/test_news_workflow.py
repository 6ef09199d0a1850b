"""From draft to review, schedule, publication and expiry: each step, and who may take it."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.images.models import Image
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import PageLogEntry
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from core.jobs.schedule import _schedules
from core.jobs.testing import run_pending_jobs
from core.models import User
from home.jobs import publish_scheduled
from home.models import EvangelistPage, HomePage, NewsAuthor, NewsIndexPage, NewsPage, Topic
from portal import groups
from tests.factories.home import EvangelistFactory, NewsFactory, make_staff, make_topic, sign_in

MOMENT = "%Y-%m-%d %H:%M"


def words(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": "A release is out",
        "slug": "a-release",
        "summary": "It mends three things.",
        "date": "2026-11-20",
        "body": streamfield([("text", rich_text("<p>Details.</p>"))]),
        "people": inline_formset([]),
        "comments": inline_formset([]),
    }
    made: dict[str, Any] = nested_form_data({**values, **changes})
    return made


def add_address(language: str = "en") -> str:
    index = NewsIndexPage.objects.get(locale__language_code=language)
    return reverse("wagtailadmin_pages:add", args=["home", "newspage", index.pk])


def edit_address(page: NewsPage) -> str:
    return reverse("wagtailadmin_pages:edit", args=[page.pk])


def signed_in(*names: str, **values: Any) -> tuple[Client, User]:
    client = Client()
    return client, sign_in(client, make_staff(*names, **values))


def written() -> NewsPage:
    page: NewsPage = NewsPage.objects.get(slug="a-release", locale__language_code="en")
    return page


def is_read(client: Client) -> bool:
    """Whether a reader finds it: its page, the list and the feed say the same."""
    there = client.get("/news/a-release/").status_code == 200
    for address in ("/news/", "/news/feed/", "/fr/news/feed/"):
        assert ("A release is out" in client.get(address).content.decode()) == there
    return there


def act(client: Client, page: NewsPage, name: str) -> int:
    task = page.current_workflow_task_state
    address = reverse("wagtailadmin_pages:workflow_action", args=[page.pk, name, task.pk])
    return client.post(address, {"comment": "Name the version."}).status_code


# --- Review ---------------------------------------------------------------------------------------


def test_a_draft_is_submitted_by_an_editor_and_published_by_a_moderator(
    site: HomePage, client: Client
) -> None:
    alice, writer = signed_in(groups.EDITORS)
    bob, moderator = signed_in(groups.MODERATORS)

    alice.post(add_address(), words(**{"action-submit": "1"}))

    page = written()
    assert page.workflow_in_progress
    assert not is_read(client)
    # She cannot approve what she wrote; she may not at all.
    assert act(alice, page, "approve") == 302
    assert not written().live
    assert "A release is out" in bob.get("/admin/").content.decode()

    assert act(bob, page, "approve") == 302

    assert is_read(client)
    acts = set(PageLogEntry.objects.filter(page=page.pk).values_list("action", "user"))
    assert ("wagtail.workflow.start", writer.pk) in acts
    assert ("wagtail.workflow.approve", moderator.pk) in acts
    assert ("wagtail.publish", moderator.pk) in acts


def test_a_moderator_asks_for_changes_and_nothing_is_published(
    site: HomePage, client: Client
) -> None:
    alice, _writer = signed_in(groups.EDITORS)
    bob, _moderator = signed_in(groups.MODERATORS)
    alice.post(add_address(), words(**{"action-submit": "1"}))

    act(bob, written(), "reject")

    assert not is_read(client)
    assert "Name the version." in alice.get(edit_address(written())).content.decode()
    alice.post(edit_address(written()), words(**{"action-submit": "1"}))
    act(bob, written(), "approve")
    assert is_read(client)


@pytest.mark.parametrize("group", [groups.TREASURERS, groups.AUDITORS, groups.MEMBERSHIP_OFFICERS])
def test_other_groups_write_no_news(site: HomePage, group: str) -> None:
    client, _person = signed_in(group)
    client.post(add_address(), words(**{"action-publish": "1"}))
    assert not NewsPage.objects.exists()
    page = NewsFactory(title="Old")
    client.post(edit_address(page), words(title="Changed", **{"action-publish": "1"}))
    assert NewsPage.objects.get(pk=page.pk).title == "Old"


def test_an_editor_changes_what_is_published_only_through_review(
    site: HomePage, client: Client
) -> None:
    page = NewsFactory(title="A release is out", slug="a-release")
    alice, _writer = signed_in(groups.EDITORS)
    alice.post(edit_address(page), words(title="Changed", **{"action-publish": "1"}))
    assert is_read(client)
    assert alice.post(reverse("wagtailadmin_pages:unpublish", args=[page.pk])).status_code == 302
    assert is_read(client)
    assert alice.post(reverse("wagtailadmin_pages:delete", args=[page.pk])).status_code == 302
    assert is_read(client)


# --- Schedule and expiry ----------------------------------------------------------------------------


def at(moment: datetime.datetime) -> str:
    return moment.strftime(MOMENT)


def test_scheduled_news_appear_when_their_moment_comes_and_go_when_it_ends(
    site: HomePage, client: Client
) -> None:
    now = timezone.now()
    bob, _moderator = signed_in(groups.MODERATORS)
    soon, later = now + datetime.timedelta(days=1), now + datetime.timedelta(days=3)

    bob.post(
        add_address(),
        words(go_live_at=at(soon), expire_at=at(later), **{"action-publish": "1"}),
    )

    page = written()
    assert page.approved_schedule
    run()
    assert not is_read(client)

    _move(page, go_live_at=now - datetime.timedelta(minutes=1))
    run()
    assert is_read(client)
    assert "A release is out" in client.get("/fr/news/").content.decode()

    NewsPage.objects.filter(pk=page.pk).update(expire_at=now - datetime.timedelta(seconds=1))
    run()
    assert not is_read(client)
    assert written().expired
    assert "A release is out" not in client.get("/fr/news/").content.decode()


def _move(page: NewsPage, **changes: datetime.datetime) -> None:
    """Let time pass: what was to come is past."""
    revision = page.scheduled_revision
    revision.approved_go_live_at = changes["go_live_at"]
    revision.content["go_live_at"] = changes["go_live_at"].isoformat()
    revision.save()


def run() -> None:
    publish_scheduled.enqueue()
    run_pending_jobs()


def test_approval_of_a_scheduled_draft_waits_for_its_moment(site: HomePage, client: Client) -> None:
    alice, _writer = signed_in(groups.EDITORS)
    bob, _moderator = signed_in(groups.MODERATORS)
    soon = timezone.now() + datetime.timedelta(days=1)
    alice.post(add_address(), words(go_live_at=at(soon), **{"action-submit": "1"}))

    act(bob, written(), "approve")

    page = written()
    assert page.approved_schedule
    # Nor is its copy in another language there before.
    assert client.get("/fr/news/a-release/").status_code == 404
    assert not is_read(client)
    _move(page, go_live_at=timezone.now() - datetime.timedelta(minutes=1))
    run()
    assert is_read(client)
    assert client.get("/fr/news/a-release/").status_code == 200


def test_the_worker_looks_every_minute() -> None:
    schedule = _schedules["home.publish_scheduled"]
    assert (schedule.cron, schedule.job.module_path) == ("* * * * *", "home.jobs.publish_scheduled")


# --- Writing --------------------------------------------------------------------------------------


def test_the_writer_is_the_author_unless_somebody_is_named(site: HomePage, client: Client) -> None:
    staff, writer = signed_in(
        groups.EDITORS, groups.MODERATORS, first_name="Sofia", last_name="Almeida"
    )
    staff.post(add_address(), words(**{"action-publish": "1"}))
    assert "Sofia Almeida" in client.get("/news/a-release/").content.decode()
    assert [row.user for row in written().people.all()] == [writer]

    # Taken away later, she stays away.
    row = written().people.get()
    people = inline_formset([{"id": row.pk, "DELETE": "on"}], initial=1)
    staff.post(edit_address(written()), words(people=people, **{"action-publish": "1"}))
    assert not written().people.exists()

    evangelist = EvangelistFactory(title="Ada Example")
    people = inline_formset([{"evangelist": evangelist.pk}])
    staff.post(
        add_address(), words(title="Other", slug="other", people=people, **{"action-publish": "1"})
    )
    page = client.get("/news/other/").content.decode()
    assert "Ada Example" in page
    assert "Sofia Almeida" not in page


def test_two_kinds_of_author_in_one_line_are_refused_in_words(site: HomePage) -> None:
    staff, writer = signed_in(groups.EDITORS, groups.MODERATORS)
    evangelist: EvangelistPage = EvangelistFactory(title="Ada Example")
    people = inline_formset([{"evangelist": evangelist.pk, "user": writer.pk}])
    answer = staff.post(add_address(), words(people=people, **{"action-publish": "1"}))
    assert "Choose one: somebody of the staff" in answer.content.decode()
    assert not NewsAuthor.objects.exists()


def test_a_picture_wants_words_before_it_is_published_not_before(
    site: HomePage, client: Client
) -> None:
    staff, _person = signed_in(groups.EDITORS, groups.MODERATORS)
    image = Image.objects.create(title="p.jpg", file=get_test_image_file())
    refused = staff.post(add_address(), words(image=image.pk, **{"action-publish": "1"}))
    assert "Say what the picture shows" in refused.content.decode()
    staff.post(add_address(), words(image=image.pk))
    assert not written().live

    seen = "Boxes on a shelf"
    staff.post(
        edit_address(written()),
        words(image=image.pk, image_words=seen, **{"action-publish": "1"}),
    )
    assert f'alt="{seen}"' in client.get("/news/a-release/").content.decode()


def test_the_pictures_own_description_is_enough(site: HomePage, client: Client) -> None:
    staff, _person = signed_in(groups.EDITORS, groups.MODERATORS)
    image = Image.objects.create(
        title="p.jpg", file=get_test_image_file(), description="A cold box"
    )
    staff.post(add_address(), words(image=image.pk, **{"action-publish": "1"}))
    assert 'alt="A cold box"' in client.get("/news/a-release/").content.decode()


def test_the_form_offers_topics_in_the_pages_language_and_keeps_those_chosen_in_another(
    site: HomePage,
) -> None:
    topic = make_topic("Releases", fr="Versions")
    make_topic("Only English")
    staff, _person = signed_in(groups.EDITORS, groups.MODERATORS)
    offered = staff.get(add_address("fr")).content.decode()
    assert "Versions" in offered
    assert ">Releases" not in offered.replace("\n", "").replace(" ", "")
    assert "Only English" in offered
    page = NewsFactory(topics=[topic])
    french = NewsPage.objects.get(translation_key=page.translation_key, locale__language_code="fr")
    french.alias_of = None
    french.save()
    form = staff.get(edit_address(french)).context["form"]
    assert form.initial["topics"] == [Topic.objects.get(name="Versions")]


def test_the_menu_leads_to_all_news_and_to_writing_one(site: HomePage) -> None:
    NewsFactory(title="A release is out")
    alice, _writer = signed_in(groups.EDITORS)
    page = alice.get(reverse("news:index")).content.decode()
    assert "A release is out" in page
    assert reverse("news:choose_parent") in page


@pytest.mark.parametrize(
    ("group", "may"),
    [(groups.EDITORS, True), (groups.MODERATORS, True), (groups.TREASURERS, False)],
)
def test_who_may_make_topics(site: HomePage, group: str, may: bool) -> None:
    client, _person = signed_in(group)
    locale = Topic._meta.get_field("locale").related_model.objects.get(language_code="en")
    address = reverse("wagtailsnippets_home_topic:add")
    client.post(address, {"name": "Cold chain", "locale": locale.pk})
    assert Topic.objects.filter(slug="cold-chain").exists() == may
    page = client.get("/admin/").content.decode()
    assert ("/admin/snippets/home/topic/" in page) == may
