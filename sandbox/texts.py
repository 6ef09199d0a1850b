"""The words of the hosted pages in the portal's three languages, and how amounts are written."""

from sandbox.data import load
from sandbox.errors import Json

TEXTS: dict[str, dict[str, str]] = load("texts.json")
# How many decimals Stripe counts in, where it is not two (not always ISO 4217: UGX, ISK).
WHOLE = (
    *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
    *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"),
)
THOUSANDTHS = ("bhd", "jod", "kwd", "omr", "tnd")
DECIMALS = dict.fromkeys(WHOLE, 0) | dict.fromkeys(THOUSANDTHS, 3)


def language_of(locale: str | None, accept_language: str) -> str:
    """The session's language; when it leaves the choice open, the browser's first that we have."""
    wanted = [locale] if locale and locale != "auto" else accept_language.split(",")
    languages = (tag.strip()[:2].lower() for tag in wanted)
    return next((language for language in languages if language in TEXTS), "en")


def money(amount: int, currency: str, language: str = "en") -> str:
    """Minor units, as Stripe counts them, written out: USD 1,000.00 or 1 000,00 USD."""
    places = DECIMALS.get(currency, 2)
    whole, part = divmod(amount, 10**places)
    gap, point = (",", ".") if language == "en" else ("\u202f", ",")
    digits = f"{whole:,}".replace(",", gap) + (f"{point}{part:0{places}d}" if places else "")
    code = currency.upper()
    return f"{code}\u00a0{digits}" if language == "en" else f"{digits}\u00a0{code}"


def rhythm(recurring: Json, language: str) -> str:
    """How often: every month, every 3 months."""
    interval, count = recurring["interval"], recurring["interval_count"]
    return TEXTS[language][f"every_{interval}{'s' if count > 1 else ''}"].format(n=count)
