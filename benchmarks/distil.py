"""Teach the embedded perceptual network: python benchmarks/distil.py --out FOLDER.

The pupil begins as a copy of a VGG-19 that was compressed sixteenfold (Wang et al. 2020, MIT) and
learns to see what the whole VGG-19 sees up to relu3_1, and what the compressed one sees at relu4_1
and relu5_1, each through a 1x1 convolution that is kept beside it for measuring. What differs from
its first teacher: means instead of maxima between blocks, no reflection at borders, no input
convolution, and pictures such as an optimiser meets: noisy, faint, blended.

Both teachers are read from `$SFUMATO_DATA/weights`.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, max_pool2d, mse_loss, pad

from sfumato.data.photos import PHOTOS, photo
from sfumato.io.images import from_bytes, read
from sfumato.nn.perceptual import SHIPPED, Perceptual, layers
from sfumato.preset import quick_in_half
from sfumato.randomness import generator

DATA = Path(os.environ.get("SFUMATO_DATA", "."))
STAGES = layers("embedded")
Teach = Callable[[Tensor], list[Tensor]]
WIDTHS, FULL = (16, 32, 64, 128, 128), (64, 128, 256, 512, 512)
NAMES = [f"conv{b}{n}" for b, count in enumerate((2, 2, 4, 4, 1), 1) for n in range(1, count + 1)]
LEARNT = (
    "photos/*.jpg",
    "style_images/neural-style-pt/style/s[ht]*.jpg",
    "style_images/neural-style-pt/style/[tw]*.jpg",
)
"""Photographs, and paintings whose painters died long ago."""
HELD = ("style_images/adain/content/*.jpg", "style_images/neural-style-pt/content/*.jpg")
WHOLE = {"0": 0, "2": 0, "5": 2, "9": 0, "12": 2, "16": 0}
"""Convolutions of the exact teacher; 2 where a pool follows."""


def exact(images: Tensor, weights: dict[str, Tensor]) -> list[Tensor]:
    """relu1_1, relu2_1 and relu3_1 of VGG-19 for images in [-1, 1]."""
    maps, found = conv2d((images + 1) / 2, weights["0.weight"], weights["0.bias"]), []
    for name in list(WHOLE)[1:]:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        maps = conv2d(pad(maps, (1, 1, 1, 1), mode="reflect"), weight, bias).relu()
        if name in ("2", "9", "16"):
            found.append(maps)
        if WHOLE[name]:
            maps = max_pool2d(maps, 2)
    return found


def compressed(images: Tensor, weights: dict[str, Tensor]) -> list[Tensor]:
    """relu4_1 and relu5_1 of VGG-19 as the compressed one sees them."""
    maps, found = conv2d((images + 1) / 2, weights["conv0.weight"], weights["conv0.bias"]), []
    for name in NAMES:
        if name.endswith("1") and name != "conv11":
            maps = max_pool2d(maps, 2)
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        maps = conv2d(pad(maps, (1, 1, 1, 1), mode="reflect"), weight, bias).relu()
        if name in ("conv41", "conv51"):
            wide = f"{name}_aux"
            found.append(conv2d(maps, weights[f"{wide}.weight"], weights[f"{wide}.bias"]).relu())
    return found


class Pupil(nn.Module):
    """The embedded network and the 1x1 convolutions to VGG-19's widths."""

    def __init__(self, teacher: dict[str, Tensor]) -> None:
        super().__init__()
        self.tower = Perceptual("embedded").requires_grad_(True).train()
        pairs = zip(WIDTHS, FULL, strict=True)
        self.wide = nn.ModuleList(nn.Conv2d(few, many, 1) for few, many in pairs)
        for convolution, name in zip(self.tower.convolutions, NAMES, strict=True):
            convolution.weight.data = teacher[f"{name}.weight"].clone()
            convolution.bias.data = teacher[f"{name}.bias"].clone()
        for number, convolution in enumerate(self.wide, 1):
            convolution.weight.data = teacher[f"conv{number}1_aux.weight"].clone()
            convolution.bias.data = teacher[f"conv{number}1_aux.bias"].clone()
        first = self.tower.convolutions[0]
        before, shift = teacher["conv0.weight"][..., 0, 0], teacher["conv0.bias"]
        first.bias.data += (first.weight.sum((2, 3)) @ (before.sum(1) / 2 + shift)).detach()
        first.weight.data = torch.einsum("oihw,ij->ojhw", first.weight.data, before / 2)

    def forward(self, images: Tensor) -> list[Tensor]:
        """What VGG-19 should see at its five first convolutions."""
        maps = self.tower(images, STAGES)
        pairs = zip(maps.values(), self.wide, strict=True)
        return [widen(stage.float()).relu() for stage, widen in pairs]


