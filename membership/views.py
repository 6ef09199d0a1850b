"""The directory of members, and how to join. Anyone may read these; they need no script."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from core import countries
from membership import agreements, fees, queries
from membership.models import AgreementVersion, Application, Constituency, Organisation
from membership.models.tiers import IncomeGroup
from membership.refusals import NothingToAccept

MEMBERS_PER_PAGE = 60


@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """Members whose term is current or in grace, by constituency and country.

    A filter that names no constituency or country is left out, since addresses are typed and
    shortened by people; one that nobody matches shows the empty list and says so.
    """
    today = timezone.localdate()
    constituency = request.GET.get("constituency", "")
    if constituency not in Constituency.values:
        constituency = ""
    country = request.GET.get("country", "").upper()
    if country not in countries.all_countries():
        country = ""
    voices = queries.voices(today)
    page = Paginator(
        queries.members(today, constituency=constituency, country=country), MEMBERS_PER_PAGE
    ).get_page(request.GET.get("page"))
    return render(
        request,
        "membership/directory.html",
        {
            "page_obj": page,
            "voices": [
                (voice, _address(constituency=voice.code, country=country)) for voice in voices
            ],
            "all_voices": _address(country=country),
            "members_in_all": sum(voice.members for voice in voices),
            "constituency": constituency,
            "constituency_name": Constituency(constituency).label if constituency else "",
            "country": country,
            "country_name": countries.get(country).name() if country else "",
            "countries": _choices(queries.countries_with_members(today), country),
        },
    )


def _choices(offered: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """The countries to choose from, and the chosen one, though it may have no member yet."""
    if not chosen or chosen in dict(offered):
        return offered
    both = [*offered, (chosen, countries.get(chosen).name())]
    return sorted(both, key=lambda pair: countries.sort_key(pair[1]))


def _address(**filters: str) -> str:
    """The directory's address with those filters that are set."""
    query = urlencode({name: value for name, value in filters.items() if value})
    return reverse("members") + (f"?{query}" if query else "")


@require_safe
def member(request: HttpRequest, slug: str) -> HttpResponse:
    """One member's page; 404 for an organisation that is none on this day."""
    today = timezone.localdate()
    organisation = get_object_or_404(
        Organisation.objects.prefetch_related("terms__tier"), slug=slug
    )
    term = organisation.standing_term(today)
    if term is None:
        raise Http404
    return render(
        request,
        "membership/member.html",
        {
            "organisation": organisation,
            "term": term,
            "in_grace": term.status(today) == term.Status.GRACE,
            "since": queries.member_since(organisation),
        },
    )


@require_safe
def join(request: HttpRequest) -> HttpResponse:
    """Who can join, what it costs by tier and income group, and what happens step by step."""
    today = timezone.localdate()
    try:
        versions = agreements.required_versions(today)
    except NothingToAccept:
        versions = []
    tiers = fees.open_tiers()
    rows = fees.fee_table(today, tiers)
    return render(
        request,
        "membership/join.html",
        {
            "fee_rows": rows,
            "fee_sources": sorted({(row.source, row.source_year) for row in rows}),
            "tiers": tiers,
            "income_groups": IncomeGroup.labels,
            "income_group_source": countries.INCOME_GROUP_YEAR,
            "versions": versions,
            "target_days": Application.TARGET_DAYS,
            "constituencies": Constituency.labels,
        },
    )


@require_safe
def agreement(request: HttpRequest, pk: int) -> HttpResponse:
    """The words of a published version; whoever accepted an old one can still read it."""
    version = get_object_or_404(
        AgreementVersion.objects.select_related("agreement"), pk=pk, published_at__isnull=False
    )
    in_force = version.agreement.version_in_force(timezone.localdate())
    return render(
        request,
        "membership/agreement.html",
        {"version": version, "newer": in_force if in_force and in_force != version else None},
    )
