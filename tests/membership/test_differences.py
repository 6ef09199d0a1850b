"""What a reader is told of two texts: which sentences went, came and stayed."""

import pytest

from membership.differences import Change, difference

OLD = """\
1. Respect. We treat people well. Threats have no place here.

2. Votes. Each member has one vote.

3. Money. We keep papers.
"""


def parts(old: str, new: str) -> list[list[tuple[str, str]]]:
    return [[(part.change.value, part.text) for part in p.parts] for p in difference(old, new)]


def test_the_same_text_has_no_change() -> None:
    found = difference(OLD, OLD)

    assert len(found) == 3
    assert not any(paragraph.has_changed for paragraph in found)


def test_a_changed_sentence_stands_beside_the_one_it_replaces() -> None:
    found = parts(OLD, OLD.replace("Threats have", "Threats and insults have"))

    assert found[0] == [
        ("same", "1. Respect. We treat people well."),
        ("removed", "Threats have no place here."),
        ("added", "Threats and insults have no place here."),
    ]
    assert found[1] == [("same", "2. Votes. Each member has one vote.")]


def test_a_paragraph_that_came_and_one_that_went_are_whole() -> None:
    added = "4. Open work. All is published.\n"
    assert parts(OLD, f"{OLD}\n{added}")[3] == [("added", added.strip())]
    assert parts(f"{OLD}\n{added}", OLD)[3] == [("removed", added.strip())]


def test_a_paragraph_with_another_number_is_the_same_one_changed() -> None:
    without = OLD.replace("2. Votes. Each member has one vote.\n\n3.", "2.")
    found = parts(OLD, without)

    assert found[1] == [("removed", "2. Votes. Each member has one vote.")]
    assert [change for change, _text in found[2]] == ["removed", "added", "same"]


def test_line_breaks_within_a_paragraph_are_no_change() -> None:
    assert not any(p.has_changed for p in difference("One two\nthree.", "One\ntwo three."))


def test_nothing_is_lost_on_either_side() -> None:
    new = "Something else.\n\n2. Votes. Each member has two votes. All count.\n\n3. Money.\n\nEnd."

    for old, other, gone in ((OLD, new, Change.ADDED), (OLD, new, Change.REMOVED)):
        kept = [
            part.text
            for paragraph in difference(old, other)
            for part in paragraph.parts
            if part.change != gone
        ]
        whole = old if gone == Change.ADDED else other
        assert " ".join(kept).split() == whole.split()


@pytest.mark.parametrize(("old", "new"), [("", OLD), (OLD, ""), ("", "")])
def test_an_empty_text_is_no_trouble(old: str, new: str) -> None:
    assert len(difference(old, new)) == (3 if old or new else 0)
