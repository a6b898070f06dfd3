"""A name does not go with the photos on which it was given."""

from people_samples import an_album, check


def test_faces_placed_later_keep_the_name_when_all_named_photos_are_removed() -> None:
    with an_album() as album:
        album.add_people({0: range(5), 1: range(5)})
        album.recluster()
        album.people.name("1", "Anna")
        named = list(album.people.find("Anna").face_ids)
        whose = 0 if named[0] <= 5 else 1
        later = album.add_people({whose: range(5, 9)}, place=True)[whose]
        assert set(album.people.find("Anna").face_ids) == {*named, *later}
        album.remove(*(photo.path for photo in album.people.photos(["Anna"]) if _is_of(album, photo.path, named)))
        assert set(album.people.find("Anna").face_ids) == set(later)
        album.recluster()
        assert set(album.people.find("Anna").face_ids) == set(later)
        check(album.index)


def test_a_person_of_whom_every_photo_is_removed_is_gone_from_the_groups() -> None:
    with an_album() as album:
        album.add_people({0: range(4)})
        album.recluster()
        album.people.name("1", "Anna")
        album.remove(*album.paths)
        assert album.people.all() == []
        check(album.index)


def _is_of(album: object, path: str, faces: list[int]) -> bool:
    return bool(set(album.people.faces_in(path)) & set(faces))  # type: ignore[attr-defined]
