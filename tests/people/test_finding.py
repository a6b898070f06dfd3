"""Groups and people as the user refers to them: by number or by name, in any script."""

import unicodedata
from collections.abc import Iterator

import pytest
from people_samples import Album, an_album, people_ids

from facesearch.core.errors import InputError


@pytest.fixture
def album() -> Iterator[Album]:
    """Four people of three photos each, grouped."""
    with an_album() as album:
        album.faces = album.add_people({person: range(3) for person in range(4)})
        album.recluster()
        yield album


def group(album: Album, person: int) -> str:
    return str(album.group_of(album.faces[person][0]))


ODD_NAMES = [
    "Anna",
    "Anna Lena O'Neill",
    '"Bobby"; DROP TABLE people;--',
    "שרה",
    "\u202eabc\u202c",
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
def test_a_name_in_any_script_is_kept_as_it_is_and_found(album, name):
    album.people.name(group(album, 1), name)
    album.recluster()
    assert album.people.find(name).title == name
    assert album.people.find(name).face_ids == tuple(album.faces[1])


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if name not in ("²", "١٢")])
def test_neither_case_nor_the_encoding_of_accents_matters(album, name):
    album.people.name(group(album, 1), name)
    there = album.people.find(name)
    for form in ("NFC", "NFD"):
        for spelled in (name, name.upper(), name.lower(), f"  {name} "):
            assert album.people.find(unicodedata.normalize(form, spelled)) == there


def test_a_name_given_decomposed_is_kept_so(album):
    name = unicodedata.normalize("NFD", "Zoë Ångström")
    album.people.name(group(album, 0), name)
    assert album.people.find("zoë ångström").person.name == name


@pytest.mark.parametrize(
    ("given", "kept"), [("Anna\nBerta", "Anna Berta"), ("  a \t b\r\n", "a b"), ("a\u2028b", "a b")]
)
def test_a_name_is_one_line(album, given, kept):
    album.people.name(group(album, 0), given)
    assert album.people.find(kept).person.name == kept


@pytest.mark.parametrize("name", ["", " \n", "x" * 201, "caf\udce9"])
def test_what_is_no_name_is_refused(album, name):
    with pytest.raises(InputError):
        album.people.name(group(album, 0), name)
    assert people_ids(album.index) == set()


def test_a_number_is_a_group_first_and_then_a_name(album):
    taken = group(album, 2)
    album.people.name(group(album, 0), "2024")
    album.people.name(group(album, 1), taken)
    assert album.people.find("2024").face_ids == tuple(album.faces[0])
    assert album.people.find(f" 0{taken} ").face_ids == tuple(album.faces[2])


@pytest.mark.parametrize("number", ["0", "99", "9" * 19, str(2**63), "9" * 6000])
def test_a_group_that_is_not_there(album, number):
    with pytest.raises(InputError, match=rf"\b{number}\b.*`facesearch people`"):
        album.people.find(number)


@pytest.mark.parametrize("reference", ["", "  ", "nobody", "-1", "1.0", "\udce9"])
def test_somebody_who_is_not_there(album, reference):
    with pytest.raises(InputError):
        album.people.find(reference)


def test_several_of_one_name_are_told_by_their_groups(album):
    for person, name in ((0, "Anna"), (1, "ANNA"), (2, "Bela")):
        album.people.name(group(album, person), name)
    numbers = ", ".join(sorted((group(album, 0), group(album, 1)), key=int))
    with pytest.raises(InputError, match=f"one of {numbers}$"):
        album.people.find("anna")
    assert album.people.find(group(album, 1)).title == "ANNA"


def test_a_person_without_a_face_left_is_not_found(album):
    album.people.name(group(album, 3), "Anna")
    album.remove(*album.paths[9:12])
    with pytest.raises(InputError):
        album.people.find("Anna")


def test_somebody_without_a_name_is_referred_to_by_number_only(album):
    album.people.ignore(group(album, 0))
    assert album.people.find(group(album, 0)).title == f"cluster {group(album, 0)}"
    with pytest.raises(InputError):
        album.people.find("None")
