"""`loras.yaml`: read wholly or not at all, and what it says of an adapter's bytes."""

import pytest

from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.promoted import GenrePromotions, load_promotions, parse_promoted, unpromoted
from tests.protocol.content.made import Shelf

ONE, OTHER = "a" * 64, "b" * 64

ENTRY = f"""\
  - name: wash
    file: loras/wash.safetensors
    sha256: {ONE}
    kind: style
    base: mini
    verification: {{report: verify.json, sha256: {OTHER}, verdict: passed, thresholds: "1"}}
    signed_by: Ada
    when: 2026-11-28T10:00:00+00:00
"""
EVENT = f"  - {{event: promote, name: wash, sha256: {ONE}, by: Ada, when: '2026-11-28T10:00:00Z'}}\n"
DEMOTION = f"  - {{event: demote, name: wash, sha256: {ONE}, by: Bo, when: '2026-11-29T10:00:00Z', why: it smears}}\n"
WHOLE = f"promoted:\n{ENTRY}history:\n{EVENT}"


def promotions(text: str | None, genre: str = "ink") -> GenrePromotions:
    return load_promotions(Shelf({} if text is None else {f"{genre}/loras.yaml": text}), genre)


def test_what_is_promoted_is_told_by_its_bytes_alone() -> None:
    ink = promotions(WHOLE)
    assert unpromoted([ink], "/anywhere/else.safetensors", ONE, "/packs") == ""
    assert unpromoted([ink], "/packs/ink/loras/wash.safetensors", OTHER, "/packs") == (
        "is not promoted in ink: sha256 bbbbbbbbbbbb... is not what 'wash' was promoted with (aaaaaaaaaaaa...); "
        "promote it with `kilnmark lab promote /packs/ink/loras/wash.safetensors --run RUN --genre ink --packs /packs "
        "--signed-by NAME`"
    )


def test_what_was_demoted_says_by_whom_and_why() -> None:
    said = unpromoted([promotions(f"promoted: []\nhistory:\n{EVENT}{DEMOTION}")], "/a file", ONE, None)
    assert said == (
        "is not promoted in ink: sha256 aaaaaaaaaaaa... was demoted by Bo at 2026-11-29T10:00:00Z (it smears); "
        "promote it with `kilnmark lab promote '/a file' --run RUN --genre ink --packs DIR --signed-by NAME`"
    )


def test_without_a_manifest_nothing_is_promoted() -> None:
    assert "stands nowhere, since there is no ink/loras.yaml" in unpromoted([promotions(None)], "/x", ONE, "/p")


def test_any_of_several_genres_may_have_it_and_the_command_names_the_one_it_lies_in() -> None:
    ink, oil = promotions(WHOLE), promotions(None, "oil")
    assert unpromoted([oil, ink], "/x", ONE, "/p") == ""
    lies_in_oil, lies_in_none = (unpromoted([ink, oil], path, OTHER, "/p") for path in ("/p/oil/x", "/x"))
    assert "in any genre of these packs" in lies_in_oil
    assert "--genre oil" in lies_in_oil
    assert "does not stand in ink/loras.yaml; promote it" in lies_in_none
    assert "--genre GENRE" in lies_in_none


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (WHOLE.replace(ONE, ONE[1:], 1), "4: promoted[0].sha256: is no SHA-256; write 64 digits"),
        (WHOLE.replace("28T10", "28 10", 1), "9: promoted[0].when: is no time with its zone"),
        (WHOLE.replace("signed_by: Ada", "signed_by: ''"), "8: promoted[0].signed_by: is blank"),
        (WHOLE.replace("    base: mini\n", ""), "2: promoted[0].base: is missing; add `base: ...`"),
        (WHOLE.replace("kind: style", "kind: art"), "5: promoted[0].kind: is \"art\"; input should be 'style' or"),
        (WHOLE.replace("    base:", "    bass: 1\n    base:"), "6: promoted[0].bass: is no field here; remove it"),
        (f"promoted:\n{ENTRY}", "4: promoted[0].sha256: stands in no event of `history`; let `kilnmark lab promote`"),
        (WHOLE + DEMOTION, "4: promoted[0].sha256: was demoted, as `history` has it"),
        (f"promoted:\n{ENTRY}{ENTRY}history:\n{EVENT}", "10: promoted[1].name: 'wash' is a name already, of entry 0"),
        (
            f"promoted:\n{ENTRY}{ENTRY.replace('wash', 'moss')}history:\n{EVENT}",
            "12: promoted[1].sha256: are the bytes of entry 0 already",
        ),
        ("[", "1: is not YAML"),
        ("", "1: is empty"),
        (WHOLE + "promoted: []\n", "12: promoted: stands twice, first on line 1; keep one"),
    ],
)
def test_a_broken_manifest_is_no_manifest(text: str, problem: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        parse_promoted(text.encode(), "ink/loras.yaml")
    assert str(refused.value.problems[0]).startswith(f"ink/loras.yaml:{problem}")


def test_one_that_cannot_be_read_is_none_either() -> None:
    class Locked(Shelf):
        def read(self, path: str) -> bytes | None:
            raise PermissionError(13, "Permission denied", path)

    with pytest.raises(UnusableContent, match=r"ink/loras.yaml: cannot be read \(Permission denied\)"):
        load_promotions(Locked({}), "ink")
