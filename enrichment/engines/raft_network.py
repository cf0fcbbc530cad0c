"""RAFT's network, large and small, with the parameter names that torchvision's weights have.

Source: Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020. All shapes are
(n, channels, rows, columns); features are at an eighth of the picture's size. torchvision itself is not imported: its
wheels link CUDA, and beside a torch without it every model library fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

SHRINK: Final = 8
LEVELS: Final = 4
# Below this the coarsest of the four levels of correlations is a single pixel, and nothing can be looked up in it.
SMALLEST_SIDE: Final = SHRINK * 2**LEVELS


@dataclass(frozen=True)
class Size:
    """What the two published sizes differ in; channels throughout.

    features, context: of the encoders' five stages. hidden: of the recurrent state. radius: of the lookup, in features.
    correlation, flow, motion: of the motion encoder. kernels: of the recurrent block's passes. head: of the flow head.
    """

    features: tuple[int, ...]
    context: tuple[int, ...]
    hidden: int
    radius: int
    correlation: tuple[int, ...]
    flow: tuple[int, ...]
    motion: int
    kernels: tuple[tuple[int, int], ...]
    head: int
    narrow: bool

    @property
    def correlations(self) -> int:
        """Correlations that are looked up for each feature."""
        return LEVELS * (2 * self.radius + 1) ** 2


SIZES: Final = {
    "large": Size(
        features=(64, 64, 96, 128, 256),
        context=(64, 64, 96, 128, 256),
        hidden=128,
        radius=4,
        correlation=(256, 192),
        flow=(128, 64),
        motion=128,
        kernels=((1, 5), (5, 1)),
        head=256,
        narrow=False,
    ),
    "small": Size(
        features=(32, 32, 64, 96, 128),
        context=(32, 32, 64, 96, 160),
        hidden=96,
        radius=3,
        correlation=(96,),
        flow=(64, 32),
        motion=82,
        kernels=((3, 3),),
        head=128,
        narrow=True,
    ),
}


def _step(into: int, out: int, kernel: int, *, stride: int = 1, norm: type[nn.Module] | None = None) -> nn.Sequential:
    """Convolution, and normalisation where there is one; the caller applies the rectifier, which has no weights."""
    layers: list[nn.Module] = [nn.Conv2d(into, out, kernel, stride, kernel // 2)]
    if norm is not None:
        layers.append(norm(out))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the narrow one is 1x1, 3x3, 1x1 with a quarter of the channels inside."""

    def __init__(self, into: int, out: int, stride: int, norm: type[nn.Module] | None, *, narrow: bool) -> None:
        super().__init__()
        if narrow:
            self.convnormrelu1 = _step(into, out // 4, 1, norm=norm)
            self.convnormrelu2 = _step(out // 4, out // 4, 3, stride=stride, norm=norm)
            self.convnormrelu3 = _step(out // 4, out, 1, norm=norm)
        else:
            self.convnormrelu1 = _step(into, out, 3, stride=stride, norm=norm)
            self.convnormrelu2 = _step(out, out, 3, norm=norm)
            self.convnormrelu3 = nn.Sequential()
        self.downsample = _step(into, out, 1, stride=stride, norm=norm) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Same channels as the last convolution; rows and columns divided by the stride."""
        y = functional.relu(self.convnormrelu1(x))
        y = functional.relu(self.convnormrelu2(y))
        y = functional.relu(self.convnormrelu3(y))
        return functional.relu(self.downsample(x) + y)


class Encoder(nn.Module):
    """Picture to features at an eighth of its size."""

    def __init__(self, channels: tuple[int, ...], norm: type[nn.Module] | None, *, narrow: bool) -> None:
        super().__init__()
        first, one, two, three, out = channels
        self.convnormrelu = _step(3, first, 7, stride=2, norm=norm)
        stages = []
        for into, wide, stride in ((first, one, 1), (one, two, 2), (two, three, 2)):
            stages.append(
                nn.Sequential(
                    Residual(into, wide, stride, norm, narrow=narrow), Residual(wide, wide, 1, norm, narrow=narrow)
                )
            )
        self.layer1, self.layer2, self.layer3 = stages
        self.conv = nn.Conv2d(three, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, height, width) to (n, channels, height / 8, width / 8)."""
        x = functional.relu(self.convnormrelu(x))
        return self.conv(self.layer3(self.layer2(self.layer1(x))))


class MotionEncoder(nn.Module):
    """Correlations and the flow so far, as one set of features that ends with the flow itself."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.convcorr1 = _step(size.correlations, size.correlation[0], 1)
        self.convcorr2 = (
            _step(size.correlation[0], size.correlation[1], 3) if len(size.correlation) > 1 else nn.Identity()
        )
        self.convflow1 = _step(2, size.flow[0], 7)
        self.convflow2 = _step(size.flow[0], size.flow[1], 3)
        self.conv = _step(size.correlation[-1] + size.flow[-1], size.motion - 2, 3)

    def forward(self, flow: Tensor, correlations: Tensor) -> Tensor:
        """(n, motion, rows, columns)."""
        seen = functional.relu(self.convcorr1(correlations))
        seen = functional.relu(self.convcorr2(seen))
        moved = functional.relu(self.convflow2(functional.relu(self.convflow1(flow))))
        joined = functional.relu(self.conv(torch.cat([seen, moved], dim=1)))
        return torch.cat([joined, flow], dim=1)


class Gated(nn.Module):
    """A gated recurrent unit of convolutions."""

    def __init__(self, hidden: int, into: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        around = (kernel[0] // 2, kernel[1] // 2)
        self.convz = nn.Conv2d(hidden + into, hidden, kernel, padding=around)
        self.convr = nn.Conv2d(hidden + into, hidden, kernel, padding=around)
        self.convq = nn.Conv2d(hidden + into, hidden, kernel, padding=around)

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """The next state, of the same shape."""
        both = torch.cat([state, x], dim=1)
        update, reset = torch.sigmoid(self.convz(both)), torch.sigmoid(self.convr(both))
        wanted = torch.tanh(self.convq(torch.cat([reset * state, x], dim=1)))
        return (1 - update) * state + update * wanted


class Recurrent(nn.Module):
    """One pass for each kernel: across and down for the large network, square for the small one."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        into = size.context[-1] - size.hidden + size.motion
        passes = [Gated(size.hidden, into, kernel) for kernel in size.kernels]
        self.convgru1 = passes[0]
        self.convgru2 = passes[1] if len(passes) > 1 else None

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """The next state, of the same shape."""
        state = self.convgru1(state, x)
        return state if self.convgru2 is None else self.convgru2(state, x)


class FlowHead(nn.Module):
    """From the state to how the flow changes."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(size.hidden, size.head, 3, padding=1)
        self.conv2 = nn.Conv2d(size.head, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        """(n, 2, rows, columns)."""
        return self.conv2(functional.relu(self.conv1(state)))


class Update(nn.Module):
    """One step of the iteration."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.motion_encoder = MotionEncoder(size)
        self.recurrent_block = Recurrent(size)
        self.flow_head = FlowHead(size)

    def forward(self, state: Tensor, context: Tensor, correlations: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The next state, and how the flow changes."""
        motion = self.motion_encoder(flow, correlations)
        state = self.recurrent_block(state, torch.cat([context, motion], dim=1))
        return state, self.flow_head(state)


class MaskPredictor(nn.Module):
    """Weights of the nine neighbours for each pixel of the full size."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.convrelu = _step(size.hidden, size.head, 3)
        self.conv = nn.Conv2d(size.head, SHRINK * SHRINK * 9, 1)

    def forward(self, state: Tensor) -> Tensor:
        """(n, 576, rows, columns); a quarter of the output, as in training."""
        return 0.25 * self.conv(functional.relu(self.convrelu(state)))


class Raft(nn.Module):
    """The whole; `size` is a key of SIZES."""

    def __init__(self, size: str) -> None:
        super().__init__()
        self.size = SIZES[size]
        narrow = self.size.narrow
        self.feature_encoder = Encoder(self.size.features, nn.InstanceNorm2d, narrow=narrow)
        self.context_encoder = Encoder(self.size.context, None if narrow else nn.BatchNorm2d, narrow=narrow)
        self.update_block = Update(self.size)
        self.mask_predictor = None if narrow else MaskPredictor(self.size)

    def forward(self, first: Tensor, second: Tensor, iterations: int) -> Tensor:
        """Flow from the first pictures to the second.

        Args:
            first: (n, 3, height, width), -1 to 1; sides are multiples of 8 and 128 or more.
            second: the same shape.
            iterations: how often the flow is corrected.

        Returns:
            (n, 2, height, width), (u, v) in pixels.
        """
        features, others = self.feature_encoder(torch.cat([first, second])).chunk(2)
        pyramid = _correlations(features, others)
        state, context = self.context_encoder(first).split(
            [self.size.hidden, self.size.context[-1] - self.size.hidden], dim=1
        )
        state, context = torch.tanh(state), functional.relu(context)
        start = _places(features)
        flow = torch.zeros_like(start)
        for _ in range(iterations):
            seen = _lookup(pyramid, start + flow, self.size.radius)
            state, change = self.update_block(state, context, seen, flow)
            flow = flow + change
        # Only the last flow is wanted; enlarging every one of them, as training does, would be thrown away.
        return _enlarged(flow, None if self.mask_predictor is None else self.mask_predictor(state))


def _places(features: Tensor) -> Tensor:
    """(n, 2, rows, columns): x and y of each feature."""
    n, _, rows, columns = features.shape
    ys, xs = torch.meshgrid(
        torch.arange(rows, device=features.device), torch.arange(columns, device=features.device), indexing="ij"
    )
    return torch.stack([xs, ys]).to(features.dtype).expand(n, -1, -1, -1)


def _correlations(features: Tensor, others: Tensor) -> list[Tensor]:
    """Every feature with every other one: (n * rows * columns, 1, r, c), r and c halved from level to level."""
    n, channels, rows, columns = features.shape
    all_pairs = features.flatten(2).transpose(1, 2) @ others.flatten(2) / channels**0.5
    levels = [all_pairs.reshape(n * rows * columns, 1, rows, columns)]
    for _ in range(LEVELS - 1):
        levels.append(functional.avg_pool2d(levels[-1], kernel_size=2, stride=2))
    return levels


def _lookup(pyramid: list[Tensor], places: Tensor, radius: int) -> Tensor:
    """Correlations around where each feature is thought to be, (n, levels * (2 radius + 1) ** 2, rows, columns)."""
    n, _, rows, columns = places.shape
    reach = torch.arange(-radius, radius + 1, device=places.device, dtype=places.dtype)
    # The first of the two varies x: the weights were trained on correlations in this order.
    around = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1)
    centre = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    found = []
    for level, correlations in enumerate(pyramid):
        height, width = correlations.shape[-2:]
        at = centre / 2**level + around
        most = torch.tensor([width - 1, height - 1], device=places.device, dtype=places.dtype)
        sampled = functional.grid_sample(correlations, 2 * at / most - 1, mode="bilinear", align_corners=True)
        found.append(sampled.reshape(n, rows, columns, -1))
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


def _enlarged(flow: Tensor, mask: Tensor | None) -> Tensor:
    """Flow at eight times the size: each pixel a mixture of nine neighbours where there is a mask, else bilinear."""
    n, _, rows, columns = flow.shape
    if mask is None:
        size = (SHRINK * rows, SHRINK * columns)
        return SHRINK * functional.interpolate(flow, size=size, mode="bilinear", align_corners=True)
    weights = mask.reshape(n, 1, 9, SHRINK, SHRINK, rows, columns).softmax(dim=2)
    neighbours = functional.unfold(SHRINK * flow, kernel_size=3, padding=1).reshape(n, 2, 9, 1, 1, rows, columns)
    mixed = (weights * neighbours).sum(dim=2)
    return mixed.permute(0, 1, 4, 2, 5, 3).reshape(n, 2, SHRINK * rows, SHRINK * columns)
