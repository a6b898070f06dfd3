"""Some of the kills of `kill_campaign`, which can be run for longer by itself."""

from collections.abc import Iterator

import pytest
from storage.kill_campaign import Campaign, can_trace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facesearch.indexing.indexer.BATCH_PHOTOS", 2)
        patch.setattr("facesearch.indexing.migration.BATCH_PHOTOS", 2)
        yield Campaign(tmp_path_factory.mktemp("kills"))


def test_kills_at_random_moments(campaign: Campaign) -> None:
    assert sum(killed for _, killed in campaign.at_random(6, 0)) == 6


@pytest.mark.parametrize("step", ["index", "remove", "forget"])
def test_kills_at_calls_that_write(campaign: Campaign, step: str) -> None:
    if not can_trace():
        pytest.skip("strace is not there, or may not watch")
    assert len(list(campaign.at_every_write(step, first=3, step=29))) >= 2
