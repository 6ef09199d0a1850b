"""What members are promised: the list of a tier, and a task for each line that is to be done.

Which promises a term should have follows from its facts and the list. `keep_promises` brings the
tasks in line with that, however often it runs; the verbs of `membership.terms` have it run by a job
in their transaction, and `catch_up` finds every day what is not in line. It locks the organisation
and then the term, in that order: inside the transaction of a payment that order cannot be had.
"""

import datetime
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from core import audit
from core.transactions import inside_transaction, use_case
from membership.models import Benefit, Organisation, Task, Term, Tier
from membership.queries import first_day
from membership.tasks import owners

Kind = Benefit.Kind
Outcome = Task.Outcome

# Tasks of the outer benefit. Another tier may promise the same in the same words: what is done once
# is not done again for a member that changes its tier.
_OF_BENEFIT = Q(benefit=OuterRef("pk")) | Q(title=OuterRef("name"))


# --- Reading --------------------------------------------------------------------------------------


def offered(on: datetime.date) -> QuerySet[Benefit]:
    """What is promised on ``on``, in the order of the lists."""
    return Benefit.objects.filter(offered=True, offered_from__lte=on).order_by("position", "pk")


def by_tier(tiers: Iterable[Tier], on: datetime.date) -> list[tuple[Tier, list[Benefit]]]:
    """Each tier with what it gives on ``on``, rights first; one query for all."""
    tiers = list(tiers)
    found: dict[int, list[Benefit]] = {tier.pk: [] for tier in tiers}
    for benefit in offered(on).filter(tier__in=tiers):
        found[benefit.tier_id].append(benefit)
    return [
        (tier, sorted(found[tier.pk], key=lambda benefit: not benefit.is_right)) for tier in tiers
    ]


def rights_of(organisation: Organisation, on: datetime.date) -> list[Benefit]:
    """The rights that its term gives to an organisation on ``on``; none where it is no member."""
    term = organisation.standing_term(on)
    return list(offered(on).filter(tier=term.tier_id, kind=Kind.RIGHT)) if term else []


def promised_to(organisation: Organisation) -> QuerySet[Task]:
    """The tasks that an organisation reads: of its benefits, the newest term first."""
    return (
        organisation.tasks.promised()
        .select_related("term__tier", "proof")
        .defer("proof__content")
        .order_by("-term__starts_on", "due_on", "pk")
    )


# --- Keeping tasks in line with terms -------------------------------------------------------------


def keep_promises(term_id: int, *, on: datetime.date | None = None) -> int:
    """Make the tasks that a term should have and lacks, or end the open ones where it counts no
    more; how many were made or ended."""
    organisation_id = Term.objects.values_list("organisation_id", flat=True).get(pk=term_id)
    on = on or timezone.localdate()
    with use_case():
        Organisation.objects.select_for_update().get(pk=organisation_id)
        term = Term.objects.select_for_update(of=("self",)).get(pk=term_id)
        if term.organisation_id != organisation_id:
            raise RuntimeError("The organisation was merged meanwhile: the job runs again.")
        if not _counts(term, on):
            return end_promises(term.tasks.open(), term)
        # Of a tier that the member left in the middle of its term.
        ended = end_promises(term.tasks.open().exclude(benefit__tier=term.tier_id), term)
        return ended + promise(term, on=on)


@inside_transaction
def promise(term: Term, *, on: datetime.date) -> int:
    """Make what ``term`` was promised and lacks, once a benefit; how many tasks that were.

    A task that ended with the term goes on. Nothing new is promised for a term that is over.
    """
    begun = first_day(term)
    if begun is None or on > term.last_day:
        return 0
    count = 0
    had = {task.benefit_id: task for task in term.tasks.select_for_update().order_by("pk")}
    for benefit in _wanted(term, on):
        due_on = max(begun, benefit.offered_from) + datetime.timedelta(days=benefit.days or 0)
        task = had.get(benefit.pk)
        if task is None:
            _make(term, benefit, due_on)
            count += 1
        elif task.outcome == Outcome.ENDED:
            task.outcome, task.closed_at, task.due_on = "", None, due_on
            task.save(update_fields=["outcome", "closed_at", "due_on"])
            count += 1
    if count:
        audit.record("membership.promise", term, by=None, count=count)
    return count


