"""What the demonstration decides is what a run and a pack can be read as."""

from pathlib import Path

from kilnmark.client.pack_files import PackFolder
from kilnmark.lab.demo.recipe import GENRE, NAME, TIER, demo_plan, write_bars, write_pack
from kilnmark.lab.gate.of_run import limits_of_run
from kilnmark.lab.judging.bars import read_bars
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import read_plan
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


def test_its_bars_are_read_as_its_plan_names_them(tmp_path: Path) -> None:
    write_bars(tmp_path)
    judge = demo_plan("x").judge
    bars = read_bars(str(judge.bars), tmp_path / str(judge.bars_file))
    assert bars.over["Q1"] == 0.8


def test_its_limits_are_known_and_not_below_what_is_hard() -> None:
    assert limits_of_run(demo_plan("x")).asks_trigger
