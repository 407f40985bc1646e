"""What is said of judged adapters: who is accused, and who is warned of."""

import msgspec

from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.evidence import Thresholds
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.warnings import accusation, warnings_of

LIMITS = Thresholds(invisible_divergence=1e-3, overwhelming_ratio=0.5, usual_ratio=0.05)


def report(verdict: Verdict, divergence: float | None = None) -> AdapterReport:
    return AdapterReport(name="ink", path="/ink", verdict=verdict, reason="so", probe_divergence=divergence)


def test_an_adapter_that_did_not_engage_is_accused_by_name() -> None:
    assert accusation(report(Verdict.NOOP)) == "ink is noop: so"
    assert warnings_of([report(Verdict.PARTIAL)], LIMITS) == ["ink is partial: so"]


def test_an_engaged_adapter_that_nobody_will_see_is_warned_of() -> None:
    (said,) = warnings_of(
        [report(Verdict.ENGAGED, 0.9e-3), report(Verdict.ENGAGED, 1e-3), report(Verdict.ENGAGED)], LIMITS
    )
    assert said == "ink is engaged, but a forward pass differs by 9.0e-04 only, which nobody will see; raise its scale"


def test_fewer_layers_that_are_undone_or_drowned_are_worth_a_warning() -> None:
    beside = report(Verdict.ENGAGED, 0.5e-3)
    doubted = msgspec.structs.replace(
        beside,
        target_count=9,
        undone_targets=LayersBeside(4, ("a.q", "a.k", "a.v"), (), ("ash",)),
        drowned_targets=LayersBeside(5, ("b.q",), (), ("oak",)),
    )
    (said,) = warnings_of([doubted], LIMITS)
    assert said == (
        "ink is engaged, but on 4 of its 9 layers it is undone by ash (first 'a.q', 'a.k', 'a.v', ...); "
        "on 5 of its 9 layers oak changes so much more that nobody will see it; raise its scale, or lower the other's; "
        "a forward pass differs by 5.0e-04 only, which nobody will see; raise its scale"
    )


def test_an_engaged_adapter_that_is_far_too_strong_is_warned_of_with_the_scale_to_use() -> None:
    strong = msgspec.structs.replace(report(Verdict.ENGAGED), delta_ratio=2.0, usual_scale=0.025)
    (said,) = warnings_of([strong, msgspec.structs.replace(strong, usual_scale=None)], LIMITS)
    assert said == (
        "ink is engaged, but it is far too strong: its change is 2 times the size of the base's weights, more than "
        "that of any trained adapter; at scale 0.025 it would be of usual strength"
    )


def test_where_one_layer_is_far_too_strong_no_scale_is_suggested() -> None:
    strong = msgspec.structs.replace(report(Verdict.ENGAGED), delta_ratio=2.0, usual_scale=0.025, strong_target="a.q")
    (said,) = warnings_of([strong], LIMITS)
    assert said == (
        "ink is engaged, but it is far too strong in one layer: nearly all of its change is in 'a.q'; "
        "look at that layer's alpha, or train or export it again"
    )


def test_a_stack_that_is_too_strong_only_as_a_whole_is_warned_of_once() -> None:
    stack = [report(Verdict.ENGAGED)] * 4
    (said,) = warnings_of(stack, LIMITS, 0.8)
    assert said == (
        "the adapters together are far too strong: their change is 0.8 times the size of the base's weights; "
        "multiply their scales by 0.12"
    )
    assert warnings_of(stack, LIMITS, 0.5) == warnings_of(stack, LIMITS, None) == []
    strong = msgspec.structs.replace(stack[0], delta_ratio=2.0, usual_scale=0.025)
    assert [said.partition(" ")[0] for said in warnings_of([strong, *stack], LIMITS, 2.1)] == ["ink"]


def test_an_adapter_too_faint_to_be_seen_is_warned_of_where_no_pass_was_made() -> None:
    faint = msgspec.structs.replace(report(Verdict.ENGAGED), delta_ratio=5e-4)
    (said,) = warnings_of([faint], LIMITS)
    assert said == (
        "ink is engaged, but its change is 5.0e-04 times the size of the base's weights, which nobody will see; "
        "raise its scale"
    )
    seen = [msgspec.structs.replace(faint, probe_divergence=1e-3), msgspec.structs.replace(faint, delta_ratio=1e-3)]
    assert warnings_of(seen, LIMITS) == warnings_of([report(Verdict.ENGAGED)], LIMITS) == []


def test_a_file_that_stands_in_the_stack_several_times_is_warned_of_once() -> None:
    ink, oak = (msgspec.structs.replace(report(Verdict.ENGAGED), sha256=each) for each in ("1", "2"))
    half = msgspec.structs.replace(ink, scale=0.5, name="style", verdict=Verdict.PARTIAL)
    _, said = warnings_of([ink, oak, half], LIMITS)
    assert said == (
        "ink stands 2 times in this stack, at scales [1.0, 0.5]: that is one at scale 1.5; leave it in once if that is "
        "not meant"
    )
    assert warnings_of([ink, oak, report(Verdict.ENGAGED), report(Verdict.ENGAGED)], LIMITS) == []
    assert len(warnings_of([ink, msgspec.structs.replace(ink, verdict=Verdict.NOOP)], LIMITS)) == 1
