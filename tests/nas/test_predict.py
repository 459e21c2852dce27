"""Classifying images with an exported folder: as in training, and safely."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data import DataError
from nas.export import ExportError, export
from nas.predict import BATCH, Predictor
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from pathlib import Path

TASK = Task(3, 8, 8, 4)
CARD = {
    "classes": ("ant", "bee", "cat", "dog"),
    "mean": (0.1, 0.2, 0.3),
    "std": (0.5, 0.25, 1.0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("predict") / "model"
    space = SPACES.create("toy")
    arch = space.decode(space.sample(random.Random(1)))
    with torch.random.fork_rng():
        export(
            made, space.build(arch, TASK, Scale(filters=4)), arch, TASK, Scale(filters=4), card=CARD
        )
    return made


@pytest.fixture(scope="module")
def predictor(folder) -> Predictor:
    return Predictor(folder)


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(CARD[name]).view(3, 1, 1) for name in ("mean", "std"))
    return (pixels / 255 - mean) / std


def test_a_picture_of_the_right_size_is_its_pixels_normalised(predictor):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    given = predictor.pictures({"x.png": png(pixels)})
    wanted = normalised(torch.from_numpy(pixels).permute(2, 0, 1))
    assert torch.allclose(given[0], wanted, atol=1e-6)


def test_of_a_wide_picture_the_middle_square_is_classified_as_in_training(predictor):
    wide = np.zeros((16, 64, 3), np.uint8)
    wide[:, 24:40] = 200  # the middle square; at its edges black bleeds in
    given = predictor.pictures({"x.png": png(wide)})
    assert given.shape == (1, 3, 8, 8)
    wanted = normalised(torch.full((3, 8, 6), 200.0))
    assert torch.allclose(given[0, :, :, 1:-1], wanted, atol=1e-6)


def test_a_grey_picture_fits_a_network_for_colours(predictor):
    grey = predictor.pictures({"x.png": png(np.full((8, 8), 100, np.uint8))})
    colour = predictor.pictures({"x.png": png(np.full((8, 8, 3), 100, np.uint8))})
    assert torch.equal(grey, colour)


def test_many_images_are_classified_as_one_by_one(predictor):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (BATCH + 3, 3, 8, 8), generator=generator, dtype=torch.uint8)
    images = predictor.prepared(pixels)
    together = predictor.probabilities(images)
    assert torch.allclose(together.sum(1), torch.ones(BATCH + 3), atol=1e-5)
    alone = torch.cat([predictor.probabilities(image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_guesses_are_the_most_probable_classes_with_their_names(predictor):
    rows = predictor.guesses(torch.tensor([[0.1, 0.6, 0.0, 0.3], [0.7, 0.1, 0.2, 0.0]]), 2)
    found = [[(g.name, g.number, round(g.probability, 3)) for g in row] for row in rows]
    assert found == [[("bee", 1, 0.6), ("dog", 3, 0.3)], [("ant", 0, 0.7), ("cat", 2, 0.2)]]
    assert [len(row) for row in predictor.guesses(torch.full((1, 4), 0.25), 99)] == [4]


def test_what_is_no_image_is_named(predictor):
    with pytest.raises(DataError, match=r"cat\.txt: cannot be read as an image"):
        predictor.pictures({"cat.txt": b"meow"})


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (3, 8, 8), (0, 3, 8, 8), (1, 3, 0, 8)])
def test_arrays_of_another_shape_are_refused(predictor, shape):
    with pytest.raises(ValueError, match="allowed: images, 1 or 3, height, width"):
        predictor.prepared(torch.zeros(shape, dtype=torch.uint8))


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(ExportError, match="not a model card"):
        Predictor(tmp_path)


def test_a_folder_without_its_weights_is_refused(folder, tmp_path):
    (tmp_path / "card.json").write_text((folder / "card.json").read_text())
    with pytest.raises(ExportError, match=r"weights\.safetensors"):
        Predictor(tmp_path)
