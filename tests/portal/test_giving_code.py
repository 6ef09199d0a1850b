"""A donor's way in: an address, a code by e-mail, and no password."""

import datetime
import re
import time

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.payments.models import Payment
from funding.pools import gifts
from funding.pools.models import Donor, Pledge
from portal.signin_code import account_of
from tests.factories import pools as make
from tests.factories.payments import make_payment
from tests.factories.pools import pay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]

OPEN = "/giving/"


@pytest.fixture(autouse=True)
def clear(db: None) -> None:
    cache.clear()


def ask(client: Client, email: str, address: str = OPEN) -> HttpResponse:
    return client.post(address, {"email": email})  # type: ignore[return-value]


def code_of(email: str) -> str:
    """The code that went to ``email`` last; it goes ahead of whatever else waits."""
    run_pending_jobs()
    sent = (each for each in reversed(mail.outbox) if each.to == [email])
    message = next(each for each in sent if "code" in each.subject)
    found = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", str(message.body), re.MULTILINE)
    assert found is not None, message.body
    return found.group(1)


def type_code(client: Client, code: str) -> HttpResponse:
    return client.post(reverse("account_confirm_login_code"), {"code": code})  # type: ignore[return-value]


def test_a_guest_who_gave_gets_in_by_the_code_and_sees_the_gift(client: Client) -> None:
    make.received_gift(giver=make.a_giver(email="Guest@example.org"))
    answer = ask(client, "guest@example.org", "/fr/giving/")
    assert answer["Location"] == "/fr/accounts/login/code/confirm/"
    # Nothing is made before the code is right.
    assert not User.objects.filter(email="guest@example.org").exists()

    answer = client.post(answer["Location"], {"code": code_of("guest@example.org")})
    assert answer["Location"] == "/fr/account/giving/"
    user = User.objects.get(email="guest@example.org")
    assert not user.has_usable_password()
    assert user.preferred_language == "fr"
    address = EmailAddress.objects.get(user=user)
    assert (address.verified, address.primary) == (True, True)
    page = client.get("/account/giving/").content.decode()
    assert "$50.00" in page


def test_staff_may_have_recorded_the_address(client: Client) -> None:
    Donor.objects.create(
        name="Ministry", email="ministry@example.org", recorded_by=make.make_person()
    )
    ask(client, "ministry@example.org")
    type_code(client, code_of("ministry@example.org"))
    assert "_auth_user_id" in client.session


def test_somebody_with_an_account_signs_in_to_it(client: Client) -> None:
    user = make.make_person("known@example.org", password="kettle stone river")
    ask(client, "known@example.org")
    assert type_code(client, code_of("known@example.org"))["Location"] == "/account/giving/"
    assert client.session["_auth_user_id"] == str(user.pk)
    user.refresh_from_db()
    assert user.has_usable_password()
    assert User.objects.filter(email="known@example.org").count() == 1


def test_the_page_does_not_say_whether_the_address_is_known() -> None:
    make.make_person("known@example.org")
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    run_pending_jobs()
    mail.outbox.clear()
    seen = set()
    for email in ("known@example.org", "guest@example.org", "nobody@example.org"):
        client = Client()
        answer = ask(client, email)
        page = client.get(answer["Location"]).content.decode().split("<main", 1)[1]
        seen.add((answer.status_code, re.sub(r'value="[^"]*"', "", page.replace(email, ""))))
    assert len(seen) == 1
    run_pending_jobs()
    assert sorted(message.to[0] for message in mail.outbox) == [
        "guest@example.org",
        "known@example.org",
        "nobody@example.org",
    ]
    told = next(message for message in mail.outbox if message.to == ["nobody@example.org"])
    assert "We know of no gift from this address." in str(told.body)


def test_no_code_opens_an_address_that_gave_nothing(client: Client) -> None:
    ask(client, "nobody@example.org")
    code = client.session["account_login"]["state"]["stages"]["login_by_code"]["data"]["code"]
    assert len(code) >= 6
    for wrong in ("", "-", "AAAA-AAAA"):
        type_code(client, wrong)
    # Not even the very code, which was sent to nobody.
    client = Client()
    ask(client, "nobody@example.org")
    code = client.session["account_login"]["state"]["stages"]["login_by_code"]["data"]["code"]
    assert type_code(client, code)["Location"] == OPEN
    assert "_auth_user_id" not in client.session
    assert not User.objects.filter(email="nobody@example.org").exists()


def test_wrong_codes_end_it_and_an_old_code_is_too_old(client: Client) -> None:
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    ask(client, "guest@example.org")
    code = code_of("guest@example.org")
    assert [type_code(client, "AAAA-BBBB").status_code for _ in range(3)] == [200, 200, 302]
    assert type_code(client, code)["Location"] == OPEN
    assert not User.objects.filter(email="guest@example.org").exists()

    ask(client, "guest@example.org")
    code = code_of("guest@example.org")
    with time_machine.travel(time.time() + 901):
        assert type_code(client, code)["Location"] == OPEN
    assert not User.objects.filter(email="guest@example.org").exists()


def test_a_code_is_good_in_the_window_that_asked_for_it_alone(client: Client) -> None:
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    ask(client, "guest@example.org")
    other = Client()
    assert type_code(other, code_of("guest@example.org"))["Location"] == OPEN
    assert not User.objects.filter(email="guest@example.org").exists()


