"""The judgement: every rule with its sentence, which goes first where several hold, and what more evidence can do."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kilnmark.protocol.picture.beside import Cancellation, LayersBeside
from kilnmark.protocol.picture.evidence import Evidence, Thresholds
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge

HEALTHY = Evidence(
    total_key_count=10,
    matched_key_count=10,
    target_count=5,
    applied_target_count=5,
    delta_ratio=0.1,
    probe_divergence=0.2,
)
ALONE = "take another checkpoint, or export without these layers if they are meant to be left alone"
LIMITS = Thresholds(
    vanishing_ratio=1e-6,
    unchanged_divergence=1e-6,
    invisible_divergence=1e-3,
    overwhelming_ratio=0.5,
    usual_ratio=0.05,
)
WORST_FIRST = [Verdict.REFUSED, Verdict.NOOP, Verdict.PARTIAL, Verdict.ENGAGED]
SELF, OTHERS = (
    Cancellation(("ink", "ink"), (1.0, -1.0), one_file=True),
    Cancellation(("ink", "ash"), (1.0, -0.5), False),
)
UNDONE = LayersBeside(3, ("a.q", "a.k", "b.q"), ("attention",), ("ash", "oak"))

RULES: dict[str, tuple[dict[str, object], Verdict, str]] = {
    "refused": ({"refusal": "/a: no file; give one"}, Verdict.REFUSED, "/a: no file; give one"),
    "no key known": (
        {"applied_target_count": 0, "unmatched_key_count": 10, "first_unmatched_key": "odd"},
        Verdict.NOOP,
        (
            "no key was recognised (10 unknown, first 'odd'): the file is in an unknown convention or made for another "
            "model"
        ),
    ),
    "no key known, but like others": (
        {
            "applied_target_count": 0,
            "unmatched_key_count": 10,
            "first_unmatched_key": "odd",
            "nearest": "nearest is kohya",
        },
        Verdict.NOOP,
        "no key was recognised (10 unknown, first 'odd'): nearest is kohya",
    ),
    "all left out": (
        {"applied_target_count": 0, "ignored_key_count": 10, "ignored_for": "text encoder"},
        Verdict.NOOP,
        "all 10 keys were knowingly left out (text encoder), so nothing was applied",
    ),
    "empty": ({"applied_target_count": 0}, Verdict.NOOP, "the file holds no tensors that change a layer"),
    "scale 0": (
        {"scale": 0.0},
        Verdict.NOOP,
        "scale is 0, so the adapter changes nothing; give it another scale or leave it out",
    ),
    "all zero": (
        {"zero_target_count": 5},
        Verdict.NOOP,
        (
            "all 5 updates are exactly zero: the file was saved before training, or its weights were lost; "
            "train or export it again"
        ),
    ),
    "all lost": (
        {"zero_target_count": 3, "vanished_target_count": 2},
        Verdict.NOOP,
        (
            "the update is too small for the compute precision and vanishes; raise the scale or use a base of higher "
            "precision"
        ),
    ),
    "faint": (
        {"delta_ratio": 0.9e-6},
        Verdict.NOOP,
        (
            "the update is too small for the compute precision and vanishes; raise the scale or use a base of higher "
            "precision"
        ),
    ),
    "faint without a base": (
        {"delta_ratio": None, "typical_ratio": 0.9e-6},
        Verdict.NOOP,
        (
            "the update, 9.0e-07 times the size of a typical base's weights, is too small to survive on any base; "
            "train or export it again"
        ),
    ),
    "lost without a base": (
        {"delta_ratio": None, "vanished_target_count": 5},
        Verdict.NOOP,
        "the update is too small to survive on any base; train or export it again",
    ),
    "cancelled by itself": (
        {"cancelled": SELF},
        Verdict.NOOP,
        "cancelled by the same file in this stack, whose scales [1.0, -1.0] add up to nothing",
    ),
    "cancelled by another": (
        {"cancelled": OTHERS},
        Verdict.NOOP,
        "cancelled within this stack: ink, ash at scales [1.0, -0.5] add up to nothing",
    ),
    "arrives nowhere": (
        {"probe_divergence": 3.21e-7},
        Verdict.NOOP,
        (
            "a forward pass with it differs by 3.2e-07 from one without, which is nothing; "
            "raise the scale, or train it again"
        ),
    ),
    "undone on most layers": (
        {"undone": UNDONE},
        Verdict.PARTIAL,
        (
            "on 3 of its 5 layers it is undone by ash and oak (all of attention; first 'a.q', 'a.k', 'b.q'); "
            "take one of them out of the stack, or give it another scale"
        ),
    ),
    "unknown keys": (
        {"unmatched_key_count": 3, "first_unmatched_key": "odd.key"},
        Verdict.PARTIAL,
        "3 of 10 keys are unknown, first 'odd.key'; the file holds more than was applied",
    ),
    "missing layers": (
        {"applied_target_count": 4},
        Verdict.PARTIAL,
        "1 of the 5 layers the file names could not be changed",
    ),
    "dead layers": (
        {"zero_target_count": 1, "vanished_target_count": 1, "first_zero_target": "x.y"},
        Verdict.PARTIAL,
        f"2 of 5 updates are zero or too small to change a weight, first 'x.y'; {ALONE}",
    ),
    "engaged": ({}, Verdict.ENGAGED, "10 of 10 keys changed 5 layers"),
}
"""In order of precedence."""


def evidence(*changes: dict[str, object]) -> Evidence:
    return msgspec.structs.replace(HEALTHY, **{name: value for each in changes for name, value in each.items()})


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_its_verdict_and_its_sentence(rule: str) -> None:
    changes, verdict, reason = RULES[rule]
    judged = judge(evidence(changes), LIMITS)
    assert (judged.verdict, judged.reason) == (verdict, reason)


@pytest.mark.parametrize(("first", "second"), list(pairwise(RULES)))
def test_where_two_rules_hold_the_one_that_makes_less_of_it_goes_first(first: str, second: str) -> None:
    changes, verdict, reason = RULES[first]
    judged = judge(evidence(RULES[second][0], changes), LIMITS)
    assert judged.verdict is verdict
    assert judged.reason.split("(")[0] == reason.split("(")[0]


@pytest.mark.parametrize("scale", [-0.0, 0.0])
def test_both_zeros_are_a_scale_of_zero(scale: float) -> None:
    assert judge(evidence({"scale": scale})).reason.startswith("scale is 0")


@pytest.mark.parametrize("scale", [-0.5, 1e-30])
def test_the_scale_alone_accuses_nothing_else(scale: float) -> None:
    assert judge(evidence({"scale": scale}), LIMITS).verdict is Verdict.ENGAGED


def test_keys_knowingly_left_out_are_told_of_an_engaged_adapter() -> None:
    judged = judge(evidence({"ignored_key_count": 2, "matched_key_count": 8}))
    assert judged.reason == "8 of 10 keys changed 5 layers; 2 keys knowingly left out"


def test_without_thresholds_no_measured_number_accuses() -> None:
    assert judge(evidence({"delta_ratio": 0.0, "probe_divergence": 0.0})).verdict is Verdict.ENGAGED


def test_what_was_not_measured_accuses_nothing() -> None:
    assert judge(evidence({"delta_ratio": None, "probe_divergence": None}), LIMITS).verdict is Verdict.ENGAGED


@pytest.mark.parametrize("number", ["delta_ratio", "probe_divergence"])
def test_a_threshold_itself_is_enough(number: str) -> None:
    assert judge(evidence({number: 1e-6}), LIMITS).verdict is Verdict.ENGAGED


@pytest.mark.parametrize(
    ("rule", "noted"), [("engaged", True), ("unknown keys", True), ("faint", True), ("refused", False)]
)
def test_notes_stand_behind_what_is_said_of_the_file(rule: str, noted: bool) -> None:
    changes, _, reason = RULES[rule]
    judged = judge(evidence(changes, {"notes": ("alpha is 0", "it is old")}), LIMITS)
    assert judged.reason == (f"{reason}; alpha is 0; it is old" if noted else reason)


@pytest.mark.parametrize(
    ("changes", "changed"),
    [({}, 5), ({"zero_target_count": 2, "vanished_target_count": 1}, 2), ({"zero_target_count": 5}, 0)]
    + [({"undone": UNDONE}, 2), ({"undone": LayersBeside(2, ("a", "b"), (), ("ash",)), "zero_target_count": 1}, 2)]
    + [(RULES[rule][0], 0) for rule, (_, verdict, _) in RULES.items() if verdict in (Verdict.NOOP, Verdict.REFUSED)],
)
def test_only_layers_that_differ_from_the_base_count_as_changed(changes: dict[str, object], changed: int) -> None:
    judged = judge(evidence(changes), LIMITS)
    assert judged.changed_target_count == changed
    assert judged.is_applied == bool(changed)


counts = st.integers(0, 6)
evidences = st.builds(
    Evidence,
    refusal=st.none() | st.just("no"),
    total_key_count=st.just(10),
    matched_key_count=counts,
    ignored_key_count=counts,
    unmatched_key_count=counts,
    target_count=st.just(6),
    applied_target_count=counts,
    zero_target_count=st.integers(0, 3),
    vanished_target_count=st.integers(0, 3),
    scale=st.sampled_from([0.0, 1.0, -2.0]),
    delta_ratio=st.none() | st.floats(0, 1e-5),
    cancelled=st.sampled_from([None, SELF, OTHERS]),
    undone=st.sampled_from([LayersBeside(), UNDONE]),
    probe_divergence=st.none() | st.floats(0, 1e-5),
)
deaths = st.sampled_from(
    [
        {"refusal": "no"},
        {"scale": 0.0},
        {"cancelled": SELF},
        {"undone": UNDONE},
        {"delta_ratio": 0.0},
        {"probe_divergence": 0.0},
        {"zero_target_count": 1},
        {"vanished_target_count": 1},
        {"unmatched_key_count": 1},
        {"applied_target_count": -1},
    ]
)


def worse(found: Evidence, death: dict[str, object]) -> Evidence:
    """One more sign of death: counts grow or shrink by one, the rest is put."""
    counted = {
        name: max(0, getattr(found, name) + change) if isinstance(change, int) else change
        for name, change in death.items()
    }
    return msgspec.structs.replace(found, **counted)


@given(evidences, deaths)
@example(Evidence(target_count=6, applied_target_count=2, vanished_target_count=2), {"applied_target_count": -1})
def test_more_evidence_of_death_never_makes_a_verdict_better(found: Evidence, death: dict[str, object]) -> None:
    before, after = (judge(each, LIMITS) for each in (found, worse(found, death)))
    assert WORST_FIRST.index(after.verdict) <= WORST_FIRST.index(before.verdict)


@given(evidences)
def test_every_evidence_has_one_verdict_and_a_sentence(found: Evidence) -> None:
    judged = judge(found, LIMITS)
    assert judged.reason
    assert judged == judge(found, LIMITS)


@pytest.mark.parametrize(("count", "verdict"), [(2, Verdict.ENGAGED), (3, Verdict.PARTIAL)])
def test_an_adapter_is_partial_once_it_is_undone_on_more_than_half_of_its_live_layers(
    count: int, verdict: Verdict
) -> None:
    found = evidence(
        {"undone": LayersBeside(count, ("a",), (), ("ash",)), "target_count": 4, "applied_target_count": 4}
    )
    assert judge(found, LIMITS).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zero_target_count": 1}, "1 of 5 updates are zero"),
        ({"vanished_target_count": 2}, "2 of 5 updates are too small to change a weight"),
    ],
)
def test_layers_that_are_zero_and_layers_that_are_lost_are_told_apart(changes: dict[str, object], words: str) -> None:
    judged = judge(evidence(changes), LIMITS)
    assert (judged.verdict, judged.reason) == (Verdict.PARTIAL, f"{words}; {ALONE}")


STRONG: dict[str, tuple[dict[str, object], str, float]] = {
    "on a base": ({"delta_ratio": 2.0, "typical_ratio": 9.0}, "2 times the size of the base's weights", 0.025),
    "before a base": (
        {"delta_ratio": None, "typical_ratio": 5.0},
        "5 times the size of a typical base's weights",
        0.01,
    ),
    "the other way": ({"delta_ratio": 2.0, "scale": -4.0}, "2 times the size of the base's weights", -0.1),
}


@pytest.mark.parametrize("name", STRONG)
def test_far_too_strong_stays_engaged_and_is_told_with_the_usual_scale(name: str) -> None:
    changes, words, scale = STRONG[name]
    judged = judge(evidence(changes), LIMITS)
    assert judged.verdict is Verdict.ENGAGED
    assert judged.usual_scale == pytest.approx(scale)
    assert judged.reason == (
        f"10 of 10 keys changed 5 layers; it is far too strong: its change is {words}, more than that of any trained "
        f"adapter; at scale {scale:.2g} it would be of usual strength"
    )


@pytest.mark.parametrize("ratio", [0.2, 0.7])
def test_one_layer_that_is_far_too_strong_is_named_whatever_the_whole_comes_to(ratio: float) -> None:
    judged = judge(evidence({"delta_ratio": ratio, "loudest_target": "a.q", "loudest_ratio": 2.0}), LIMITS)
    assert (judged.verdict, judged.strong_target) == (Verdict.ENGAGED, "a.q")
    assert judged.usual_scale == pytest.approx(0.025)
    assert judged.reason == (
        "10 of 10 keys changed 5 layers; it is far too strong in one layer: nearly all of its change is in 'a.q'; "
        "look at that layer's alpha, or train or export it again"
    )


@pytest.mark.parametrize("ratio", [1e-6, 0.5, None])
def test_up_to_the_bound_nothing_is_said_of_strength(ratio: float | None) -> None:
    judged = judge(evidence({"delta_ratio": ratio}), LIMITS)
    assert (judged.verdict, judged.usual_scale, judged.reason) == (
        Verdict.ENGAGED,
        None,
        "10 of 10 keys changed 5 layers",
    )


def test_what_is_not_applied_is_not_called_too_strong() -> None:
    judged = judge(evidence({"delta_ratio": 2.0, "cancelled": SELF}), LIMITS)
    assert (judged.verdict, judged.usual_scale) == (Verdict.NOOP, None)


def test_fewer_layers_that_are_undone_or_drowned_stand_behind_the_reason() -> None:
    found = evidence({"undone": LayersBeside(2, ("a", "b"), (), ("ash",))})
    assert judge(found, LIMITS).reason.endswith("layers; on 2 of its 5 layers it is undone by ash (first 'a', 'b')")
    found = evidence({"drowned": LayersBeside(4, ("a",), (), ("oak",))})
    judged = judge(found, LIMITS)
    assert judged.verdict is Verdict.ENGAGED
    assert "; on 4 of its 5 layers oak changes so much more that nobody will see it" in judged.reason
    assert judged.changed_target_count == 5
