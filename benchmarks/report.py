"""Write docs/results.md from what the benchmarks kept: python benchmarks/report.py."""

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from record import RESULTS
from report_cells import cells
from report_fronts import facades
from report_holes import filled
from scipy.stats import t

from sfumato.results import REPRODUCED, between, facts_line, kept, measured, tables, write

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
HEAD = """# Results

Each table stands under the command that measures it again. What is reproduced is written by
`sfumato reproduce`, and the whole page by `python benchmarks/report.py`, from the files in
`benchmarks/results/`. Floor is a trivial baseline on the same protocol, ceiling is held-out real
data against real data. Timings were taken on a shared machine: read the ratios.
"""
MEASURED = ("<!-- measured -->", "<!-- end of what was measured -->")


def main() -> None:
    """Write the page."""
    found = kept(RESULTS)
    begin, end = REPRODUCED
    parts = [HEAD, begin, tables(measured(found)).strip(), end, ""]
    first = (_classical, _rates, _search, _enlarged, filled, facades, _edits)
    second = (_signs, _repaired, _speed, _equal, _overhead, _memory)
    for section in (*first, *second):
        parts += section(found)
    PAGE.write_text("\n".join(parts), "utf-8")
    print(PAGE, *write(ROOT, beside=cells(found)))
    if beside := found.get("vae-and-gan"):
        _fill("vae-and-gan", _side_by_side(beside))
    if labels := [found[name] for name in sorted(found) if name.startswith("labels-")]:
        _fill("synthetic-data", _labels(labels))
    if counted := found.get("counting"):
        _fill("limits", _counted(counted))


def _fill(name: str, lines: Iterator[str]) -> None:
    """Put what was measured between the marks of a page."""
    page = PAGE.with_name(f"{name}.md")
    text = between(page.read_text("utf-8"), MEASURED, "\n".join(lines))
    if text is None:
        raise SystemExit(f"{page} has lost its marks: {' '.join(MEASURED)}")
    page.write_text(text, "utf-8")


ROWS = {
    "real": "real",
    "made": "painted",
    "both": "real and painted",
    "made, namer": "painted, named by the autoencoder",
    "both, namer": "real and painted, named by the autoencoder",
    "namer": "that autoencoder itself",
    "made, sure": "painted, named by the autoencoder with 90 % or more",
    "both, sure": "real and painted, named by the autoencoder with 90 % or more",
}


def _labels(found: list[Any]) -> Iterator[str]:
    """For each set and share a table of what was learned from."""
    groups: dict[tuple[str, float], list[Any]] = {}
    for run in found:
        groups.setdefault((run["data"], run["share"]), []).append(run)
    for (data, share), runs in groups.items():
        seeds = " ".join(str(run["seed"]) for run in runs)
        size = runs[0]["size"]
        yield f"### {data}, {share:.0%} of the labels: {runs[0]['labels']:,} pictures\n"
        given = "".join(f" --{name} {place}" for name, place in runs[0]["given"].items())
        command = f"python benchmarks/labels.py {data} --share {share:g} --seeds {seeds}{given}"
        yield f"`{command}`\n"
        yield (
            f"{size['classifier']:,} batches for every classifier; {size['ratio']:g} painted for "
            "each real picture"
            + (f", {size['named']:g} where the rest was seen.\n" if size["named"] else ".\n")
        )
        yield "| learned from | accuracy ↑ | gain, points | n | seeds |\n|---|---|---|---|---|"
        base = [run["accuracy"]["real"] for run in runs]
        for key, words in ROWS.items():
            if not all(key in run["accuracy"] for run in runs):
                continue
            values = [run["accuracy"][key] for run in runs]
            gains = [100 * (one - other) for one, other in zip(values, base, strict=True)]
            gain = "" if key == "real" else _with_interval(gains)
            spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
            accuracy = f"{statistics.mean(values):.4f}{spread}"
            yield f"| {words} | {accuracy} | {gain} | {runs[0]['test']:,} | {seeds} |"
        yield f"\n{facts_line(runs[-1])}"


