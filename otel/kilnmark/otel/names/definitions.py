"""What a definition of telemetry is: the name that goes over the wire, and what people have to know of it.

A name is a string and is used as one. Nothing is defined here, and nothing is recorded.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

__all__ = ["AttributeName", "Instrument", "Metric", "SpanName", "ValueForm"]


class ValueForm(StrEnum):
    """What the value of an attribute is."""

    TEXT = "string"
    TEXTS = "string[]"
    WHOLE = "int"
    WHOLES = "int[]"
    NUMBER = "double"
    NUMBERS = "double[]"
    TRUTH = "boolean"


class SpanName(str):  # noqa: SLOT000 - it says what it means
    """The name of a span, or of an event on one.

    Attributes:
        meaning: What it spans, in a sentence.
    """

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Define a span."""
        made = super().__new__(cls, name)
        made.meaning = meaning
        return made


class AttributeName(str):  # noqa: SLOT000 - as above
    """The name of an attribute.

    Attributes:
        meaning: What its value tells, in a sentence, with its unit.
        form: What its value is.
    """

    meaning: str
    form: ValueForm

    def __new__(cls, name: str, meaning: str, form: ValueForm = ValueForm.TEXT) -> Self:
        """Define an attribute."""
        made = super().__new__(cls, name)
        made.meaning, made.form = meaning, form
        return made


class Instrument(StrEnum):
    """How values of a metric come together."""

    COUNTER = "counter"
    UP_DOWN = "updowncounter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: As it goes over the wire.
        instrument: How its values come together.
        unit: By the Unified Code for Units of Measure; what is counted stands in braces.
        meaning: What it tells, in a sentence.
        attributes: Those that a value of it may carry; all of them are of few values.
        buckets: The upper bounds of a histogram's, in its unit.
        compares_to: What other servers call the same; empty: nothing we know.
    """

    name: str
    instrument: Instrument
    unit: str
    meaning: str
    attributes: tuple[AttributeName, ...] = ()
    buckets: tuple[float, ...] = ()
    compares_to: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError where a histogram has no buckets, or something else has some."""
        if bool(self.buckets) != (self.instrument is Instrument.HISTOGRAM):
            problem = f"{self.name}: a histogram has buckets, and nothing else has"
            raise ValueError(problem)
