"""Recipes: what they may say, and what they say when they may not."""

from pathlib import Path

import pytest

from facesearch.core.errors import InputError
from train.config import RECIPES, Recipe, read_recipe

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml"))


def test_the_recipes_that_are_promised_are_there() -> None:
    assert {"smoke", "finetune", "casia", "vggface2", "random-triplets"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_can_be_read_and_says_what_it_is_for(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert len(recipe.about) > 20
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize("name", ["casia", "vggface2"])
def test_what_was_not_run_here_says_so(name: str) -> None:
    assert "not run here" in read_recipe(name).about


def test_smoke_and_random_triplets_see_the_same_images_a_step() -> None:
    assert read_recipe("smoke").batch.size == read_recipe("random-triplets").batch.size


def test_changes_go_over_the_file() -> None:
    changed = read_recipe("smoke", ["optimizer.lr=1", "loss.miner=batch-hard", 'network.freeze=["stem"]'])
    assert (changed.optimizer.lr, changed.loss.miner, changed.network.freeze) == (1.0, "batch-hard", ("stem",))
    assert changed.batch == read_recipe("smoke").batch


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("optimiser.lr=1", "unknown key optimiser"),
        ("optimizer.rate=1", "unknown key optimizer.rate"),
        ("optimizer.lr='fast'", "optimizer.lr must be float, not 'fast'"),
        ("optimizer.lr=true", "optimizer.lr must be float, not True"),
        ("run.steps=1.5", "run.steps must be int, not 1.5"),
        ("run.steps=0", "run.steps must be at least 1, not 0"),
        ("optimizer.lr=-1", "optimizer.lr must be positive"),
        ("loss.miner=easy", "loss.miner must be one of semi-hard"),
        ("loss.miner=given", "go together"),
        ("batch.images=1", "nobody has a positive"),
        ("loss.margin=0", "loss.margin must lie in"),
        ("loss.triplet=0", "both 0"),
        ("loss.hold=1", "nothing to hold on to"),
        ("loss.head=softmax", "loss.head must be one of"),
        ("loss.head_weight=0", "loss.head_weight must be positive"),
        ("loss.head_scale=0", "loss.head_scale must be positive"),
        ("loss.head_margin=2", "loss.head_margin must lie in"),
        ("network.adapters=-1", "network.adapters must lie in"),
        ("augment.dark=2", "augment.dark is a probability"),
        ("augment.low_sides=[9]", "augment.low_sides"),
        ("network.dim=0", "network.dim must be given"),
        ("network.name=''", "needs a name"),
        ("network.freeze=1", "network.freeze must be a list"),
        ("augment.mirror=2", "augment.mirror is a probability"),
        ("data.held_out=1", "data.held_out must lie between"),
        ("run.precision=fp8", "run.precision must be one of"),
        ("lr=1", "a change is table.key=value"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        read_recipe("smoke", [change])
    assert "smoke.toml" in str(caught.value)


def test_unknown_recipes_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe 'smok'.*smoke"):
        read_recipe("smok")
    with pytest.raises(InputError):
        read_recipe(str(tmp_path / "none.toml"))


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[network]\nstart = "dlib"\n[loss]\nhold = 2\nhold_scales = [1, 1.1]\n')
    recipe = read_recipe(str(file))
    assert recipe.name == "mine"
    assert recipe.loss.hold_scales == (1.0, 1.1)
    file.write_text("[network")
    with pytest.raises(InputError, match=r"mine\.toml"):
        read_recipe(str(file))
    file.write_text("[loss]\nmargin = 0.3\n")
    with pytest.raises(InputError, match=r"needs a table \[network\]"):
        read_recipe(str(file))
    file.write_text('network = "dlib"\n')
    with pytest.raises(InputError):
        read_recipe(str(file))
