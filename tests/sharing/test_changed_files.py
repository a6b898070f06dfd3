"""A file that holds something else than what was indexed gets nothing of what is known of its former content."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sharing_samples import names_in

from facesearch.library import Library
from facesearch.sharing.selection import FileStates
from facesearch.sharing.sheets import Row, contact_sheet
from facesearch.sharing.xmp import Region, read_frame, write_sidecar

CHANGED = "has changed since it was indexed: index it again"


@pytest.fixture
def changed(trio) -> Path:
    """A photo of Anna's that was turned in its place."""
    trio.people.name(trio.cluster_of(trio.folder / "anna0.jpg"), "Anna")
    path = trio.folder / "anna0.jpg"
    with Image.open(path) as image:
        turned = image.transpose(Image.Transpose.ROTATE_180)
    turned.save(path)
    return path


def test_no_sidecar_with_places_of_before(changed, trio, export):
    answer = export("--xmp", "--json")
    assert answer.json["failures"] == [{"path": str(changed), "reason": CHANGED}]
    assert "anna0.jpg" not in names_in(trio.folder)
    assert names_in(trio.folder)["anna1.jpg"] == ["Anna"]


@pytest.mark.parametrize("copy", [[], ["--copy"]])
def test_no_folder_of_a_person_holds_it(changed, export, tmp_path, copy):
    answer = export("--to", tmp_path / "out", *copy, "--json")
    assert {"path": str(changed), "reason": CHANGED} in answer.json["failures"]
    assert not (tmp_path / "out" / "Anna" / "anna0.jpg").exists()
    assert (tmp_path / "out" / "Anna" / "anna1.jpg").exists()


def test_no_name_from_it_goes_to_a_face_of_before(changed, trio, command):
    write_sidecar(f"{changed}.xmp", [Region("Annegret", None)], read_frame(changed))
    answer = command("import-names", "--library", trio.index.folder, "--json").json
    assert answer["failures"] == [{"path": str(changed), "reason": CHANGED}]


def test_no_tile_is_cut_from_it(changed, trio):
    face = trio.index.faces(trio.faces(changed))[0]
    row = [Row("Anna", "", [(str(changed), face.box)])]
    with Library(trio.index.folder) as library:
        grey, drawn = contact_sheet(row, why_not=FileStates(library).why_not), contact_sheet(row)
    assert np.ptp(np.array(grey)[6:118, 190:302]) == 0
    assert np.ptp(np.array(drawn)[6:118, 190:302]) > 0


def test_a_file_that_was_only_touched_is_as_it_was(trio, export):
    for path in trio.folder.glob("*.jpg"):
        path.touch()
    assert export("--xmp", "--json").json["failures"] == []


def test_what_is_gone_or_unknown_is_told(trio):
    with Library(trio.index.folder) as library:
        states = FileStates(library)
        assert states.why_not(str(trio.folder / "nobody.jpg")) == "is not in the library"
        (trio.folder / "ben0.jpg").unlink()
        assert states.why_not(str(trio.folder / "ben0.jpg")) == "no longer there"
        assert states.why_not(str(trio.folder / "anna0.jpg")) == ""