@inside_transaction
def end_promises(open_ones: QuerySet[Task], term: Term) -> int:
    """End open tasks of ``term`` that are owed no more; how many that were."""
    ended = open_ones.update(outcome=Outcome.ENDED, closed_at=timezone.now())
    if ended:
        audit.record("membership.end_promises", term, by=None, count=ended)
    return ended


def catch_up(on: datetime.date | None = None) -> int:
    """Bring every term in line that is not; how many tasks were made or ended."""
    return sum(keep_promises(term_id, on=on) for term_id in out_of_line(on))


def out_of_line(on: datetime.date | None = None) -> list[int]:
    """The keys of terms whose tasks are not what they should be: a benefit is new on the list, the
    day of a cancellation has come, the tier is another one, or a job gave up."""
    on = on or timezone.localdate()
    return sorted({*_lacking(on), *_owed_no_more(on)})


def _counts(term: Term, on: datetime.date) -> bool:
    """Whether the term made its organisation a member, or will, and is not cancelled by ``on``."""
    cancelled = term.cancelled_on is not None and term.cancelled_on <= on
    return first_day(term) is not None and not cancelled


def _wanted(term: Term, on: datetime.date) -> list[Benefit]:
    """What is done for the members of the term's tier; what is done once, unless it was promised
    already."""
    had = Task.objects.promised().filter(_OF_BENEFIT, organisation=term.organisation_id)
    before = had.exclude(outcome=Outcome.ENDED)
    services = offered(on).filter(tier=term.tier_id, kind=Kind.SERVICE)
    return list(services.exclude(Exists(before), repeats=Benefit.Repeats.ONCE))


def _make(term: Term, benefit: Benefit, due_on: datetime.date) -> Task:
    # Of a person who may do tasks no more: the group's.
    owner = owners().filter(pk=benefit.owner_id).first() if benefit.owner_id else None
    return Task.objects.create(
        organisation_id=term.organisation_id,
        term=term,
        benefit=benefit,
        title=benefit.name,
        title_fr=benefit.name_fr,
        title_pt=benefit.name_pt,
        owner=owner,
        due_on=due_on,
    )


def _lacking(on: datetime.date) -> QuerySet[Term, int]:
    """Terms that count and lack a task of their tier's list (`_wanted`), in SQL."""
    standing = Task.objects.promised().exclude(outcome=Outcome.ENDED)
    lacks = (
        offered(on)
        .filter(tier=OuterRef("tier"), kind=Kind.SERVICE)
        .exclude(Exists(standing.filter(benefit=OuterRef("pk"), term=OuterRef(OuterRef("pk")))))
        .exclude(
            Exists(standing.filter(_OF_BENEFIT, organisation=OuterRef(OuterRef("organisation")))),
            repeats=Benefit.Repeats.ONCE,
        )
    )
    paid = Q(settled_on__isnull=False) | Q(waived_on__isnull=False)
    # Later than the cancellation it counted on no day; later than its grace neither, but such a
    # term is over and left out by its last day.
    counted = Q(cancelled_on__isnull=True) | Q(
        cancelled_on__gt=Greatest("starts_on", Coalesce("settled_on", "waived_on"))
    )
    rows = Term.objects.filter(paid, counted, Exists(lacks), ends_on__gte=on)
    return rows.exclude(cancelled_on__lte=on).order_by("pk").values_list("pk", flat=True)


def _owed_no_more(on: datetime.date) -> QuerySet[Term, int]:
    """Terms with open tasks that are cancelled by ``on``, paid for no more, or of another tier."""
    over = Q(cancelled_on__lte=on) | Q(settled_on__isnull=True, waived_on__isnull=True)
    open_ones = Task.objects.open().filter(term=OuterRef("pk"))
    of_another = open_ones.exclude(benefit__tier=OuterRef("tier"))
    found = Term.objects.filter((over & Exists(open_ones)) | Q(Exists(of_another)))
    return found.order_by("pk").values_list("pk", flat=True)