def _with_interval(gains: list[float]) -> str:
    """The mean, and its 95 % interval where there are several."""
    middle = statistics.mean(gains)
    if len(gains) < 2:
        return f"{middle:+.2f}"
    reach = float(t.ppf(0.975, len(gains) - 1)) * statistics.stdev(gains) / len(gains) ** 0.5
    return f"{middle:+.2f} ({middle - reach:+.2f} to {middle + reach:+.2f})"


def _counted(found: Mapping[str, Any]) -> Iterator[str]:
    """Shares of each count, by what was learned from; a row of real scenes below each."""
    asked = " ".join(str(row["number"]) for row in found["rows"])
    yield f"`python benchmarks/counting.py --numbers {asked} --steps {found['steps']}`\n"
    yield "![real scenes of one, three and five letters, and painted ones](images/counting.png)\n"
    counted = " | ".join(found["counted"])
    yield f"| learned from | shown | right ↑ | counted: {counted} |"
    yield "|---" * (3 + len(found["counted"])) + "|"
    for row in found["rows"]:
        for kind in ("painted", "real"):
            right = row[kind][row["number"] - 1]
            cells = " | ".join(f"{share:.3f}" for share in row[kind])
            name = f"exactly {row['number']}" if kind == "painted" else ""
            yield f"| {name} | {kind} | **{right:.3f}** | {cells} |"
    yield (
        f"\n{found['n']:,} painted and 2,000 real scenes each, seed {found['seed']}. The rows of "
        "real scenes are the ceiling: the\ncounter is right about "
        f"{found['counter']:.1%} of held-out scenes of all numbers. The floor is one in "
        f"{len(found['counted'])}.\n"
    )
    yield facts_line(found)


def _side_by_side(found: Mapping[str, Any]) -> Iterator[str]:
    """One column for each of the two systems."""
    systems = found["systems"]
    yield f"`python benchmarks/vae_and_gan.py {' '.join(f'runs/{name}' for name in systems)}`\n"
    yield f"Data: {found['data']}; seed {found['seed']}.\n"
    yield "| | " + " | ".join(systems) + " | floor | ceiling | n |"
    yield "|---" * (len(systems) + 4) + "|"
    for name, score in next(iter(systems.values()))["scores"].items():
        arrow = "↑" if score["better"] == "higher" else "↓"
        cells = [f"{run['scores'][name]['value']:.4g}" for run in systems.values()]
        cells += [_number(score.get("floor")), _number(score.get("ceiling")), f"{score['n']:,}"]
        yield f"| {name} {arrow} | " + " | ".join(cells) + " |"
    yield ""
    yield facts_line(found)


def _search(kept: Mapping[str, Any]) -> Iterator[str]:
    for found in (kept[name] for name in sorted(kept) if name.startswith("search-")):
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
            ends = f"{_number(score['floor'])} | {_number(score['ceiling'])}"
            yield f"| {name} | {score['value']:.4g} | {ends} | {score['n']:,} | {score['seed']} |"
        yield ""
        yield facts_line(found)


def _classical(kept: Mapping[str, Any]) -> Iterator[str]:
    """What other learners make of pyramid_svm's features, beside what it makes of them itself."""
    if not (found := kept.get("classical")):
        return
    yield "## Other learners on the features of pyramid_svm: fashion-mnist\n"
    yield "`python benchmarks/classical.py`\n"
    yield "| learner | features | accuracy ↑ | minutes |\n|---|---|---|---|"
    recipes = {"pyramid": "source", "rectified": "laptop"}
    for kind, recipe in recipes.items():
        runs = [kept[n] for n in sorted(kept) if n.startswith(f"quality-pyramid_svm-{recipe}-")]
        if values := [run["scores"]["accuracy"]["value"] for run in runs]:
            minutes = statistics.mean(run["minutes"] for run in runs)
            mean = f"{statistics.mean(values):.4g} (mean of {len(values)})"
            yield f"| pyramid_svm, {recipe} | {kind} | {mean} | {minutes:.2g} |"
        for row in (row for row in found["rows"] if row["features"] == kind):
            yield f"| {row['learner']} | {kind} | {row['accuracy']:.4g} | {row['minutes']} |"
    yield ""
    yield facts_line(found)


