"""The directory of members, and how to join. Anyone may read these; they need no script."""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from membership import (
    agreements,
    benefits,
    fees,
    income,
    linked_data,
    published_agreements,
    queries,
)
from membership.directory import Chosen, Directory
from membership.logos import shown_logo
from membership.models import AgreementVersion, Application, Constituency, Organisation
from membership.models.organisations import Hideable
from membership.models.tiers import IncomeGroup
from membership.refusals import NothingToAccept


@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """Members whose term is current or in grace, filtered by what the address says."""
    found = Directory(request.GET, timezone.localdate())
    return render(
        request,
        "membership/directory.html",
        {
            "page_obj": found.page(request.GET.get("page")),
            "chosen": found.chosen,
            "is_filtered": found.chosen != Chosen(),
            "heading": ", ".join(
                choice.label
                for choices in (found.voices, found.countries, found.tier_choices)
                for choice in choices
                if choice.current
            ),
            "voices": found.voices,
            "all_voices": found.chosen.without(constituency=""),
            "all_voices_members": sum(voice.members for voice in found.voices),
            "countries": found.countries,
            "tiers": found.tier_choices,
            "years": found.years,
            "dots": found.dots(),
        },
    )


@require_safe
def member(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One member's page; 404 for an organisation that is none on this day. A duplicate that was
    merged leads to the one that took it over."""
    today = timezone.localdate()
    organisation = get_object_or_404(
        Organisation.objects.select_related("logo", "merged_into").prefetch_related("terms__tier"),
        slug=slug,
    )
    if organisation.merged_into is not None:
        return redirect(organisation.merged_into, permanent=True)
    term = organisation.standing_term(today)
    if term is None:
        raise Http404
    logo = shown_logo(organisation)
    return render(
        request,
        "membership/member.html",
        {
            "organisation": organisation,
            "shows": {field: not organisation.hides(field) for field in Hideable.values},
            "logo": logo,
            "linked_data": linked_data.organization(organisation, logo=logo.url if logo else ""),
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
    tables = [
        (code, fees.fee_table(today, tiers, currency=code)) for code in fees.currencies(today)
    ]
    tables = [(code, rows) for code, rows in tables if rows]
    return render(
        request,
        "membership/join.html",
        {
            "fee_tables": tables,
            "fee_sources": sorted(
                {(row.source, row.source_year) for __, rows in tables for row in rows}
            ),
            "tiers": benefits.by_tier(tiers, today),
            "income_groups": IncomeGroup.labels,
            "income_group_sources": income.sources(today),
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
        {
            "version": version,
            "words": published_agreements.words(version),
            "newer": in_force if in_force and in_force != version else None,
        },
    )
