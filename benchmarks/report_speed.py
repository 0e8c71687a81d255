"""Sections of docs/results.md on time and memory; report.py puts them in."""

from collections.abc import Iterator

from sfumato.results import Run, arrow, ends, row, spread


def speed(found: Run) -> Iterator[str]:
    """The pace of a plain script and of ours, and what each has learned by then."""
    low, high = found["ratio range"]
    model, recipe, turns = found["model"], found["recipe"], found["turns"]
    published = found.get("published")
    yield f"## {model}, {recipe}: training speed against a plain script\n"
    yield f"`{_command(found)}`\n"
    what = "seconds" if published else "images/s"
    yield f"| | {'seconds of training' if published else 'images a second'} |\n|---|---|"
    way = "all pictures in one tensor" if found["memory"] else "a picture at a time"
    taught = f", the recipe `{published}` to its end" if published else ""
    yield f"| plain script: float32, contiguous, {way}{taught} | {found[f'plain {what}']:,} |"
    length = f" --steps {found['steps']} --model.decay_steps {found['steps']}"
    ours = f"sfumato train {model} --recipe {recipe}{length if published else ''}"
    yield f"| `{ours}` | {found[f'ours {what}']:,} |"
    spread = f"median of {turns} turns | **{found['ratio']}** ({low} to {high})"
    once = f"one turn | **{found['ratio']}**"
    yield f"| ratio, {spread if turns > 1 else once} |\n"
    preset = ", ".join(f"{name} {value}" for name, value in found["preset"].items())
    apart = "Each number is a median of its own. " if turns > 1 else ""
    yield f"{apart}Preset chosen: {preset}."
    if "n" in found:
        yield from _equal(found)


def _command(found: Run) -> str:
    """What measures it again."""
    options = [found["model"], f"--recipe {found['recipe']}"]
    options += [f"--published {found['published']}"] if found.get("published") else []
    options += ["--memory"] if found["memory"] else []
    options += [f"--turns {found['turns']}"]
    minutes = found["minutes"]
    options += [f"--minutes {minutes:g}" if minutes else f"--steps {found['steps']}"]
    options += [f"--quality -n {found['n']}"] if "n" in found else []
    return f"python benchmarks/speed.py {' '.join(options)}"


def _equal(found: Run) -> Iterator[str]:
    """What a plain script and ours have learned after as much time, or as many batches."""
    seeds = len(found["ours"])
    runs = f"mean ± deviation of {seeds} seeds" if seeds > 1 else "seed 0"
    yield f"\nWhat both have learned {_until(found)}: {runs}.\n"
    yield "| metric | plain script | ours | floor | ceiling | n |\n|---|---|---|---|---|---|"
    for name, mine in found["ours"][0].items():
        values = {
            who: [scores[name]["value"] for scores in found[who]] for who in ("plain", "ours")
        }
        cells = [spread(values["plain"]), spread(values["ours"]), *ends(mine)]
        yield row([arrow(name, mine), *cells, f"{mine['n']:,}"])


def _until(found: Run) -> str:
    """After how long both were scored."""
    if found.get("published"):
        return "by the end of each"
    if found["minutes"]:
        return f"after {found['minutes']:g} minutes, as the recipe is"
    return f"after {found['steps']:,} batches, without averaged weights"


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


def seconds(found: Run) -> Iterator[str]:
    """What is done to one picture: how long, and in how much memory."""
    yield "## Seconds and memory of one picture\n"
    yield f"`python benchmarks/seconds.py --turns {found['turns']}`\n"
    turns, threads = found["turns"], found["threads"]
    yield f"The best of {turns} calls on {threads} threads, one call of the largest.\n"
    yield "| | seconds | most memory of the process, MiB |\n|---|---|---|"
    for name, one in found["rows"].items():
        yield row([name, f"{one['seconds']:.2f}", f"{one['peak MiB']:,}"])
