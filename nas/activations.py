"""Watches a forward pass on the meta device: memory of activations, and receptive fields.

Every operation that torch dispatches is seen, with its shapes and no numbers. Memory is that of
floating-point results with storage of their own; views, operations in place, indices and the work
space of kernels do not count. A result counts as alive until Python lets go of it, which is when
PyTorch would free it. A receptive field is kept exactly, as an interval of image pixels, through
padding, strides, dilation and slices; a union of two paths is the interval over both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Span:
    """The pixels along one axis that the value at index 0 sees, and the step to the next index."""

    first: int = 0
    last: int = 0
    step: int = 1

    @property
    def pixels(self) -> int:
        """How many pixels one value sees."""
        return self.last - self.first + 1

    def window(self, kernel: int, stride: int, padding: int, dilation: int) -> Span:
        """Return what a window over values of this span sees."""
        first = self.first - self.step * padding
        last = self.last + self.step * ((kernel - 1) * dilation - padding)
        return Span(first, last, self.step * stride)

    def shifted(self, places: int) -> Span:
        """Return the span of values that stood ``places`` further back."""
        by = self.step * places
        return Span(self.first + by, self.last + by, self.step)

    def joined(self, other: Span) -> Span:
        """Return what a value sees that is computed from two."""
        return Span(
            min(self.first, other.first),
            max(self.last, other.last),
            max(self.step, other.step),
        )


Field = tuple[Span, Span]  # rows, columns


class Watch(TorchDispatchMode):
    """Sums and peaks of activation memory in bytes, and the field of every tensor.

    ``counted`` names what is running now; ``produced`` sums what each name produced.
    """

    def __init__(self, image: Tensor, given: list[Tensor]) -> None:
        """Start with ``image``, (1, channels, height, width), alive; ``given`` never counts."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.height, self.width = image.shape[2], image.shape[3]
        self.fields: Any = WeakTensorKeyDictionary()
        self.fields[image] = (Span(), Span())
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.known = {tensor.untyped_storage()._cdata for tensor in given}
        self.sum = self.peak = 0
        self.counted = ""
        self.produced: dict[str, int] = {}
        self.pooled: Field | None = None  # of what was last averaged over all its pixels
        self._keep(image)
        self.sum = 0  # the image is read, not produced

    def __torch_dispatch__(
        self,
        func: Any,
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation and note what came out."""
        if func.overloadpacket is aten.native_batch_norm and args[0].is_meta and not args[5]:
            # In evaluation it has the form of its input and no statistics. What torch runs on
            # meta tensors is written in Python, operation by operation: half of a profile's time.
            empty = torch.empty(0, device="meta")
            results = (torch.empty_like(args[0]), empty, empty)
        else:
            results = func(*args, **(kwargs or {}))
        field = self._field(func.overloadpacket, args)
        kept = results[:1] if func.overloadpacket is aten.native_batch_norm else results
        for tensor in tree_leaves(kept):  # the statistics of a batch are empty in evaluation
            if isinstance(tensor, Tensor):
                self._keep(tensor)
                if field is not None:
                    self.fields[tensor] = field
        return results

    def field(self, tensor: Tensor) -> Field | None:
        """Return the field of a tensor, None if it is not computed from the image."""
        found: Field | None = self.fields.get(tensor)
        return found

    def _keep(self, tensor: Tensor) -> None:
        """Count a result with storage of its own, after forgetting what has died."""
        self.alive = {k: v for k, v in self.alive.items() if not v[0].expired()}
        storage = tensor.untyped_storage()
        fresh = storage._cdata not in self.known and storage._cdata not in self.alive
        if not fresh or not tensor.is_floating_point():
            return
        size = storage.nbytes()
        self.alive[storage._cdata] = (StorageWeakRef(storage), size)
        self.sum += size
        self.produced[self.counted] = self.produced.get(self.counted, 0) + size
        self.peak = max(self.peak, sum(bytes_ for _, bytes_ in self.alive.values()))

    def _field(self, op: Any, args: tuple[Any, ...]) -> Field | None:
        read = [t for t in tree_leaves(args) if isinstance(t, Tensor)]
        found = [self.fields[t] for t in read if t in self.fields]
        if not found:
            return None
        rows, columns = found[0]
        for other in found[1:]:
            rows, columns = rows.joined(other[0]), columns.joined(other[1])
        if op in WINDOWS:
            kernel, stride, padding, dilation = WINDOWS[op](args)
            return (
                rows.window(kernel[0], stride[0], padding[0], dilation[0]),
                columns.window(kernel[-1], stride[-1], padding[-1], dilation[-1]),
            )
        if op is aten.constant_pad_nd:
            pads = [*args[1], 0, 0]  # left, right, top, bottom
            return rows.shifted(-pads[2]), columns.shifted(-pads[0])
        if op is aten.slice:
            return _sliced((rows, columns), args)
        if op in (aten.mean, aten._adaptive_avg_pool2d):
            self.pooled = (rows, columns)
            return self._everything(rows, self.height), self._everything(columns, self.width)
        return rows, columns

    def _everything(self, span: Span, size: int) -> Span:
        """Return the span of a value that sees the whole image and what its padding adds."""
        return Span(min(0, span.first), max(size - 1, span.last), span.step)


def _pair(value: Any, otherwise: Any = 1) -> list[int]:
    numbers = list(value) if isinstance(value, list | tuple) else [value]
    return numbers or _pair(otherwise)


def _convolution(args: tuple[Any, ...]) -> tuple[list[int], ...]:
    return list(args[1].shape[2:]), _pair(args[3]), _pair(args[4]), _pair(args[5])


def _pool(args: tuple[Any, ...]) -> tuple[list[int], ...]:
    kernel, stride, padding, last = [*args[1:5], *[[], 0, 1][len(args) - 2 :]][:4]
    dilation = last if isinstance(last, list | tuple) else 1  # an average has a flag there
    return _pair(kernel), _pair(stride, kernel), _pair(padding), _pair(dilation)


WINDOWS = {
    aten.convolution: _convolution,
    aten.max_pool2d_with_indices: _pool,
    aten.avg_pool2d: _pool,
}


def _sliced(field: Field, args: tuple[Any, ...]) -> Field:
    """Return the field after tensor[..., start::step] along rows or columns."""
    axis, step = (args[1] if len(args) > 1 else 0), (args[4] if len(args) > 4 else 1)
    if axis < 2:
        return field
    start = args[2] if len(args) > 2 and args[2] is not None else 0
    begin = max(0, start + (args[0].shape[axis] if start < 0 else 0))
    moved = field[axis - 2].shifted(begin)
    span = Span(moved.first, moved.last, moved.step * step)
    return (span, field[1]) if axis == 2 else (field[0], span)