def pictures(patterns: tuple[str, ...], part: slice) -> list[np.ndarray]:
    """Colour pictures of some files, and some thirds of the photographs of `photos`."""
    paths = sorted(path for pattern in patterns for path in DATA.glob(pattern))
    found = [np.asarray(_bounded(read(path, channels=3))) for path in paths]
    for name in PHOTOS:
        array = np.asarray(photo(name))
        third = array.shape[1] // 3
        found.append(array[:, part.start * third : part.stop * third])
    return found


def _bounded(image: Image.Image, most: int = 1024) -> Image.Image:
    image.thumbnail((most, most), Image.Resampling.LANCZOS)
    return image


def squares(shelf: list[np.ndarray], count: int, side: int, rng: torch.Generator) -> Tensor:
    """Squares cut at random, at random scales, mirrored and turned; half of them disturbed."""
    rows = []
    for _ in range(count):
        array = shelf[int(torch.randint(len(shelf), (), generator=rng))]
        chance = torch.rand(6, generator=rng)
        most = min(array.shape[:2])
        edge = round(min(64, most) * (most / min(64, most)) ** float(chance[0] ** 0.5))
        top = int(chance[1] * (array.shape[0] - edge + 1))
        left = int(chance[2] * (array.shape[1] - edge + 1))
        image = from_bytes(array[None, top : top + edge, left : left + edge])
        image = interpolate(image, (side, side), mode="bilinear", antialias=True)
        image = image.flip(-1) if chance[3] < 0.5 else image
        rows.append(image.rot90(int(chance[4] * 4), (2, 3)) if chance[5] < 0.3 else image)
    return _disturbed(torch.cat(rows), rng)


def _disturbed(images: Tensor, rng: torch.Generator) -> Tensor:
    """Some faint, some blended with another, some with their colours exchanged, some noisy."""
    count = len(images)
    chance = torch.rand(5, count, 1, 1, 1, generator=rng)
    blend = torch.where(chance[0] < 0.15, chance[1] / 2, 0)
    images = images.lerp(images.roll(1, 0), blend)
    gain = torch.rand(count, 3, 1, 1, generator=rng) * 1.2 + 0.2
    images = torch.where(chance[2] < 0.25, images * gain, images)
    noise = torch.rand(images.shape, generator=rng) * 2 - 1
    images = torch.where(chance[3] < 0.35, images + noise * chance[4] ** 2, images)
    return images.clamp(-1, 1)


def correlations(
    pupil: nn.Module, teach: Teach, shelf: list[np.ndarray], side: int
) -> list[list[float]]:
    """Of each layer: over everything, and of what differs from each map's own mean."""
    sums = torch.zeros(len(FULL), 2, 3, dtype=torch.double)
    with torch.no_grad():
        for array in shelf:
            edge = min(array.shape[:2])
            image = from_bytes(array[None, :edge, :edge])
            image = interpolate(image, (side, side), mode="bilinear", antialias=True)
            for n, (seen, true) in enumerate(zip(pupil(image), teach(image), strict=True)):
                for k, keep in enumerate(((1, 2, 3), (2, 3))):
                    a, b = (m.double() - m.double().mean(keep, keepdim=True) for m in (seen, true))
                    sums[n, k] += torch.stack([(a * b).sum(), (a * a).sum(), (b * b).sum()])
    return (sums[..., 0] / (sums[..., 1] * sums[..., 2]).sqrt()).tolist()


def rate(step: int, steps: int) -> float:
    """Share of the learning rate: up in a straight line, then down along a cosine."""
    return min(1, (step + 1) / 100) * (0.5 + 0.5 * float(np.cos(np.pi * step / steps)))