def _speed(kept: Mapping[str, Any]) -> Iterator[str]:
    for speed in (kept[name] for name in sorted(kept) if name.startswith("training-speed")):
        low, high = speed["ratio range"]
        model, recipe = speed.get("model", "dcgan"), speed.get("recipe", "laptop")
        memory = speed.get("memory", False)
        yield f"## {model}, {recipe}: training speed against a plain script\n"
        turned = f"--turns {speed['turns']} --steps {speed['steps a turn']}"
        asked = f"{model} --recipe {recipe} " if (model, recipe) != ("dcgan", "laptop") else ""
        yield f"`python benchmarks/speed.py {asked}{'--memory ' if memory else ''}{turned}`\n"
        yield "| | images a second |\n|---|---|"
        plain, ours = speed["plain images/s"], speed["ours images/s"]
        way = "all pictures in one tensor" if memory else "a picture at a time"
        yield f"| plain script: float32, contiguous, {way} | {plain:,} |"
        yield f"| `sfumato train {model} --recipe {recipe}` | {ours:,} |"
        turns, ratio = speed["turns"], speed["ratio"]
        yield f"| ratio, median of {turns} turns | **{ratio}** ({low} to {high}) |\n"
        yield f"Preset chosen: {_words(speed['preset'])}.\n"
        yield facts_line(speed)


def _equal(kept: Mapping[str, Any]) -> Iterator[str]:
    for found in (kept[name] for name in sorted(kept) if name.startswith("equal-")):
        minutes, model, recipe = found["minutes"], found["model"], found["recipe"]
        length = f"{minutes:g} minutes" if minutes else f"{found['steps']:,} batches"
        yield f"## {model}, {recipe}, against a plain script after {length} each\n"
        option = f"--minutes {minutes:g}" if minutes else f"--steps {found['steps']}"
        asked = f"{model} --recipe {recipe} --quality {option} -n {found['n']}"
        yield f"`python benchmarks/speed.py {asked}`\n"
        rates = f"{found['plain images/s']:,} and {found['ours images/s']:,}"
        said = "as the recipe is" if minutes else "without averaged weights"
        yield f"One run each, {said}; {rates} images a second.\n"
        yield "| metric | plain script | ours | floor | ceiling | n |\n|---|---|---|---|---|---|"
        for name, mine in found["ours"].items():
            ends = f"{_number(mine.get('floor'))} | {_number(mine.get('ceiling'))}"
            theirs = found["plain"].get(name, {"value": float("nan")})
            arrow = "↑" if mine["better"] == "higher" else "↓"
            row = f"{_with_error(theirs)} | {_with_error(mine)} | {ends} | {mine['n']:,}"
            yield f"| {name} {arrow} | {row} |"
        yield ""
        yield facts_line(found)


def _overhead(kept: Mapping[str, Any]) -> Iterator[str]:
    if not (found := kept.get("overhead")):
        return
    yield "## What surrounds a step\n"
    yield "`python benchmarks/overhead.py`\n"
    yield "| | |\n|---|---|"
    for batch, rate in found["loader images/s by batch"].items():
        yield f"| loader, 28x28, batches of {batch} | {rate:,} images a second |"
    trainer = found["trainer"]
    yield (
        "| trainer, logging, data, averages, grids, checkpoints | "
        f"{trainer['share around the step']:.1%} of {trainer['milliseconds a batch']} ms a batch |"
    )
    for command, seconds in found["seconds to start"].items():
        yield f"| `{command}` | {seconds} s |"
    yield ""
    yield facts_line(found)


