"""Tables that stand in pages of their own, between marks; report.py puts them in."""

import statistics
from collections.abc import Iterator

from scipy.stats import t

from sfumato.results import Run, arrow, ends, facts_line, row, spread

ROWS = {
    "real": "real",
    "made": "painted",
    "both": "real and painted",
    "made, namer": "painted, named by the autoencoder",
    "both, namer": "real and painted, named by the autoencoder",
    "namer": "that autoencoder itself",
    "made, guesser": "painted under names given by the GAN of one class more",
    "both, guesser": "real, and painted under names given by the GAN of one class more",
    "guesser": "that GAN itself",
}


COMMONEST = {"mnist": 0.1135, "fashion-mnist": 0.1}
"""Share of held-out images that are of the commonest class: what always naming it reaches."""


def labels(found: list[Run]) -> Iterator[str]:
    """For each set and share a table of what was learned from."""
    groups: dict[tuple[str, float, bool], list[Run]] = {}
    for run in found:
        groups.setdefault((run["data"], run["share"], run.get("long", False)), []).append(run)
    for (data, share, long), runs in groups.items():
        seeds = " ".join(str(run["seed"]) for run in runs)
        size = runs[0]["size"]
        painted = size["ratio"], size["named"]
        shown = f"{data}, {share:.0%} of the labels: {runs[0]['labels']:,} pictures"
        yield f"### {shown}{', learned from for longer' if long else ''}\n"
        given = "".join(f" --{name} {place}" for name, place in runs[0]["given"].items())
        given += " --long" if long else ""
        command = f"python benchmarks/labels.py {data} --share {share:g} --seeds {seeds}{given}"
        yield f"`{command}`\n"
        yield (
            f"{size['classifier']:,} batches for every classifier; "
            f"{size['ratio'] or size['named']:g} painted for each real picture"
            + (f", {size['named']:g} where the rest was seen" if all(painted) else "")
            + f". Floor, always the commonest class: {COMMONEST[data]:.4g}; ceiling 1.\n"
        )
        yield "| learned from | accuracy ↑ | gain, points | n | seeds |\n|---|---|---|---|---|"
        for key, words in ROWS.items():
            those = [run for run in runs if key in run["accuracy"]]
            if not those:
                continue
            values = [run["accuracy"][key] for run in those]
            base = [run["accuracy"]["real"] for run in those]
            gains = [100 * (one - other) for one, other in zip(values, base, strict=True)]
            gain = "" if key == "real" else _with_interval(gains)
            deviation = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
            accuracy = f"{statistics.mean(values):.4f}{deviation}"
            named = " ".join(str(run["seed"]) for run in those)
            yield f"| {words} | {accuracy} | {gain} | {those[0]['test']:,} | {named} |"
        yield f"\n{facts_line(runs[-1])}"


def signs(runs: list[Run]) -> Iterator[str]:
    """What a classifier of photographs learns from drawings and from their translations."""
    for found in runs:
        yield f"### Signs: {found['run']}, {found['recipe']}\n"
        yield f"`python benchmarks/signs.py runs/{found['run']} --count {found['drawings']}`\n"
        yield (
            f"LeNet-5, {found['steps']:,} batches, tested on {found['tested']} photographs of "
            f"other signs; floor {found['floor']:.4g}.\n"
        )
        yield "| learned from | pictures | accuracy ↑, seed by seed | mean ± sd |"
        yield "|---|---|---|---|"
        for one in found["rows"]:
            each = ", ".join(f"{value:.4g}" for value in one["accuracy"])
            pictures = f"{one['pictures']:,}"
            yield row([one["learned from"], pictures, each, spread(one["accuracy"])])
        yield f"\n{facts_line(found)}"


def _with_interval(gains: list[float]) -> str:
    """The mean, and its 95 % interval where there are several."""
    middle = statistics.mean(gains)
    if len(gains) < 2:
        return f"{middle:+.2f}"
    reach = float(t.ppf(0.975, len(gains) - 1)) * statistics.stdev(gains) / len(gains) ** 0.5
    return f"{middle:+.2f} ({middle - reach:+.2f} to {middle + reach:+.2f})"


def counted(runs: list[Run]) -> Iterator[str]:
    """Shares of each count, by what was learned from; a row of real scenes below each."""
    [found] = runs
    asked = " ".join(str(one["number"]) for one in found["rows"])
    yield f"`python benchmarks/counting.py --numbers {asked} --steps {found['steps']}`\n"
    yield "![real scenes of one, three and five letters, and painted ones](images/counting.png)\n"
    numbers = " | ".join(found["counted"])
    yield f"| learned from | shown | right ↑ | counted: {numbers} |"
    yield "|---" * (3 + len(found["counted"])) + "|"
    for one in found["rows"]:
        for kind in ("painted", "real"):
            shares, number = one[kind], one["number"]
            name = f"exactly {number}" if kind == "painted" else ""
            cells = (f"{share:.3f}" for share in shares)
            yield row([name, kind, f"**{shares[number - 1]:.3f}**", *cells])
    yield (
        f"\n{found['n']:,} painted and 2,000 real scenes each, seed {found['seed']}. The rows of "
        "real scenes are the ceiling: the\ncounter is right about "
        f"{found['counter']:.1%} of held-out scenes of all numbers. The floor is one in "
        f"{len(found['counted'])}.\n"
    )
    yield facts_line(found)


def side_by_side(runs: list[Run]) -> Iterator[str]:
    """One column for each of the two systems."""
    [found] = runs
    systems = found["systems"]
    yield f"`python benchmarks/vae_and_gan.py {' '.join(f'runs/{name}' for name in systems)}`\n"
    yield f"Data: {found['data']}; seed {found['seed']}.\n"
    yield "| | " + " | ".join(systems) + " | floor | ceiling | n |"
    yield "|---" * (len(systems) + 4) + "|"
    for name, score in next(iter(systems.values()))["scores"].items():
        cells = [f"{run['scores'][name]['value']:.4g}" for run in systems.values()]
        yield row([arrow(name, score), *cells, *ends(score), f"{score['n']:,}"])
    yield ""
    yield facts_line(found)
