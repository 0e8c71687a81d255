"""The table of painted fronts, for benchmarks/report.py."""

from collections.abc import Iterator, Mapping
from typing import Any

from sfumato.results import facts_line

SHARES = ("pixel_accuracy", "class_accuracy", "class_iou", "perceptual", "psnr", "ssim")


def facades(kept: Mapping[str, Any]) -> Iterator[str]:
    """Painted fronts: runs, trivial answers, and the photographs themselves."""
    if not (found := kept.get("facades")):
        return
    yield f"## Painted fronts: facades at {found['side']} × {found['side']}\n"
    yield f"`python benchmarks/facades.py {' '.join(f'runs/{name}' for name in found['runs'])}`\n"
    for name, run in found["runs"].items():
        said = ", ".join(f"{key} {value}" for key, value in run.items() if value is not None)
        yield f"- `{name}`: {said}"
    yield (
        f"\n{found['n']} held-out maps, seed {found['seed']}; KID by {found['features']} against "
        "the photographs that were learned from; accuracies and IoU by the segmenter "
        "`facade-parts`. *copy*, *mean* and *ridge* are the floor, *real* (the held-out "
        "photographs) is the ceiling.\n"
    )
    yield (
        "| by | KID ↓ | pixel accuracy ↑ | class accuracy ↑ | class IoU ↑ | perceptual ↓ "
        "| PSNR ↑ | SSIM ↑ |"
    )
    yield "|---" * 8 + "|"
    for who, row in found["rows"].items():
        cells = [f"{row['kid']:.4f} ± {row['kid error']:.2g}"]
        yield f"| {who} | " + " | ".join([*cells, *(f"{row[name]:.3g}" for name in SHARES)]) + " |"
    yield ""
    yield facts_line(found)
