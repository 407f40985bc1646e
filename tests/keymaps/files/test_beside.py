"""The config beside an adapter file: whose it is, what may be read, and what a change of it changes."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from kilnmark.client.batch.plan.adapters import Hashes
from kilnmark.keymaps.errors import OutsideRoots, RefusedFile, UnsafeFile
from kilnmark.keymaps.files.beside import CONFIG, config_beside, located
from kilnmark.keymaps.files.finder import AdapterFinder
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.keymaps.files.safefile import CONFIG_LIMIT, read_config, read_file, read_header
from kilnmark.keymaps.zoo.write import make_adapter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """PEFT's folder, without the config."""
    folder = tmp_path / "loras" / "ink"
    folder.mkdir(parents=True)
    return make_adapter(folder / "adapter_model.safetensors", blocks=1, rank=1)


def write_config(folder: Path, **fields: object) -> Path:
    path = folder / CONFIG
    path.write_text(json.dumps({"peft_type": "LORA", "r": 1, "lora_alpha": 4, **fields}))
    return path


def in_cache_of_hub(file: Path) -> Path:
    """The link that huggingface_hub makes of a file, with one of a config beside it."""
    snapshot = file.parents[2] / "loras" / "snapshot"
    snapshot.mkdir()
    (snapshot / file.name).symlink_to(file)
    (snapshot / CONFIG).symlink_to(write_config(file.parents[1]))
    return snapshot / file.name


def test_a_file_alone_is_known_by_its_own_hash_and_real_path(file: Path) -> None:
    link = file.with_name("link.safetensors")
    link.symlink_to(file)
    assert read_file(link).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (located(link), read_file(link).path, read_file(link).config) == (file, str(file), None)


def test_with_another_config_it_is_another_adapter_to_reports_and_batches_alike(file: Path) -> None:
    seen = {read_file(file).sha256, *(_hash_with(file, lora_alpha=alpha) for alpha in (2, 4))}
    assert len(seen) == 3
    assert Hashes().of(str(file)) == read_file(file).sha256


def _hash_with(file: Path, **fields: object) -> str:
    write_config(file.parent, **fields)
    return read_file(file).sha256


def test_a_link_beside_a_config_keeps_its_name(file: Path) -> None:
    link, roots = in_cache_of_hub(file), [file.parents[2]]
    [found] = AdapterFinder(roots).sent(["loras/snapshot/adapter_model.safetensors"]).found
    assert (found.path, located(link, roots), located(found.path, roots)) == (str(link), link, link)
    read = read_file(found.path, roots)
    assert (read.path, read.config is not None and read.config.path) == (str(link), str(file.parents[1] / CONFIG))
    assert read_header(link).path == str(link)
    [beside] = AdapterFinder(roots).named([(link.name, link.parent)]).found
    assert beside == (str(link), "")


def test_a_config_is_that_of_pefts_own_file_where_there_is_one(file: Path) -> None:
    other = make_adapter(file.with_name("other.safetensors"), blocks=1, rank=1)
    config = str(write_config(file.parent))
    assert (config_beside(file), config_beside(other)) == (config, None)
    file.unlink()
    assert config_beside(other) == config


def test_a_change_of_the_config_changes_the_identity(file: Path) -> None:
    seen = [FileIdentity.of_adapter(str(file))]
    config = write_config(file.parent)
    seen.append(FileIdentity.of_adapter(str(file)))
    config.write_text(config.read_text() + " ")
    seen.append(FileIdentity.of_adapter(str(file)))
    assert len(set(seen)) == 3
    assert FileIdentity.of_adapter(str(file)) == seen[-1]
    config.unlink()
    assert FileIdentity.of_adapter(str(file)) == seen[0]


def test_a_fresh_config_leaves_the_identity_unsettled(file: Path) -> None:
    later = FileIdentity.of(str(file)).ctime_ns + 60_000_000_000
    assert FileIdentity.of_adapter(str(file)).is_settled(later)
    write_config(file.parent)
    whole = FileIdentity.of_adapter(str(file))
    assert whole.beside is not None
    assert whole.is_settled(whole.beside.ctime_ns + 60_000_000_000)
    assert not whole.is_settled(whole.beside.ctime_ns)


