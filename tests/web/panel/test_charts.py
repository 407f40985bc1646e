"""The chart of what renders and switches took: what stands where, and in words."""

from kilnmark.protocol.wire.jobs import AdapterBadge, JobInfo
from kilnmark.web.panel.charts import BELOW, HEIGHT, render_chart


def done(number: int, painted_ms: float | None, adapters_ms: float | None, *stack: str, dead: int = 0) -> JobInfo:
    return JobInfo(
        job_id=str(number),
        state="done",
        painted_ms=painted_ms,
        adapters_ms=adapters_ms,
        adapters=[AdapterBadge(name=name) for name in stack],
        ended=f"2026-11-28T10:00:0{number}+00:00",
        dead=dead,
    )


def test_a_switch_has_a_bar_of_what_its_adapters_took_and_a_stack_that_stays_has_none() -> None:
    jobs = [
        done(0, 4000, 900, "ink"),
        done(1, 2000, 0.4, "ink"),
        done(2, 2000, 12, "fog"),
        done(3, None, None, "ink"),
        done(4, 1000, 40, "ink", "fog", dead=1),
    ]
    chart = render_chart(list(reversed(jobs)))
    assert chart is not None
    assert [bar.height for bar in chart.bars] == [HEIGHT, HEIGHT / 2, HEIGHT / 2, HEIGHT / 4]
    assert [bar.switch for bar in chart.bars] == [0, 0, round(BELOW * 12 / 40, 1), BELOW]
    assert [bar.kind for bar in chart.bars] == ["good", "good", "good", "bad"]
    assert (chart.switches, chart.switch_median, chart.switch_top) == (2, "40 ms", "40 ms")
    assert "12 ms of it for another stack than before" in chart.bars[2].label
    assert "another stack" not in chart.bars[1].label


def test_a_stack_that_never_changes_has_no_switches_and_nothing_painted_no_chart() -> None:
    chart = render_chart([done(1, 100, 1, "ink"), done(0, 100, 1, "ink")])
    assert chart is not None
    assert (chart.switches, chart.switch_median, chart.switch_top) == (0, "", "")
    assert render_chart([done(0, None, None)]) is None
