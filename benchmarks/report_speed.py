"""Sections of docs/results.md on time and memory; report.py puts them in."""

from collections.abc import Iterator

from sfumato.results import Run, arrow, ends, row, with_error


def speed(found: Run) -> Iterator[str]:
    """Images a second of a plain script and of ours."""
    low, high = found["ratio range"]
    model, recipe = found.get("model", "dcgan"), found.get("recipe", "laptop")
    memory = found.get("memory", False)
    yield f"## {model}, {recipe}: training speed against a plain script\n"
    turned = f"--turns {found['turns']} --steps {found['steps a turn']}"
    asked = f"{model} --recipe {recipe} " if (model, recipe) != ("dcgan", "laptop") else ""
    yield f"`python benchmarks/speed.py {asked}{'--memory ' if memory else ''}{turned}`\n"
    yield "| | images a second |\n|---|---|"
    plain, ours = found["plain images/s"], found["ours images/s"]
    way = "all pictures in one tensor" if memory else "a picture at a time"
    yield f"| plain script: float32, contiguous, {way} | {plain:,} |"
    yield f"| `sfumato train {model} --recipe {recipe}` | {ours:,} |"
    turns, ratio = found["turns"], found["ratio"]
    yield f"| ratio, median of {turns} turns | **{ratio}** ({low} to {high}) |\n"
    preset = ", ".join(f"{name} {value}" for name, value in found["preset"].items())
    yield f"Preset chosen: {preset}."


def equal(found: Run) -> Iterator[str]:
    """What a plain script and ours have learned after as much time, or as many batches."""
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
        theirs = found["plain"].get(name, {"value": float("nan")})
        cells = [arrow(name, mine), with_error(theirs), with_error(mine), *ends(mine)]
        yield row([*cells, f"{mine['n']:,}"])


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
