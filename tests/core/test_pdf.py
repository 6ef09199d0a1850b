"""Documents: what stands in them, in which language, and that the same one never changes."""

import datetime
from typing import Any

import pytest
import typst

from core import pdf
from tests.core.pdf_text import runs_of, text_of


def a_document(**changes: Any) -> dict[str, Any]:
    document: pdf.Document = {
        "language": "en",
        "title": "Invoice",
        "number": "INV-2026-00012",
        "issued": datetime.date(2026, 11, 25),
        "facts": [("Date", "25 November 2026"), ("Due", "25 December 2026")],
        "parties": [
            ("From", ["OpenLMIS Foundation"]),
            ("Bill to", ["Ministry of Health", "Lilongwe"]),
        ],
        "columns": ("Description", "Amount"),
        "lines": [("Membership dues 2027", "$1,250.00")],
        "totals": [("Subtotal", "$1,250.00"), ("To pay", "$1,250.00")],
        "notes": ["Pay by card at https://example.org/pay/12."],
        "stamp": "",
        "page": "Page %(page)s of %(pages)s",
    }
    return {**document, **changes}


def test_a_document_shows_every_text_it_was_given() -> None:
    made = pdf.render("document", a_document(stamp="Paid"))

    assert made.startswith(b"%PDF-1.7")
    assert made.rstrip().endswith(b"%%EOF")
    text = text_of(made)
    for part in (
        "OpenLMIS Foundation",
        "Invoice",
        "INV-2026-00012",
        "25 December 2026",
        "Bill to",
        "Ministry of Health",
        "Membership dues 2027",
        "$1,250.00",
        "To pay",
        "Page 1 of 1",
        "http://testserver",
        "Paid",
    ):
        assert part in text


def test_it_is_tagged_titled_and_names_its_language_for_screen_readers() -> None:
    made = pdf.render("document", a_document(language="fr", title="Facture"))

    assert b"/Lang(fr)" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"Facture INV-2026-00012" in made  # the title in the metadata
    assert b"2026-11-25" in made


def test_accents_of_any_latin_name_and_other_scripts_find_a_glyph() -> None:
    names = ["Côte d’Ivoire", "São Tomé e Príncipe", "Łódź", "Minisitè Sante", "Việt Nam"]
    made = pdf.render("document", a_document(parties=[("To", [*names, "وزارة الصحة", "Ελλάδα"])]))

    text = text_of(made)
    for name in [*names, "Ελλάδα"]:
        assert name in text
    # Arabic glyphs stand in the order of drawing, from right to left.
    assert any({"ص", "ح"} <= set(run) for run in runs_of(made))
    assert "\N{REPLACEMENT CHARACTER}" not in text


def test_text_is_never_read_as_markup() -> None:
    hostile = '#panic("no") *bold* $x$ <label> @ref \\ "quoted" // gone /* gone */'
    made = pdf.render("document", a_document(lines=[(hostile, "1")], notes=[hostile]))

    assert text_of(made).replace("\n", "").count("*bold*") == 2
    assert '#panic("no")' in text_of(made)


def test_an_address_in_a_note_becomes_a_link_without_the_full_stop() -> None:
    made = pdf.render("document", a_document())

    assert b"(https://example.org/pay/12)" in made


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pdf.render("document", a_document()) == pdf.render("document", a_document())


def test_a_long_document_numbers_its_pages_and_repeats_the_head_of_the_table() -> None:
    lines = [(f"Line {number}", "$1.00") for number in range(120)]
    runs = runs_of(pdf.render("document", a_document(lines=lines)))

    pages = [run for run in runs if run.startswith("Page ")]
    assert len(pages) > 1
    assert pages == [f"Page {n} of {len(pages)}" for n in range(1, len(pages) + 1)]
    assert runs.count("Amount") == len(pages)
    assert runs.count("To pay") == 1


def test_a_document_in_arabic_runs_from_right_to_left() -> None:
    made = pdf.render("document", a_document(language="ar", title="فاتورة"))

    assert b"/Lang(ar)" in made


@pytest.mark.parametrize("name", ["nothing", "../pdf", "document.typ", "", "Document"])
def test_an_unknown_template_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="no PDF template"):
        pdf.render(name, a_document())


def test_missing_data_say_what_is_missing() -> None:
    document = a_document()
    del document["totals"]

    with pytest.raises(typst.TypstError, match="totals"):
        pdf.render("document", document)


# --- Reports --------------------------------------------------------------------------------------


def a_report(**changes: Any) -> dict[str, Any]:
    columns: list[pdf.Column] = [
        {"label": "Number", "number": True, "width": "fitting"},
        {"label": "What it is", "number": False, "width": "rest"},
        {"label": "Debit", "number": True, "width": "amount"},
    ]
    table: pdf.Table = {
        "title": "Bank",
        "columns": columns,
        "rows": [[str(n), "Gift", "1.00"] for n in range(90)],
        "total": ["", "Closing balance", "90.00"],
    }
    section: pdf.Section = {"title": "General ledger", "notes": ["In USD."], "tables": [table]}
    report: pdf.Report = {
        "language": "en",
        "title": "Auditor’s pack",
        "subtitle": "March 2026",
        "issued": datetime.date(2026, 11, 25),
        "facts": [("Made", "today")],
        "notes": ["All is well."],
        "sections": [section],
        "page": "Page %(page)s of %(pages)s",
    }
    return {**report, **changes}


def test_a_report_repeats_the_head_of_a_table_and_totals_once() -> None:
    made = pdf.render("report", a_report())
    runs = runs_of(made)
    pages = [run for run in runs if run.startswith("Page ")]
    assert len(pages) > 2
    assert runs.count("Debit") == len(pages) - 1, "on every page but the first"
    assert runs.count("Closing balance") == 1
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made


def test_a_cell_of_a_report_may_stand_beside_several_rows_and_is_never_markup() -> None:
    hostile = '#panic("no") *bold*\n$x$ <label> // gone'
    report = a_report()
    beside: pdf.Tall = {"text": hostile, "rows": 2}
    report["sections"][0]["tables"][0]["rows"] = [
        [beside, "Debit side", "1.00"],
        ["Credit side", "1.00"],
        ["2", hostile, "1.00"],
    ]
    text = text_of(pdf.render("report", report))
    assert text.count('#panic("no") *bold*') == 2
    assert "Credit side" in text
