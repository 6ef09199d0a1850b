"""Every page that anyone may read: "every public page" in our rules means this list.

It comes from the URL configuration and from the page types, so a new address cannot be forgotten:
an address with parameters that is not named in SAMPLES, and a page type without a live page, fail.
"""

from collections.abc import Callable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from wagtail.models import Page, get_page_models

from core.mailing import addresses as addresses_of_mail
from funding.ledger.models import Entry
from funding.payments.models import ExpectedPayment, Invoice, Payment, Receipt
from home.cards import card_of_site
from home.events import happenings
from home.following import follows
from home.following.subjects import Subject
from home.models import Evangelist, EventIndexPage, EventPage, NewsIndexPage
from membership import queries
from membership.models import AgreementVersion, Organisation

# Not pages that an anonymous reader gets by GET, each with its reason.
LEFT_OUT = {
    "admin/": "the back office asks everyone to sign in",
    "account/": "the signed-in area asks everyone to sign in",
    "documents/": "files that editors uploaded",
    "media/": "files that editors uploaded",
    "payments/stripe/webhook/": "takes POST alone",
    "mail/events/": "takes POST alone",
    "_util/": "Wagtail's own forms for private pages",
    "demo/": "exists in demo and test alone",
    "api/": "for programs (tests/transparency/api)",
    "open-data/iati/": "for programs (tests/transparency/iati)",
    **dict.fromkeys(
        (
            "ledger/checkpoint",
            "ledger/keys.txt",
            "ledger/tile/",
            "ledger/entries.jsonl",
            "ledger/entries/<int:number>.tlog-proof",
            "ledger/ledger.beancount",
        ),
        "the ledger's log is for programs (tests/ledger/test_proofs.py)",
    ),
}
LEFT_OUT_NAMES = {
    "payment_pay": "takes POST alone",
    "subscription_begin": "takes POST alone",
    "subscription_card": "takes POST alone",
    "subscription_resume": "takes POST alone",
    "subscription_again": "takes POST alone",
    "subscription": "the demo begins none (tests/payments/test_subscriptions.py)",
    "subscription_end": "the demo begins none (tests/payments/test_subscriptions.py)",
    "receipt_proof": "a file for the verifier (tests/payments/test_receipt_proof.py)",
    "credit_note": "the demo has none (tests/payments/test_credit_notes.py)",
    "credit_note_pdf": "the demo has none (tests/payments/test_credit_notes.py)",
    **dict.fromkeys(
        ("pool_statement", "pool_statement_json", "ledger_statement_hashes"),
        "the demo closes no month (tests/transparency/test_statements.py)",
    ),
    **dict.fromkeys(
        ("pool_giver", "money_giver"),
        "its address names a donor (tests/transparency/test_opened.py)",
    ),
    "event_registration": "its address names a person (tests/home/test_event_registering.py)",
    "evangelist_message": "its link stands in one sender's mail (tests/home/test_evangelist_contact.py)",
    "follow_code": "a step within one follow (tests/home/test_follow_pages.py)",
    "follow_confirm": "leads on from one e-mail (tests/home/test_follow_pages.py)",
    "pledge": "asks everyone to sign in",
    "pledge_check": "asks everyone to sign in",
    "pledge_change": "asks everyone to sign in",
    "pledge_discard": "asks everyone to sign in",
    "wagtail_serve": "Wagtail's pages are listed by their type",
    "wagtailcore_authenticate_with_password": "Wagtail's own form for private pages",
    "wagtailcore_login": "Wagtail's own form for private pages",
    "account_logout": "asks everyone to sign in",
    "account_change_password": "asks everyone to sign in",
    "account_set_password": "asks everyone to sign in",
    "account_email": "asks everyone to sign in",
    "account_reauthenticate": "asks everyone to sign in",
    "account_email_verification_sent": "a step within the sign-up of one person",
    "account_confirm_email": "a step within the sign-up of one person",
    "account_confirm_login_code": "a step within the sign-in of one person",
    "account_confirm_password_reset_code": "a step within the reset of one person",
    "account_complete_password_reset": "a step within the reset of one person",
    "account_reset_password_from_key": "a step within the reset of one person",
    "account_reset_password_from_key_done": "a step within the reset of one person",
}
# Answers that are not HTML pages.
NOT_HTML = {
    "healthz",
    "robots",
    "security_txt",
    "sitemap",
    "news_feed",
    "card",
    "events_calendar",
    "event_calendar",
    "opensearch",
    "pool_entries_csv",
    "pool_badge_svg",
    "pool_entries_beancount",
    "ledger_csv",
    "member_badge_svg",
    "members_csv",
    "members_json",
    "receipt_pdf",
    "invoice_pdf",
    "expected_payment_pdf",
}

# Parts of the list of news (home/news_lists.py): Wagtail's page answers them below its own address.
NEWS_PARTS = ("topic/countries/", "language/fr/", "country/mw/", "pool/core-software/")

