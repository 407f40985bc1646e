"""What is here of each model, whole or in part, and what it takes in memory: by headers, else by the catalog."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.models.documents import ModelDocument, ModelsDocument, ModelState
from kilnmark.client.cli.models.errors import CacheUnusable
from kilnmark.client.cli.models.fit import BaseRoom, memory_needs
from kilnmark.client.cli.models.here import PARTIAL
from kilnmark.client.cli.models.survey import room_of, survey, tell_model
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.client.cli.doctor.patients import CPU, patient
from tests.client.here import run_here
from tests.directories import write_directory, write_marked, write_small_klein, write_tokenizers

DEV = VARIANTS["dev"]
ROOM = BaseRoom(20 * 10**9, "are there for bases", 2)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The commit of dev that is loaded, whole."""
    found = tmp_path / "hub" / "models--black-forest-labs--FLUX.1-dev" / "snapshots" / DEV.revision
    write_directory(found, guided=True)
    write_tokenizers(found, DEV)
    return found


def dev(home: Path) -> ModelDocument:
    return tell_model(DEV, ROOM, {"HF_HOME": str(home)})


def test_nothing_of_a_model_is_here_until_something_is(tmp_path: Path) -> None:
    found = dev(tmp_path)
    assert (found.state, found.path, found.disk_bytes, found.counted_by) == (ModelState.ABSENT, None, 0, "catalog")
    assert found.at_least_bytes == (DEV.numbers.matrices + DEV.numbers.others) * 2


def test_a_whole_model_is_here_with_what_its_files_take_and_counted_by_their_headers(
    tmp_path: Path, state: Path
) -> None:
    found = dev(tmp_path)
    assert (found.state, found.path, found.problem, found.counted_by) == (ModelState.HERE, str(state), "", "headers")
    assert found.disk_bytes == sum(path.stat().st_size for path in state.rglob("*") if path.is_file())
    assert found.memory[0].memory_bytes == 2 * (2 * 2 * 6)


def test_files_of_other_programs_in_the_same_repository_are_not_the_models(tmp_path: Path, state: Path) -> None:
    before = dev(tmp_path).disk_bytes
    (state / "flux1-dev.safetensors").write_bytes(b"another program's")
    assert dev(tmp_path).disk_bytes == before


def test_another_commit_than_the_one_that_is_loaded_does_not_count(tmp_path: Path, state: Path) -> None:
    state.rename(state.with_name("0" * 40))
    found = dev(tmp_path)
    assert found.state is ModelState.PARTIAL
    assert DEV.revision[:12] in found.problem
    assert found.disk_bytes > 0


@pytest.mark.parametrize("missing", ["vae/0.safetensors", "tokenizer_2/tokenizer.json"])
def test_a_model_that_lacks_a_file_is_here_in_part_and_says_which(tmp_path: Path, state: Path, missing: str) -> None:
    (state / missing).unlink()
    found = dev(tmp_path)
    assert found.state is ModelState.PARTIAL
    assert missing.partition("/")[0] in found.problem


def test_a_tokenizer_is_missed_where_its_folder_holds_weights(tmp_path: Path) -> None:
    row = VARIANTS["flux3-klein"]
    hub = tmp_path / "hub" / f"models--{row.repository.replace('/', '--')}"
    state = write_marked(hub / "snapshots" / row.revision, row)
    home = {"HF_HOME": str(tmp_path)}
    assert tell_model(row, ROOM, home).problem == f"{state / 'text_encoder' / 'tokenizer.json'} is missing"
    (state / "text_encoder" / "tokenizer.json").write_text("{}")
    assert tell_model(row, ROOM, home).state is ModelState.HERE


def test_a_shard_that_others_names_count_on_is_missed(tmp_path: Path, state: Path) -> None:
    whole = state / "transformer" / "0.safetensors"
    whole.rename(whole.with_name("diffusion_pytorch_model-00001-of-00002.safetensors"))
    assert "diffusion_pytorch_model-00002-of-00002.safetensors is missing" in dev(tmp_path).problem


def test_a_shard_that_the_index_names_is_missed(tmp_path: Path, state: Path) -> None:
    (state / "vae" / "model.safetensors.index.json").write_text('{"weight_map": {"a": "1.safetensors"}}')
    assert f"{state / 'vae' / '1.safetensors'} is missing" in dev(tmp_path).problem


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "../../other"}}'])
def test_an_index_that_says_nothing_of_its_folder_breaks_nothing(tmp_path: Path, state: Path, text: str) -> None:
    (state / "vae" / "model.safetensors.index.json").write_text(text)
    assert dev(tmp_path).state is ModelState.HERE


def test_what_is_not_fetched_whole_counts_on_the_disk(tmp_path: Path) -> None:
    blobs = tmp_path / "hub" / "models--black-forest-labs--FLUX.1-dev" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"abc{PARTIAL}").write_bytes(b"12345")
    found = dev(tmp_path)
    assert (found.state, found.disk_bytes, found.at_least_bytes) == (ModelState.PARTIAL, 5, 0)