def _memory(kept: Mapping[str, Any]) -> Iterator[str]:
    if found := kept.get("memory"):
        yield "## Memory on large data\n"
        asked = f"--count {found['pictures']} --steps {found['steps']}"
        yield f"`python benchmarks/memory.py {asked}`\n"
        yield (
            f"Preparing {found['pictures']:,} pictures of side {found['side']} and training DCGAN "
            f"on them for {found['steps']} batches took {found['seconds']} seconds and at most "
            f"**{found['peak anonymous MiB']:,} MiB** of anonymous memory.\n"
        )
        yield facts_line(found)


def _enlarged(kept: Mapping[str, Any]) -> Iterator[str]:
    """What enlarges the published sets, beside the bicubic picture."""
    for found in (kept[name] for name in sorted(kept) if name.startswith("enlarged-")):
        yield f"## Enlarging {found['scale']} times: published sets\n"
        yield f"`python benchmarks/super_resolution.py {' '.join(found['places'])}`\n"
        yield (
            "Luma without a border of as many pixels as the scale, SSIM also of colour; the "
            "perceptual distance is the embedded network's; sharpness is a share of the sharp "
            "picture's own. Equal pictures score infinity, 1, 1, 0 and 1.\n"
        )
        yield "| set | by | psnr_y ↑ | gain | ssim_y ↑ | ssim ↑ | perceptual ↓ | sharpness | n |"
        yield "|---" * 9 + "|"
        for name, rows in found["sets"].items():
            floor = rows["bicubic"]["psnr_y"]
            for who, row in rows.items():
                gain = f"{row['psnr_y'] - floor:+.2f}" if who != "bicubic" else ""
                yield (
                    f"| {name} | {who} | {row['psnr_y']:.2f} | {gain} | {row['ssim_y']:.4f} | "
                    f"{row['ssim']:.4f} | {row['perceptual']:.4f} | {row['sharpness']:.2f} | "
                    f"{row['n']} |"
                )
        yield ""
        yield facts_line(found)


def _repaired(kept: Mapping[str, Any]) -> Iterator[str]:
    for found in (kept[name] for name in sorted(kept) if name.startswith("repaired-")):
        yield f"## {found['place']}: published sets, harmed and repaired\n"
        yield f"`python benchmarks/super_resolution.py {found['place']}`\n"
        yield "Decibels of all channels and of luma; floor is the harmed picture.\n"
        yield "| set | harm | psnr ↑ | floor | gain | psnr_y ↑ | floor | gain | n |"
        yield "|---" * 9 + "|"
        for name, harms in found["sets"].items():
            for harm, row in harms.items():
                cells = [f"{row[k]} | {row[f'harmed {k}']}" for k in ("psnr", "psnr_y")]
                gains = [f"{row[k] - row[f'harmed {k}']:+.2f}" for k in ("psnr", "psnr_y")]
                yield (
                    f"| {name} | {harm} | {cells[0]} | {gains[0]} | {cells[1]} | {gains[1]} | "
                    f"{row['n']} |"
                )
        yield ""
        yield facts_line(found)


def _edits(kept: Mapping[str, Any]) -> Iterator[str]:
    """A Fader: whether what is asked for is there, and the snapshots it was chosen from."""
    for found in (kept[name] for name in sorted(kept) if name.startswith("edits-")):
        recipe, names = found["recipe"], ", ".join(found["attributes"])
        yield f"## {found['run']}: edits of {names}, {found['data']} at {found['side']} px\n"
        asked = f"--recipe {recipe} --steps {found['steps']} --legs {found['legs']}"
        tagger = Path(found["tagger"]).name
        chosen = f"--attributes {','.join(found['attributes'])}"
        yield f"`python benchmarks/fader.py runs/{found['run']} {tagger} {asked} {chosen}`\n"
        yield "| of held-out pictures | value | floor | ceiling | n |\n|---|---|---|---|---|"
        for name, score in found["found"].items():
            arrow = "↑" if score["better"] == "higher" else "↓"
            ends = f"{_number(score.get('floor'))} | {_number(score.get('ceiling'))}"
            yield f"| {name} {arrow} | {_with_error(score)} | {ends} | {score['n']:,} |"
        best, rows = found["chosen"], found["snapshots"]
        looks = ", ".join(f"{row['flips']:.3f} and {row['stays']:.3f}" for row in rows)
        yield f"\nChosen: snapshot {best} of {len(rows)}, whose flips and stays were {looks}.\n"
        yield facts_line(found)


