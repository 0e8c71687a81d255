"""A few words for the README on each system that another script than `reproduce` measures."""

from collections.abc import Callable, Mapping
from typing import Any

Kept = Mapping[str, Any]


def cells(found: Mapping[str, Kept]) -> dict[str, str]:
    """System to its cell; none where nothing was measured."""
    return {system: words(found[name]) for system, name, words in ROWS if name in found}


def _enlarged(found: Kept, who: str, score: str, unit: str, arrow: str) -> str:
    rows = found["sets"]["Set5"]
    ours, floor = (rows[name][score] for name in (who, "bicubic"))
    return f"{score} {arrow} {ours:.4g}{unit} on Set5 by 4, bicubic {floor:.4g}"


def _srresnet(found: Kept) -> str:
    return _enlarged(found, "srresnet-x4", "psnr_y", " dB", "↑")


def _srgan(found: Kept) -> str:
    return _enlarged(found, "srgan-x4", "perceptual", "", "↓")


def _hole(found: Kept) -> str:
    hole = found["holes"]["centre"]
    ours, ridge = hole["network"]["psnr"], hole["ridge"]["psnr"]
    return f"psnr ↑ {ours:.4g} dB in the middle of {found['side']}-pixel faces, ridge {ridge:.4g}"


def _span(rows: list[dict[str, float | None]]) -> str:
    """Of our bits over a rival's, where it has such a likeness."""
    shares = [share for row in rows if (share := row["bpp at ms_ssim"]) is not None]
    return f"{min(shares):.2f} to {max(shares):.2f}"


def _codec(found: Kept) -> str:
    spans = []
    for name, one in found["sets"].items():
        plain, *refined = (_span(rivals["WebP"]) for rivals in one["against"].values())
        spans.append(" ".join([f"{plain} on {name}", *(f"(refined {span})" for span in refined)]))
    return f"bits over WebP's at equal MS-SSIM ↓ {', '.join(spans)}"


def _passes(found: Kept) -> str:
    seconds = found["painters"]["adain"]["wall_seconds"]
    return f"{seconds:.2f} s for 512 x 512 on {found['threads']} cores"


def _painted(found: Kept) -> str:
    losses = found["median_loss"]
    return (
        f"loss of {found['pairs']} pairs ↓ {losses['pass']:,.0f} in one pass, "
        f"{losses['fast']:,.0f} with a few steps of descent, "
        f"{losses['descent from noise']:,.0f} by {found['evaluations']} evaluations of Gatys, "
        f"{losses['content']:,.0f} unpainted"
    )


def _edits(found: Kept) -> str:
    flips, stays = (found["found"][name]["value"] for name in ("flips", "stays"))
    return f"flips ↑ {flips:.3f} of glyphs, the rest stays in {stays:.3f}"


def _fronts(found: Kept) -> str:
    rows = found["rows"]
    ours, plain, real = (
        rows[who]["pixel_accuracy"] for who in ("pix2pix-laptop", "pix2pix-l1", "real")
    )
    return (
        f"pixel accuracy of fronts ↑ {ours:.3f}, error alone {plain:.3f}, photographs {real:.3f}"
    )


def _signs(found: Kept) -> str:
    means = {row["learned from"]: row["mean"] for row in found["rows"]}
    return (
        f"photographed signs read ↑ {means['translated']:.3f} by who learned from translated "
        f"drawings, {means['drawn']:.3f} from drawings, {means['real']:.3f} from photographs"
    )


ROWS: tuple[tuple[str, str, Callable[[Kept], str]], ...] = (
    ("srresnet", "enlarged-x4", _srresnet),
    ("srgan", "enlarged-x4", _srgan),
    ("context_encoder", "inpainting-holes-centre", _hole),
    ("fader", "edits-fader-two", _edits),
    ("cyclegan", "signs-cyclegan-laptop-0", _signs),
    ("pix2pix", "facades", _fronts),
    ("codec", "rates-codec-small-cifar10", _codec),
    ("adain", "style-passes", _passes),
    ("wct", "style-quality", _painted),
)
