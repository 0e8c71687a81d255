"""What docs/style.md says was measured; report.py puts it there."""

from collections.abc import Callable, Iterator

from sfumato.results import Run, row

COMMAND = "python benchmarks/style.py"


def style(runs: list[Run]) -> Iterator[str]:
    """A row for each thing that was measured of style transfer."""
    yield "| what | measured | command | commit |\n|---|---|---|---|"
    found = {run["name"].removeprefix("style-"): run for run in runs}
    for name, rows in ROWS.items():
        for run in (found[key] for key in sorted(found) if key.startswith(name)):
            for what, said, options in rows(run):
                yield row([what, said, f"`{COMMAND} {options}`", run["commit"]])


Rows = Iterator[tuple[str, str, str]]
"""What, the number, and the words behind the script."""


def _curves(found: Run) -> Rows:
    words = {
        "content": "content rebuilt from faint noise",
        "texture": "texture from `stage1` and `stage2`",
        "transfer": "transfer from faint noise",
    }
    for name, curve in found["curves"].items():
        never = ", never rises" if curve["never_rises"] else ", and rises on the way"
        rounds, side = len(curve["losses"]) - 1, found["side"]
        what = f"{words[name]}, {rounds} iterations, {side} pixels"
        yield what, f"falls {curve['falls']:,.0f} times{never}", f"curves --side {side}"


def _speed(found: Run) -> Rows:
    side, evaluations, turns = found["side"], found["evaluations"], found["turns"]
    plain, ours = ([turn[key] for turn in turns] for key in ("plain_seconds", "ours_seconds"))
    shares = " and ".join(f"{turn['share']:.2f}" for turn in turns)
    seconds = (" and ".join(f"{one:.1f}" for one in times) for times in (plain, ours))
    yield (
        f"the plainest program of Gatys et al., {evaluations} evaluations at {side} pixels",
        "{} s; the same loss here after {} s, ".format(*seconds)
        + f"{shares} of it, {found['threads']} threads",
        f"speed --side {side} --evaluations {evaluations} --turns {len(turns)}",
    )


def _passes(found: Run) -> Rows:
    side, threads = found["side"], found["threads"]
    for name, one in found["painters"].items():
        said = f"{one['wall_seconds']:.2f} s, {one['cpu_seconds']:.2f} s of processor time"
        yield f"one pass of {name} at {side} x {side}, {threads} threads", said, "passes --turns 8"


def _memory(method: str) -> Callable[[Run], Rows]:
    what = {"pass": "one pass", "gatys": "two evaluations of gatys, in tiles of 512, with Adam,"}

    def rows(found: Run) -> Rows:
        side = found["side"]
        said = (
            f"{found['peak_gib']} GiB at the most, {found['cpu_seconds']:.0f} s of processor time"
        )
        yield (
            f"{what[method]} over {side} x {side}",
            said,
            f"memory --side {side} --methods {method}",
        )

    return rows


def _quality(found: Run) -> Rows:
    losses, won = found["median_loss"], found["pairs_where_ours_is_lower"]
    pairs, count, options = found["pairs"], found["evaluations"], f"quality --side {found['side']}"
    yield (
        f"{pairs} pairs of which nothing learned, {found['side']} pixels, median loss",
        f"`fast` {losses['fast']:,.0f}, `pass` {losses['pass']:,.0f}; {count} evaluations of "
        f"Gatys {losses['descent from noise']:,.0f} from noise and "
        f"{losses['descent from content']:,.0f} from the content; the content itself "
        f"{losses['content']:,.0f}",
        options,
    )
    for start in ("noise", "content"):
        fast, one = (won[f"{way} under descent from {start}"] for way in ("fast", "pass"))
        yield (
            f"pairs that end lower than {count} evaluations from {'the ' * (start == 'content')}"
            f"{start}",
            f"`fast` {fast} of {pairs}, `pass` {one}",
            options,
        )


def _one(found: Run) -> Rows:
    losses, won = found["median_loss"], found["pairs_where_ours_is_lower"]
    pairs, count, side = found["pairs"], found["evaluations"], found["side"]
    yield (
        f"a network that has learnt {found['style']}, {pairs} contents it never saw, {side} "
        "pixels, median loss",
        f"one pass {losses['pass']:,.0f}; {count} evaluations of Gatys "
        f"{losses['descent from noise']:,.0f} from noise (higher on "
        f"{won['pass under descent from noise']} of {pairs}) and "
        f"{losses['descent from content']:,.0f} from the content; the content itself "
        f"{losses['content']:,.0f}",
        f"one --runs runs/{found['run']} --evaluations {count} --side {side}",
    )


ROWS: dict[str, Callable[[Run], Rows]] = {
    "curves": _curves,
    "speed": _speed,
    "passes": _passes,
    "quality": _quality,
    "one": _one,
    "memory-pass": _memory("pass"),
    "memory-gatys": _memory("gatys"),
}
"""How the names of what was kept begin, in the order of the table."""
