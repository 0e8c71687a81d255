"""A section of docs/results.md on holes; report.py puts it in."""

from collections.abc import Iterator

from sfumato.results import Run, row


def filled(found: Run) -> Iterator[str]:
    """A network that fills holes beside answers that need none."""
    yield f"## Holes of {found['data']} filled: {found['run']}\n"
    yield f"`python benchmarks/inpainting.py runs/{found['run']}`\n"
    yield (
        f"{found['n']} held-out pictures of {found['side']} pixels; PSNR inside the holes, "
        "and the perceptual distance (embedded network) of the filled pictures; holes of seed 0. "
        "The mean of what was learned from is the floor; equal pictures score infinity and 0.\n"
    )
    kinds = found["holes"]
    yield "| filled by | " + " | ".join(f"{kind}, dB ↑ | apart ↓" for kind in kinds) + " |"
    yield "|---" * (2 * len(kinds) + 1) + "|"
    for maker in dict.fromkeys(name for rows in kinds.values() for name in rows):
        cells = [rows.get(maker, {"psnr": "", "perceptual": ""}) for rows in kinds.values()]
        yield row([maker, *(f"{cell['psnr']} | {cell['perceptual']}" for cell in cells)])