def learn(args: argparse.Namespace) -> None:
    """Teach, measure, scale and write."""
    whole = torch.load(
        DATA / "weights/vgg19_normalised/vgg_normalised_conv3_1.pth", weights_only=True
    )
    small = torch.load(
        DATA / "weights/vgg19_distilled_16x/5SE.pth", weights_only=True, map_location="cpu"
    )["model"]
    low = [{k: v.bfloat16() for k, v in weights.items()} for weights in (whole, small)]

    def teach(images: Tensor) -> list[Tensor]:
        images = images.bfloat16().contiguous(memory_format=torch.channels_last)
        return [m.float() for m in exact(images, low[0]) + compressed(images, low[1])]

    shelf, held = pictures(LEARNT, slice(0, 2)), pictures(HELD, slice(2, 3))
    pupil = Pupil(small).to(memory_format=torch.channels_last)
    before = correlations(pupil, teach, held, 256)
    print("before", [[round(v, 3) for v in row] for row in before], flush=True)
    even(pupil, squares(shelf, 32, args.side, generator(2)))
    players = torch.optim.Adam(pupil.parameters(), lr=args.lr)
    with torch.no_grad():
        scales = [1 / maps.var() for maps in teach(squares(shelf, 16, args.side, generator(1)))]
    for step in track(range(args.steps), "teaching"):
        images = squares(shelf, args.batch, args.side, generator(args.seed, "step", step))
        for group in players.param_groups:
            group["lr"] = args.lr * rate(step, args.steps)
        with torch.no_grad():
            wanted = teach(images)
        with torch.autocast("cpu", torch.bfloat16, enabled=quick_in_half()):
            seen = pupil(images)
        triples = zip(seen, wanted, scales, strict=True)
        losses = [mse_loss(a.float(), b) * scale for a, b, scale in triples]
        players.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()
        players.step()
        if step % 100 == 0:
            print(step, [round(loss.item(), 4) for loss in losses], flush=True)
    finish(pupil, teach, shelf, held, before, args)


@torch.no_grad()
def even(pupil: Pupil, images: Tensor) -> None:
    """Scale every convolution so that its maps have a mean square of 1; what is seen stays."""
    tower, factor = pupil.tower, torch.ones(())
    for number, convolution in enumerate(tower.convolutions):
        convolution.weight /= factor  # undo what was done to the maps before it
        factor = tower.after(images, number).square().mean().rsqrt()
        convolution.weight *= factor
        convolution.bias *= factor
        for stage, widen in zip(STAGES, pupil.wide, strict=True):
            if tower.place(stage) == number:
                widen.weight /= factor


def finish(
    pupil: Pupil,
    teach: Teach,
    shelf: list[np.ndarray],
    held: list[np.ndarray],
    before: list[list[float]],
    args: argparse.Namespace,
) -> None:
    """Scale, round to half precision, measure on held-out pictures, write both parts."""
    pupil.eval().requires_grad_(False)
    even(pupil, squares(shelf, 32, args.side, generator(2)))
    for weight in pupil.parameters():
        weight.copy_(weight.half().float())
    after = correlations(pupil, teach, held, 256)
    state = {k: v.half().contiguous() for k, v in pupil.tower.named_parameters()}
    wide = {f"wide.{k}": v.half().contiguous() for k, v in pupil.wide.named_parameters()}
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(state | wide, args.out / SHIPPED.name)
    (args.out / "card.md").write_text(card(before, after, len(held), args), "utf-8")
    print((args.out / "card.md").read_text("utf-8"))


def card(before: list, after: list, held: int, args: argparse.Namespace) -> str:
    """What the network is and how well it sees."""
    taught = ("VGG-19", "VGG-19", "VGG-19", "compressed VGG-19", "compressed VGG-19")
    rows = "".join(
        f"| {name} | relu{n}_1 of {teacher} | {b[0]:.3f} | {a[0]:.3f} | {a[1]:.3f} |\n"
        for n, (name, teacher, b, a) in enumerate(
            zip(STAGES, taught, before, after, strict=True), 1
        )
    )
    return (
        "# perceptual\n\nThe embedded perceptual network: 0.8 M parameters, taught by "
        "VGG-19.\n\n"
        "- learnt from: the left two thirds of ten photographs of scikit-image and scikit-learn, "
        "five photographs and textures in the public domain, four paintings; disturbed\n"
        "- teachers: VGG-19 to relu3_1 (Simonyan & Zisserman, CC BY 4.0); VGG-19 compressed "
        "sixteenfold, relu4_1 and relu5_1 (Wang et al. 2020, MIT), which is also where it "
        "begins; these weights: Apache-2.0 where theirs allow\n"
        f"- seed: {args.seed}; {args.steps:,} steps of {args.batch} squares of {args.side} "
        f"pixels; torch {torch.__version__.partition('+')[0]}, CPU\n"
        f"- made by: `python benchmarks/distil.py --steps {args.steps} --batch {args.batch} "
        f"--side {args.side} --lr {args.lr} --seed {args.seed}`\n\n"
        f"Correlation with the teacher on {held} held-out photographs at 256 pixels, through the "
        "1x1 convolution kept for it; *before* is the start, *centred* leaves out that maps "
        "differ in their mean.\n\n"
        "| stage | what its teacher sees | before | correlation | centred |\n"
        "|---|---|---|---|---|\n"
        f"{rows}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=SHIPPED.parent)
    learn(parser.parse_args())
