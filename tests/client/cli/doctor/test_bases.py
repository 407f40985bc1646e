"""The bases: there or not, whole or not, given to this user or not, and whether they fit into memory."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.doctor.bases import _published, look_at_bases
from kilnmark.client.cli.doctor.observation import Health
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.client.cli.doctor.patients import CPU, healths, patient, the_one
from tests.directories import write_directory, write_small_klein, write_tokenizers

OK, WARNING, FAULT = Health.OK, Health.WARNING, Health.FAULT


def test_the_standin_needs_nothing(tmp_path: Path) -> None:
    assert healths(look_at_bases(patient(tmp_path))) == [OK, OK]


def test_a_directory_is_told_with_its_size_on_disk_and_in_memory(tmp_path: Path) -> None:
    base = write_directory(tmp_path / "base", guided=True)
    found = list(look_at_bases(patient(tmp_path, variant="dev", bases={"dev": str(base)})))
    assert healths(found) == [OK, OK]
    assert f"on disk in {base}" in found[0].found


def test_a_directory_that_is_no_whole_base_is_a_fault(tmp_path: Path) -> None:
    base = write_directory(tmp_path / "base", guided=True)
    (base / "vae" / "0.safetensors").unlink()
    found = the_one(look_at_bases(patient(tmp_path, variant=str(base))), FAULT)
    assert "vae" in found.found


def test_a_directory_that_is_another_variant_than_its_name_says_is_a_fault(tmp_path: Path) -> None:
    base = write_directory(tmp_path / "base", guided=False)
    assert "lacks" in the_one(look_at_bases(patient(tmp_path, variant="dev", bases={"dev": str(base)})), FAULT).found


def test_what_was_fetched_before_is_on_this_machine(tmp_path: Path) -> None:
    fetched = tmp_path / "hf" / "hub" / "models--black-forest-labs--FLUX.1-dev" / "snapshots" / VARIANTS["dev"].revision
    write_directory(fetched, guided=True)
    write_tokenizers(fetched, VARIANTS["dev"])
    found = list(look_at_bases(patient(tmp_path, variant="dev")))
    assert healths(found) == [OK, OK]
    assert str(fetched) in found[0].found


def test_what_was_fetched_in_part_is_not_taken_for_whole(tmp_path: Path) -> None:
    fetched = tmp_path / "hf" / "hub" / "models--black-forest-labs--FLUX.1-dev" / "snapshots" / VARIANTS["dev"].revision
    write_directory(fetched, guided=True)
    write_tokenizers(fetched, VARIANTS["dev"])
    (fetched / "text_encoder_2" / "0.safetensors").write_bytes(b"\x10")
    told = the_one(look_at_bases(patient(tmp_path, variant="dev")), WARNING)
    assert "dev is on this machine in part (" in told.found
    assert "text_encoder_2" in told.found
    assert "`kilnmark models pull dev`" in told.mend


def licence(home: Path, *, online: bool = False, **env: str) -> tuple[Health, str]:
    looked = look_at_bases(patient(home, variant="dev", quantize=4, online=online, env=env))
    (found,) = (each for each in looked if each.about == "licence")
    return found.health, f"{found.found}; {found.mend}"


def test_a_gated_base_without_a_token_is_a_fault_that_says_how_to_get_one(tmp_path: Path) -> None:
    health, words = licence(tmp_path)
    assert health is FAULT
    assert "accept the licence at https://huggingface.co/black-forest-labs/FLUX.1-dev" in words
    assert "hf auth login" in words


def test_a_token_is_found_and_never_shown_and_nobody_is_asked(tmp_path: Path) -> None:
    assert licence(tmp_path, HF_TOKEN="hf_secret", HF_ENDPOINT="http://127.0.0.1:9")[0] is OK
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_secret\n")
    health, words = licence(tmp_path)
    assert (health, "hf_secret" in words, str(tmp_path / "hf" / "token") in words) == (OK, False, True)


@pytest.mark.parametrize("name", [name for name, row in VARIANTS.items() if row.repository])
def test_every_variant_that_is_fetched_says_from_where_and_whether_its_licence_comes_first(
    tmp_path: Path, name: str
) -> None:
    found = list(look_at_bases(patient(tmp_path, variant=name, quantize=4)))
    assert VARIANTS[name].repository in the_one(found, WARNING).found
    assert ("licence" in {each.about for each in found}) is VARIANTS[name].gated


def test_what_comes_with_the_program_is_here_or_the_installation_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilnmark.keymaps.files.shipped.files", lambda _: tmp_path)
    found = the_one(look_at_bases(patient(tmp_path, variant="mini")), FAULT)
    assert found.found.startswith("mini comes with kilnmark and is not whole here: ")
    assert found.mend == "install kilnmark anew"
    write_small_klein(tmp_path / "models" / "mini")
    here, memory = look_at_bases(patient(tmp_path, variant="mini"))
    assert here.found == f"mini comes with kilnmark and is here, 0 MB in {tmp_path / 'models' / 'mini'}"
    assert (here.health, memory.health) == (OK, OK)


def test_a_variant_that_its_family_fetches_from_anywhere_is_told_as_that(tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(VARIANTS["dev"], repository="")
    (found, memory) = _published(patient(tmp_path, variant="dev", quantize=4), nowhere)
    assert "does not say from where" in found.found
    assert "memory" in memory.found


@contextmanager
def hub(status: int, asked: list[tuple[str, str | None]]) -> Iterator[str]:
    """One that answers everything so."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(status if len(asked) == 1 else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(30)


