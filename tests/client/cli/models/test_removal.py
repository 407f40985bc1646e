"""`models remove`: what only a model uses goes, all else stays, and nothing goes that a daemon may hold."""

import fcntl
import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.models import errors
from kilnmark.client.cli.models.documents import RemovedModels
from kilnmark.client.cli.models.here import PARTIAL
from kilnmark.client.cli.models.removal import plan_removal, refuse_models_in_use, remove_models
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Variant
from tests.client.cli.doctor.patients import patient
from tests.client.conftest import FakeDaemon
from tests.client.here import run_here
from tests.directories import write_directory, write_tokenizers

DEV = VARIANTS["dev"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


@pytest.fixture
def folder(env: dict[str, str]) -> Path:
    """Dev's repository with one state of it, which links to whole files."""
    return fetched(DEV, env)


def fetched(variant: Variant, env: dict[str, str]) -> Path:
    found = Path(env["HF_HOME"]) / "hub" / f"models--{variant.repository.replace('/', '--')}"
    state = found / "snapshots" / variant.revision
    write_directory(state, guided=True)
    write_tokenizers(state, variant)
    (found / "refs").mkdir()
    (found / "refs" / "main").write_text(variant.revision)
    (found / "blobs").mkdir()
    for number, path in enumerate(sorted(path for path in state.rglob("*") if path.is_file())):
        link_to(path.rename(found / "blobs" / f"{number:064x}"), path)
    return found


def link_to(blob: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(Path(*[".."] * (len(path.relative_to(blob.parents[1]).parts) - 1), "blobs", blob.name))


def state_of(folder: Path) -> Path:
    return folder / "snapshots" / DEV.revision


def test_all_of_a_model_goes_and_its_folder_too(folder: Path, env: dict[str, str]) -> None:
    nbytes = sum(path.stat().st_size for path in (folder / "blobs").iterdir())
    removed = remove_models(plan_removal([DEV], env))
    assert removed == RemovedModels(names=["dev"], files=6, freed_bytes=nbytes, kept_bytes=0, removed=True)
    assert not folder.exists()


def test_what_other_programs_keep_in_the_repository_stays(folder: Path, env: dict[str, str]) -> None:
    theirs = folder / "blobs" / "theirs"
    theirs.write_bytes(b"whole in one file")
    link_to(theirs, state_of(folder) / "flux1-dev.safetensors")
    assert remove_models(plan_removal([DEV], env)).kept_bytes == 17
    assert (state_of(folder) / "flux1-dev.safetensors").read_bytes() == b"whole in one file"
    assert [path.name for path in (folder / "blobs").iterdir()] == ["theirs"]
    assert (folder / "refs" / "main").exists()


def test_a_content_that_a_file_of_others_shares_stays(folder: Path, env: dict[str, str]) -> None:
    shared = (state_of(folder) / "vae" / "0.safetensors").resolve()
    link_to(shared, state_of(folder) / "theirs" / "vae.safetensors")
    remove_models(plan_removal([DEV], env))
    assert list((folder / "blobs").iterdir()) == [shared]


def test_a_link_that_leads_out_of_the_cache_goes_and_what_it_leads_to_stays(
    folder: Path, env: dict[str, str], tmp_path: Path
) -> None:
    precious = tmp_path / "precious.json"
    precious.write_text("{}")
    (state_of(folder) / "vae" / "config.json").symlink_to(precious)
    remove_models(plan_removal([DEV], env))
    assert not folder.exists()
    assert precious.exists()


def test_every_state_of_the_repository_goes(folder: Path, env: dict[str, str]) -> None:
    old = folder / "blobs" / "old"
    old.write_bytes(b"old")
    link_to(old, folder / "snapshots" / ("0" * 40) / "vae" / "0.safetensors")
    assert remove_models(plan_removal([DEV], env)).files == 7
    assert not folder.exists()


def test_what_came_of_files_that_are_not_whole_goes(folder: Path, env: dict[str, str]) -> None:
    (folder / "blobs" / f"x{PARTIAL}").write_bytes(b"12345")
    before = sum(path.stat().st_size for path in (folder / "blobs").iterdir())
    assert remove_models(plan_removal([DEV], env)).freed_bytes == before
    assert not folder.exists()


def test_what_a_pull_is_writing_does_not_go_and_nothing_else_goes(folder: Path, env: dict[str, str]) -> None:
    partial = folder / "blobs" / f"x{PARTIAL}"
    with partial.open("wb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        with pytest.raises(errors.FetchedElsewhere):
            remove_models(plan_removal([DEV], env))
    assert plan_removal([DEV], env).document(removed=False).files == 7


def test_a_cache_without_links_is_freed_alike(folder: Path, env: dict[str, str]) -> None:
    for link in [path for path in state_of(folder).rglob("*") if path.is_symlink()]:
        link.resolve().replace(link)
    assert remove_models(plan_removal([DEV], env)).freed_bytes > 0
    assert not folder.exists()


def test_links_that_lead_nowhere_go_too(folder: Path, env: dict[str, str]) -> None:
    """As an earlier removal leaves them that was stopped."""
    for blob in (folder / "blobs").iterdir():
        blob.unlink()
    assert remove_models(plan_removal([DEV], env)).freed_bytes == 0
    assert not folder.exists()


def test_other_models_stay_whole(folder: Path, env: dict[str, str]) -> None:
    other = fetched(VARIANTS["krea-dev"], env)
    before = sorted(other.rglob("*"))
    remove_models(plan_removal([DEV], env))
    assert sorted(other.rglob("*")) == before


def test_a_file_that_another_model_is_made_of_stays_until_both_go(
    folder: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = msgspec.structs.replace(DEV, name="twin")
    monkeypatch.setattr("kilnmark.client.cli.models.removal.VARIANTS", {"dev": DEV, "twin": twin})
    with pytest.raises(errors.ModelNotHere, match=r"its files are those of twin too; name these as well"):
        plan_removal([DEV], env)
    assert remove_models(plan_removal([DEV, twin], env)).files == 6
    assert not folder.exists()


def test_what_is_not_here_and_what_is_made_up_is_told(env: dict[str, str]) -> None:
    with pytest.raises(errors.ModelNotHere, match=r"^there is nothing to remove of dev$"):
        plan_removal([DEV], env)
    with pytest.raises(errors.NothingToFetch):
        plan_removal([VARIANTS["standin"]], env)
    with pytest.raises(errors.NothingToFetch, match="comes with kilnmark"):
        plan_removal([VARIANTS["mini"]], env)


def test_a_model_that_the_daemon_serves_is_not_removed(daemon: FakeDaemon, tmp_path: Path) -> None:
    served = msgspec.structs.replace(DEV, name="standin")
    looked = patient(tmp_path, socket=daemon.socket)
    with pytest.raises(errors.ModelInUse, match="serves standin; run `kilnmark stop` first"):
        refuse_models_in_use([served], looked)
    refuse_models_in_use([DEV], looked)


def test_without_a_daemon_nobody_holds_it(tmp_path: Path) -> None:
    refuse_models_in_use([DEV], patient(tmp_path))


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[Path]:
    """Somebody who listens, takes a connection, and hangs up."""
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        tmp_path.chmod(0o700)
        listener.listen()

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield path
        thread.join(30)


def test_somebody_who_does_not_answer_may_hold_it(mute: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.ModelInUse, match="may hold dev"):
        refuse_models_in_use([DEV], patient(tmp_path, socket=mute))


def test_the_command_line_asks_first(folder: Path, env: dict[str, str]) -> None:
    refused = run_here("models", "remove", "dev", "--json", env=env)
    assert (refused.returncode, "--yes" in refused.stderr, folder.exists()) == (2, True, True)
    done = run_here("models", "remove", "dev", "DEV", "--yes", "--json", env=env)
    assert msgspec.json.decode(done.stdout, type=RemovedModels).names == ["dev"]
    assert not folder.exists()


@pytest.mark.parametrize(("answer", "code", "stays"), [("n\n", 130, True), ("", 130, True), ("y\n", 0, False)])
def test_only_a_yes_removes_it(
    folder: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int, stays: bool
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    done = run_here("models", "remove", "dev", env=env)
    assert (done.returncode, folder.exists()) == (code, stays)
    assert "to remove  dev: 6 files" in done.stderr
