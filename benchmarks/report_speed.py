"""Sections of docs/results.md on time and memory; report.py puts them in."""

from collections.abc import Iterator

from sfumato.results import Run, arrow, ends, row, spread


def speed(found: Run) -> Iterator[str]:
    """Images a second of a plain script and of ours, and what each has learned by then."""
    low, high = found["ratio range"]
    model, recipe, memory = found["model"], found["recipe"], found["memory"]
    turns, steps, minutes = found["turns"], found["steps"], found["minutes"]
    yield f"## {model}, {recipe}: training speed against a plain script\n"
    options = f"--turns {turns} " + (f"--minutes {minutes:g}" if minutes else f"--steps {steps}")
    memorised = "--memory " if memory else ""
    scored = f" --quality -n {found['n']}" if "n" in found else ""
    yield f"`python benchmarks/speed.py {model} --recipe {recipe} {memorised}{options}{scored}`\n"
    yield "| | images a second |\n|---|---|"
    plain, ours = found["plain images/s"], found["ours images/s"]
    way = "all pictures in one tensor" if memory else "a picture at a time"
    yield f"| plain script: float32, contiguous, {way} | {plain:,} |"
    yield f"| `sfumato train {model} --recipe {recipe}` | {ours:,} |"
    spread = f"median of {turns} turns | **{found['ratio']}** ({low} to {high})"
    once = f"one turn | **{found['ratio']}**"
    yield f"| ratio, {spread if turns > 1 else once} |\n"
    preset = ", ".join(f"{name} {value}" for name, value in found["preset"].items())
    yield f"Preset chosen: {preset}."
    if "n" in found:
        yield from _equal(found)


def _equal(found: Run) -> Iterator[str]:
    """What a plain script and ours have learned after as much time, or as many batches."""
    minutes = found["minutes"]
    after = f"{minutes:g} minutes" if minutes else f"{found['steps']:,} batches"
    how = "as the recipe is" if minutes else "without averaged weights"
    seeds = len(found["ours"])
    runs = f"mean ± deviation of {seeds} seeds" if seeds > 1 else "seed 0"
    yield f"\nWhat both have learned after {after}, {how}: {runs}.\n"
    yield "| metric | plain script | ours | floor | ceiling | n |\n|---|---|---|---|---|---|"
    for name, mine in found["ours"][0].items():
        values = {
            who: [scores[name]["value"] for scores in found[who]] for who in ("plain", "ours")
        }
        cells = [spread(values["plain"]), spread(values["ours"]), *ends(mine)]
        yield row([arrow(name, mine), *cells, f"{mine['n']:,}"])


def overhead(found: Run) -> Iterator[str]:
    """What the loader, the trainer and the start of a command cost."""
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


def memory(found: Run) -> Iterator[str]:
    """The peak of a run on many pictures."""
    yield "## Memory on large data\n"
    asked = f"--count {found['pictures']} --steps {found['steps']}"
    yield f"`python benchmarks/memory.py {asked}`\n"
    yield (
        f"Preparing {found['pictures']:,} pictures of side {found['side']} and training DCGAN "
        f"on them for {found['steps']} batches took {found['seconds']} seconds and at most "
        f"**{found['peak anonymous MiB']:,} MiB** of anonymous memory."
    )
