"""Clusters and people as the user refers to them: by number or by name, in any script."""

import unicodedata
from collections.abc import Iterator

import pytest
from people_samples import Collection, a_collection, people_ids

from facesearch.core.errors import InputError


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Four people of three photos each, clustered."""
    with a_collection() as collection:
        collection.faces = collection.add_people({person: range(3) for person in range(4)})
        collection.recluster()
        yield collection


def number_of(collection: Collection, person: int) -> str:
    return str(collection.cluster_of(collection.faces[person][0]))


ODD_NAMES = [
    "Anna",
    "Anna Lena O'Neill",
    '"Bobby"; DROP TABLE people;--',
    "שרה",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u845b\U000e0100 3\ufe0f\u20e3 \u2764\ufe0f\u200d\U0001f525",
    "محمد",
    "王小明",
    "👩🏽\u200d🚀",
    "Ça va? 100%_\\",
    "3e4",
    "-1",
    "²",
    "١٢",
    "Straße",
    "İpek",
    "ΐ",
    "x" * 200,
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_in_any_script_is_kept_as_it_is_and_found(collection, name):
    collection.people.name(number_of(collection, 1), name)
    collection.recluster()
    assert collection.people.find(name).title == name
    assert collection.people.find(name).face_ids == tuple(collection.faces[1])


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if name not in ("²", "١٢")])
def test_neither_case_nor_the_encoding_of_accents_matters(collection, name):
    collection.people.name(number_of(collection, 1), name)
    there = collection.people.find(name)
    for form in ("NFC", "NFD"):
        for spelled in (name, name.upper(), name.lower(), f"  {name} "):
            assert collection.people.find(unicodedata.normalize(form, spelled)) == there


def test_a_name_given_decomposed_is_kept_so(collection):
    name = unicodedata.normalize("NFD", "Zoë Ångström")
    collection.people.name(number_of(collection, 0), name)
    assert collection.people.find("zoë ångström").person.name == name


@pytest.mark.parametrize(
    ("given", "kept"), [("Anna\nBerta", "Anna Berta"), ("  a \t b\r\n", "a b"), ("a\u2028b", "a b")]
)
def test_a_name_is_one_line(collection, given, kept):
    collection.people.name(number_of(collection, 0), given)
    assert collection.people.find(kept).person.name == kept


@pytest.mark.parametrize("name", ["", " \n", "x" * 201, "caf\udce9"])
def test_what_is_no_name_is_refused(collection, name):
    with pytest.raises(InputError):
        collection.people.name(number_of(collection, 0), name)
    assert people_ids(collection.index) == set()


def test_a_number_is_a_cluster_first_and_then_a_name(collection):
    taken = number_of(collection, 2)
    collection.people.name(number_of(collection, 0), "2024")
    collection.people.name(number_of(collection, 1), taken)
    assert collection.people.find("2024").face_ids == tuple(collection.faces[0])
    assert collection.people.find(f" 0{taken} ").face_ids == tuple(collection.faces[2])


@pytest.mark.parametrize("number", ["0", "99", "9" * 19, str(2**63), "9" * 900])
def test_a_cluster_that_is_not_there(collection, number):
    with pytest.raises(InputError, match=rf"\b{number}\b.*`facesearch people`"):
        collection.people.find(number)


@pytest.mark.parametrize("reference", ["", "  ", "nobody", "-1", "1.0", "\udce9"])
def test_somebody_who_is_not_there(collection, reference):
    with pytest.raises(InputError):
        collection.people.find(reference)


def test_several_of_one_name_are_told_by_their_clusters(collection):
    for person, name in ((0, "Anna"), (1, "ANNA"), (2, "Bela")):
        collection.people.name(number_of(collection, person), name)
    both = sorted((number_of(collection, 0), number_of(collection, 1)), key=int)
    numbers = ", ".join(f"cluster:{number}" for number in both)
    with pytest.raises(InputError, match=f"one of {numbers}$"):
        collection.people.find("anna")
    assert collection.people.find(number_of(collection, 1)).title == "ANNA"


def test_a_person_without_a_face_left_is_not_found(collection):
    collection.people.name(number_of(collection, 3), "Anna")
    collection.remove(*collection.paths[9:12])
    with pytest.raises(InputError):
        collection.people.find("Anna")


def test_somebody_without_a_name_is_referred_to_by_number_only(collection):
    collection.people.ignore(number_of(collection, 0))
    assert collection.people.find(number_of(collection, 0)).title == f"cluster {number_of(collection, 0)}"
    with pytest.raises(InputError):
        collection.people.find("None")
