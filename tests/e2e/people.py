"""The people before the browser, and the moves that several paths share."""

import csv
import io
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from tests.e2e.demo import Demo

ANSWER = 10.0  # seconds until a page must be there
PATIENCE = 30.0  # seconds until what the worker does must be seen
GOOD_CARD, DECLINED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"
PHONE = 360


class People:
    """Opens pages for one person each. No script runs anywhere but in the back office."""

    def __init__(self, chromium: Any, demo: Demo, sessions: dict[str, Any]) -> None:
        self.chromium = chromium
        self.demo = demo
        self.sessions = sessions
        self.pages: list[Any] = []

    def visitor(self, *, width: int = 1280, scripts: bool = False) -> Any:
        """A page of somebody who has not signed in."""
        return self._page(None, width, scripts)

    def signed_in(self, key: str, *, width: int = 1280) -> Any:
        """A page of the demo's account ``key``."""
        return self._page(self._session(key), width, scripts=False)

    def in_back_office(self, key: str) -> Any:
        """The same person where scripts run: Wagtail's admin needs them."""
        return self._page(self._session(key), 1280, scripts=True)

    def signed_in_with(
        self, email: str, password: str, *, width: int = 1280, scripts: bool = False
    ) -> Any:
        """A page of somebody who is none of the demo's accounts."""
        page = self.visitor(width=width, scripts=scripts)
        sign_in(page, email, password)
        return page

    def leave(self) -> None:
        for page in self.pages:
            page.context.close()

    def _session(self, key: str) -> Any:
        if key not in self.sessions:
            account = self.demo.accounts[key]
            page = self.visitor()
            sign_in(page, account.email, account.password)
            self.sessions[key] = page.context.storage_state()
        return self.sessions[key]

    def _page(self, session: Any, width: int, scripts: bool) -> Any:
        context = self.chromium.new_context(
            base_url=self.demo.url,
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            storage_state=session,
            locale="en-GB",
            reduced_motion="reduce",
        )
        context.set_default_timeout(ANSWER * 1000)
        page = context.new_page()
        self.pages.append(page)
        return page


# --- Looking --------------------------------------------------------------------------------------


def wait_for(look: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so."""
    until = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < until, f"Not seen in {PATIENCE:.0f} seconds: {what}"
        time.sleep(0.2)


def shows(page: Any, address: str, text: str) -> bool:
    """Whether the page at ``address``, asked for again, shows ``text``."""
    page.goto(address)
    return bool(page.get_by_text(text).count())


def heading(page: Any) -> str:
    return " ".join(str(page.locator("h1").inner_text()).split())


def words(page: Any) -> str:
    """What the main part of the page says."""
    return " ".join(str(page.locator("main").inner_text()).split())


def row(page: Any, text: str) -> Any:
    """The first row of a table that shows ``text``."""
    return page.locator("tbody tr", has_text=text).first


# --- Signing in, filling in -----------------------------------------------------------------------


def sign_in(page: Any, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Sign in")
    assert heading(page) == "Your account"


def follow(target: Any) -> None:
    """Click a link or a button and wait until the page it leads to is there, whole."""
    target.click()
    target.page.wait_for_load_state()


def press(page: Any, label: str) -> None:
    """Press the button of the page's main part."""
    follow(page.locator("main").get_by_role("button", name=label, exact=True))


def read_mail(page: Any, to: str, subject: str) -> str:
    """The newest mail that the demo sent to ``to``, once it is there."""
    found = page.locator("tbody tr", has_text=to).filter(has_text=subject)

    def has_come() -> bool:
        page.goto("/demo/mail/")
        return bool(found.count())

    wait_for(has_come, f"mail to {to}: {subject}")
    follow(found.first.get_by_role("link"))
    return str(page.locator("main").inner_text())


def pay_on_checkout(page: Any, card: str, name: str, email: str = "") -> None:
    """Type a card on the processor's page and press its button."""
    assert page.get_by_text("No money moves here").count(), page.url
    if email:
        page.get_by_label("E-mail address").fill(email)
    if (by_card := page.get_by_label("Card", exact=True)).count():
        by_card.check()  # where a bank debit is offered beside it
    page.get_by_label(re.compile("^(Name on the card|Your name)")).fill(name)
    page.get_by_label("Card number").fill(card)
    page.get_by_label("Expires").fill("12/40")
    page.get_by_label("Security code").fill("123")
    follow(page.locator("form button"))


def await_thanks(page: Any) -> None:
    """Look at the payment's page again and again until the money is confirmed."""
    payment = page.url.partition("?")[0]
    wait_for(lambda: bool(page.goto(payment)) and heading(page) == "Thank you", "Thank you")


# --- Money on pages -------------------------------------------------------------------------------


def amount(text: str) -> Decimal:
    """``− 1,234.50`` or ``$1,234.50`` as a number."""
    number = Decimal(re.sub(r"[^0-9.]", "", text))
    return -number if re.search(r"[−-]", text) else number


def figures(page: Any) -> dict[str, Decimal]:
    """The lines of a pool's page, from "At the start" to "Available", as they add up."""
    return {
        line.locator(".label").inner_text(): amount(line.locator("td").inner_text())
        for line in page.locator(".money tbody tr").all()
    }


def pledged(page: Any) -> Decimal:
    """What a pool's page says is pledged and not yet here."""
    line = page.locator(".facts > div").filter(has=page.get_by_text("Pledged", exact=True))
    return amount(line.locator("dd").inner_text()) if line.count() else Decimal(0)


def download(page: Any, address: str) -> list[dict[str, str]]:
    """A CSV file as its reader's program sees it."""
    answer = page.request.get(address)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig"), newline="")))


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))


def sign_in_first(address: str) -> str:
    """Where a stranger is sent who asks for ``address``."""
    return f"/accounts/login/?next={quote(address)}"
