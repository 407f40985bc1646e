"""A trainer's log: the first line that failed, whatever came of it, and the step that it is at."""

from pathlib import Path

import pytest

from kilnmark.lab.training.log import LogReader, first_failure, step_in

CHAINED = """\
loading
 40%|####      | 400/1000 [00:10<00:15, 40.0it/s]
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    load()
KeyError: 'lora_layers'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 9, in <module>
    raise RuntimeError("it did not work")
RuntimeError: it did not work
"""


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (CHAINED, "KeyError: 'lora_layers'"),
        ("loading\nRuntimeError: CUDA out of memory.\nsaving\nError: no file\n", "RuntimeError: CUDA out of memory."),
        (
            "usage: train [-h]\nmflux-train: error: Config file not found: x\n",
            "mflux-train: error: Config file not found: x",
        ),
        ("a\n/bin/sh: 1: acelerate: command not found\n", "/bin/sh: 1: acelerate: command not found"),
        ("x.py:3: FutureWarning: an Error: of the future\n99 bottles\nKilled\n", "Killed"),
        ("loss 0.3, error 0.001\nall is well\n 10%|# | 1/10 [00:01]\n", "all is well"),
        ("step 1\rstep 2\rtorch.OutOfMemoryError: no room\r", "torch.OutOfMemoryError: no room"),
        ("Traceback (most recent call last):\n  cut off", "Traceback (most recent call last):"),
        ("Error: " + "long " * 200, ("Error: " + "long " * 200)[:300] + "..."),
    ],
)
def test_the_first_line_that_failed_counts(text: str, first: str) -> None:
    assert first_failure(text) == first


def test_an_empty_log_tells_nothing() -> None:
    assert first_failure(" \n\r\n") is None


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (" 40%|####      | 400/1000 [00:10<00:15, 40.0it/s, loss=0.3]", 400),
        ("steps:  12%|#2 | 120/1000 [01:00<08:00]", 120),
        ("Iter: 30 Loss: 0.812 It/s: 0.3", 30),
        ("step 12 of 1000, loss 1.034", 12),
        ("encode images: 100%|###| 150/150 [00:03<00:00]", None),
        ("epoch 3, loss 0.5", None),
        ("learning_rate 1e-4, 30 of 40 done", None),
    ],
)
def test_a_step_is_read_in_the_forms_of_trainers(line: str, step: int | None) -> None:
    assert step_in(line, 1000) == step


def test_a_log_is_read_on_where_it_was_left(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    reader = LogReader(log, 100)
    assert reader.look() == 0
    log.write_text(" 1/100 [00:01")
    assert reader.look() == 1
    with log.open("a") as file:
        file.write("<00:09]\r 2/100 [00:02<00:09]\r 3")
    assert reader.look() == 2
    with log.open("a") as file:
        file.write("3/100 [00:33]\n")
    assert reader.look() == 33