# An address of each pattern that takes parameters; the demo's content gives the values.
SAMPLES: dict[str, Callable[[], dict[str, object]]] = {
    "card": lambda: {"number": 0, "digest": card_of_site().digest},
    "give": lambda: {"code": "core-software"},
    "pool_entries": lambda: {"code": "core-software"},
    "pool_entries_csv": lambda: {"code": "core-software"},
    "pool_entries_beancount": lambda: {"code": "core-software"},
    "pool_statements": lambda: {"code": "core-software"},
    "pool_badge": lambda: {"code": "core-software"},
    "pool_badge_svg": lambda: {"code": "core-software"},
    "pool_givers": lambda: {"code": "core-software"},
    "pool_month": lambda: {"code": "core-software", "month": _a_month(), "flow": "came"},
    "money_month": lambda: {"month": _a_month(), "flow": "spent"},
    "ledger_entry": lambda: {"number": Entry.objects.latest("pk").pk},
    "event_calendar": lambda: {"slug": "community-call"},
    "agreement": lambda: {"pk": AgreementVersion.objects.latest("published_at").pk},
    "agreement_text": lambda: {"code": "decision-policy"},
    "agreement_version": lambda: {"code": "decision-policy", "label": "1.1"},
    "agreement_changes": lambda: {"code": "decision-policy", "label": "1.1", "other": "1.0"},
    "member": lambda: {"slug": _a_member().slug},
    "member_badge_svg": lambda: {"slug": _a_member().slug},
    "member_certificate": lambda: {"code": _a_member().certificate_code},
    "payment": lambda: {"public_id": Payment.objects.latest("pk").public_id},
    "receipt": lambda: {"public_id": Receipt.objects.latest("pk").public_id},
    "receipt_pdf": lambda: {"public_id": Receipt.objects.latest("pk").public_id},
    "invoice": lambda: {"public_id": Invoice.objects.latest("pk").public_id},
    "invoice_pdf": lambda: {"public_id": Invoice.objects.latest("pk").public_id},
    "expected_payment": lambda: {"public_id": ExpectedPayment.objects.latest("pk").public_id},
    "evangelist_contact": lambda: {"slug": "eunice-mwale"},
    "evangelist_certificate": lambda: {"code": Evangelist.objects.earliest("pk").code},
    "unsubscribe": lambda: {"token": addresses_of_mail.token("amina@example.org", "renewals")},
    "follow_stop": lambda: {"token": _stop_token()},
    "follow_all": lambda: {"token": follows.all_path("amina@example.org").split("/")[-2]},
    "expected_payment_pdf": lambda: {"public_id": ExpectedPayment.objects.latest("pk").public_id},
}

# What some addresses need beside their path.
QUERIES = {
    "search": "?q=medicine",
    "money_entries": "?figure=received&currency=USD",
    "money_givers": "?currency=USD",
    "money_month": "?currency=USD",
}


def _stop_token() -> str:
    path = follows.stop_path("amina@example.org", Subject("news", "en"), "en")
    return path.split("/")[-2]


def _a_month() -> str:
    return f"{Entry.objects.latest('pk').period.month:%Y-%m}"


def _a_member() -> Organisation:
    return queries.members(timezone.localdate())[0]


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """(route, name, whether it takes parameters) of every pattern below ``resolver``."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if any(route.startswith(left_out) for left_out in LEFT_OUT):
            continue
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.name or "", bool(pattern.pattern.regex.groups)


def addresses() -> list[tuple[str, str]]:
    """(name, address) of every public page in English; needs the demo's content."""
    found = []
    for route, name, takes_parameters in _patterns(get_resolver()):
        if name in LEFT_OUT_NAMES:
            continue
        if not name:
            raise AssertionError(f"The address {route!r} has no name; give it one.")
        if takes_parameters and name not in SAMPLES:
            raise AssertionError(
                f"Say in tests/public_pages.py how to make an address of {name!r}."
            )
        address = reverse(name, kwargs=SAMPLES[name]() if takes_parameters else None)
        found.append((name, address + QUERIES.get(name, "")))
    for model in get_page_models():
        if model is Page:
            continue
        page = model.objects.live().filter(locale__language_code="en").order_by("pk").first()
        if page is None:
            raise AssertionError(f"The demo has no live page of the type {model.__name__}.")
        found.append((model.__name__, page.url))
    return [*found, *_parts_of_pages()]


def _parts_of_pages() -> Iterator[tuple[str, str]]:
    """Addresses below a page that are no pages of their own."""
    news = NewsIndexPage.objects.filter(locale__language_code="en").live().get().url
    for part in NEWS_PARTS:
        yield f"news of {part}", news + part
    events = EventIndexPage.objects.get(locale__language_code="en").url
    for part in ("past/", "trainings/", "trainings/past/"):
        yield f"EventIndexPage {part}", events + part
    call = EventPage.objects.get(slug="community-call", locale__language_code="en")
    days = [*happenings.upcoming(call.event, [])[:1], *happenings.past(call.event, [])[:1]]
    for number, each in enumerate(days):
        yield f"event_occurrence {number}", call.path_of(each.day)
    yield "event_register", call.path_of(days[0].day, "register/")
    yield "event_registered", call.path_of(days[0].day, "registered/")


def html_addresses() -> list[tuple[str, str]]:
    return [(name, address) for name, address in addresses() if name not in NOT_HTML]
