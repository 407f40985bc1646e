"""The picture of a training's losses shows what stands in its logs."""

from pathlib import Path

from scripts.mini.curves import curves, read_log


def test_a_log_is_read_by_its_steps_and_losses(tmp_path: Path) -> None:
    log = tmp_path / "flow.log"
    log.write_text("step=2/8 cpu_s=3 loss=2.5000 late=1.0\nnothing of it\nstep=8/8 cpu_s=9 loss=0.5000 late=0.1\n")
    assert read_log(log) == [(2, 2.5), (8, 0.5)]


def test_every_training_has_its_field(tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "abcde"]
    for log in logs:
        log.write_text("".join(f"step={n}/10 cpu_s=1 loss={3.0 / n:.4f}\n" for n in range(1, 11)))
    page = curves(logs)
    fields = [page.crop((x, y, x + 200, y + 130)) for y in (0, 130) for x in range(0, 800, 200)]
    drawn = [field.getcolors(1000) or [] for field in fields]
    assert [len(colours) > 1 for colours in drawn] == [True] * 5 + [False] * 3
