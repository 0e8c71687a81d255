"""Write docs/results.md from what the benchmarks kept: python benchmarks/report.py."""

import argparse
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from record import RESULTS
from report_cells import cells
from report_fronts import facades
from report_holes import filled
from report_pages import counted, labels, side_by_side, signs
from report_speed import memory, overhead, seconds, speed
from report_style import style

from sfumato.models.fader import RECIPES
from sfumato.results import (
    REPRODUCED,
    Run,
    arrow,
    between,
    ends,
    facts_line,
    kept,
    measured,
    row,
    tables,
    with_error,
    write,
)

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
HEAD = """# Results

Each table stands under the command that measures it again. What is reproduced is written by
`sfumato reproduce`, and the whole page by `python benchmarks/report.py`, from the files in
`benchmarks/results/`. Floor is a trivial baseline on the same protocol, ceiling is held-out real
data against real data. Timings were taken on a shared machine: read the ratios. Settings of the
recipes were chosen by these same numbers, so each is what its recipe reaches, a little flattered.
A commit with a + behind it was measured with changes that were committed later.
"""
MEASURED = ("<!-- measured -->", "<!-- end of what was measured -->")


Section = Callable[[Run], Iterator[str]]
Table = Callable[[list[Run]], Iterator[str]]


def main() -> None:
    """Write the pages."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    found = kept(RESULTS)
    begin, end = REPRODUCED
    parts = [HEAD, begin, tables(measured(found)).strip(), end, ""]
    for name, section in SECTIONS.items():
        for run in beginning(name, found):
            parts += [*section(run), "", facts_line(run)]
    PAGE.write_text("\n".join(parts), "utf-8")
    print(PAGE, *write(ROOT, beside=cells(found)))
    for page, tabled in FILLED.items():
        lines = [
            line
            for name, table in tabled
            if (runs := beginning(name, found))
            for line in table(runs)
        ]
        if lines:
            _fill(page, lines)


def beginning(name: str, found: Mapping[str, Run]) -> list[Run]:
    """What was kept under names that begin so, in their order."""
    return [found[key] for key in sorted(found) if key.startswith(name)]


def _fill(name: str, lines: Iterable[str]) -> None:
    """Put what was measured between the marks of a page."""
    page = PAGE.with_name(f"{name}.md")
    text = between(page.read_text("utf-8"), MEASURED, "\n".join(lines))
    if text is None:
        raise SystemExit(f"{page} has lost its marks: {' '.join(MEASURED)}")
    page.write_text(text, "utf-8")


def _classical(found: Run) -> Iterator[str]:
    """What other learners make of pyramid_svm's features, beside what it makes of them itself."""
    yield "## Other learners on the features of pyramid_svm: fashion-mnist\n"
    yield "`python benchmarks/classical.py`\n"
    yield (
        f"Of {found['n']:,} held-out images, seed {found['seed']}; floor, always one class: 0.1; "
        "ceiling 1. Minutes of one core.\n"
    )
    yield "| learner | features | accuracy ↑ | minutes |\n|---|---|---|---|"
    recipes = {"pyramid": "source", "rectified": "laptop"}
    for kind, recipe in recipes.items():
        runs = beginning(f"quality-pyramid_svm-{recipe}-", kept(RESULTS))
        if values := [run["scores"]["accuracy"]["value"] for run in runs]:
            minutes = statistics.mean(run["minutes"] for run in runs)
            mean = f"{statistics.mean(values):.4g} (mean of {len(values)})"
            yield f"| pyramid_svm, {recipe} | {kind} | {mean} | {minutes:.2g} |"
        for one in (one for one in found["rows"] if one["features"] == kind):
            yield row([one["learner"], kind, f"{one['accuracy']:.4g}", f"{one['minutes']}"])


