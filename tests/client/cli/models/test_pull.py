"""`models pull` against a hub on loopback: whole, interrupted, damaged, refused, and with a disk that is full."""

import fcntl
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from huggingface_hub.utils import close_session

from kilnmark.client.cli.exits import ErrorDocument
from kilnmark.client.cli.models import errors
from kilnmark.client.cli.models.documents import ModelDocument, ModelState, PulledModel
from kilnmark.client.cli.models.fetching import TRIES
from kilnmark.client.cli.models.fit import BaseRoom
from kilnmark.client.cli.models.here import PARTIAL
from kilnmark.client.cli.models.pull import pull
from kilnmark.client.cli.models.removal import plan_removal, remove_models
from kilnmark.client.cli.models.site import site_of
from kilnmark.client.cli.models.survey import tell_model
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.client.cli.models.hubs import DEV, LARGE, Fault, Hub, serving
from tests.client.here import KILNMARK, run_here

SMALL = "tokenizer/tokenizer.json"


@pytest.fixture(scope="module", autouse=True)
def _session() -> Iterator[None]:
    """The hub's library has one for all that is asked."""
    yield
    close_session()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(tmp_path / "published") as found:
        yield found


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}


def fetch(hub: Hub, env: dict[str, str], token: str | None = None, *, verify: bool = False) -> PulledModel:
    return pull(DEV, hub.site(token), env, lambda *_: None, verify=verify)


def blobs(env: dict[str, str]) -> Path:
    return Path(env["HF_HOME"]) / "hub" / "models--black-forest-labs--FLUX.1-dev" / "blobs"


def partials(env: dict[str, str]) -> list[int]:
    return [path.stat().st_size for path in blobs(env).glob(f"*{PARTIAL}")]


def size_of(hub: Hub, file: str) -> int:
    return len(hub.files()[file])


def test_a_pulled_model_is_here_byte_for_byte_with_links_as_the_hubs_libraries_have_them(
    hub: Hub, env: dict[str, str]
) -> None:
    pulled = fetch(hub, env)
    state = Path(pulled.path)
    assert state.name == DEV.revision
    wanted = {name: data for name, data in hub.files().items() if "/" in name}
    found = {path.relative_to(state).as_posix(): path for path in state.rglob("*") if not path.is_dir()}
    assert {name: path.read_bytes() for name, path in found.items()} == wanted
    assert all(path.is_symlink() and path.resolve().parent == blobs(env) for path in found.values())
    assert tell_model(DEV, BaseRoom(), env).state is ModelState.HERE
    assert (pulled.fetched_bytes, pulled.resumed_bytes, partials(env)) == (sum(map(len, set(wanted.values()))), 0, [])


def test_done_again_nothing_is_fetched(hub: Hub, env: dict[str, str]) -> None:
    fetch(hub, env)
    hub.asked.clear()
    assert fetch(hub, env).fetched_bytes == 0
    assert [path for path, *_ in hub.asked] == [f"/api/models/{DEV.repository}/revision/{DEV.revision}"]


def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(sends=1 << 20), Fault(sends=1 << 19), Fault()]
    assert fetch(hub, env).fetched_bytes == sum(file.stat().st_size for file in blobs(env).iterdir())
    assert hub.ranges(LARGE) == [None, f"bytes={1 << 20}-", f"bytes={(1 << 20) + (1 << 19)}-"]
    assert hub.pauses == [1.0, 1.0]


def test_whoever_is_interrupted_goes_on_with_the_bytes_that_came(hub: Hub, env: dict[str, str]) -> None:
    def moved(file: str, done: int, total: int) -> None:
        if file == LARGE and done > (2 << 20):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(DEV, hub.site(), env, moved)
    (kept,) = partials(env)
    assert 0 < kept < size_of(hub, LARGE)
    assert tell_model(DEV, BaseRoom(), env).state is ModelState.PARTIAL
    hub.asked.clear()
    pulled = fetch(hub, env)
    assert (pulled.resumed_bytes, pulled.fetched_bytes) == (kept, size_of(hub, LARGE) - kept)
    assert hub.ranges(LARGE) == [f"bytes={kept}-"]
    assert hub.ranges(SMALL) == []


def test_what_was_interrupted_can_be_removed_to_the_last_byte(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(sends=1 << 20), Fault(status=403)]
    with pytest.raises(errors.ModelWithheld):
        fetch(hub, env)
    nbytes = sum(path.stat().st_size for path in blobs(env).iterdir())
    assert tell_model(DEV, BaseRoom(), env).disk_bytes == nbytes > 1 << 20
    removed = remove_models(plan_removal([DEV], env))
    assert (removed.freed_bytes, removed.kept_bytes, blobs(env).parent.exists()) == (nbytes, 0, False)


