"""A name does not go with the photos on which it was given."""

from people_samples import a_collection, check


def test_faces_placed_later_keep_the_name_when_all_named_photos_are_removed() -> None:
    with a_collection() as collection:
        collection.add_people({0: range(5), 1: range(5)})
        collection.recluster()
        collection.people.name("1", "Anna")
        named = list(collection.people.find("Anna").face_ids)
        whose = 0 if named[0] <= 5 else 1
        later = collection.add_people({whose: range(5, 9)}, place=True)[whose]
        assert set(collection.people.find("Anna").face_ids) == {*named, *later}
        collection.remove(
            *(photo.path for photo in collection.people.photos(["Anna"]) if _is_of(collection, photo.path, named))
        )
        assert set(collection.people.find("Anna").face_ids) == set(later)
        collection.recluster()
        assert set(collection.people.find("Anna").face_ids) == set(later)
        check(collection.index)


def test_a_person_of_whom_every_photo_is_removed_is_gone_from_the_clusters() -> None:
    with a_collection() as collection:
        collection.add_people({0: range(4)})
        collection.recluster()
        collection.people.name("1", "Anna")
        collection.remove(*collection.paths)
        assert collection.people.all() == []
        check(collection.index)


def _is_of(collection: object, path: str, faces: list[int]) -> bool:
    return bool(set(collection.people.faces_in(path)) & set(faces))  # type: ignore[attr-defined]
