"""An evangelist changes their own profile: a draft, which staff approve by Wagtail's workflow."""

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import get_language
from wagtail.models import Revision, TaskState, WorkflowState

from core.models import User
from core.transactions import use_case
from home.models import EvangelistPage
from home.refusals import NotYourProfile, ProfileLocked

# What the person decides; level, language and the example mark are staff's.
OWN_FIELDS = ("title", "summary", "countries", "languages", "topics", "availability", "bio")


class State(StrEnum):
    PUBLISHED = "published"
    WAITING = "waiting"
    CHANGES_ASKED = "changes_asked"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a profile stands between its owner and staff."""

    state: State
    since: datetime.datetime | None = None
    comment: str = ""


def profile_of(person: User) -> EvangelistPage | None:
    """The profile a person may edit: the one in the language in force, else their first.

    Copies that only mirror it in another language are no profiles of their own.
    """
    pages = EvangelistPage.objects.filter(person=person, alias_of__isnull=True)
    found = list(pages.select_related("locale").order_by("pk"))
    here = [page for page in found if page.locale.language_code == get_language()]
    return next(iter(here or found), None)


def as_edited(page: EvangelistPage) -> EvangelistPage:
    """The profile as its owner left it, approved or not."""
    draft: EvangelistPage = page.get_latest_revision_as_object()
    return draft


def standing(page: EvangelistPage) -> Standing:
    """What the owner is told: published, waiting for review, or what staff ask for."""
    review: WorkflowState | None = page.current_workflow_state
    if review is not None:
        task: TaskState = review.current_task_state.specific
        if review.status == WorkflowState.STATUS_NEEDS_CHANGES:
            return Standing(State.CHANGES_ASKED, task.finished_at, task.get_comment())
        return Standing(State.WAITING, review.created_at)
    if page.live and not page.has_unpublished_changes:
        return Standing(State.PUBLISHED, page.last_published_at)
    return Standing(State.DRAFT, page.latest_revision_created_at)


def propose(page: EvangelistPage, *, by: User, values: dict[str, Any]) -> Revision:
    """Keep the owner's changes as a draft and ask staff to approve it.

    ``values`` holds some of OWN_FIELDS. Nothing public changes. A review that is running starts
    again, so that nobody approves words they have not read.
    Raises NotYourProfile, ProfileLocked, and ValidationError for values the page refuses.
    """
    with use_case():
        page = EvangelistPage.objects.select_for_update(of=("self",)).get(pk=page.pk)
        if page.person_id != by.pk or page.alias_of_id is not None:
            raise NotYourProfile
        if page.locked:
            raise ProfileLocked

        draft = as_edited(page)
        for name in OWN_FIELDS:
            if name in values:
                setattr(draft, name, values[name])
        revision: Revision = draft.save_revision(user=by, log_action=True)
        _ask_for_review(draft, by)
    return revision


def _ask_for_review(draft: EvangelistPage, by: User) -> None:
    review: WorkflowState | None = draft.current_workflow_state
    if review is not None and review.status == WorkflowState.STATUS_NEEDS_CHANGES:
        review.resume(user=by)
        return
    if review is not None:
        review.cancel(user=by)
    workflow = draft.get_workflow()
    if workflow is not None:
        workflow.start(draft, by)
