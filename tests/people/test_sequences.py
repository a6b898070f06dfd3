"""Whatever is decided, indexed, removed, clustered and undone, in whatever order: all invariants hold after each.

Each run tries a few sequences of its own; `pytest tests/people/test_sequences.py --hypothesis-profile=long` many.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from index_samples import face_ids
from people_samples import (
    Collection,
    State,
    a_collection,
    a_portrait,
    check,
    clustered,
    confirmed,
    portrait,
    state,
    without_clusters,
)

from facesearch.core.errors import InputError
from facesearch.storage import Store, undo_log
from facesearch.storage.undo_log import Decision

NAMES = ("Anna", "ANNA", "Bela", "7", "Zoë", "אבג")

pick = st.integers(0, 1000)
some = st.lists(pick, min_size=1, max_size=3)
shots = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400), st.booleans()), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


class Decisions(RuleBasedStateMachine):
    """Every rule picks from what is there; what the library refuses has to change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._context = a_collection()
        self.collection: Collection = self._context.__enter__()
        self.index, self.people = self.collection.index, self.collection.people
        # For every decision that can be undone: the state and the faces before it, and whether clusters were made anew.
        self.past: list[tuple[State, set[int], bool]] = []

    def teardown(self) -> None:
        self._context.__exit__(None, None, None)

    @initialize()
    def some_people(self) -> None:
        self.collection.add(*([a_portrait(portrait(person, shot))] for person in range(4) for shot in range(3)))
        self.collection.add([a_portrait(portrait(0, 9)), a_portrait(portrait(1, 9), 1), a_portrait(portrait(9, 9), 2)])
        self.collection.recluster()

    # -- what there is ----------------------------------------------------------------------------------------------

    def face(self, number: int) -> int:
        faces = sorted(self.faces())
        return faces[number % len(faces)] if faces else 1

    def faces(self) -> set[int]:
        return set(face_ids(self.index))

    def cluster(self, number: int) -> str:
        there = sorted(set(clustered(self.index).values()))
        return str(there[number % len(there)]) if there else "1"

    def faces_in(self, cluster: str) -> list[int]:
        return sorted(face for face, number in clustered(self.index).items() if number == int(cluster))

    def decide(self, decision: Callable[[], Decision | None]) -> None:
        before = state(self.index)
        try:
            made = decision()
        except InputError:
            made = None
        if made is None:
            assert state(self.index) == before
        else:
            assert state(self.index) != before
            assert self.people.history()[0] == made
            self.past.append((before, self.faces(), False))

    # -- decisions --------------------------------------------------------------------------------------------------

    @rule(at=pick, called=st.sampled_from(NAMES))
    def name(self, at: int, called: str) -> None:
        self.decide(lambda: self.people.name(self.cluster(at), called))

    @rule(at=some, other=pick)
    def merge(self, at: list[int], other: int) -> None:
        self.decide(lambda: self.people.merge([self.cluster(number) for number in [*at, other]]))

    @rule(at=pick, leave=some, parts=st.integers(1, 2))
    def split(self, at: int, leave: list[int], parts: int) -> None:
        cluster = self.cluster(at)
        faces = self.faces_in(cluster)
        leaving = sorted({faces[number % len(faces)] for number in leave}) if faces else [1]
        self.decide(lambda: self.people.split(cluster, [leaving[i::parts] for i in range(parts)]))

    @rule(at=pick)
    def divide(self, at: int) -> None:
        self.decide(lambda: self.people.divide(self.cluster(at)))

    @rule(at=some, whose=pick, own=st.booleans())
    def reject(self, at: list[int], whose: int, own: bool) -> None:
        faces = [self.face(number) for number in at]
        cluster = str(self.collection.cluster_of(faces[0]) or 0) if own else self.cluster(whose)
        self.decide(lambda: self.people.reject(faces, cluster))

    @rule(at=some, to=pick, called=st.sampled_from(NAMES), by_name=st.booleans())
    def assign(self, at: list[int], to: int, called: str, by_name: bool) -> None:
        faces = [self.face(number) for number in at]
        self.decide(lambda: self.people.assign(faces, called if by_name else self.cluster(to)))

    @rule(at=pick, to=pick)
    def assign_all_of_a_cluster(self, at: int, to: int) -> None:
        self.decide(lambda: self.people.assign(self.faces_in(self.cluster(at)), self.cluster(to)))

    @rule(at=some)
    def not_a_face(self, at: list[int]) -> None:
        self.decide(lambda: self.people.not_a_face([self.face(number) for number in at]))

    @rule(at=some)
    def is_a_face(self, at: list[int]) -> None:
        self.decide(lambda: self.people.is_a_face([self.face(number) for number in at]))

    @rule(at=some, called=st.sampled_from(NAMES))
    def name_several(self, at: list[int], called: str) -> None:
        self.decide(lambda: self.people.name([self.cluster(number) for number in at], called))

    @rule(at=some, faces=some)
    def no_faces_in_several(self, at: list[int], faces: list[int]) -> None:
        whole = [self.cluster(number) for number in at]
        self.decide(lambda: self.people.not_a_face([self.face(number) for number in faces], of=whole))

    @rule(at=some, ignored=st.booleans())
    def ignore_several(self, at: list[int], ignored: bool) -> None:
        self.decide(lambda: self.people.ignore([self.cluster(number) for number in at], ignored))

    @rule(at=some)
    def ignore_faces(self, at: list[int]) -> None:
        self.decide(lambda: self.people.ignore_faces([self.face(number) for number in at]))

    @rule(photos=st.integers(1, 4), named=st.booleans())
    def ignore_below(self, photos: int, named: bool) -> None:
        self.decide(lambda: self.people.ignore_below(photos, named=named))

    @rule(whose=pick, right=some, wrong=some)
    def choose(self, whose: int, right: list[int], wrong: list[int]) -> None:
        chosen, others = ({self.face(number) for number in some} for some in (right, wrong))
        self.decide(lambda: self.people.choose(self.cluster(whose), chosen, others - chosen))

    @rule(at=pick, ignored=st.booleans())
    def ignore(self, at: int, ignored: bool) -> None:
        self.decide(lambda: self.people.ignore(self.cluster(at), ignored))

    @rule(at=pick, other=pick)
    def keep_apart(self, at: int, other: int) -> None:
        self.decide(lambda: self.people.keep_apart(self.cluster(at), self.cluster(other)))

    @rule(called=st.sampled_from(NAMES), at=some)
    def import_name(self, called: str, at: list[int]) -> None:
        faces = sorted({self.face(number) for number in at})
        self.decide(lambda: self.people.import_name(called, faces))

    @precondition(lambda self: self.past)
    @rule()
    def undo(self) -> None:
        before, known, made_anew = self.past.pop()
        there = self.faces()
        assert self.people.undo() is not None
        after = state(self.index)
        for table in ("people", "cannot_link"):
            assert after[table] == before[table]
        for table in ("confirmed", "rejected", "not_faces", "repeated"):
            assert after[table] == [row for row in before[table] if row["face_id"] in there]
        if not made_anew:
            assert [row for row in after["clustered"] if row["face_id"] in known] == [
                row for row in before["clustered"] if row["face_id"] in there
            ]

    # -- photos and clusters ------------------------------------------------------------------------------------------

    @rule(photos=shots, place=st.booleans())
    def add(self, photos: list[list[tuple[int, int, bool]]], place: bool) -> None:
        before = clustered(self.index)
        named = confirmed(self.index)
        pictures = [
            [a_portrait(portrait(person, shot), at, weak=weak) for at, (person, shot, weak) in enumerate(faces)]
            for faces in photos
        ]
        self.collection.add(*pictures, place=place)
        after = clustered(self.index)
        assert {face: after.get(face) for face in before} == before
        assert {after[face] for face in set(after) - set(before)} <= {before[face] for face in named}

    @precondition(lambda self: self.collection.paths)
    @rule(at=pick)
    def remove(self, at: int) -> None:
        made = [one.id for one in reversed(self.people.history())]
        self.collection.remove(self.collection.paths[at % len(self.collection.paths)])
        left = {one.id for one in self.people.history()}
        known = people_told_of(self.index)
        past = [entry for number, entry in zip(made, self.past, strict=True) if number in left]
        self.past = [(without_strangers(before, known), faces, anew) for before, faces, anew in past]

    @rule()
    def recluster(self) -> None:
        before, people = clustered(self.index), state(self.index)
        found = self.collection.recluster()
        after = clustered(self.index)
        assert {face: cluster.id for cluster in found.clusters for face in [f.id for f in cluster.faces]} == after
        assert without_clusters(state(self.index)) == without_clusters(people)
        self.numbers_are_kept(before, after)
        self.past = [(before, faces, True) for before, faces, _ in self.past]
        again = self.collection.recluster()
        assert clustered(self.index) == after
        assert again.noise == found.noise

    def numbers_are_kept(self, before: dict[int, int], after: dict[int, int]) -> None:
        """A number stays with somebody's confirmed faces, else with most of the faces that it had; new ones are new."""
        theirs = set(confirmed(self.index))
        highest = max(before.values(), default=0)
        for number in set(after.values()):
            old = {face for face, cluster in before.items() if cluster == number}
            new = {face for face, cluster in after.items() if cluster == number}
            if not old:
                assert number > highest
            elif old & theirs:
                assert old & theirs <= new
            else:
                assert 2 * len(old & new) > len(old)

    @invariant()
    def holds(self) -> None:
        check(self.index)
        self.names_persist()
        assert len(self.people.history()) == len(self.past)

    def names_persist(self) -> None:
        """Whoever has a face is found by the name, or by the cluster where several have it."""
        every = self.people.with_faces()
        for cluster in every:
            assert self.people.find(cluster.reference) == cluster
            if cluster.person and cluster.person.name and not cluster.person.name.isdigit():
                called = cluster.person.name.swapcase()
                namesakes = [other for other in every if other.title.casefold() == called.casefold()]
                if len(namesakes) == 1:
                    assert self.people.find(called) == cluster
                else:
                    with pytest.raises(InputError):
                        self.people.find(called)


def people_told_of(index: Store) -> set[int]:
    """Who is there, or can come back by an undo."""
    with index.reading() as connection:
        logged = [change for _, changes in undo_log._past(connection) for change in changes]
    in_history = {change["key"]["id"] for change in logged if change["table"] == "people"}
    return in_history | {row["id"] for row in state(index)["people"]}


def without_strangers(before: State, known: set[int]) -> State:
    """A state without the people who have gone with their photos since."""

    def about_known(row: dict[str, Any]) -> bool:
        return {row[name] for name in ("person_id", "other_id") if name in row} <= known

    people = [row for row in before["people"] if row["id"] in known]
    return {table: list(filter(about_known, rows)) for table, rows in before.items()} | {"people": people}


TestDecisions = pytest.mark.filterwarnings("error")(Decisions.TestCase)
Decisions.TestCase.settings = settings(
    max_examples=settings().max_examples // 8,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