@pytest.mark.parametrize(
    ("status", "health", "words"),
    [(200, OK, "gives"), (401, FAULT, "not valid"), (403, FAULT, "accept the licence"), (503, WARNING, "later")],
)
def test_asked_for_it_the_hub_says_whether_it_gives_the_base(
    tmp_path: Path, status: int, health: Health, words: str
) -> None:
    asked: list[tuple[str, str | None]] = []
    with hub(status, asked) as address:
        found = licence(tmp_path, online=True, HF_TOKEN="hf_secret", HF_ENDPOINT=address)
    assert asked == [("/api/models/black-forest-labs/FLUX.1-dev/auth-check", "Bearer hf_secret")]
    assert found[0] is health
    assert words in found[1]


def test_a_token_is_sent_nowhere_else(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []
    with hub(302, asked) as address:
        licence(tmp_path, online=True, HF_TOKEN="hf_secret", HF_ENDPOINT=address)
    assert asked[1:] == [("/elsewhere", None)]


def test_a_hub_that_cannot_be_reached_is_a_warning(tmp_path: Path) -> None:
    assert licence(tmp_path, online=True, HF_TOKEN="x", HF_ENDPOINT="http://127.0.0.1:9")[0] is WARNING
    assert licence(tmp_path, online=True, HF_TOKEN="x", HF_ENDPOINT="file:///etc")[0] is FAULT


def test_what_may_not_be_fetched_is_a_fault(tmp_path: Path) -> None:
    found = look_at_bases(patient(tmp_path, variant="dev", quantize=4, env={"HF_HUB_OFFLINE": "1"}))
    assert "HF_HUB_OFFLINE" in the_one(found, FAULT).found


def test_a_base_too_large_for_the_memory_is_a_fault_with_the_bits_that_fit(tmp_path: Path) -> None:
    looked = [each for each in look_at_bases(patient(tmp_path, variant="dev")) if "memory" in each.found]
    found = the_one(looked, FAULT)
    assert "dev takes 67 GB of memory, and 34 GB" in found.found
    assert "`--quantize 8` (19 GB)" in found.mend
    assert CPU.base_bytes == 34 * 10**9


@pytest.mark.parametrize("name", [name for name, row in VARIANTS.items() if row.made_up])
def test_memory_that_was_said_too_small_for_what_is_made_up_is_a_fault_that_fewer_bits_do_not_mend(
    tmp_path: Path, name: str
) -> None:
    found = the_one(look_at_bases(patient(tmp_path, variant=name, base_memory=10**6)), FAULT)
    assert found.found.startswith(f"{name} takes ")
    assert found.found.endswith(" of memory, and 1 MB are there for bases")
    assert found.mend == "raise base_memory (--base-memory), or another base"


def test_a_machine_too_small_for_what_is_made_up_is_told_as_that(tmp_path: Path) -> None:
    small = msgspec.structs.replace(CPU, base_bytes=100 * 10**6)
    found = the_one(look_at_bases(patient(tmp_path, engine=small)), FAULT)
    assert found.found == "standin takes 143 MB of memory, and 100 MB are there for bases"
    assert found.mend == "take a machine with more memory, or another base"
