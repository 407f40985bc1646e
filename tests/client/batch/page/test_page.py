"""The review page as a file: whole, by itself, and deaf to whatever stands in YAML."""

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from kilnmark.client.batch.page.page import PAGE, BatchAtWork, write_page
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.gallery import ENTRIES, EVIL_NAME, make_gallery, picture

REFERENCES = {"href", "src", "srcset", "action", "poster", "data", "data-bare", "formaction", "ping", "background"}


class Seen(HTMLParser):
    """Every tag with its attributes, and the text between each and the next tag of any kind."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        self.texts.append(("", ""))

    def handle_data(self, data: str) -> None:
        if self.texts:
            tag, before = self.texts[-1]
            self.texts[-1] = (tag, before + data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text_of_tags(self) -> list[str]:
        return [words for name, words in self.texts if name]

    def text(self, tag: str) -> list[str]:
        return [words for name, words in self.texts if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gallery")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return make_gallery(folder, 16)


@pytest.fixture(scope="module")
def page(folder: Path, manifest: Manifest) -> str:
    return (folder / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(page: str) -> Seen:
    return Seen(page)


def written(folder: Path, manifest: Manifest) -> Seen:
    return Seen(write_page(folder, manifest).read_text(encoding="utf-8"))


def test_every_reference_is_relative_and_leads_to_a_file_beside_the_page(folder: Path, seen: Seen) -> None:
    named = [(name, value) for _, found in seen.tags for name, value in found.items() if name in REFERENCES]
    addresses = [value for _, value in named if not value.startswith("#")]
    assert len(addresses) > 30
    assert all(address.startswith("./") for address in addresses)
    assert {address for address in addresses if not (folder / unquote(address)).is_file()} <= {"./manifest.json"}


def test_nothing_is_loaded_but_pictures(page: str, seen: Seen) -> None:
    assert not {"link", "iframe", "object", "embed", "base", "video", "audio"} & {tag for tag, _ in seen.tags}
    assert seen.all("script") == [{"type": "application/json", "id": "data"}, {}]
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", page)


def test_the_policy_allows_this_style_and_this_script_and_no_other(seen: Seen) -> None:
    [policy] = [meta["content"] for meta in seen.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    for tag in ("style", "script"):
        content = seen.text(tag)[-1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert not [name for _, found in seen.tags for name in found if name == "style" or name.startswith("on")]


def test_every_picture_has_its_card_with_name_prompt_and_seed(manifest: Manifest, page: str, seen: Seen) -> None:
    cards = [found for found in seen.all("li") if found.get("class", "").startswith("card")]
    assert sorted(int(found["data-place"]) for found in cards) == list(range(len(manifest.pictures)))
    for one in manifest.pictures[:11]:
        assert one.name in seen.text("h3")
        assert one.prompt in seen.text("p")
        assert f'<span class="seed">{one.seed}</span>' in page


def test_what_yaml_says_makes_no_markup(seen: Seen) -> None:
    assert EVIL_NAME in seen.text("h3")
    assert not [found for found in seen.all("img") if "onerror" in found]
    assert len(seen.all("script")) == 2
    assert len(seen.all("template")) == 16


def test_half_a_surrogate_pair_does_not_stop_the_page(page: str) -> None:
    assert "https://example.invalid/ \\ud800" in page


def test_a_dead_adapter_is_told_on_its_card_with_the_reason(seen: Seen) -> None:
    reasons = seen.text("p")
    assert any(words.startswith("felted: all 4 updates are exactly zero") for words in reasons)
    assert any(words.startswith("adapter refused: glasslight: not a safetensors file") for words in reasons)


def test_an_adapter_that_is_far_too_strong_is_told_on_its_card(tmp_path: Path) -> None:
    one = picture(0, ENTRIES[0], (Verdict.ENGAGED, Verdict.ENGAGED))
    strong = msgspec.structs.replace(one.loras[0], usual_scale=0.02, reason="far too strong; at scale 0.02 it is usual")
    seen = written(tmp_path, Manifest(pictures=[msgspec.structs.replace(one, loras=[strong, *one.loras[1:]])]))
    assert [words for words in seen.text("p") if "usual" in words] == [
        f"{strong.name}: {strong.reason}",
        strong.reason,
    ]


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        ({"stack_share": 0.25, "effective_share": 0.5}, "25% of what the stack changes \u00b7 50% of it left beside"),
        (
            {"stack_share": 1.0, "effective_share": 1.0, "quantized_survival": 0.07},
            "\u00b7 7% above the rounding",
        ),
    ],
    ids=["in a stack", "alone on a quantized base"],
)
def test_what_an_adapter_comes_to_stands_among_its_figures(
    tmp_path: Path, measured: dict[str, float], told: str
) -> None:
    one = picture(0, ENTRIES[0], (Verdict.ENGAGED,))
    one = msgspec.structs.replace(one, loras=[msgspec.structs.replace(one.loras[0], **measured)])
    assert told in write_page(tmp_path, Manifest(pictures=[one])).read_text(encoding="utf-8")


def test_a_failure_without_a_report_says_nothing_of_adapters(tmp_path: Path) -> None:
    lost = msgspec.structs.replace(picture(0, ENTRIES[0], ()), status="failed", message="the worker was lost")
    seen = written(tmp_path, Manifest(pictures=[lost]))
    assert "no adapters" not in seen.text("p")
    assert {"the worker was lost", "No report: nothing was painted."} <= set(seen.text("p"))


def test_dead_adapters_come_first(seen: Seen) -> None:
    standings = [found["data-standing"].split()[0] for found in seen.all("li") if "data-standing" in found]
    assert standings[:3] == ["dead"] * 3
    assert standings == sorted(standings, key=["dead", "failed", "partial", "engaged", "bare"].index)


def test_the_filters_count_what_is_there(seen: Seen) -> None:
    standings = Counter(word for found in seen.all("li") for word in found.get("data-standing", "").split())
    counts = zip(seen.all("b"), seen.text("b"), strict=True)
    shown = {found["data-count"]: int(text) for found, text in counts if found.get("data-counts") == "standing"}
    assert shown == {"": 16, **standings}


def test_the_worlds_stand_under_their_genre_and_the_genre_itself_is_one(seen: Seen) -> None:
    assert [found["label"] for found in seen.all("optgroup")] == ["weatherwright"]
    values = [found["value"] for found in seen.all("option")]
    assert {"weatherwright/", "weatherwright/carding_moor", "weatherwright/brine_exchange"} <= set(values)


def test_times_are_told_to_the_minute(page: str, seen: Seen) -> None:
    assert "Manifest written 2026-11-21 14:31 UTC." in page
    assert "2026-11-21 14:00 UTC" in seen.text("dd")


def test_problems_of_the_sources_are_listed_with_file_and_line(seen: Seen) -> None:
    assert "weatherwright/worlds/carding_moor/history.yaml:31" in seen.text("code")


def test_a_file_with_an_odd_name_is_referred_to_and_nothing_else(tmp_path: Path) -> None:
    odd = "javascript:alert(1)?#% \"'.png"
    (tmp_path / odd).touch()
    one = msgspec.structs.replace(picture(0, ENTRIES[0], (Verdict.ENGAGED,)), file=odd, bare_file=None)
    [image] = [found for found in written(tmp_path, Manifest(pictures=[one])).all("img") if "src" in found]
    assert image["src"].startswith("./javascript%3A")
    assert unquote(image["src"]) == f"./{odd}"


def test_a_picture_without_a_file_is_not_shown_as_a_broken_image(tmp_path: Path) -> None:
    seen = written(tmp_path, Manifest(pictures=[picture(0, ENTRIES[0], (Verdict.ENGAGED,))]))
    assert not [found for found in seen.all("img") if "src" in found]
    assert "No picture of The Shearing Steps" in seen.text("span")


def test_an_empty_manifest_makes_a_page_that_says_so(tmp_path: Path) -> None:
    seen = written(tmp_path, Manifest())
    assert "Nothing yet" in seen.text("span")
    assert any("Nothing has been painted here yet" in words for words in seen.text("p"))


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    before = write_page(tmp_path, Manifest()).read_bytes()
    (tmp_path / f".{PAGE}.partial").mkdir()
    with pytest.raises(OSError, match="partial"):
        write_page(tmp_path, Manifest(pictures=[picture(0, ENTRIES[0], ())]))
    assert (tmp_path / PAGE).read_bytes() == before


def headline(seen: Seen) -> str:
    """What stands below the title, as one reads it."""
    return "".join(text for found, text in zip(seen.tags, seen.text_of_tags, strict=True) if found[1].get("id") in HEAD)


HEAD = ("undecided", "decided", "rest")


def test_the_headline_counts_what_is_undecided_first_and_tells_everything_amiss(folder: Path, seen: Seen) -> None:
    assert headline(seen) == (
        "14 undecided of 16 pictures \u00b7 3 with a dead adapter \u00b7 2 failed \u00b7 2 partly engaged"
        " \u00b7 1 problem in the sources"
    )
    assert folder


def test_a_batch_of_which_nothing_could_be_planned_is_not_told_as_well(tmp_path: Path) -> None:
    problem = SourceProblem("ash/history.yaml", 3, "name is missing")
    seen = written(tmp_path, Manifest(problems=[problem]))
    assert headline(seen) == "0 undecided of 0 pictures \u00b7 1 problem in the sources"
    assert any("no entry could be used" in words for words in seen.text("p"))


def test_what_was_decided_counts_and_drafts_and_gone_ones_wait_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    pictures = [picture(number, ENTRIES[number], ()) for number in range(5)]
    pictures[3] = msgspec.structs.replace(pictures[3], gone=True)
    pictures[4] = msgspec.structs.replace(pictures[4], draft=True)
    for one in pictures:
        (tmp_path / one.file).write_bytes(one.name.encode())
    manifest = Manifest(pictures=pictures)
    decide_picture(tmp_path, pictures[0].file, PickWord.ACCEPTED, by="Ada", manifest=manifest)
    seen = written(tmp_path, manifest)
    told = "2 undecided of 5 pictures \u00b7 1 whose entry is gone \u00b7 1 draft"
    assert headline(seen) == told
    shots = page_json(seen)["shots"]
    assert [(shot["gone"], shot["draft"]) for shot in shots] == [(False, False)] * 3 + [(True, False), (False, True)]
    assert [said["by"] for said in shots[0]["said"]] == ["Ada"]


def page_json(seen: Seen) -> dict[str, Any]:
    """The data that the page carries."""
    data: dict[str, Any] = json.loads(seen.text("script")[0])
    return data


def test_a_warning_that_stands_above_with_its_line_is_on_no_card(tmp_path: Path) -> None:
    told = "the prompt has adapters of another program"
    painted = msgspec.structs.replace(picture(0, ENTRIES[0], ()), warnings=[told, "another"], message="x")
    above = SourceProblem("ash/history.yaml", 12, f"Reed Gate: {told}")
    (tmp_path / painted.file).parent.mkdir(parents=True)
    (tmp_path / painted.file).write_bytes(b"a picture")
    page = write_page(tmp_path, Manifest(pictures=[painted], warnings=[above])).read_text()
    assert page.count(told) == 1
    assert '<p class="reason" dir="auto">another</p>' in page


def test_a_warning_of_several_pictures_is_told_once_on_top_and_on_no_card(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    shared, own = "negative_prompt has no effect on this base", "the prompt was cut"
    pictures = [
        msgspec.structs.replace(picture(number, ENTRIES[number], ()), warnings=[shared, *more], message="x")
        for number, more in enumerate(([], [own], []))
    ]
    for one in pictures:
        (tmp_path / one.file).touch()
    seen = written(tmp_path, Manifest(pictures=pictures))
    assert [words.strip() for words in seen.text("li") if shared in words] == [shared]
    assert [words for words in seen.text("p") if words in {shared, own}] == [own]


def test_what_went_wrong_is_told_once_by_its_cause_adapters_first(seen: Seen) -> None:
    seek = [(found["data-seek"], found["data-standing"]) for found in seen.all("button") if "data-seek" in found]
    assert seek == [
        ("glasslight", "dead"),
        ("felted", "dead"),
        ("glasslight", "partial"),
        ("gouache", "partial"),
        ("", "failed"),
    ]


def test_decisions_that_cannot_be_read_are_told_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "picks.yaml").write_text("picks: [3]")
    seen = written(tmp_path, Manifest(pictures=[picture(0, ENTRIES[0], ())]))
    assert any("picks.yaml" in words for words in seen.text("code"))


def test_the_page_of_a_batch_at_work_says_how_far_it_is(tmp_path: Path) -> None:
    write_page(tmp_path, Manifest(), painting=BatchAtWork(37, 136, "it is too hot"))
    seen = Seen((tmp_path / PAGE).read_text(encoding="utf-8"))
    assert "A batch is painting: 37 of 136 ended; the daemon waits: it is too hot." in seen.text("p")
    assert "running" in {found.get("id") for found in seen.all("p")}
    assert "running" not in {found.get("id") for found in written(tmp_path, Manifest()).all("p")}


def test_no_data_makes_markup(page: str, seen: Seen) -> None:
    data = page_json(seen)
    assert EVIL_NAME in {entry["entry"]["name"] for entry in data["entries"]}
    assert "<" not in page.split('id="data">')[1].split("</script>", maxsplit=1)[0]
