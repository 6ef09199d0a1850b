"""What an organisation was promised, by when, and the proof that it was done.

Loading is authorising: an organisation and its promises are loaded through the reader's seat, so
every other one is a 404. Free tasks and notes are the officers' own and are never loaded here.
"""

import datetime
import uuid
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import uploads
from core.models import User
from membership import benefits as promises
from membership import queries
from membership.models import Organisation, Task, TaskProof

Outcome = Task.Outcome


@dataclass(frozen=True, slots=True)
class Promise:
    """A task as the organisation reads it: never who among the officers has it in hand."""

    task: Task
    on: datetime.date

    @property
    def state(self) -> str:
        if self.task.is_overdue(self.on):
            return _("overdue")
        return self.task.get_outcome_display() if self.task.outcome else _("open")

    @property
    def tag(self) -> str:
        """How the state is coloured (templates/components/tag.html)."""
        if self.task.is_overdue(self.on):
            return "loss"
        return {Outcome.DONE.value: "good", "": "warning"}.get(self.task.outcome, "quiet")

    @property
    def file(self) -> TaskProof | None:
        return getattr(self.task, "proof", None)


def _own(request: HttpRequest, slug: str) -> Organisation:
    """An organisation in which the reader has a seat, or 404."""
    if not isinstance(request.user, User):
        raise Http404
    return get_object_or_404(queries.organisations_of(request.user), slug=slug)


@never_cache
@login_required
@require_safe
def benefits(request: HttpRequest, slug: str) -> HttpResponse:
    """The rights of one's tier, and all that was promised: open, overdue, or done with its proof."""
    organisation = _own(request, slug)
    today = timezone.localdate()
    made = [Promise(task, today) for task in promises.promised_to(organisation)]
    return render(
        request,
        "account_area/membership/benefits.html",
        {
            "organisation": organisation,
            "rights": promises.rights_of(organisation, today),
            "open_ones": [each for each in made if each.task.is_open],
            "closed_ones": [each for each in made if not each.task.is_open],
        },
    )


@never_cache
@login_required
@require_safe
def proof(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """The file that shows that a promise was kept."""
    found = get_object_or_404(
        TaskProof,
        task__public_id=public_id,
        task__benefit__isnull=False,
        task__organisation=_own(request, slug),
    )
    return uploads.download(found.file_name, found.content_type, bytes(found.content))
