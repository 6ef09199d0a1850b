"""Benefits, and tasks in the hands of officers."""

import datetime
from typing import Any

from django.utils import timezone

from core.models import User
from core.transactions import use_case
from membership import tasks, terms
from membership.models import Benefit, Organisation, Task, Term, Tier
from tests.factories.membership import make_organisation, may, open_term
from tests.factories.pools import make_person


def make_doer(**changes: Any) -> User:
    """An officer who does tasks and writes notes."""
    return may(
        make_person(**changes),
        "view_organisation",
        "view_task",
        "add_task",
        "change_task",
        "view_organisationnote",
        "add_organisationnote",
    )


def make_benefit(tier: str = "implementer", **changes: Any) -> Benefit:
    """Something done for each member of a tier within ten days, every year."""
    values: dict[str, Any] = {"name": "A training day", "days": 10, **changes}
    return Benefit.objects.create(tier=Tier.objects.get(code=tier), **values)


def only_benefit(tier: str = "implementer", **changes: Any) -> Benefit:
    """As `make_benefit`, in place of what the foundation begins with."""
    Benefit.objects.filter(tier__code=tier).delete()
    return make_benefit(tier, **changes)


def term_from(starts_on: datetime.date, organisation: Organisation | None = None) -> Term:
    return open_term(organisation, starts_on=starts_on)


def settle(term: Term, on: datetime.date | None = None) -> Term:
    """The money of the term's dues arrived."""
    with use_case():
        terms.settle(term, on=on or timezone.localdate())
    term.refresh_from_db()
    return term


def free_task(
    organisation: Organisation | None = None, by: User | None = None, **changes: Any
) -> Task:
    values: dict[str, Any] = {
        "title": "Call them",
        "due_on": timezone.localdate() + datetime.timedelta(days=5),
        "owner": None,
        **changes,
    }
    title = values.pop("title")
    return tasks.add(organisation or make_organisation(), title, by=by or make_doer(), **values)
