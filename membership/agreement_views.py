"""The agreements for everyone: what is in force, every version, and what changed between two."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from membership import published_agreements
from membership.differences import difference
from membership.published_agreements import Published, Version


@require_safe
def agreements(request: HttpRequest) -> HttpResponse:
    """Every agreement with the version in force and the one that comes."""
    found = published_agreements.all_published(timezone.localdate())
    return render(request, "membership/agreements.html", {"agreements": found})


@require_safe
def text(request: HttpRequest, code: str) -> HttpResponse:
    """The version in force of an agreement; where none is yet, the one that will be first."""
    found = _published(code)
    return _page_of(request, found, found.current)


@require_safe
def version(request: HttpRequest, code: str, label: str) -> HttpResponse:
    """One published version, in force or not."""
    found = _published(code)
    return _page_of(request, found, _version(found, label))


@require_safe
def changes(request: HttpRequest, code: str, label: str, other: str) -> HttpResponse:
    """What changed between two versions, from the earlier to the later, whichever is named first."""
    found = _published(code)
    pair = [_version(found, label), _version(found, other)]
    if label == other:
        raise Http404
    before, after = sorted(pair, key=lambda one: one.row.effective_from)
    old, new = published_agreements.words_of_both(before.row, after.row)
    paragraphs = difference(old.text, new.text)
    return render(
        request,
        "membership/agreement_changes.html",
        {
            "found": found,
            "before": before,
            "after": after,
            "words": new,
            "paragraphs": paragraphs,
            "changed": sum(paragraph.has_changed for paragraph in paragraphs),
            "crumbs": [
                {"label": _("Agreements"), "href": reverse("agreements")},
                {"label": str(found.agreement), "href": found.href},
            ],
        },
    )


def _published(code: str) -> Published:
    found = published_agreements.published(code, timezone.localdate())
    if found is None:
        raise Http404
    return found


def _version(found: Published, label: str) -> Version:
    version = found.version(label)
    if version is None:
        raise Http404
    return version


def _page_of(request: HttpRequest, found: Published, shown: Version) -> HttpResponse:
    return render(
        request,
        "membership/agreement_text.html",
        {
            "found": found,
            "shown": shown,
            "current": found.current,
            "words": published_agreements.words(shown.row),
        },
    )