def test_a_pull_that_is_killed_leaves_what_came_to_the_next(hub: Hub, env: dict[str, str]) -> None:
    """Its file is asked for, not its clock: whoever is killed says nothing."""
    hub.faults[LARGE] = [Fault(sends=2 << 20, holds=True), Fault()]
    around = os.environ | env | {"HF_ENDPOINT": hub.address, "HF_TOKEN": "", "HF_HUB_OFFLINE": ""}
    with subprocess.Popen([KILNMARK, "models", "pull", "dev"], env=around, stderr=subprocess.DEVNULL) as process:
        assert hub.held.wait(60)
        end, looks = time.monotonic() + 60, threading.Event()
        while partials(env) != [2 << 20] and time.monotonic() < end:
            looks.wait(0.01)
        process.kill()
    hub.go_on.set()
    assert fetch(hub, env).resumed_bytes == 2 << 20


def test_a_hub_that_gives_everything_instead_of_the_rest_is_taken_from_the_start(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(sends=1 << 20), Fault(deaf=True)]
    assert fetch(hub, env).fetched_bytes == sum(map(len, set(hub.files().values()))) - 18 + (1 << 20)


def test_a_file_that_always_ends_too_early_is_given_up_and_kept(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(sends=1000, promises=1000), Fault(sends=0, promises=0)]
    with pytest.raises(errors.HubFailed, match=r"before its end; what came is kept"):
        fetch(hub, env)
    assert partials(env) == [1000]
    assert len(hub.pauses) == TRIES
    assert hub.pauses == sorted(hub.pauses)


def test_a_file_that_came_damaged_is_removed_and_fetched_again(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(instead=bytes(size_of(hub, LARGE))), Fault()]
    with pytest.raises(errors.DamagedFile, match=r"vae/0.safetensors came damaged: its hash is"):
        fetch(hub, env)
    assert partials(env) == []
    assert fetch(hub, env).fetched_bytes == size_of(hub, LARGE)


@pytest.mark.parametrize("file", [SMALL, LARGE])
def test_bytes_of_another_file_under_its_hash_are_found_by_its_hash(hub: Hub, env: dict[str, str], file: str) -> None:
    """Also of small files, whose hash is git's."""
    hub.faults[file] = [Fault(instead=b"x" * size_of(hub, file))]
    with pytest.raises(errors.DamagedFile):
        fetch(hub, env)


def test_more_bytes_than_it_has_are_refused(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(instead=bytes(size_of(hub, LARGE) + 1))]
    with pytest.raises(errors.DamagedFile, match="more came"):
        fetch(hub, env)


def test_what_is_kept_and_longer_than_the_file_is_begun_again(hub: Hub, env: dict[str, str]) -> None:
    fetch(hub, env)
    whole = max(blobs(env).iterdir(), key=lambda path: path.stat().st_size)
    whole.rename(whole.with_name(f"{whole.name}{PARTIAL}"))
    with whole.with_name(f"{whole.name}{PARTIAL}").open("ab") as longer:
        longer.write(b"more")
    assert fetch(hub, env).path
    assert partials(env) == []


def test_a_damaged_file_that_is_here_is_found_where_that_is_asked_for(hub: Hub, env: dict[str, str]) -> None:
    fetch(hub, env)
    whole = max(blobs(env).iterdir(), key=lambda path: path.stat().st_size)
    whole.write_bytes(bytes(whole.stat().st_size))
    with pytest.raises(errors.NotWhole, match=r"`kilnmark models pull dev --verify` fetches again"):
        fetch(hub, env)
    assert fetch(hub, env, verify=True).fetched_bytes == size_of(hub, LARGE)


@pytest.mark.parametrize("at", ["api", SMALL])
@pytest.mark.parametrize(
    ("status", "token", "words"),
    [
        (401, None, "without a token (401): accept its licence at https://huggingface.co/black-forest-labs/FLUX.1-dev"),
        (401, "hf_x", "the token of $HF_TOKEN, which is not valid (401): run `hf auth login`"),
        (
            403,
            "hf_x",
            "(403): accept its licence at https://huggingface.co/black-forest-labs/FLUX.1-dev with the account",
        ),
    ],
)
def test_a_gated_model_says_what_it_takes(
    hub: Hub, env: dict[str, str], at: str, status: int, token: str | None, words: str
) -> None:
    hub.faults[at] = [Fault(status=status, headers={"X-Error-Code": "GatedRepo"})]
    with pytest.raises(errors.ModelWithheld) as caught:
        fetch(hub, env, token)
    assert words in str(caught.value)
    assert "hf_x" not in str(caught.value)


