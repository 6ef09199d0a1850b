"""A receipt's page proves the payment: its entry, its place in the log, a download that verifies."""

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import checkpoints
from funding.payments import progress
from funding.payments.models import Payment, Receipt, Refund
from tests.factories.ledger import gift_entry, post_now
from tests.factories.payments import make_payment, settlement, state

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def outside(settings: Any, tmp_path: Path) -> None:
    """A folder of its own for the checkpoints that are kept outside the database."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")


def receipt_of(payment: Payment) -> Receipt:
    with use_case():
        progress.apply(payment.pk, state(payment))
    return Receipt.objects.get(payment=payment)


def settled() -> Receipt:
    payment = make_payment()
    receipt = receipt_of(payment)
    with use_case():
        progress.settle(payment.pk, settlement(payment))
    return Receipt.objects.get(pk=receipt.pk)


def verify(folder: Path, proof: bytes, keys: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "receipt.tlog-proof").write_bytes(proof)
    (folder / "keys.txt").write_bytes(keys)
    return subprocess.run(
        [sys.executable, "-I", ROOT / "tools" / "verify_ledger.py"]
        + ["receipt", "receipt.tlog-proof", "--keys", "keys.txt"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db
def test_the_download_is_accepted_by_the_offline_verifier_and_names_nobody(
    client: Client, tmp_path: Path
) -> None:
    receipt = settled()
    for number in range(5):
        post_now(gift_entry(receipt.payment.pool, 1_000 + number))
    checkpoints.publish()

    page = client.get(reverse("receipt_proof", args=[receipt.public_id]))
    answer = verify(tmp_path, page.content, client.get("/ledger/keys.txt").content)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("Yes")
    assert str(receipt.payment.entry_id) in answer.stdout
    assert b"Ada" not in page.content
    assert page["Content-Disposition"] == f'attachment; filename="{receipt.number}.tlog-proof"'
    assert page["X-Robots-Tag"] == "noindex"


@pytest.mark.django_db
def test_a_download_with_one_byte_changed_is_refused(client: Client, tmp_path: Path) -> None:
    receipt = settled()
    checkpoints.publish()
    proof = client.get(reverse("receipt_proof", args=[receipt.public_id])).content
    at = proof.index(b"extra ") + 20
    wrong = proof[:at] + (b"B" if proof[at : at + 1] == b"A" else b"A") + proof[at + 1 :]

    answer = verify(tmp_path, wrong, client.get("/ledger/keys.txt").content)

    assert answer.returncode != 0
    assert not answer.stdout.startswith("Yes")


@pytest.mark.django_db
def test_the_page_tells_how_far_the_proof_is(client: Client) -> None:
    payment = make_payment()
    receipt = receipt_of(payment)
    address = reverse("receipt", args=[receipt.public_id])
    proof = reverse("receipt_proof", args=[receipt.public_id])

    assert "not in the ledger yet" in client.get(address).content.decode()
    assert client.get(proof).status_code == 404

    with use_case():
        progress.settle(payment.pk, settlement(payment))
    entry = Payment.objects.get(pk=payment.pk).entry_id
    text = client.get(address).content.decode()
    assert "not sealed yet" in text
    assert f"/ledger/{entry}/" in text or f"Entry {entry}" in text
    assert client.get(proof).status_code == 404

    for number in range(5):
        post_now(gift_entry(payment.pool, 1_000 + number))
    checkpoints.publish()
    text = client.get(address).content.decode()
    assert proof in text
    assert "place 0" in text
    assert "3 hashes" in text
    assert "6 entries" in text
    assert client.get(proof).status_code == 200


@pytest.mark.django_db
def test_a_refunded_gift_shows_what_went_back(client: Client) -> None:
    receipt = settled()
    Refund.objects.create(
        payment=receipt.payment,
        amount=2_000,
        currency="USD",
        status="succeeded",
        created_at=timezone.now(),
    )
    text = client.get(receipt.get_absolute_url()).content.decode()
    assert "$20.00 was given back" in text
    assert "$30.00 is left" in text


@pytest.mark.django_db
def test_the_proof_of_no_receipt_and_by_posting_is_refused(client: Client) -> None:
    assert client.get(reverse("receipt_proof", args=[uuid.uuid4()])).status_code == 404
    receipt = settled()
    assert client.post(reverse("receipt_proof", args=[receipt.public_id])).status_code == 405


@pytest.mark.django_db
def test_whoever_is_signed_in_finds_the_way_back(client: Client, django_user_model: Any) -> None:
    receipt = settled()
    back = f'href="{reverse("account_area")}"'
    crumbs = f"<li><a {back}>"
    assert crumbs not in client.get(receipt.get_absolute_url()).content.decode()
    client.force_login(django_user_model.objects.create_user("ada@example.org"))
    assert crumbs in client.get(receipt.get_absolute_url()).content.decode()
