"""The life of a member in the browser: invited, renewed, lapsed and joined again, declined and heard."""

import datetime
import re
from typing import Any

import pytest
from django.utils import formats

from membership.terms import last_day_of_year_from
from tests.e2e.demo import Demo
from tests.e2e.members import OFFICER, PASSWORD
from tests.e2e.people import (
    GOOD_CARD,
    PHONE,
    People,
    await_thanks,
    follow,
    heading,
    pay_on_checkout,
    press,
    read_mail,
    row,
    sign_in_first,
    wait_for,
    words,
)

pytestmark = pytest.mark.browser
AREA = "/account/membership/"
RENEWS, LAPSES, INVITES = "Zomba Stock Systems", "Mulanje Depot Works", "Karonga Supply Union"
APPEALS = "Nkhotakota Shelf Makers"
COLLEAGUE, OTHER = "colleague@karonga.example.org", "someone@elsewhere.example.org"


def of(name: str) -> str:
    """The address with which somebody signs in for an organisation."""
    return f"contact@{name.split()[0].lower()}.example.org"


@pytest.fixture(scope="module")
def members(demo: Demo) -> None:
    """Organisations that were admitted today, one that applied, and the people who sign in here."""
    admitted = "\n".join(f"admitted({name!r}, {of(name)!r})" for name in (RENEWS, LAPSES, INVITES))
    demo.python(
        f"{admitted}\napplied({APPEALS!r}, {of(APPEALS)!r})\nsecond_officer()\n"
        f"account({COLLEAGUE!r}, 'Chikondi Gondwe')\naccount({OTHER!r}, 'Madalitso Nyirenda')"
    )


def pass_days(demo: Demo, name: str, days: int) -> None:
    demo.python(f"days_pass({name!r}, {days})")


def told(day: datetime.date) -> str:
    """A day as English pages write it."""
    return formats.date_format(day)


def pay(page: Any) -> None:
    """Pay the one open invoice of the page by card."""
    page.goto(AREA)
    follow(page.get_by_role("button", name="Pay by card"))
    pay_on_checkout(page, GOOD_CARD, "Pilirani Mbewe")
    await_thanks(page)
    page.goto(AREA)


def terms(page: Any) -> list[list[str]]:
    """The days and the status of each term on the page, newest first."""
    table = page.get_by_role("table", name="Membership terms")
    return [
        [line.locator("th").inner_text(), line.locator("td").last.inner_text().strip()]
        for line in table.locator("tbody tr").all()
    ]