def test_reading_the_pages_sends_and_changes_nothing(client: Client) -> None:
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    run_pending_jobs()
    mail.outbox.clear()
    assert client.get(OPEN + "?email=guest@example.org").status_code == 200
    ask(client, "guest@example.org")
    code = code_of("guest@example.org")
    client.get(reverse("account_confirm_login_code"), {"code": code})
    assert not User.objects.filter(email="guest@example.org").exists()
    assert len(mail.outbox) == 1


def test_asking_too_often_is_refused(client: Client) -> None:
    answers = [ask(Client(), "guest@example.org").status_code for _ in range(4)]
    assert answers == [302, 302, 302, 200]
    run_pending_jobs()
    assert len(mail.outbox) == 3


def test_who_signed_up_with_anothers_address_loses_the_password_they_chose(client: Client) -> None:
    squatter = make.make_person("guest@example.org", verified=False, password="kettle stone river")
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    ask(client, "guest@example.org")
    type_code(client, code_of("guest@example.org"))
    squatter.refresh_from_db()
    assert client.session["_auth_user_id"] == str(squatter.pk)
    assert not squatter.has_usable_password()


def test_a_closed_account_is_not_opened_by_a_code(client: Client) -> None:
    user = make.make_person("closed@example.org", is_active=False)
    make.received_gift(giver=make.a_giver(email="closed@example.org"))
    ask(client, "closed@example.org")
    run_pending_jobs()
    assert "No gift from this address" in [message.subject for message in mail.outbox]
    assert account_of("closed@example.org") is None
    assert User.objects.get(email="closed@example.org") == user


def test_the_account_is_made_once_and_for_who_gave_alone() -> None:
    make.received_gift(giver=make.a_giver(email="guest@example.org"))
    first = account_of("guest@example.org")
    assert first is not None
    assert account_of("GUEST@example.org") == first
    assert account_of("nobody@example.org") is None


def test_a_newcomer_pledges_by_a_code_alone(client: Client) -> None:
    profile = make.open_pool()
    form = reverse("pledge", args=[profile.code])
    asked = f"{OPEN}?next={form}"
    assert f'href="{asked}"' in client.get(form).content.decode().replace("%2F", "/")
    assert "Send the code" in client.get(asked).content.decode()
    ask(client, "nobody@example.org")  # an earlier errand, which no code came for
    assert "Send the code" in client.get(asked).content.decode()
    answer = ask(client, "newcomer@example.org", asked)
    assert not User.objects.filter(email="newcomer@example.org").exists()
    page = client.get(answer["Location"]).content.decode()
    assert f'name="next" value="{form}"' in page
    answer = client.post(answer["Location"], {"code": code_of("newcomer@example.org")})
    assert answer["Location"] == form
    user = User.objects.get(email="newcomer@example.org")
    assert not user.has_usable_password()

    token = re.search(r'name="form_token" value="([^"]+)"', client.get(form).content.decode())
    assert token is not None
    typed = {
        "form_token": token[1],
        "amount": "300",
        "schedule": "even",
        "count": "3",
        "rhythm": "monthly",
        "first_on": str(timezone.localdate() + datetime.timedelta(days=30)),
        "binding": "intent",
        "name": "New Comer",
        "naming": "anonymous",
    }
    answer = client.post(form, typed)
    assert answer.status_code == 303, answer.context["form"].errors
    assert client.post(answer["Location"]).status_code == 303
    pledge = Pledge.objects.get()
    assert (pledge.donor.user, pledge.confirmed_at is not None) == (user, True)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/pledge/core-software/",
        "//evil.example/pledge/core-software/",
        "javascript:alert(1)",
        "/account/",
        "/nowhere/",
    ],
)
def test_another_errand_than_a_pledge_makes_no_account_and_leads_to_no_other_site(
    client: Client, target: str
) -> None:
    make.open_pool()
    asked = f"{OPEN}?{urlencode({'next': target})}"
    ask(client, "newcomer@example.org", asked)
    run_pending_jobs()
    assert "We know of no gift from this address." in str(mail.outbox[-1].body)
    client = Client()
    make.make_person("known@example.org")
    answer = ask(client, "known@example.org", asked)
    answer = client.post(answer["Location"], {"code": code_of("known@example.org")})
    local = target.startswith("/") and not target.startswith("//")
    assert answer["Location"] == (target if local else "/account/giving/")


def test_wrong_codes_lead_back_to_the_same_errand(client: Client) -> None:
    form = reverse("pledge", args=[make.open_pool().code])
    answer = ask(client, "newcomer@example.org", f"{OPEN}?next={form}")
    for _ in range(3):
        refused = client.post(answer["Location"], {"code": "AAAA-BBBB"})
    assert refused["Location"].replace("%2F", "/") == f"{OPEN}?next={form}"


def test_who_is_signed_in_goes_straight_to_their_giving(client: Client) -> None:
    client.force_login(make.make_person())
    answer = client.get(OPEN)
    assert (answer.status_code, answer["Location"]) == (302, "/account/giving/")
    assert client.get(f"{OPEN}?next=/account/")["Location"] == "/account/"


def test_the_sign_in_page_leads_here(client: Client) -> None:
    assert f'href="{OPEN}"' in client.get(reverse("account_login")).content.decode()


def test_the_thank_you_page_of_a_gift_leads_here_and_one_of_dues_does_not(client: Client) -> None:
    gift = make.received_gift()
    payment = Payment.objects.get(purpose=gifts.PURPOSE, purpose_id=gift.pk)
    assert f'href="{OPEN}"' in client.get(payment.get_absolute_url()).content.decode()
    other = make_payment()
    pay(other)
    text = client.get(other.get_absolute_url()).content.decode()
    assert "Thank you" in text
    assert f'href="{OPEN}"' not in text
