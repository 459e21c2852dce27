"""Which strategy suits: the four cases of cs231n's table, by amount of data and by similarity.

|             | similar images          | different images |
|-------------|-------------------------|------------------|
| few images  | linear classifier       | the hard case    |
| many images | train the last stages   | train all of it  |

For the hard case the table advises a classifier on an earlier stage, as what comes after is too
special. Such a network would have another form. Of the strategies that keep the form, training all
of it won in benchmarks/finetune.py; so that is advised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.finetune.similarity import SHIFTED
from nas.finetune.strategies import LAST

if TYPE_CHECKING:
    from nas.finetune.similarity import Similarity
    from nas.finetune.strategies import Strategy

TABLE: dict[tuple[bool, bool], Strategy] = {  # (few, similar)
    (True, True): "linear",
    (True, False): "all",
    (False, True): "last",
    (False, False): "all",
}
FEW = 50  # images a class; the table gives no number, benchmarks/finetune.py tries both sides


@dataclass(frozen=True, slots=True)
class Advice:
    """The strategy, how many last stages it trains, and the reasons, a sentence each."""

    strategy: Strategy
    last: int
    few: bool
    similar: bool
    reasons: tuple[str, ...]


def advise(similarity: Similarity, images: int, classes: int, *, known: bool = True) -> Advice:
    """Return the strategy for so many training images of so many classes.

    ``known`` says that the images are normalised as the trained network's were.
    """
    each = images / classes
    few, similar = each < FEW, similarity.similar
    strategy = TABLE[few, similar]
    amount = f"{images} images, {each:.0f} a class: {'few' if few else 'many'} (from {FEW} on many)"
    reasons = (amount, *_reasons(similarity))
    if not known:
        reasons += (
            "how its own images were normalised is not known: these are by their own mean and "
            "deviation, which hides other brightness and colours",
        )
    if not similar:
        reasons += (
            "images so different may be learned as well from scratch: compare with "
            "--strategy scratch",
        )
    return Advice(strategy, LAST, few, similar, reasons)


def _reasons(similarity: Similarity) -> tuple[str, ...]:
    *earlier, last = similarity.stages
    found = [
        f"a linear classifier on the trained features knows {last:.1%} of the images, on those of "
        f"a fresh network {similarity.fresh:.1%} "
        f"({similarity.gain:+.1%} ± {similarity.gain_error:.1%})"
    ]
    if similarity.shift is not None:
        kind = "another kind" if similarity.shift > SHIFTED else "its kind"
        found.append(
            f"they shift its maps by {similarity.shift:.2f} deviations from what it was trained "
            f"on: images of {kind} (up to {SHIFTED})"
        )
    elif earlier:
        best = max(range(len(earlier)), key=earlier.__getitem__)
        found.append(
            f"on stage {best + 1} of {len(similarity.stages)} it knows {earlier[best]:.1%} "
            f"({similarity.lead:+.1%} ± {similarity.lead_error:.1%} against the last): the "
            + ("last features fit" if similarity.lead <= similarity.lead_error else
               "earlier features fit better")
        )  # fmt: skip
    return tuple(found)
