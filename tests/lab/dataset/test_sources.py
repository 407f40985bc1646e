"""Where pictures come from: told by entries, patterns, folders or prefixes, and by nothing else."""

import pytest

from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.pairing import CaptionedPicture
from kilnmark.lab.dataset.sources import source_findings, sources_of
from kilnmark.lab.run.plan import SourcePlan


def _told(*names: str, sources: tuple[str, ...] = (), plan: tuple[SourcePlan, ...] = ()) -> dict[str, float] | None:
    every = sources or ("",) * len(names)
    pictures = [CaptionedPicture(name, "zx", "", source) for name, source in zip(names, every, strict=True)]
    return {source.name: source.share for source in sources_of(pictures, plan)}


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        (("ada/1.png", "ada/2.png", "bo/1.png", "bo/2.png"), {"ada": 0.5, "bo": 0.5}),
        (("1.png", "ada/2.png", "ada/3.png", "ada/4.png"), {"ada": 0.75, "(others)": 0.25}),
        (("ada-01.png", "ada-02.png", "ada-03b.png", "bo (1).png"), {"ada": 0.75, "bo": 0.25}),
        (("IMG_0001.png", "IMG_0002.png"), {}),
        (("0001.png", "0002.png"), {}),
        (("house.png", "tree.png", "river.png", "dog.png", "cat.png"), {}),
    ],
)
def test_sources_are_told_by_folders_and_prefixes(names: tuple[str, ...], shares: dict[str, float]) -> None:
    assert _told(*names) == shares


def test_a_source_that_the_dataset_names_goes_first() -> None:
    assert _told("ada/1.png", "bo/1.png", sources=("Cy", "Cy")) == {"Cy": 1.0}


def test_patterns_of_the_run_go_before_folders() -> None:
    plan = (SourcePlan(name="Dee", files="*/1*"),)
    assert _told("ada/1.png", "bo/1.png", "bo/2.png", "bo/3.png", plan=plan) == {"Dee": 0.5, "(others)": 0.5}


def test_too_much_of_one_is_warned_of_and_nothing_told_is_said() -> None:
    pictures = [
        CaptionedPicture(f"{source}/{at}.png", "zx") for source, count in (("a", 3), ("b", 4)) for at in range(count)
    ]
    (finding,) = source_findings(sources_of(pictures), 0.4)
    assert (finding.code, "57%" in finding.said) == (Code.ONE_SOURCE, True)
    assert not list(source_findings(sources_of(pictures), 0.6))
    assert [each.code for each in source_findings((), 0.4)] == [Code.SOURCES_UNKNOWN]