@pytest.mark.parametrize("at", ["api", SMALL])
def test_what_the_hub_does_not_have_is_told(hub: Hub, env: dict[str, str], at: str) -> None:
    hub.faults[at] = [Fault(status=404)]
    with pytest.raises(errors.ModelNotPublished, match=r"has no .*black-forest-labs/FLUX.1-dev"):
        fetch(hub, env)


def test_a_hub_that_wants_patience_gets_as_much_as_it_says(hub: Hub, env: dict[str, str]) -> None:
    hub.faults[LARGE] = [Fault(status=429, headers={"Retry-After": "7"}), Fault(status=503), Fault()]
    told: list[str] = []
    pull(DEV, hub.site(), env, lambda file, *_: told.append(file))
    assert hub.pauses == [7.0, 2.0]
    assert f"{LARGE}, again in 7 s: it answers 429 Too Many Requests" in told
    assert f"{LARGE}, again in 2 s: it answers 503 Service Unavailable" in told


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_stays_busy_is_told_and_can_be_tried_later(hub: Hub, env: dict[str, str], status: int) -> None:
    hub.faults[SMALL] = [Fault(status=status, headers={"Retry-After": "never"})]
    with pytest.raises(errors.HubFailed, match=f"it answers {status}") as caught:
        fetch(hub, env)
    assert caught.value.retryable
    assert len(hub.pauses) == TRIES
    hub.faults["api"] = [Fault(status=status)]
    with pytest.raises(errors.HubFailed, match=f"it answers {status}"):
        fetch(hub, env)


def test_a_hub_that_nobody_reaches_is_told(hub: Hub, env: dict[str, str]) -> None:
    hub.address = "http://127.0.0.1:9"
    with pytest.raises(errors.HubFailed, match=r"127.0.0.1:9 cannot be fetched from now"):
        fetch(hub, env)


@pytest.mark.parametrize("said", [b"<html>", b"[]", b'{"id": "x"}', b'{"siblings": [{}]}'])
def test_what_is_no_hub_is_told(hub: Hub, env: dict[str, str], said: bytes) -> None:
    hub.faults["api"] = [Fault(instead=said)]
    with pytest.raises(errors.HubFailed):
        fetch(hub, env)


@pytest.mark.parametrize("name", ["vae/../../../../x.json", "vae/../x.safetensors"])
def test_a_name_that_leads_out_of_the_cache_is_refused(hub: Hub, env: dict[str, str], name: str) -> None:
    hub.listed[SMALL] = {"rfilename": name, "size": 1, "blobId": "0" * 40}
    with pytest.raises(errors.HubFailed, match="no name of a file"):
        fetch(hub, env)


@pytest.mark.parametrize("digest", ["", "../../x", "0" * 39])
def test_a_hash_that_is_none_is_refused(hub: Hub, env: dict[str, str], digest: str) -> None:
    hub.listed[SMALL] = {"rfilename": SMALL, "size": 1, "blobId": digest}
    with pytest.raises(errors.HubFailed, match="no size or hash"):
        fetch(hub, env)


def test_another_commit_than_the_one_asked_for_is_refused(hub: Hub, env: dict[str, str]) -> None:
    hub.sha = "1" * 40
    with pytest.raises(errors.HubFailed, match="its commit is"):
        fetch(hub, env)


def test_a_repository_without_a_part_is_refused_before_anything_is_fetched(hub: Hub, env: dict[str, str]) -> None:
    (hub.folder / LARGE).unlink()
    with pytest.raises(errors.ModelNotPublished, match="weights in vae"):
        fetch(hub, env)
    assert not blobs(env).exists()


def test_the_token_goes_to_the_hub_and_nowhere_else(hub: Hub, env: dict[str, str], tmp_path: Path) -> None:
    with serving(tmp_path / "elsewhere") as other:
        hub.faults[LARGE] = [Fault(status=302, headers={"Location": f"{other.address}/elsewhere/{LARGE}"})]
        fetch(hub, env, "hf_x")
        assert {token for _, _, token in hub.asked} == {"Bearer hf_x"}
        assert [token for _, _, token in other.asked] == [None]


