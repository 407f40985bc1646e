"""Which pictures are judged: prompts and seeds, and the numbers that all of them are painted with.

Nothing is painted here.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from kilnmark.lab.judging.errors import JudgeUnusable, NothingToJudge
from kilnmark.lab.run.plan import JudgePlan, Prompt, RunPlan
from kilnmark.protocol.picture.asked import AskedNumbers, NumberOptions
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["Matrix", "MatrixCell", "matrix_of"]

_MOST_QUESTIONS = 12
_JUDGED = ("familiar", "novel", "detail")
"""Roles of the sweep's prompts that show what the adapter is for."""


class MatrixCell(msgspec.Struct, frozen=True):
    """One picture that is to be judged.

    Attributes:
        name: Prompt and seed: `p1-s101`.
        prompt: What is painted.
        seed: Likewise.
        questions: What yes or no answers, at most twelve.
    """

    name: str
    prompt: str
    seed: int
    questions: tuple[str, ...] = ()


class Matrix(msgspec.Struct, frozen=True):
    """All that are to be judged.

    Attributes:
        cells: One by one.
        numbers: Of every picture.
        scale: Of the adapter.
        left_out: How many more prompts and seeds would make.
    """

    cells: tuple[MatrixCell, ...]
    numbers: AskedNumbers
    scale: float
    left_out: int = 0

    @property
    def options(self) -> NumberOptions:
        """The numbers as keywords of a render."""
        fields = {name: getattr(self.numbers, name) for name in self.numbers.__struct_fields__}
        return cast("NumberOptions", {name: value for name, value in fields.items() if value is not None})


def matrix_of(plan: RunPlan) -> Matrix:
    """The matrix of a run.

    Raises:
        JudgeUnusable: An entry cannot be meant.
        NothingToJudge: There are no prompts.
    """
    judge = plan.judge
    prompts = judge.prompts or tuple(prompt for prompt in plan.sweep.prompts if prompt.role in _JUDGED)
    if not prompts:
        raise NothingToJudge("run.toml has no prompts with the trigger", "add [[judge.prompts]], or [[sweep.prompts]]")
    every = [_cell(at, prompt, seed, judge) for seed in judge.seeds for at, prompt in enumerate(prompts, 1)]
    if len({cell.name for cell in every}) < len(every):
        raise JudgeUnusable("judge.seeds", "a seed stands there twice", "name each once")
    cells = tuple(every[: judge.cells])
    return Matrix(cells, numbers_of(plan.base, judge.numbers), judge.scale, len(every) - len(cells))


def _cell(at: int, prompt: Prompt, seed: int, judge: JudgePlan) -> MatrixCell:
    questions = (*judge.questions, *prompt.questions)
    if len(questions) > _MOST_QUESTIONS:
        reason = f"there are {len(questions)} questions about one picture, and {_MOST_QUESTIONS} are the most"
        raise JudgeUnusable("judge.questions", reason, "ask fewer; with more of them each is looked at less")
    return MatrixCell(f"p{at}-s{seed}", prompt.text, seed, questions)


def numbers_of(base: str, own: Mapping[str, float]) -> AskedNumbers:
    """The numbers of a judged picture.

    Args:
        base: The variant that it is painted on; of one that is not known the usual ones.
        own: Those that run.toml says.

    Raises:
        JudgeUnusable: There is no such number, or it cannot be one.
    """
    preset = tomllib.loads(Path(__file__).with_name("matrix.toml").read_text("utf-8"))
    row = VARIANTS.get(base)
    usual: dict[str, Any] = dict(preset["usual"])
    if row is None or row.guided:
        usual |= preset["guided"]
    if row is not None and row.width * row.height < usual["width"] * usual["height"] // 4:
        usual |= {"width": row.width, "height": row.height}  # a small one paints nothing else well
    wanted = usual | {name: int(value) if value == int(value) else value for name, value in own.items()}
    try:
        return msgspec.convert(wanted, _StrictNumbers)
    except (msgspec.ValidationError, OverflowError) as error:
        raise JudgeUnusable("judge.numbers", str(error), "mend the number") from error


class _StrictNumbers(AskedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass
