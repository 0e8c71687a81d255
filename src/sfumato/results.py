"""What was measured, kept as JSON beside commit and versions, and the pages written from it.

    FOLDER/benchmarks/results/quality-MODEL-RECIPE-SEED.json      one run, all its scores
           docs/results.md      between two marks: one table of all systems, then one for each
           README.md            between two marks: of each system, the first score of that table

What a publication states stands in the model's file, in the recipe it belongs to.
"""

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sfumato import registry, runs
from sfumato.errors import RunError, SfumatoError
from sfumato.io.files import atomic
from sfumato.metrics.score import UNBIASED
from sfumato.recipe import Published, Recipe

KEPT = Path("benchmarks", "results")
"""Where numbers lie below a folder."""
HEAD = """# Results

Floor is a trivial baseline on the same protocol, ceiling is held-out real data against real data.
Timings were taken on a shared machine: read the ratios.
"""
REPRODUCED = ("<!-- reproduced -->", "<!-- end of what is reproduced -->")
SYSTEMS = ("<!-- systems -->", "<!-- end of systems -->")
Run = Mapping[str, Any]


def keep(name: str, numbers: Mapping[str, Any], folder: Path) -> Path:
    """Write `FOLDER/NAME.json`: the numbers beside what they were measured with."""
    path = folder / f"{name}.json"
    with atomic(path) as temporary:
        text = json.dumps({"name": name, **_facts(), **numbers}, indent=2)
        temporary.write_text(text + "\n", "utf-8")
    return path


def kept(folder: Path) -> dict[str, Any]:
    """All that lies in `folder`, by name; raises RunError for a file that is no JSON."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.json"))}


def read(path: Path) -> dict[str, Any]:
    """What one file keeps."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise RunError(f"{path} is no JSON; delete it, and it is measured again.") from None
    if not isinstance(found, dict):
        raise RunError(f"{path} holds no object; delete it, and it is measured again.")
    return found


def measured(found: Mapping[str, Any]) -> list[Run]:
    """Those of what was kept that are scores of a model's recipe."""
    return [run for run in found.values() if {"scores", "model", "recipe", "seed"} <= set(run)]


def between(text: str, marks: tuple[str, str], new: str) -> str | None:
    """`text` with `new` between the two marks; None where it does not have both."""
    first, last = (text.find(mark) for mark in marks)
    if first < 0 or last < first:
        return None
    return f"{text[: first + len(marks[0])]}\n{new.strip()}\n{text[last:]}"


def write(folder: Path, title: str = "", beside: Mapping[str, str] | None = None) -> list[Path]:
    """Bring `docs/results.md` and the README's table below `folder` up to what was kept there.

    Where there is no such page it is made; a README without the marks is left alone, and so are
    cells of systems that were not reproduced, unless `beside` has words for them.
    """
    found = measured(kept(folder / KEPT))
    page, readme = folder / "docs" / "results.md", folder / "README.md"
    text = page.read_text("utf-8") if page.exists() else HEAD
    new = between(text, REPRODUCED, tables(found, title))
    if new is None:
        begin, end = REPRODUCED
        new = f"{text.rstrip()}\n\n{begin}\n{tables(found, title).strip()}\n{end}\n"
    pages = {page: new}
    if readme.exists():
        old = readme.read_text("utf-8")
        if (rows := _inside(old, SYSTEMS)) is not None:
            pages[readme] = between(old, SYSTEMS, _filled(rows, found, beside or {})) or old
    for path, content in pages.items():
        with atomic(path) as temporary:
            temporary.write_text(content, "utf-8")
    return list(pages)


def tables(found: Sequence[Run], title: str = "") -> str:
    """One table of all systems, then one for each recipe."""
    lines = [f"{title}\n" if title else "", *_overview(found)]
    for (model, recipe), group in _grouped(found).items():
        lines += _details(model, recipe, group, whole=not title)
    return "\n".join(lines)


