"""The demo's pages that show what home can do: a page of every block, goals, links, milestones."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image as Drawing
from PIL import ImageDraw
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page

from core.models import User
from core.transactions import inside_transaction
from home.confirming import confirm
from home.models import (
    CommunityPage,
    CommunityPerson,
    EvangelistPage,
    Goal,
    GoalsPage,
    HomePage,
    Implementation,
    ImplementationMilestone,
    PoolPage,
    StandardPage,
)
from home.models.base import Confidence
from portal.site_tree import plant
from portal.texts import blocks as texts

# Besides the year in which each system was deployed: (year, month, what, source) by country.
MILESTONES: dict[str, list[tuple[int, int | None, str, str]]] = {
    "MZ": [
        (
            2017,
            12,
            "SIGLUS stands in 157 health facilities of 4 provinces",
            "openlmis.org implementation page: Mozambique",
        )
    ],
    "BJ": [
        (
            2016,
            None,
            "SIIL (Logivac) reaches about one third of the health zones",
            "VillageReach blog 2016 and ICT4D 2017 slides",
        )
    ],
}


def milestones(country: str, rows: Iterable[Mapping[str, str]]) -> list[ImplementationMilestone]:
    """What sources say was reached in a country, of its ``rows`` in data/implementations.csv."""
    found = [
        (int(row["year_deployed"]), None, f"{row['system_name']} is deployed", row["source"])
        for row in rows
        if row["year_deployed"] and row["state"] == Implementation.State.RUNNING
    ]
    return [
        ImplementationMilestone(sort_order=number, year=year, month=month, what=what, source=source)
        for number, (year, month, what, source) in enumerate([*found, *MILESTONES.get(country, ())])
    ]


@inside_transaction
def load(home: HomePage) -> None:
    """The pages, each unless it is there already."""
    _link_communities()
    about = StandardPage.objects.child_of(home).get(slug="about")
    if not GoalsPage.objects.child_of(about).exists():
        _plant_goals(about)
    contribute = StandardPage.objects.child_of(home).get(slug="contribute")
    if not StandardPage.objects.child_of(contribute).filter(slug="blocks").exists():
        _plant_sample(contribute)


def confirm_facts(by: User) -> None:
    """Somebody of staff has read the sources of those communities that are known at the source."""
    for page in CommunityPage.objects.filter(
        locale__language_code="en", confidence=Confidence.HIGH, confirmed_on=None
    ):
        confirm(page, by=by)


def _link_communities() -> None:
    for slug, (person, role) in texts.LINKS.items():
        page = CommunityPage.objects.filter(slug=slug, locale__language_code="en").first()
        evangelist = EvangelistPage.objects.filter(slug=person, locale__language_code="en").first()
        if page is None or evangelist is None or page.people.exists():
            continue
        page.people.set([CommunityPerson(evangelist=evangelist, role=role)])
        page.save_revision().publish()


def _plant_goals(parent: Page) -> None:
    today = timezone.localdate()
    counted = {
        "systems_read_at_source": Implementation.objects.filter(
            page__locale__language_code="en", confidence=Confidence.HIGH
        ).count(),
        "communities_with_a_person": CommunityPage.objects.filter(
            locale__language_code="en", people__isnull=False
        )
        .distinct()
        .count(),
    }
    page = GoalsPage(slug="goals")
    page.goals = [
        Goal(
            locale=parent.locale,
            sort_order=number,
            horizon=goal.horizon,
            target=goal.target,
            reached=counted.get(goal.counts),
            as_of=today if goal.counts else None,
            **goal.words["en"],
        )
        for number, goal in enumerate(texts.GOALS)
    ]
    plant(parent, page, texts.GOALS_PAGE)
    for copy in GoalsPage.objects.filter(translation_key=page.translation_key, alias_of=None):
        words = [goal.words.get(copy.locale.language_code) for goal in texts.GOALS]
        rows = list(copy.goals.all())
        for goal, translated in zip(rows, words, strict=True):
            for name, value in (translated or {}).items():
                setattr(goal, name, value)
        copy.goals = rows
        copy.save_revision().publish()


def _plant_sample(parent: Page) -> None:
    people = list(EvangelistPage.objects.filter(locale=parent.locale).order_by("path")[:2])
    pools = Page.objects.filter(locale=parent.locale, slug="pools").first()
    pool = PoolPage.objects.filter(locale=parent.locale).order_by("path").first()
    picture, documents = (
        _picture(),
        [_document(name) for name in ("communities", "implementations")],
    )
    words = {
        language: {
            "title": said["title"],
            "summary": said["summary"],
            "body": _body(said, picture, people, pools, pool, documents),
        }
        for language, said in texts.SAMPLE.items()
    }
    plant(parent, StandardPage(slug="blocks"), words)


def _body(
    said: dict[str, Any],
    picture: Any,
    people: list[EvangelistPage],
    pools: Page | None,
    pool: PoolPage | None,
    documents: list[Any],
) -> list[tuple[str, Any]]:
    figures, persons, news, world, line, answers, table, files = (
        ("text", f"<h2>{heading}</h2>") for heading in said["headings"]
    )
    caption, headings, rows = said["table"]
    return [
        ("text", said["intro"]),
        (
            "figure",
            {
                "image": {"image": picture, "decorative": False, "alt_text": said["alt"]},
                "caption": said["caption"],
                "credit": said["credit"],
            },
        ),
        ("quote", {"text": said["quote"], "who": said["who"], "where": ""}),
        ("call", {"label": said["call"], "page": pools, "address": "/pools/"}),
        ("note", {"text": said["note"]}),
        figures,
        ("all_pools", None),
        ("pool_figures", {"pool": pool}),
        persons,
        ("people", {"people": people, "level": "", "most": 4}),
        news,
        ("news", {"most": 3}),
        world,
        ("map", {"caption": said["map"]}),
        line,
        (
            "timeline",
            {
                "events": [
                    {"when": when, "what": what, "text": more}
                    for when, what, more in said["timeline"]
                ]
            },
        ),
        answers,
        ("accordion", {"parts": [{"heading": head, "text": text} for head, text in said["parts"]]}),
        table,
        (
            "table",
            {
                "caption": caption,
                "columns": [
                    {"type": kind, "heading": heading}
                    for kind, heading in zip(("text", "text", "text"), headings, strict=True)
                ],
                "rows": [{"values": [str(value) for value in row]} for row in rows],
            },
        ),
        files,
        ("documents", {"heading": said["documents"], "documents": documents}),
    ]


def _document(name: str) -> Any:
    """A data file of the project as a document to download."""
    model, title = get_document_model(), f"{name.capitalize()} (CSV)"
    found = model.objects.filter(title=title).first()
    if found is None:
        content = (settings.BASE_DIR / "data" / f"{name}.csv").read_bytes()
        found = model.objects.create(
            title=title, file=ContentFile(content, f"{name}.csv"), file_size=len(content)
        )
    return found


def _picture() -> Any:
    """A drawing of a shelf; made here, so that it needs no licence of anyone's."""
    model = get_image_model()
    found = model.objects.filter(title="A shelf").first()
    if found is None:
        drawing = Drawing.new("RGB", (1200, 500), "#fbfaf6")
        pen = ImageDraw.Draw(drawing)
        for board in range(3):
            floor = 160 + board * 150
            pen.rectangle((60, floor, 1140, floor + 8), fill="#1b2420")
            for place in range(12):
                left = 78 + place * 88
                box = (left, floor - 84, left + 72, floor - 1)
                empty = (board, place) in {(0, 9), (0, 10), (0, 11), (1, 11)}
                pen.rectangle(box, fill=None if empty else "#0b6b5c", outline="#5a655f")
        file = io.BytesIO()
        drawing.save(file, "PNG")
        found = model.objects.create(
            title="A shelf", file=ContentFile(file.getvalue(), "shelf.png")
        )
    return found