def test_the_most_exact_form_that_fits_is_advised() -> None:
    needs = memory_needs(DEV, ROOM)
    assert [need.quantize for need in needs] == [None, 8, 6, 5, 4, 3]
    assert [need.fits for need in needs] == [False, True, True, True, True, True]
    assert [need.memory_bytes for need in needs] == sorted((need.memory_bytes for need in needs), reverse=True)


def test_nothing_is_advised_where_nothing_fits_or_nobody_knows(tmp_path: Path) -> None:
    small = msgspec.structs.replace(dev(tmp_path), memory=memory_needs(DEV, BaseRoom(10**9, "", 2)))
    unknown = msgspec.structs.replace(dev(tmp_path), memory=memory_needs(DEV, BaseRoom()))
    assert (small.advised, small.memory[-1].fits) == (None, False)
    assert (unknown.advised, unknown.memory[-1].fits) == (None, None)


def test_what_is_made_up_is_not_quantized() -> None:
    assert [need.quantize for need in memory_needs(VARIANTS["standin"], ROOM)] == [None]


def test_what_comes_with_the_program_is_here_whole_or_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilnmark.keymaps.files.shipped.files", lambda _: tmp_path)
    lacking = tell_model(VARIANTS["mini"], ROOM, {})
    assert (lacking.state, lacking.path) == (ModelState.PARTIAL, None)
    assert "install kilnmark anew" in lacking.problem
    folder = write_small_klein(tmp_path / "models" / "mini")
    whole = tell_model(VARIANTS["mini"], ROOM, {})
    assert (whole.state, whole.path, whole.problem) == (ModelState.SHIPPED, str(folder), "")
    assert whole.disk_bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert [need.quantize for need in whole.memory] == [None]


def test_memory_is_that_of_the_daemon_that_the_settings_would_start(tmp_path: Path) -> None:
    assert room_of(patient(tmp_path)).nbytes == CPU.base_bytes
    assert room_of(patient(tmp_path, base_memory=10**9)).nbytes == 10**9
    assert room_of(patient(tmp_path)).number_bytes == CPU.number_bytes


def test_every_variant_is_in_the_survey_once(tmp_path: Path) -> None:
    found = survey(patient(tmp_path))
    assert [model.name for model in found.models] == list(VARIANTS)
    fetched = [model for model in found.models if not VARIANTS[model.name].shipped]
    assert {model.state for model in fetched} == {ModelState.ABSENT, ModelState.MADE_UP}
    assert found.cache == str(tmp_path / "hf" / "hub")


def test_directories_of_the_settings_stand_below_the_catalog(tmp_path: Path) -> None:
    base = write_directory(tmp_path / "base", guided=True)
    broken = write_directory(tmp_path / "broken", guided=False)
    (broken / "vae" / "0.safetensors").unlink()
    found = survey(patient(tmp_path, bases={"mine": str(base), "other": str(broken)})).models[len(VARIANTS) :]
    assert [(model.name, model.state, model.path) for model in found] == [
        ("mine", ModelState.HERE, str(base)),
        ("other", ModelState.PARTIAL, str(broken)),
    ]
    assert found[0].memory[0].memory_bytes == 4 * (2 * 2 * 6)
    assert (found[1].memory, "vae" in found[1].problem) == ([], True)


def test_people_get_a_row_a_model_and_programs_a_document(tmp_path: Path, state: Path) -> None:
    env = {"HF_HOME": str(tmp_path), "HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    done = run_here("models", "list", "--json", env=env)
    document = msgspec.json.decode(done.stdout, type=ModelsDocument)
    assert next(model.state for model in document.models if model.name == "dev") is ModelState.HERE
    assert document.memory_bytes


def test_info_shows_every_form_and_where_it_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.patient.Patient.engine", CPU)
    env = {"HF_HOME": str(tmp_path), "HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "", "HOME": str(tmp_path)}
    shown = run_here("models", "info", "black-forest-labs/flux.1-dev", env=env).stdout
    assert "black-forest-labs/FLUX.1-dev at 3de623fc3c33" in shown
    assert "there is no token here" in shown
    assert "3 bits   " in shown
    assert "by the catalog, since its weights are not here; what is not quantized takes 4 bytes" in shown


def test_info_of_a_name_of_the_settings_is_of_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.patient.Patient.engine", CPU)
    base = write_directory(tmp_path / "base", guided=True)
    config = tmp_path / "config.toml"
    config.write_text(f'[bases]\nmine = "{base}"\n')
    shown = run_here("models", "info", "mine", "--config", config, env={"HOME": str(tmp_path)}).stdout
    assert f"yes, {base}" in shown
    listed = run_here("models", "list", "--config", config, env={"HOME": str(tmp_path)}).stdout
    assert f"mine ({base})" in listed


def test_a_cache_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "models--black-forest-labs--FLUX.1-dev" / "blobs"
    folder.mkdir(parents=True)
    (folder / f"x{PARTIAL}").symlink_to("x" * 300)
    with pytest.raises(CacheUnusable, match="cannot be used"):
        dev(tmp_path)


def test_a_name_that_is_nearly_one_is_told(tmp_path: Path) -> None:
    done = run_here("models", "info", "flux2-klein-9bb", env={"HOME": str(tmp_path)})
    assert done.returncode == 2
    assert "did you mean flux2-klein-9b?" in done.stderr