def _overview(found: Sequence[Run]) -> Iterator[str]:
    """A row for each score that was published, or is promised, or else comes first."""
    yield "## All systems\n"
    yield (
        "`sfumato reproduce` measures the recipes `laptop` again, `--recipe` the others. *Ours* "
        "is the mean over\nseeds, behind ± their deviation; of one seed the score, behind ± the "
        "error of its sample. A system without\na row has no result of this kind yet: further "
        "down, or on its page, may stand others. *Published* is what the\nsource named with it "
        "states, by "
        "its own protocol; an empty cell means that no comparable number is known to\nus. "
        "*Minutes* are those of one training, a mean over seeds.\n"
    )
    yield (
        "| system | recipe | data | score | ours | floor | ceiling | n | seeds | published "
        "| protocol of that | minutes | commit |"
    )
    yield "|---" * 13 + "|"
    for (model, recipe), group in _grouped(found).items():
        for name, published in headline(model, recipe, group).items():
            yield _system(model, recipe, group, name, published)
    yield ""


def _system(model: str, recipe: str, group: list[Run], name: str, said: Published | None) -> str:
    score, first = group[0]["scores"][name], group[0]
    minutes = statistics.mean(run["minutes"] for run in group)
    cells = [f"[{model}](models/{model}.md)", recipe, first["data"], arrow(name, score)]
    cells += [mean(group, name), *ends(score)]
    cells += [f"{score['n']:,}", " ".join(str(run["seed"]) for run in group)]
    cells += [f"{said.value:g}", said.protocol] if said else ["", ""]
    commits = dict.fromkeys(run["commit"] for run in group)
    return row([*cells, f"{minutes:.3g}", " ".join(map(str, commits))])


def headline(model: str, recipe: str, group: Sequence[Run]) -> dict[str, Published | None]:
    """The scores that stand in the table of all, each with what was published of it.

    Where nothing was published or promised it is the first of enough samples to be unbiased.
    """
    known, scores = _recipe(model, recipe), group[0]["scores"]
    wished = [*known.published, *known.expects] if known else []
    sound = [name for name, score in scores.items() if score["n"] >= UNBIASED.get(name, 0)]
    names = [name for name in dict.fromkeys(wished) if name in scores] or (sound or [*scores])[:1]
    return {name: known.published.get(name) if known else None for name in names}


def mean(group: Sequence[Run], name: str) -> str:
    """The mean over seeds, behind ± their deviation; of one run its score, behind ± its error."""
    scores = [run["scores"][name] for run in group if name in run["scores"]]
    scores = [score for score in scores if score["value"] is not None]
    if len(scores) == 1:
        return with_error(scores[0])
    return spread([score["value"] for score in scores]) if scores else ""


def spread(values: Sequence[float]) -> str:
    """The mean, and behind ± the standard deviation where there are several values."""
    deviation = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4g}{deviation}"


def _details(model: str, recipe: str, group: list[Run], *, whole: bool) -> Iterator[str]:
    first = group[0]
    yield f"## {model}, {recipe}: {first['data']}\n"
    seeds = max(run["seed"] for run in group) + 1
    named = f" --tagger {tagger}" if (tagger := first.get("tagger")) else ""
    yield (
        f"`sfumato reproduce --only {model} --recipe {recipe} --seeds {seeds}{named} -o again`\n"
    )
    minutes = ", ".join(str(run["minutes"]) for run in group)
    yield (
        f"{first['steps']:,} batches of {first['batch']}; training took {minutes} minutes "
        f"({', '.join(f'{name} {value}' for name, value in first['preset'].items())}).\n"
    )
    several = "mean ± sd" if len(group) > 1 else "its error"
    seeded = [f"seed {run['seed']}" for run in group]
    yield row(["metric", *seeded, several, "floor", "ceiling", "n", "features"])
    yield "|---" * (len(group) + 6) + "|"
    for name, score in first["scores"].items():
        values = [run["scores"].get(name, {}).get("value") for run in group]
        error = score.get("error")
        beside = mean(group, name) if len(group) > 1 else f"{error:.2g}" if error else ""
        cells = [arrow(name, score), *map(number, values), beside, *ends(score)]
        yield row([*cells, f"{score['n']:,}", score.get("features", "")])
    if whole and any(_outdated(run) for run in group):
        yield "\nMeasured before the recipe was changed to what it is now."
    yield f"\n{facts_line(group[-1])}"


def _outdated(run: Run) -> bool:
    """Whether the recipe has other settings now; those kept before they were noted do not say."""
    known = _recipe(run["model"], run["recipe"])
    if known is None or "settings" not in run:
        return False
    return run["settings"] != runs.digest(replace(known, seed=run["seed"]))


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def arrow(name: str, score: Mapping[str, Any]) -> str:
    """A score's name, and which way is better."""
    return f"{name} {'↑' if score['better'] == 'higher' else '↓'}"


def ends(score: Mapping[str, Any]) -> list[str]:
    """The cells of a score's floor and ceiling."""
    return [number(score.get("floor")), number(score.get("ceiling"))]


def number(value: float | None) -> str:
    """To four digits; nothing where there is none."""
    return "" if value is None else f"{value:.4g}"


def with_error(score: Mapping[str, Any]) -> str:
    """A score's value, and behind ± its error where it has one."""
    error = score.get("error")
    return f"{score['value']:.4g}" + (f" ± {error:.2g}" if error else "")


def facts_line(found: Run) -> str:
    """Day, commit, machine and versions, in small type."""
    return (
        f"<sub>{found['measured']}, commit {found['commit']}, {found['machine']}, "
        f"Python {found['python']}, torch {found['torch']}, lightning {found['lightning']}</sub>\n"
    )


def _filled(rows: str, found: Sequence[Run], beside: Mapping[str, str]) -> str:
    """A table's rows, the last of their four cells filled by what the row's system reaches."""
    groups = _grouped(found)
    lines = []
    for line in rows.strip().splitlines():
        if link := re.search(r"\(docs/models/(\w+)\.md\)", line):
            own = [key for key in groups if key[0] == link[1]]
            own.sort(key=lambda key: key[1] != "laptop")
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            last = beside.get(link[1]) or _best(groups, own) or "".join(cells[3:4])
            line = row([*cells[:3], last])
        lines.append(line)
    return "\n".join(lines)


def _best(groups: Mapping[tuple[str, str], list[Run]], own: list[tuple[str, str]]) -> str:
    """The first score of the first of these recipes, in a few words."""
    for model, recipe in own[:1]:
        group = groups[model, recipe]
        if (name := next(iter(headline(model, recipe, group)), None)) is None:
            return ""  # a system of which nothing is measured
        which = "" if recipe == "laptop" else f", `{recipe}`"
        return f"{arrow(name, group[0]['scores'][name])} {mean(group, name)}{which}"
    return ""


def _grouped(found: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Runs by model and recipe, in the order of seeds."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(found, key=lambda run: (run["model"], run["recipe"], run["seed"])):
        groups.setdefault((run["model"], run["recipe"]), []).append(run)
    return groups


def _recipe(model: str, recipe: str) -> Recipe | None:
    """A recipe that is still there, or None."""
    try:
        known: Mapping[str, Recipe] = registry.module(model).RECIPES
    except SfumatoError:
        return None
    return known.get(recipe)


def _inside(text: str, marks: tuple[str, str]) -> str | None:
    first, last = (text.find(mark) for mark in marks)
    return text[first + len(marks[0]) : last] if 0 <= first < last else None


def _facts() -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "lightning": version("lightning"),
    }


def commit() -> str:
    """The commit this runs from, with a + where its source differs; else the version."""
    if (head := runs.commit()) is None:
        return version("sfumato")
    git = ["git", "-C", str(Path(__file__).parent), "diff", "--quiet", "HEAD", "--", "."]
    return head + ("+" if subprocess.run(git, check=False).returncode else "")


def processor() -> str:
    """What the processor calls itself, and the vector instructions that matter here."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    lines = path.read_text().splitlines()
    name = next((s.partition(": ")[2] for s in lines if s.startswith("model name")), "?")
    flags = next((s for s in lines if s.startswith("flags")), "")
    found = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({', '.join(found)})"
