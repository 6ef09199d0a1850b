"""Keeping a list's filters under a name, for oneself or for colleagues too."""

from django.db.models import Q, QuerySet
from django.http import QueryDict

from core.models import User
from core.transactions import use_case
from membership.models import SavedView
from membership.refusals import ViewGone, ViewTooLong

# What belongs to one look at the list and not to the view.
_PASSING = ("p", "export", "_w_filter_fragment", "ordering_submitted")


def tidy(query: QueryDict) -> str:
    """The filters of a list's address, without what is empty or passing."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        if name not in _PASSING and (said := [value for value in values if value]):
            kept.setlist(name, said)
    return kept.urlencode()


def seen_by(person: User, list_name: str) -> QuerySet[SavedView]:
    """A person's own views of a list, and those that colleagues share."""
    return (
        SavedView.objects.filter(Q(owner=person) | Q(is_shared=True), list_name=list_name)
        .select_related("owner")
        .order_by("name", "pk")
    )


def save(list_name: str, *, name: str, is_shared: bool, query: str, by: User) -> SavedView:
    """Keep ``query`` under ``name``; a view of one's own of that name is replaced. Raises
    ViewTooLong."""
    if len(query) > SavedView.LONGEST:
        raise ViewTooLong
    with use_case():
        view, __ = SavedView.objects.update_or_create(
            owner=by,
            list_name=list_name,
            name=name,
            defaults={"query": query, "is_shared": is_shared},
        )
    return view


def delete(pk: int, *, by: User) -> SavedView:
    """Delete a view of one's own. Raises ViewGone."""
    with use_case():
        view = SavedView.objects.select_for_update().filter(pk=pk, owner=by).first()
        if view is None:
            raise ViewGone
        SavedView.objects.filter(pk=view.pk).delete()
    return view