def _signs(kept: Mapping[str, Any]) -> Iterator[str]:
    """What a classifier of photographs can learn from drawings and their translations."""
    for found in (kept[name] for name in sorted(kept) if name.startswith("signs-")):
        yield f"## Signs learned from drawings: {found['run']}, {found['recipe']}\n"
        yield f"`python benchmarks/signs.py runs/{found['run']} --count {found['drawings']}`\n"
        yield (
            f"LeNet-5, {found['steps']:,} batches, tested on {found['tested']} photographs of "
            f"other signs; floor {found['floor']:.4g}.\n"
        )
        yield "| learned from | pictures | accuracy ↑, seed by seed | mean ± sd |"
        yield "|---|---|---|---|"
        for row in found["rows"]:
            each = ", ".join(f"{value:.4g}" for value in row["accuracy"])
            mean = f"{row['mean']:.4g}" + (f" ± {row['sd']:.2g}" if row["sd"] else "")
            yield f"| {row['learned from']} | {row['pictures']:,} | {each} | {mean} |"
        yield ""
        yield facts_line(found)


def _rates(kept: Mapping[str, Any]) -> Iterator[str]:
    """A codec against JPEG and WebP: our bits over theirs at equal likeness."""
    for found in (kept[name] for name in sorted(kept) if name.startswith("rates-")):
        place, sets = found["place"], found["sets"]
        yield f"## {place} against JPEG and WebP: {', '.join(sets)}\n"
        yield f"`python benchmarks/codec.py {place} {' '.join(sets)} -n {found['count']}`\n"
        yield f"![bits per pixel against likeness](images/{found['name']}.png)\n"
        yield (
            "Whole files, headers and checksums included. The last five columns are our bits over "
            "theirs where the likeness is equal: below 1 ours is the smaller file; a dash where "
            "none of their settings is as good or as bad. *Bare* leaves out all headers.\n"
        )
        for name, one in sets.items():
            scales, n = one["scales of MS-SSIM"], one["pictures"]
            yield f"**{name}**: {n} pictures, sides {one['sides']}; MS-SSIM of {scales} scales\n"
            yield (
                "| quality | bytes | bits per pixel | PSNR | MS-SSIM | JPEG, by MS-SSIM "
                "| the same, bare | WebP, by MS-SSIM | the same, bare | WebP, by PSNR |"
            )
            yield "|---" * 10 + "|"
            for row in zip(one["curves"]["sfumato"], *one["against"].values(), strict=True):
                yield _rate(*row)
            yield ""
        seconds = found["seconds at 512"]
        yield (
            f"512 x 512 pixels at the middle quality: {seconds['encode']} processor seconds to "
            f"encode, {seconds['decode']} to decode, on one thread.\n"
        )
        yield facts_line(found)


def _rate(mine: Mapping[str, Any], jpeg: Mapping[str, Any], webp: Mapping[str, Any]) -> str:
    kinds = ("bpp at ms_ssim", "bpp without header at ms_ssim")
    ratios = [*(jpeg[kind] for kind in kinds), *(webp[kind] for kind in kinds)]
    cells = [f"{mine['setting']}", f"{mine['bytes']:,.0f}", f"{mine['bpp']:.2f}"]
    cells += [f"{mine['psnr']:.2f}", f"{mine['ms_ssim']:.4f}"]
    for ratio in (*ratios, webp["bpp at psnr"]):
        cells.append("-" if ratio is None else f"{ratio:.2f}")
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _with_error(score: Mapping[str, Any]) -> str:
    error = score.get("error")
    return f"{score['value']:.4g}" + (f" ± {error:.2g}" if error else "")


def _words(plain: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in plain.items())


if __name__ == "__main__":
    main()
