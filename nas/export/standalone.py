"""The part of an exported ``model.py`` that is the same for every network: weights and images.

Real, typed and tested code here; :mod:`nas.export.source` copies it into the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

# Names of the safetensors format (github.com/huggingface/safetensors, "Format").
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
FACTOR = ".int8_scale"  # after a weight's name: what its whole numbers are to be multiplied by


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file: a length, a JSON table of contents, raw bytes.

    Weights of eight bits are multiplied by their scales.
    """
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    table = json.loads(content[8:start])
    table.pop("__metadata__", None)
    tensors = {}
    for name, entry in table.items():
        first, last = entry["data_offsets"]
        raw = bytearray(content[start + first : start + last])  # writable memory of its own
        flat = torch.frombuffer(raw, dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    for name in [name for name in tensors if name.endswith(FACTOR)]:
        weight = name.removesuffix(FACTOR)
        tensors[weight] = tensors[weight].float() * tensors.pop(name)
    return tensors


def prepare(
    images: Tensor, size: tuple[int, int], mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Map images in bytes, (batch, 1 or 3, height, width), to what the network was trained on.

    Brings them to the channels of ``mean`` and to ``size`` (height, width), then to (x / 255 -
    mean) / std. Returns (batch, channels, *size) float32.
    """
    x = images.float() / 255
    if x.shape[1] == 3 and len(mean) == 1:
        weights = x.new_tensor([0.299, 0.587, 0.114])  # ITU-R BT.601 luma, as Pillow's "L"
        x = (x * weights.view(1, 3, 1, 1)).sum(1, keepdim=True)
    if x.shape[1] != len(mean):
        x = x.expand(-1, len(mean), -1, -1)
    if x.shape[2:] != size:
        x = functional.interpolate(x, size, mode="bilinear", antialias=True)
    centre = x.new_tensor(mean).view(1, -1, 1, 1)
    spread = x.new_tensor(std).view(1, -1, 1, 1)
    return (x - centre) / spread
