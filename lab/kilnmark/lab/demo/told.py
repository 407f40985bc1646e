"""What the demonstration found, step by step, as its JSON document has it."""

import msgspec

__all__ = ["DemoHold", "DemoStep", "LabDemoResult"]


class DemoStep(msgspec.Struct, frozen=True):
    """One step of the life cycle.

    Attributes:
        name: Of the step, mostly that of its command.
        seconds: That it took.
        said: What came of it, in a sentence.
    """

    name: str
    seconds: float
    said: str


class DemoHold(msgspec.Struct, frozen=True):
    """Something that has to be so.

    Attributes:
        name: In one word.
        says: In a sentence.
        holds: Whether it is so.
        why: The reason where it is not.
    """

    name: str
    says: str
    holds: bool
    why: str = ""


class LabDemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilnmark lab demo --json` prints.

    Attributes:
        run: The run's folder.
        steps: With what each took.
        checkpoints: Their steps.
        missed: What each checkpoint missed of the bars, in sentences, by its step.
        pick: The step that was picked; None: none was.
        why: The reason.
        verification: What the gate says.
        judgement: The judge's verdict.
        promoted: The hash that serves; None: none does.
        holds: What has to be so, as far as it came: behind one that nothing can follow, there are none.
        sheet, page, picture: The sweep's contact sheet, the exported page, and what the promoted adapter painted; empty
            where it did not come so far.
        seconds: All of it.
    """

    run: str
    steps: tuple[DemoStep, ...]
    checkpoints: tuple[int, ...]
    missed: dict[str, tuple[str, ...]]
    pick: int | None
    why: str
    verification: str
    judgement: str
    promoted: str | None
    holds: tuple[DemoHold, ...]
    sheet: str
    page: str
    picture: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return all(hold.holds for hold in self.holds)
