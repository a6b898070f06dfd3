"""Tables of faces, for other programs."""

import csv
import io

import pytest
from sharing_samples import ANNA

from facesearch.core.spreadsheets import unescaped
from facesearch.sharing.tables import COLUMNS


def test_table_of_all_faces(trio, export):
    text = export("--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0] == ",".join(COLUMNS) == "path,face,group,person,name,confirmed,x1,y1,x2,y2"
    assert len(rows) == 11
    keys = [(row["path"], int(row["face"])) for row in rows]
    assert keys == sorted(keys)
    anna = next(row for row in rows if row["path"].endswith("anna0.jpg"))
    assert (anna["name"], anna["confirmed"]) == ("Anna", "True")
    assert [anna[corner] for corner in ("x1", "y1", "x2", "y2")] == ["10.0", "10.0", "130.0", "130.0"]
    carla = next(row for row in rows if row["path"].endswith("carla0.jpg"))
    assert (carla["person"], carla["name"], carla["confirmed"]) == ("", "", "False")
    assert int(carla["group"]) > 0


def test_json_says_the_same_as_csv(trio, export):
    rows = list(csv.DictReader(io.StringIO(export("--format", "csv").out)))
    faces = export("--format", "json").json["faces"]
    assert [tuple(face) for face in faces] == [COLUMNS] * 11
    assert [{key: "" if value is None else str(value) for key, value in face.items()} for face in faces] == rows
    assert export("--format", "csv", "--json").json["faces"] == faces
    only = export("--format", "json", "--person", "Ben").json["faces"]
    assert only == [face for face in faces if face["name"] == "Ben"]
    assert len(only) == 4


def test_faces_of_one_photo_come_by_number(photo_library, export):
    for i in range(7):
        photo_library.add(f"{i}.jpg", ANNA)
    photo_library.add("group.jpg", *[ANNA] * 4)
    photo_library.cluster()
    faces = [face["face"] for face in export("--format", "json").json["faces"] if face["path"].endswith("group.jpg")]
    assert faces == [8, 9, 10, 11]


ODD_NAMES = ['Anne "Nan", O\'Hara', "line\nbreak", "李小龍", "=1+1", "'=x", "-5", "@SUM(1)", "'t Hooft"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_survives_the_table(trio, export, name):
    trio.people.name("Anna", name)
    rows = list(csv.DictReader(io.StringIO(export("--format", "csv").out)))
    title = trio.people.find(trio.cluster_of(trio.folder / "anna0.jpg")).title
    assert sum(unescaped(row["name"]) == title for row in rows) == 4
    assert not any(row[column].startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for column in COLUMNS)
    assert sum(row["name"] == title for row in export("--format", "json").json["faces"]) == 4


def test_names_of_ignored_people_are_left_out_unless_they_are_asked_for(trio, export):
    trio.people.ignore("Anna")
    faces = export("--format", "json").json["faces"]
    assert len(faces) == 11
    assert {face["name"] for face in faces} == {"Ben", None}
    assert {face["name"] for face in export("--format", "json", "--person", "Anna").json["faces"]} == {"Anna"}


def test_faces_in_no_cluster_are_there_and_rejected_names_are_not(trio, export):
    (rejected, poster) = (trio.people.faces_in(trio.folder / name)[0] for name in ("anna0.jpg", "anna1.jpg"))
    trio.people.reject(rejected, "Anna")
    trio.people.not_a_face(poster)
    faces = {face["face"]: face for face in export("--format", "json").json["faces"]}
    assert len(faces) == 10
    assert poster not in faces
    assert [faces[rejected][key] for key in ("group", "person", "name", "confirmed")] == [None, None, None, False]
    row = next(r for r in csv.DictReader(io.StringIO(export("--format", "csv").out)) if int(r["face"]) == rejected)
    assert (row["group"], row["name"]) == ("", "")


def test_an_empty_table_says_so(photo_library, export):
    answer = export("--format", "csv")
    assert answer.out == ",".join(COLUMNS) + "\n"
    assert "holds no faces" in answer.err