@contextmanager
def largest_file(nbytes: int) -> Iterator[None]:
    """No file of this process grows beyond that, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_is_told_and_what_came_is_gone_on_with(hub: Hub, env: dict[str, str]) -> None:
    with largest_file(2 << 20), pytest.raises(errors.NoRoom, match=r"goes on from what is there"):
        fetch(hub, env)
    assert partials(env) == [2 << 20]
    assert fetch(hub, env).resumed_bytes == 2 << 20


def test_what_the_disk_cannot_take_is_not_begun(hub: Hub, env: dict[str, str]) -> None:
    huge = {"rfilename": LARGE, "size": 10**16, "lfs": {"size": 10**16, "sha256": "0" * 64, "pointerSize": 1}}
    hub.listed[LARGE] = huge
    with pytest.raises(errors.NoRoom, match=r"10000000.0 GB are to be fetched"):
        fetch(hub, env)
    assert [path for path, *_ in hub.asked if "/resolve/" in path] == []
    left = tell_model(DEV, BaseRoom(), env)
    assert (left.state, left.problem) == (ModelState.ABSENT, "")


def test_a_folder_that_is_a_file_is_told(hub: Hub, env: dict[str, str]) -> None:
    blobs(env).parent.mkdir(parents=True)
    blobs(env).write_text("")
    with pytest.raises(errors.CacheUnusable, match="blobs cannot be used"):
        fetch(hub, env)


def test_two_do_not_write_the_same_file(hub: Hub, env: dict[str, str]) -> None:
    fetch(hub, env)
    whole = max(blobs(env).iterdir(), key=lambda path: path.stat().st_size)
    partial = whole.rename(whole.with_name(f"{whole.name}{PARTIAL}"))
    other = os.open(partial, os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(errors.FetchedElsewhere):
        fetch(hub, env)
    os.close(other)
    assert fetch(hub, env).fetched_bytes == 0


def test_what_is_published_nowhere_is_not_fetched(hub: Hub, env: dict[str, str]) -> None:
    with pytest.raises(errors.NothingToFetch, match="made on the spot"):
        pull(VARIANTS["standin"], hub.site(), env, lambda *_: None)


@pytest.mark.parametrize(
    ("named", "words"), [({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"), ({"HF_ENDPOINT": "file:///etc"}, "HF_ENDPOINT")]
)
def test_variables_that_forbid_it_are_named(env: dict[str, str], named: dict[str, str], words: str) -> None:
    with pytest.raises(errors.FetchingForbidden, match=words):
        site_of(env | named)


@pytest.mark.parametrize("token", ["hf_secret\x1b[2J", "hf secret", "hf_s\u00e9cret"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(env: dict[str, str], token: str) -> None:
    with pytest.raises(errors.FetchingForbidden, match=r"\$HF_TOKEN says has characters") as caught:
        site_of(env | {"HF_TOKEN": token})
    assert "cret" not in str(caught.value)


def test_a_token_that_cannot_be_read_is_told(env: dict[str, str]) -> None:
    path = Path(env["HF_HOME"]) / "token"
    path.mkdir(parents=True)
    (path / "x").touch()
    with pytest.raises(errors.FetchingForbidden, match="the token cannot be read"):
        site_of(env)


def test_the_command_line_pulls_and_tells(hub: Hub, env: dict[str, str]) -> None:
    around = env | {"HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_x", "HF_HUB_OFFLINE": ""}
    asked = run_here("models", "info", "dev", "--online", "--json", env=around)
    published = msgspec.json.decode(asked.stdout, type=ModelDocument).published
    assert published is not None
    assert (published.missing_bytes, published.licence, published.gated) == (published.nbytes, "the-licence", True)
    done = run_here("models", "pull", "dev", env=around)
    assert done.returncode == 0
    assert f"dev, whole: {published.files} files" in done.stdout
    assert f"now {LARGE}" in done.stderr
    assert {token for _, _, token in hub.asked} == {"Bearer hf_x"}


def test_whoever_is_interrupted_hears_that_what_came_is_kept(
    hub: Hub, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("kilnmark.client.cli.models.pull.fetch_file", interrupt)
    done = run_here("models", "pull", "dev", env=env | {"HF_ENDPOINT": hub.address})
    assert done.returncode == 130
    assert "what came is kept, and the same command goes on from there\n" in done.stderr


def test_an_error_is_a_document_with_its_kind(hub: Hub, env: dict[str, str]) -> None:
    hub.faults["api"] = [Fault(status=503)]
    done = run_here("models", "pull", "dev", "--json", env=env | {"HF_ENDPOINT": hub.address})
    error = msgspec.json.decode(done.stdout, type=ErrorDocument).error
    assert (done.returncode, error.kind, error.retryable) == (75, "hub_failed", True)
