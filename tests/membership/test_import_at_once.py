"""Two who bring the same file of members at the same moment."""

from membership.models import ImportedTerm, Organisation
from tests.factories.membership import foundation, may
from tests.factories.pools import make_person
from tests.membership.test_import import ROW, a_file, imported
from tests.races import together


def test_two_who_import_at_once_import_it_once(committed_db: object) -> None:
    foundation()
    people = [may(make_person(), "import_members") for _each in range(2)]
    content = a_file(ROW)
    outcomes = together(*(lambda person=person: imported(content, by=person) for person in people))
    assert sorted(each.imported for each in outcomes) == [0, 1]
    assert (Organisation.objects.count(), ImportedTerm.objects.count()) == (1, 1)
