"""`manage.py setup_site`: what a new production site needs, made once and left alone afterwards."""

import pytest
from django.core.management import call_command
from django.test import Client

from funding.ledger.models import Pool
from membership.fees import fee_table
from membership.models import AgreementVersion, FeeRule, Tier

pytestmark = pytest.mark.django_db


def test_a_new_site_has_pages_tiers_a_code_of_conduct_and_the_pool_of_the_dues(
    client: Client,
) -> None:
    call_command("setup_site", verbosity=0)

    assert client.get("/").status_code == 200
    assert "$250.00" in client.get("/join/").content.decode()
    assert Pool.objects.get().code == "general"
    published = AgreementVersion.objects.exclude(published_at=None)
    codes = published.order_by("agreement__code").values_list("agreement__code", flat=True)
    assert list(codes) == ["code-of-conduct", "evangelist-terms"]


def test_setting_up_again_undoes_nothing_that_staff_did() -> None:
    call_command("setup_site", verbosity=0)
    Tier.objects.filter(code="sustaining").update(open_to_new=False, name="Patron")
    FeeRule.objects.filter(tier__code="community").delete()
    version = AgreementVersion.objects.get(agreement__code="code-of-conduct")
    before = [(row.tier.code, row.fees) for row in fee_table(version.effective_from)]

    call_command("setup_site", verbosity=0)

    assert Tier.objects.get(code="sustaining").name == "Patron"
    after = [(row.tier.code, row.fees) for row in fee_table(version.effective_from)]
    assert before == after
    assert Pool.objects.count() == 1
    assert AgreementVersion.objects.count() == 2
