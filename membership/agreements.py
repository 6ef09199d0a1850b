"""Putting agreements in force, and accepting them."""

import datetime

from django.db.models import Q
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.jobs import tell_of_agreements
from membership.models import Acceptance, Agreement, AgreementVersion, Application, Organisation
from membership.refusals import AgreementNotAccepted, DayTaken, NothingToAccept, VersionInForce


def required_versions(on: datetime.date) -> list[AgreementVersion]:
    """The versions that whoever joins on ``on`` must accept, one per required agreement.

    Raises NothingToAccept where a required agreement has no version in force.
    """
    versions = []
    for agreement in Agreement.objects.filter(required=True):
        version = agreement.version_in_force(on)
        if version is None:
            raise NothingToAccept(agreement=agreement)
        versions.append(version)
    return versions


@inside_transaction
def accept_for_application(
    application: Application, *, by: User, at: datetime.datetime
) -> list[Acceptance]:
    """Turn what the applicant ticked into acceptances. Raises AgreementNotAccepted.

    Only the versions in force at ``at`` count: a box ticked before a new version came into force
    is a box to tick again. Who has the authority is kept with each acceptance; ``by`` handed it in.
    """
    ticked = set(application.ticked_versions.values_list("pk", flat=True))
    acceptances = []
    for version in required_versions(timezone.localdate(at)):
        if version.pk not in ticked:
            raise AgreementNotAccepted(agreement=version.agreement, version=version.label)
        acceptances.append(
            Acceptance.objects.create(
                version=version,
                person=by,
                application=application,
                signatory_name=application.signatory_name,
                signatory_function=application.signatory_function,
                accepted_at=at,
            )
        )
    return acceptances


def accepted_by(organisation: Organisation) -> list[Acceptance]:
    """What was accepted for an organisation: by its people, by the application it came with, or
    for one that was merged into it."""
    return list(
        Acceptance.objects.filter(
            Q(organisation=organisation)
            | Q(organisation__merged_into=organisation)
            | Q(application__organisation=organisation)
        ).select_related("version__agreement", "person")
    )


def publish(version: AgreementVersion, *, by: User | None) -> AgreementVersion:
    """Put the words of a version in force from its day on; they can never change again.

    ``by`` is None where the portal's first set-up publishes (`membership.seeds`).

    Raises VersionInForce when it is published already, and DayTaken when another version of the
    agreement begins on the same day.
    """
    with use_case():
        # Two versions of one agreement wait for each other here.
        Agreement.objects.select_for_update().get(pk=version.agreement_id)
        version = AgreementVersion.objects.select_for_update().get(pk=version.pk)
        if version.published_at is not None:
            raise VersionInForce(version=version.label)
        other = AgreementVersion.objects.filter(
            agreement=version.agreement_id,
            effective_from=version.effective_from,
            published_at__isnull=False,
        ).first()
        if other is not None:
            raise DayTaken(other=other.label)
        version.published_at = timezone.now()
        version.save(update_fields=["published_at"])
        audit.record("membership.publish_agreement", version, by=by)
        # The first set-up has nobody to tell.
        if by is not None and version.agreement.required:
            tell_of_agreements.enqueue()
    return version