def fits(page: Any) -> bool:
    """Whether nothing scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def listed(people: People, name: str) -> bool:
    """Whether a reader finds the organisation in the directory, and its page."""
    reader = people.visitor()
    reader.goto("/members/")
    links = reader.get_by_role("link", name=name)
    if not links.count():
        slug = name.lower().replace(" ", "-")
        assert reader.goto(f"/members/{slug}/").status == 404
        return False
    follow(links.first)
    return heading(reader) == name


@pytest.mark.usefixtures("members")
def test_a_renewal_is_offered_paid_and_moves_the_end_of_the_membership_once(
    people: People,
) -> None:
    page = people.signed_in_with(of(RENEWS), PASSWORD)
    pay(page)
    assert "The membership is current until" in words(page)
    assert "The next term" not in words(page)

    first = datetime.date.today() - datetime.timedelta(days=306)  # 59 or 60 days are left
    pass_days(people.demo, RENEWS, 306)
    last, begins = last_day_of_year_from(first), last_day_of_year_from(first)
    begins += datetime.timedelta(days=1)
    ends = last_day_of_year_from(begins)
    assert "$250.00" in read_mail(page, of(RENEWS), "for the next term")
    page.goto(AREA)
    assert f"The membership is current until {told(last)}." in words(page)
    assert f"Pay $250.00 for {told(begins)} to {told(ends)}" in words(page)
    assert "so that the membership goes on without a gap" in words(page)

    follow(page.get_by_role("button", name="Pay by card"))
    checkout = page.url
    pay_on_checkout(page, GOOD_CARD, "Pilirani Mbewe")
    await_thanks(page)
    for _again in range(2):
        page.goto(checkout)
        assert heading(page) == "This payment is made"
        page.goto(AREA)
        assert terms(page) == [
            [f"{told(begins)} to {told(ends)}", "paid, not begun"],
            [f"{told(first)} to {told(last)}", "current"],
        ]
    assert not page.get_by_role("button", name="Pay by card").count()
    assert not page.get_by_text("so that the membership goes on").count()
    assert listed(people, RENEWS)

    pass_days(people.demo, RENEWS, 90)
    page.goto(AREA)
    moved = told(ends - datetime.timedelta(days=90))
    assert f"The membership is current until {moved}." in words(page)
    assert len(terms(page)) == 2


@pytest.mark.usefixtures("members")
def test_on_a_phone_a_member_reads_of_grace_lapses_and_joins_again(people: People) -> None:
    page = people.signed_in_with(of(LAPSES), PASSWORD, width=PHONE)
    pay(page)
    assert listed(people, LAPSES)
    last = last_day_of_year_from(datetime.date.today())

    pass_days(people.demo, LAPSES, (last - datetime.date.today()).days + 11)
    last = datetime.date.today() - datetime.timedelta(days=11)
    page.goto(AREA)
    grace = told(last + datetime.timedelta(days=30))
    assert f"The term ended on {told(last)}." in words(page)
    assert f"The organisation still counts as a member until {grace}." in words(page)
    assert page.get_by_role("button", name="Pay by card").count() == 1
    assert fits(page)
    assert listed(people, LAPSES), "in grace it is a member still"

    pass_days(people.demo, LAPSES, 25)
    last -= datetime.timedelta(days=25)
    lapsed = read_mail(page, of(LAPSES), "the membership has lapsed")
    assert f"ended on {told(last)} and was not renewed" in " ".join(lapsed.split())
    page.goto(AREA)
    gone = f"The term ended on {told(last)}, and the organisation no longer stands in the directory"
    assert gone in words(page)
    assert not page.get_by_role("button", name="Pay by card").count()
    assert row(page, "INV-").get_by_text("void").is_visible()
    assert fits(page)
    assert not listed(people, LAPSES)

    follow(page.get_by_role("link", name="Join again"))
    assert heading(page) == f"Join again with {LAPSES}?"
    assert "An invoice over $250.00" in words(page)
    today = datetime.date.today()
    ends = last_day_of_year_from(today)
    assert f"from {told(today)} to {told(ends)}" in words(page)
    assert fits(page)
    press(page, "Join again")
    assert "Pay $250.00 to make the membership current." in words(page)
    assert not listed(people, LAPSES), "it is a member again once it has paid"
    pay(page)
    assert f"The membership is current until {told(ends)}." in words(page)
    assert listed(people, LAPSES)


def invite(contact: Any, email: str) -> None:
    contact.goto(AREA)
    follow(contact.get_by_role("link", name="Invite people and change roles"))
    follow(contact.get_by_role("link", name="Invite somebody"))
    contact.get_by_label("E-mail address").fill(email)
    contact.get_by_label("Billing contact").check()
    press(contact, "Send the invitation")
    assert row(contact, email).is_visible()


@pytest.mark.usefixtures("members")
def test_a_colleague_takes_a_seat_by_the_link_and_somebody_elsewhere_by_the_code(
    people: People,
) -> None:
    contact = people.signed_in_with(of(INVITES), PASSWORD)
    mailbox = people.visitor()

    invite(contact, COLLEAGUE)
    subject = f"{INVITES}: an invitation to a seat"
    mail = read_mail(mailbox, COLLEAGUE, subject)
    link = re.search(r"https?://\S+(/account/membership/seats/invitation/\S+)", mail)
    assert link
    # A scanner opens it, and so does the colleague before signing in: that takes no seat.
    assert people.visitor().goto(link[1]).status == 200
    colleague = people.visitor()
    colleague.goto(link[1])
    assert heading(colleague) == f"A seat in {INVITES}"
    assert "Roles: Billing contact." in words(colleague)
    assert "Nothing has changed yet." in words(colleague)
    follow(colleague.locator("main").get_by_role("link", name="Sign in"))
    assert colleague.url.endswith(sign_in_first(link[1]))
    colleague.get_by_label("E-mail address").fill(COLLEAGUE)
    colleague.get_by_label("Password", exact=True).fill(PASSWORD)
    press(colleague, "Sign in")
    assert heading(colleague) == f"A seat in {INVITES}"
    press(colleague, "Accept the seat")
    colleague.goto(AREA)
    assert INVITES in words(colleague)
    assert "Your roles: Billing contact." in words(colleague)
    colleague.goto(link[1])
    assert heading(colleague) == f"People of {INVITES}", "used, the link leads to where one sits"

    invite(contact, "office@karonga.example.org")
    mail = read_mail(mailbox, "office@karonga.example.org", subject)
    code = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", mail)
    assert code
    other = people.signed_in_with(OTHER, PASSWORD)
    other.goto(AREA)
    follow(other.get_by_role("link", name="You have an invitation? Type its code"))
    other.get_by_label("Code").fill("AAAA-AAAA")
    press(other, "Accept the seat")
    assert other.title().startswith("Error: ")
    other.get_by_label("Code").fill(code[0].lower().replace("-", " "))
    press(other, "Accept the seat")
    other.goto(AREA)
    assert INVITES in words(other)
    # Used once, it is worth nothing to the next.
    other.goto(f"{AREA}seats/code/")
    other.get_by_label("Code").fill(code[0])
    press(other, "Accept the seat")

    contact.goto(AREA)
    seats = contact.get_by_role("table", name="People with a seat")
    assert seats.locator("tbody tr").count() == 3
    for name in ("Chikondi Gondwe", "Madalitso Nyirenda"):
        assert "Billing contact" in row(contact, name).inner_text()
    follow(contact.get_by_role("link", name="Invite people and change roles"))
    assert "good until" not in words(contact)
    assert "Billing contact" in read_mail(mailbox, of(INVITES), "Chikondi Gondwe has a seat")


def officers_page(people: People, officer: str) -> Any:
    """The application that is appealed about, before an officer."""
    office = (
        people.signed_in_with(officer, PASSWORD, scripts=True)
        if "@" in officer
        else people.in_back_office(officer)
    )
    office.goto("/admin/members/applications/")
    office.get_by_role("link", name=APPEALS).first.click()
    return office


@pytest.mark.usefixtures("members")
def test_a_declined_organisation_appeals_to_somebody_else_and_is_admitted(people: People) -> None:
    page = people.signed_in_with(of(APPEALS), PASSWORD)
    page.goto(AREA)
    follow(page.get_by_role("link", name=APPEALS))
    application = page.url
    reason = "The register does not know this company."

    office = officers_page(people, "staff")
    office.get_by_role("button", name="Begin the review").click()
    office.get_by_label("Decline").check()
    office.get_by_role("button", name="Continue").click()
    office.get_by_text("Write the reason. The organisation reads it.").wait_for()
    office.get_by_label("Reason").first.fill(reason)
    office.get_by_role("button", name="Continue").click()
    office.get_by_role("button", name="Decline the application").click()
    office.get_by_text("What was decided").wait_for()

    assert reason in read_mail(page, of(APPEALS), f"Application of {APPEALS}: declined")
    page.goto(application)
    assert f"Reason: {reason}" in words(page)
    assert "somebody who had no part in this decision looks at it" in words(page)
    page.locator("main textarea").fill("We are there under our older name.")
    press(page, "Send the appeal")
    assert "Somebody who had no part in the decision looks at your appeal." in words(page)

    # Whoever declined reads why they may not; a colleague decides.
    office.reload()
    office.get_by_text("We are there under our older name.").wait_for()
    assert office.get_by_text("You had a part in the review").count()
    assert not office.get_by_role("button", name="Decide the appeal").count()
    second = officers_page(people, OFFICER)
    second.get_by_label("The decline is set aside").check()
    second.get_by_label("Reason").first.fill("We found the older name.")
    second.get_by_role("button", name="Decide the appeal").click()
    second.get_by_text("The appeal is decided.").wait_for()
    page.goto(application)
    assert "Under review" in words(page)
    succeeded = read_mail(page, of(APPEALS), "your appeal succeeded")
    assert "We found the older name." in succeeded

    office.reload()
    assert not office.get_by_role("button", name="Continue").count(), "not by whoever declined"
    second.get_by_label("Approve").check()
    second.get_by_role("button", name="Continue").click()
    second.get_by_role("button", name="Approve the application").click()
    second.get_by_text("Approved. The term is open and its invoice is issued.").wait_for()
    page.goto(application)
    assert "The organisation is admitted." in words(page)
    page.goto(AREA)
    wait_for(lambda: bool(page.goto(AREA)) and "$250.00" in words(page), "what is to be paid")
