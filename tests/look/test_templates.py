import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template

from tests.look import stylesheet

ROOT = Path(settings.BASE_DIR) / "templates"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
COMPONENTS = [name for name in PAGES if name.startswith("components/")]

# The back office wears Wagtail's clothes. A template belongs there when it extends Wagtail's own;
# these are the fragments that stand inside such a page, and by whom they are put there:
BACK_OFFICE_FRAGMENTS = {
    "dues/plan.html": "templates/dues/decide.html",
    "home/backoffice/occurrences.html": "templates/home/backoffice/event.html",
    "membership/backoffice/file_to_import.html": "templates/membership/backoffice/import.html",
    "membership/backoffice/chosen_cell.html": "membership/task_backoffice.py",
    "membership/publish_cell.html": "membership/backoffice.py",
    "membership/backoffice/choose_cell.html": "membership/lists.py",
    "payments/backoffice/bank_offers.html": "templates/payments/backoffice/bank_line.html",
    "payments/backoffice/bank_offer.html": "templates/payments/backoffice/bank_offers.html",
    "payments/backoffice/facts.html": "templates/payments/backoffice/payment.html",
    "payments/backoffice/entry.html": "templates/payments/backoffice/payment.html",
    "payments/backoffice/log.html": "templates/payments/backoffice/payment.html",
    "payments/backoffice/standing.html": "templates/payments/backoffice/payout.html",
    "payments/backoffice/processor_lines.html": "templates/payments/backoffice/dispute.html",
    "payments/backoffice/needs_you.html": "funding/payments/backoffice/panel.py",
    "pools/backoffice/pledge_act.html": "templates/pools/backoffice/pledge.html",
    "membership/backoffice/facts.html": "templates/membership/backoffice/organisation.html",
    "pools/backoffice/hide.html": "templates/pools/backoffice/gift.html",
    "dues/cancel_cell.html": "funding/dues/term_pages.py",
    "dues/waive_cell.html": "funding/dues/term_pages.py",
    "dues/tier_cell.html": "funding/dues/term_pages.py",
    "home/backoffice/translation_cell.html": "home/editing/reports.py",
    "home/backoffice/review_cell.html": "home/editing/reports.py",
}
BACK_OFFICE = [
    name
    for name in PAGES
    if name in BACK_OFFICE_FRAGMENTS
    or re.match(r"{%\s*extends \"wagtailadmin/", (ROOT / name).read_text())
]
OWN = [name for name in PAGES if name not in BACK_OFFICE]


def source(name: str) -> str:
    """A template without its comments."""
    text = (ROOT / name).read_text()
    return re.sub(r"{%\s*comment.*?{%\s*endcomment\s*%}", "", text, flags=re.S)


@pytest.mark.parametrize("name", PAGES)
def test_templates_hold_no_style_and_no_script(name: str) -> None:
    text = source(name)

    assert not re.search(r"<[^>]*\sstyle\s*=", text)
    assert not re.search(r"<(style|script)\b(?![^>]*application/ld\+json)", text)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text)
    assert "javascript:" not in text


@pytest.mark.parametrize("name", PAGES)
def test_templates_load_nothing_from_elsewhere(name: str) -> None:
    assert not re.search(r"<(?:img|link|source|iframe)\b[^>]*(?:src|href)=\"https?:", source(name))


def classes_in(name: str) -> set[str]:
    values = re.findall(r"class=\"([^\"]*(?:\"[^\"]*\"[^\"]*)*?)\"(?=[\s>/{])", source(name))
    words = {word for value in values for word in re.sub(r"{%.*?%}|{{.*?}}", " ", value).split()}
    return {word for word in words if re.fullmatch(r"[a-z][\w-]*", word)}


@pytest.mark.parametrize("name", OWN)
def test_templates_use_classes_of_the_stylesheet_alone(name: str) -> None:
    assert classes_in(name) <= stylesheet.classes()


@pytest.mark.parametrize("name", BACK_OFFICE)
def test_back_office_templates_use_classes_of_wagtails_stylesheet_alone(name: str) -> None:
    wagtails = finders.find("wagtailadmin/css/core.css")
    assert wagtails

    assert classes_in(name) <= set(re.findall(r"\.([a-z][\w-]*)", Path(wagtails).read_text()))


@pytest.mark.parametrize(("name", "used_by"), BACK_OFFICE_FRAGMENTS.items())
def test_a_back_office_fragment_stands_in_the_back_office(name: str, used_by: str) -> None:
    user = ROOT.parent / used_by
    assert f'"{name}"' in user.read_text()
    if user.suffix == ".html":
        assert user.relative_to(ROOT).as_posix() in BACK_OFFICE


@pytest.mark.parametrize("name", PAGES)
def test_templates_compile(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_words_are_plain(name: str) -> None:
    sentences = re.findall(r"{%\s*translate \"([^\"]*)\"", source(name))
    sentences += re.findall(
        r"{%\s*blocktranslate[^%]*%}(.*?){%\s*endblocktranslate", source(name), flags=re.S
    )

    for sentence in sentences:
        assert "!" not in sentence
        assert not re.search(r"\b(please|sorry|invalid|oops|successfully)\b", sentence, re.I)


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_says_at_its_top_what_it_takes(name: str) -> None:
    assert (ROOT / name).read_text().startswith("{% comment %}\n")
