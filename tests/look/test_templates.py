import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from tests.look import stylesheet

ROOT = Path(settings.BASE_DIR) / "templates"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
COMPONENTS = [name for name in PAGES if name.startswith("components/")]


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


@pytest.mark.parametrize("name", PAGES)
def test_templates_use_classes_of_the_stylesheet_alone(name: str) -> None:
    values = re.findall(r"class=\"([^\"]*(?:\"[^\"]*\"[^\"]*)*?)\"(?=[\s>/{])", source(name))
    words = {word for value in values for word in re.sub(r"{%.*?%}|{{.*?}}", " ", value).split()}

    assert {word for word in words if re.fullmatch(r"[a-z][\w-]*", word)} <= stylesheet.classes()


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
