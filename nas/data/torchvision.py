"""Data sets that torchvision downloads on first use: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.arrays import ArraySource
from nas.data.source import Labels, Pixels, Shape, reason
from nas.data.spec import DataError

FIGURES = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CIFAR100 = (  # fine labels, by alphabet as in the files
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch "
    "crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo "
    "keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse "
    "mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy "
    "porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television "
    "tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a data set before it is downloaded, and torchvision's name for it."""

    loader: str
    classes: tuple[str, ...]
    train: int
    test: int
    shape: Shape


KNOWN = {
    "mnist": Known("MNIST", FIGURES, 60_000, 10_000, Shape(1, 28, 28)),
    "fashion_mnist": Known("FashionMNIST", CLOTHES, 60_000, 10_000, Shape(1, 28, 28)),
    "cifar10": Known("CIFAR10", CIFAR10, 50_000, 10_000, Shape(3, 32, 32)),
    "cifar100": Known("CIFAR100", tuple(CIFAR100.split()), 50_000, 10_000, Shape(3, 32, 32)),
}


def downloaded(name: str, root: Path) -> ArraySource:
    """Return a data set from ``root/NAME``, downloading it there if it is not there yet.

    Raises DataError where it cannot be downloaded or the folder cannot be written.
    """
    home = root / name
    parts = _load(name, home)
    if parts is None:
        _download(name, root)
        parts = _load(name, home)
    if parts is None:
        raise DataError(f"{name}: its files in {home} are damaged; delete the folder to start anew")
    return ArraySource(KNOWN[name].classes, *parts, mirror=name != "mnist")


def expected(name: str) -> ArraySource:
    """Return a source with the numbers of a data set that may not be downloaded yet.

    Its images are black, and as many of each class, give or take one: enough to check a
    specification with.
    """
    known = KNOWN[name]
    form = (known.shape.channels, known.shape.height, known.shape.width)
    train, test = (
        # Zero strides: this takes no memory.
        (np.broadcast_to(np.uint8(0), (count, *form)), np.arange(count) % len(known.classes))
        for count in (known.train, known.test)
    )
    return ArraySource(known.classes, train, test)


def is_downloaded(name: str, root: Path) -> bool:
    """Say whether the data set is in ``root``, without reading it."""
    return (root / name).is_dir()


def _load(name: str, home: Path) -> tuple[tuple[Pixels, Labels], tuple[Pixels, Labels]] | None:
    """Return training and test part, None where there is no complete data set."""
    loader = _loader(name)
    try:
        train, test = (loader(home, train=part) for part in (True, False))
    except (RuntimeError, OSError, ValueError, EOFError):
        return None
    return _arrays(train), _arrays(test)


def _arrays(data: Any) -> tuple[Pixels, Labels]:
    """Return images (N, C, H, W) and labels (N,) of a torchvision data set."""
    x, y = np.asarray(data.data), np.asarray(data.targets, dtype=np.int64)
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x, dtype=np.uint8), y


def _download(name: str, root: Path) -> None:
    """Download into a temporary folder and rename it, so that a broken download leaves nothing."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    except OSError as error:
        raise DataError(f"data folder {root}: cannot be written: {reason(error)}") from error
    try:
        # torchvision prints its progress and its failures.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            _loader(name)(temporary, download=True)
        # Another worker may have been faster; then its copy stays.
        with contextlib.suppress(OSError):
            temporary.rename(root / name)
    except Exception as error:
        # Sockets, TLS, proxies, tar files and checksums each raise errors of their own.
        raise DataError(
            f"{name} is not in {root} and could not be downloaded: {reason(error)}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _loader(name: str) -> Any:
    # Half a second, and only these data sets need it.
    from torchvision import datasets

    return getattr(datasets, KNOWN[name].loader)
