"""The table of painted fronts, for benchmarks/report.py."""

from collections.abc import Iterator

from sfumato.results import Run, row

SHARES = ("pixel_accuracy", "class_accuracy", "class_iou", "perceptual", "psnr", "ssim")


def facades(found: Run) -> Iterator[str]:
    """Painted fronts: runs, trivial answers, and the photographs themselves."""
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
    for who, one in found["rows"].items():
        kid = f"{one['kid']:.4f} ± {one['kid error']:.2g}"
        yield row([who, kid, *(f"{one[name]:.3g}" for name in SHARES)])
