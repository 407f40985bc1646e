"""Captions by kind: a style's are the bare trigger or none, a subject's the trigger and a description."""

from collections.abc import Iterable

import pytest

from kilnmark.lab.dataset.captions import caption_findings, trigger_of, uncaptioned
from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.pairing import CaptionedPicture
from kilnmark.lab.run.plan import LoraKind

DESCRIBED = "a photo of zxdog lying on a red sofa in the evening"


def _pictures(captions: Iterable[str | None]) -> list[CaptionedPicture]:
    named = ((f"{at}.png", caption, "" if caption is None else f"{at}.txt") for at, caption in enumerate(captions))
    return [CaptionedPicture(*each) for each in named]


def _found(kind: LoraKind, trigger: str, *captions: str | None) -> dict[Code, tuple[str, ...]]:
    return {finding.code: finding.files for finding in caption_findings(kind, trigger, _pictures(captions))}


def test_a_style_of_bare_triggers_is_good() -> None:
    assert _found("style", "zxink", "zxink", "zxink") == {}


def test_a_styles_trigger_may_have_several_words() -> None:
    assert _found("style", "zx ink  wash", "zx ink wash", "zx ink wash") == {}


@pytest.mark.parametrize("other", ["zxink, a castle", "a castle", "Zxink", "zxink.", "zxink zxink", "zxink\u200b"])
def test_any_other_word_in_a_styles_caption_is_refused_with_its_file(other: str) -> None:
    assert _found("style", "zxink", "zxink", other, "zxink") == {Code.OTHER_WORDS: ("1.txt",)}


def test_a_style_whose_captions_differ_without_a_trigger_named_names_all() -> None:
    assert _found("style", "", "a castle", "a dog") == {Code.OTHER_WORDS: ("0.txt", "1.txt")}


def test_one_word_that_is_every_caption_is_taken_for_the_trigger_and_told() -> None:
    assert _found("style", "", "zxink", "zxink") == {Code.TRIGGER_TAKEN: ()}
    assert trigger_of("style", "", _pictures(["zxink", "zxink"])) == "zxink"


def test_a_sentence_that_is_every_caption_has_to_be_named_as_the_trigger() -> None:
    assert _found("style", "", "in my style", "in my style") == {Code.TRIGGER_NOT_NAMED: ()}
    assert _found("style", "in my style", "in my style", "in my style") == {}
    assert trigger_of("style", "", _pictures(["in my style"])) == ""


@pytest.mark.parametrize("captions", [(None, None), ("", "")])
def test_a_style_without_any_caption_is_good_and_told(captions: tuple[str | None, ...]) -> None:
    assert _found("style", "zxink", *captions) == {Code.NO_CAPTIONS: ()}
    assert _found("style", "", *captions) == {Code.NO_CAPTIONS: ()}
    assert uncaptioned(_pictures(captions))


def test_a_style_with_captions_for_some_is_refused() -> None:
    assert _found("style", "zxink", "zxink", None, "") == {
        Code.WITHOUT_CAPTION: ("1.png",),
        Code.EMPTY_CAPTION: ("2.txt",),
    }


def test_captions_that_cannot_be_read_are_not_none() -> None:
    assert not uncaptioned([CaptionedPicture("a.png", None, "a.txt")])


def test_a_subject_that_is_described_is_good() -> None:
    assert _found("subject", "zxdog", DESCRIBED, "zxdog runs along a beach") == {}


def test_a_subject_without_a_trigger_is_refused() -> None:
    assert _found("subject", "", DESCRIBED) == {Code.TRIGGER_NOT_NAMED: ()}


def test_a_subject_without_captions_is_refused() -> None:
    assert _found("subject", "zxdog", None, None) == {Code.WITHOUT_CAPTION: ("0.png", "1.png")}


@pytest.mark.parametrize("caption", ["a dog on a red sofa", "zxdoggy lies on a sofa", "a zxdog2 on a sofa"])
def test_a_subjects_caption_without_the_trigger_as_a_word_is_refused(caption: str) -> None:
    assert _found("subject", "zxdog", DESCRIBED, caption) == {Code.TRIGGER_MISSING: ("1.txt",)}


def test_other_capitals_are_another_trigger() -> None:
    assert _found("subject", "zxdog", DESCRIBED, "ZXDOG lies on the grass") == {Code.TRIGGER_SPELLED: ("1.txt",)}


@pytest.mark.parametrize("caption", ["zxdog", "zxdog dog", "photo of zxdog", "zxdog."])
def test_a_bare_trigger_describes_no_subject(caption: str) -> None:
    assert _found("subject", "zxdog", DESCRIBED, caption) == {Code.NO_DESCRIPTION: ("1.txt",)}


@pytest.mark.parametrize("caption", ["zxdog在红色的沙发上睡觉", "一张zxdog坐在草地上的照片"])
def test_a_description_needs_no_spaces(caption: str) -> None:
    assert _found("subject", "zxdog", DESCRIBED, caption) == {}


def test_a_list_of_tags_is_told_and_not_refused() -> None:
    assert _found("subject", "zxdog", DESCRIBED, "zxdog, sofa, red, indoors, evening, lying") == {
        Code.TAG_LIST: ("1.txt",)
    }


def test_commas_of_a_sentence_make_no_tags() -> None:
    sentence = "zxdog lies on a sofa, eyes closed, with a bone beside it, a lamp behind, and snow outside the window"
    assert _found("subject", "zxdog", sentence, DESCRIBED) == {}


def test_one_description_for_all_pictures_is_told() -> None:
    same = ["a photo of zxdog on a sofa"] * 4
    assert set(_found("subject", "zxdog", *same)) == {Code.SAME_DESCRIPTION}


def test_captions_of_a_list_are_named_by_their_pictures() -> None:
    pictures = [CaptionedPicture(f"{at}.png", "a dog", "train.jsonl") for at in range(2)]
    (finding,) = caption_findings("style", "zxink", pictures)
    assert finding.files == ("0.png", "1.png")
