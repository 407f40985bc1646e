"""What the demonstration decides is what a run and a pack can be read as."""

from pathlib import Path

from kilnmark.client.pack_files import PackFolder
from kilnmark.lab.demo.recipe import GENRE, NAME, PAIRS, SCENE, TIER, demo_plan, demo_scenes, write_pack
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.of_run import limits_of_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import read_plan
from kilnmark.lab.sweep.bars import read_bars
from kilnmark.protocol.content.packs import load_pack


def test_its_run_toml_is_read_as_it_was_meant(tmp_path: Path) -> None:
    new_run(tmp_path / "run", demo_plan("../pictures"))
    assert read_plan(tmp_path / "run") == demo_plan("../pictures")


def test_every_role_of_a_prompt_is_painted() -> None:
    assert {prompt.role for prompt in demo_plan("x").sweep.prompts} == {
        "familiar",
        "novel",
        "detail",
        "control",
        "nonsense",
    }


def test_its_pack_is_whole_and_trusts_nobody_yet(tmp_path: Path) -> None:
    loras = write_pack(tmp_path, lists=True)
    pack = load_pack(PackFolder(tmp_path), GENRE)
    composed = pack.compose(TIER)
    assert pack.problems == ()
    assert (composed.stack.names, composed.stack.triggers) == ((NAME,), (NAME,))
    assert composed.requires_promoted
    assert loras == tmp_path / GENRE / "loras"
    assert list(loras.iterdir()) == []


def test_a_pack_before_anything_is_deployed_names_nothing(tmp_path: Path) -> None:
    write_pack(tmp_path, lists=False)
    assert load_pack(PackFolder(tmp_path), GENRE).compose(TIER).stack.names == ()


def test_it_is_held_to_the_usual_limits_and_bars() -> None:
    plan = demo_plan("x")
    held = limits_of_run(plan)
    assert held.asks_trigger
    assert held.looser == ()
    assert held.limits == limits_of("style", fires=True).limits
    assert (plan.judge.bars, plan.judge.bars_file) == (None, None)
    own, usual = read_bars("style", plan.sweep.bars), read_bars("style")
    assert own.bars == usual.bars
    assert (own.too_near, own.most_of_the_way) >= (usual.too_near, usual.most_of_the_way)


def test_nothing_that_it_is_looked_at_with_was_trained_on() -> None:
    shown = demo_scenes()
    prompts = demo_plan("x").sweep.prompts
    looked_at = [prompt.text.removeprefix(f"{NAME}, ") for prompt in prompts if prompt.role != "detail"]
    assert len(shown) == PAIRS
    assert not {*looked_at, SCENE, *limits_of("style").scenes}.intersection(shown)