def _rates(found: Run) -> Iterator[str]:
    """A codec against JPEG and WebP: our bits over theirs at equal likeness."""
    place, sets = found["place"], found["sets"]
    yield f"## {place} against JPEG and WebP: {', '.join(sets)}\n"
    yield f"`python benchmarks/codec.py {place} {' '.join(sets)} -n {found['count']}`\n"
    yield f"![bits per pixel against likeness](images/{found['name']}.png)\n"
    yield (
        "Whole files, headers and checksums included. The last five columns are our bits over "
        "theirs where the likeness is equal: below 1 ours is the smaller file; a dash where "
        "none of their settings is as good or as bad. *Bare* leaves out all headers; *steps* are "
        "those of `--refine`.\n"
    )
    for name, one in sets.items():
        scales, n = one["scales of MS-SSIM"], one["pictures"]
        yield f"**{name}**: {n} pictures, sides {one['sides']}; MS-SSIM of {scales} scales\n"
        for mine, rivals in one["against"].items():
            yield (
                f"| {mine}: quality | bytes | bits per pixel | PSNR | MS-SSIM | JPEG, by MS-SSIM "
                "| the same, bare | WebP, by MS-SSIM | the same, bare | WebP, by PSNR |"
            )
            yield "|---" * 10 + "|"
            for sizes in zip(one["curves"][mine], *rivals.values(), strict=True):
                yield _rate(*sizes)
            yield ""
    seconds = "; ".join(f"{task}: {n}" for task, n in found["seconds at 512"].items())
    yield f"512 x 512 pixels at the middle quality, processor seconds on one thread: {seconds}."


def _rate(mine: Run, jpeg: Run, webp: Run) -> str:
    kinds = ("bpp at ms_ssim", "bpp without header at ms_ssim")
    ratios = [*(jpeg[kind] for kind in kinds), *(webp[kind] for kind in kinds)]
    cells = [f"{mine['setting']}", f"{mine['bytes']:,.0f}", f"{mine['bpp']:.2f}"]
    cells += [f"{mine['psnr']:.2f}", f"{mine['ms_ssim']:.4f}"]
    for ratio in (*ratios, webp["bpp at psnr"]):
        cells.append("-" if ratio is None else f"{ratio:.2f}")
    return row(cells)


def _search(found: Run) -> Iterator[str]:
    """How fast, and how well, pictures are found by their codes."""
    yield f"## Search by code: {found['run']}, {found['data']}\n"
    yield f"`python benchmarks/search.py runs/{found['run']} --in {found['data']}`\n"
    yield "| | |\n|---|---|"
    yield f"| pictures, as files of a folder | {found['images']:,} |"
    yield f"| numbers in a code | {found['code']:,} |"
    yield f"| index built | {found['seconds to index']} s |"
    yield f"| index found up to date | {found['seconds to bring up to date']} s |"
    slowest = f"{found['slowest query']} ms the slowest"
    yield f"| a query, median | **{found['milliseconds a query']} ms** ({slowest}) |\n"
    yield "| mean average precision ↑ | value | floor | ceiling | queries | seed |"
    yield "|---|---|---|---|---|---|"
    for name, score in found["retrieval"].items():
        cells = [name, f"{score['value']:.4g}", *ends(score), f"{score['n']:,}"]
        yield row([*cells, f"{score['seed']}"])


def _enlarged(found: Run) -> Iterator[str]:
    """What enlarges the published sets, beside the bicubic picture."""
    yield f"## Enlarging {found['scale']} times: published sets\n"
    yield f"`python benchmarks/super_resolution.py {' '.join(found['places'])}`\n"
    yield (
        "Luma without a border of as many pixels as the scale, SSIM also of colour; the "
        "perceptual distance is the embedded network's; sharpness is a share of the sharp "
        "picture's own. *turns*: the mean over a picture's eight turns and mirrors (`--turns`). "
        "Equal pictures score infinity, 1, 1, 0 and 1.\n"
    )
    yield "| set | by | psnr_y ↑ | gain | ssim_y ↑ | ssim ↑ | perceptual ↓ | sharpness | n |"
    yield "|---" * 9 + "|"
    for name, rows in found["sets"].items():
        floor = rows["bicubic"]["psnr_y"]
        for who, one in rows.items():
            gain = f"{one['psnr_y'] - floor:+.2f}" if who != "bicubic" else ""
            likeness = (f"{one[kind]:.4f}" for kind in ("ssim_y", "ssim", "perceptual"))
            cells = [name, who, f"{one['psnr_y']:.2f}", gain, *likeness]
            yield row([*cells, f"{one['sharpness']:.2f}", f"{one['n']}"])


def _probed(found: Run) -> Iterator[str]:
    """What a judge that never saw a label knows, beside pixels and random weights."""
    yield "## A linear probe of DCGAN's judge: cifar10, no labels seen\n"
    yield f"`python benchmarks/probe.py --steps {found['steps']} --seed {found['seed']}`\n"
    yield (
        f"{found['steps']:,} batches of {found['batch']} in {found['minutes']} minutes; the "
        f"classifier learned from {found['labels']:,} labelled images and is tested on others "
        "([metrics](metrics.md#linear-probe)).\n"
    )
    yield "| features | accuracy ↑ | floor | ceiling | n |\n|---|---|---|---|---|"
    words = {"probe": "of the trained judge", "probe_random": "of the same judge untrained"}
    words["probe_pixels"] = "the pixels"
    for name, what in words.items():
        score = found["scores"][name]
        yield row([what, with_error(score), *ends(score), f"{score['n']:,}"])