def test_a_link_is_seen_as_what_it_leads_to(file: Path) -> None:
    link = in_cache_of_hub(file)
    found = FileIdentity.of_adapter(str(link))
    assert (found.path, found.inode) == (str(link), file.stat().st_ino)
    assert found.beside is not None
    assert found.beside.inode == (file.parents[1] / CONFIG).stat().st_ino


def as_pipe(config: Path) -> None:
    os.mkfifo(config)


def as_folder(config: Path) -> None:
    config.mkdir()


def too_large(config: Path) -> None:
    config.write_bytes(b" " * (CONFIG_LIMIT + 1))


def as_broken_link(config: Path) -> None:
    config.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (as_pipe, "is a pipe"),
        (as_folder, "is a directory"),
        (too_large, "more than the 1048576 allowed"),
        (as_broken_link, "is a link to a file that is not there"),
    ],
)
@pytest.mark.parametrize("read", [read_file, read_header, read_config])
def test_a_config_that_is_no_small_file_refuses_the_adapter(
    file: Path, spoil: object, words: str, read: object
) -> None:
    assert callable(spoil)
    assert callable(read)
    spoil(file.parent / CONFIG)
    with pytest.raises(RefusedFile, match=words) as caught:
        read(file)
    assert CONFIG in str(caught.value)


def test_a_config_outside_the_roots_is_not_read(file: Path, tmp_path: Path) -> None:
    secret = write_config(tmp_path)
    (file.parent / CONFIG).symlink_to(secret)
    roots = [tmp_path / "loras"]
    with pytest.raises(OutsideRoots):
        read_file(file, roots)
    assert "outside the adapter roots" in AdapterFinder(roots).named([(file.name, file.parent)]).problems[0]


def test_a_link_outside_the_roots_is_known_by_the_file(file: Path, tmp_path: Path) -> None:
    inside = tmp_path / "loras" / "blobs"
    inside.mkdir()
    kept = file.rename(inside / file.name)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / file.name).symlink_to(kept)
    write_config(outside)
    assert located(outside / file.name, [tmp_path / "loras"]) == kept


def test_a_config_exchanged_while_it_is_read_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(file.parent)
    real = os.readv

    def changing(descriptor: int, buffers: list[memoryview]) -> int:
        config.write_text("{}")
        return real(descriptor, buffers)

    monkeypatch.setattr(os, "readv", changing)
    with pytest.raises(UnsafeFile, match="while it was read"):
        read_config(file)


def test_a_link_to_a_link_beside_a_config_is_known_by_the_one_that_the_config_stands_beside(
    file: Path, tmp_path: Path
) -> None:
    """As where people link files of the hub's cache into the folder of their adapters."""
    in_cache = in_cache_of_hub(file)
    mine = tmp_path / "loras" / "mine" / "mine.safetensors"
    mine.parent.mkdir()
    mine.symlink_to(in_cache)
    further = mine.with_name("further.safetensors")
    further.symlink_to("mine.safetensors")
    for link in (mine, further):
        for roots in (None, [tmp_path / "loras", file.parents[1]]):
            assert located(link, roots) == in_cache
            assert read_file(link, roots).sha256 == read_file(in_cache).sha256 != read_file(file).sha256


def test_a_config_that_is_no_file_says_what_to_do_about_the_config(file: Path) -> None:
    file.with_name(CONFIG).mkdir()
    with pytest.raises(UnsafeFile, match=r"is a directory; leave nothing but PEFT's config"):
        read_file(file)


def test_a_part_in_the_cache_of_the_hub_keeps_the_name_that_says_so(file: Path, tmp_path: Path) -> None:
    blob = file.rename(file.with_name("0123abcd"))
    link = tmp_path / "loras" / "adapter-00001-of-00002.safetensors"
    link.symlink_to(blob)
    [found] = AdapterFinder([tmp_path / "loras"]).named([(link.name, link.parent)]).found
    assert found == (str(link), "")
    whole, part = read_file(blob), read_file(link)
    assert (part.path, part.config) == (str(link), None)
    assert whole.sha256 == hashlib.sha256(blob.read_bytes()).hexdigest() != part.sha256 == Hashes().of(str(link))
    assert FileIdentity.of_adapter(str(link)).inode == FileIdentity.of_adapter(str(blob)).inode
