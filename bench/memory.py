"""Does memory grow with work? Samples, the line through them, and how sure its slope is.

Spec: https://www.itl.nist.gov/div898/handbook/pmd/section4/pmd431.htm (least squares; standard error of a slope)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_SURE = 3.0
"""Standard errors by which a slope must be over a bound to count as over it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory (kB) of a process after so many messages."""

    messages: int
    kb: float


@dataclass(frozen=True, slots=True)
class Slope:
    """kB for each 1,000 messages, and its standard error."""

    kb: float
    error: float

    def exceeds(self, bound: float) -> bool:
        """Return whether memory surely grows by more than `bound` kB for each 1,000 messages."""
        return self.kb - _SURE * self.error > bound

    def __str__(self) -> str:
        return f"{self.kb:+.1f} ± {self.error:.1f} kB per 1,000 messages"


def slope(samples: Sequence[Sample]) -> Slope:
    """Return the slope of the line through samples by least squares.

    Errors: ValueError for fewer than three samples, or none with another number of messages
    """
    if len({sample.messages for sample in samples}) < 2 or len(samples) < 3:
        raise ValueError("a slope needs three samples, of different numbers of messages")
    xs = [sample.messages / 1_000 for sample in samples]
    ys = [sample.kb for sample in samples]
    middle, height = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    steep = sum((x - middle) * (y - height) for x, y in zip(xs, ys, strict=True)) / spread
    rest = sum((y - height - steep * (x - middle)) ** 2 for x, y in zip(xs, ys, strict=True))
    return Slope(steep, sqrt(rest / (len(xs) - 2) / spread))