def _edits(found: Run) -> Iterator[str]:
    """A Fader: whether what is asked for is there, and the snapshots it was chosen from."""
    recipe, names = found["recipe"], ", ".join(found["attributes"])
    yield f"## {found['run']}: edits of {names}, {found['data']} at {found['side']} px\n"
    asked = f"--recipe {recipe} --steps {found['steps']} --legs {found['legs']}"
    chosen = f"--attributes {','.join(found['attributes'])}"
    yield f"`python benchmarks/fader.py runs/{found['run']} {found['tagger']} {asked} {chosen}`\n"
    yield "| of held-out pictures | value | floor | ceiling | published | n |"
    yield "|---" * 6 + "|"
    known = RECIPES[recipe].published
    for name, score in found["found"].items():
        said = f"{known[name].value:g}" if name in known else ""
        cells = [arrow(name, score), with_error(score), *ends(score), said]
        yield row([*cells, f"{score['n']:,}"])
    for said in dict.fromkeys(known[name].protocol for name in found["found"] if name in known):
        yield f"\n*Published*: {said}."
    best, rows = found["chosen"], found["snapshots"]
    looks = ", ".join(f"{row['flips']:.3f} and {row['stays']:.3f}" for row in rows)
    yield f"\nChosen: snapshot {best} of {len(rows)}, whose flips and stays were {looks}."


def _repaired(found: Run) -> Iterator[str]:
    """What takes away JPEG or blur, beside the harmed picture."""
    yield f"## {found['place']}: published sets, harmed and repaired\n"
    yield f"`python benchmarks/super_resolution.py {found['place']}`\n"
    yield "Decibels of all channels and of luma; floor is the harmed picture.\n"
    yield "| set | harm | psnr ↑ | floor | gain | psnr_y ↑ | floor | gain | n |"
    yield "|---" * 9 + "|"
    for name, harms in found["sets"].items():
        for harm, one in harms.items():
            pairs = [(one[kind], one[f"harmed {kind}"]) for kind in ("psnr", "psnr_y")]
            cells = (f"{now} | {old} | {now - old:+.2f}" for now, old in pairs)
            yield row([name, harm, *cells, f"{one['n']}"])


def _styles(found: Run) -> Iterator[str]:
    """Which coordinates of a style slant the ink and broaden it."""
    yield f"## What the style of {found['run']} means\n"
    asked = f"-n {found['n']} --seed {found['seed']}"
    yield f"`python benchmarks/styles.py runs/{found['run']} {asked}`\n"
    yield (
        "Correlation within the labels of the coordinate that moves each most, and the largest "
        "of codes that belong to other pictures; then the measure at the ends of five rows.\n"
    )
    yield "| measured | coordinate | correlation | by chance | at the low end | at the high end |"
    yield "|---" * 6 + "|"
    for name, one in found["styles"].items():
        spans = (" ".join(f"{value:.2f}" for value in one[end]) for end in ("from", "to"))
        yield row([name, one["axis"], str(one["correlation"]), str(one["by chance"]), *spans])
    yield f"\n![Five rows along the one, five along the other](images/styles-{found['run']}.png)"


SECTIONS: dict[str, Section] = {
    "classical": _classical,
    "rates-": _rates,
    "search-": _search,
    "probe-": _probed,
    "enlarged-": _enlarged,
    "inpainting-": filled,
    "facades": facades,
    "edits-": _edits,
    "styles-": _styles,
    "repaired-": _repaired,
    "speed-": speed,
    "overhead": overhead,
    "memory": memory,
    "seconds": seconds,
}
"""How the names of files begin, in the order of the page, and what is written of each."""
FILLED: dict[str, tuple[tuple[str, Table], ...]] = {
    "vae-and-gan": (("vae-and-gan", side_by_side),),
    "synthetic-data": (("labels-", labels), ("signs-", signs)),
    "limits": (("counting", counted),),
    "style": (("style-", style),),
}
"""Other pages: how the names of their files begin, and the table that is written of them."""

if __name__ == "__main__":
    main()
