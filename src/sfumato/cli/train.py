"""The verb train; its options are the fields of the model's Config, of Source and of Recipe."""

import argparse
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from dataclasses import MISSING, asdict, replace
from shlex import quote
from typing import TYPE_CHECKING, Any

from sfumato.cli.parser import positive, whole
from sfumato.cli.places import DEVICES, say
from sfumato.errors import ConfigError

if TYPE_CHECKING:
    from sfumato.recipe import Recipe
    from sfumato.runs import Run

_ABOUT = "learn from images into a run folder, and continue it"
_EPILOG = """\
sfumato train MODEL --help also lists the settings of that model.

examples:
  sfumato train dcgan --data mnist --minutes 10
  sfumato train dcgan --data path/to/pictures --data.side 64 --out runs/mine
  sfumato train dcgan --out runs/mine --resume"""
_RECIPE = ("steps", "batch", "seed", "start", "every", "validate", "ema", "clip", "accumulate")
_APART = ("model", "data", "expects", "published")
_NEXT = {
    "Sampler": "sample {} -n 64 --seed 0",
    "Editor": "edit {} -n 4 --attribute NAME=-1,0,1",
    "Codec": "compress PICTURE --model {}",
}
"""Interface to what is tried first with a model that signs it."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb; what depends on the model is added when its name is known."""
    verb = subparsers.add_parser("train", help=_ABOUT, description="Learn from images.")
    verb.epilog, verb.usage = _EPILOG, "sfumato train MODEL [--data D] [--option VALUE ...]"
    verb.add_argument(
        "model", metavar="MODEL", nargs="?", help="a name that `sfumato list` prints"
    )
    verb.set_defaults(run=train, complete=complete)


def complete(verb: ArgumentParser, words: Sequence[str]) -> None:
    """Add the options, with the defaults of the recipe that `words` choose."""
    from sfumato import registry
    from sfumato.data.source import Source

    names = registry.available()
    first = words[0] if words and not words[0].startswith("-") else None
    model = first or next((word for word in words if word in names), None)
    recipe = _recipe(model, _value(words, "--recipe")) if model else None
    _add_plain(verb, recipe)
    config = registry.module(model).Config if model else None
    if config:
        group = verb.add_argument_group(f"settings of {model}")
        _add_fields(group, "model.", config, recipe.model if recipe else None)
    group = verb.add_argument_group("the data")
    about = "a name from `sfumato data list`, or a path"
    shown = f" (default {recipe.data.name})" if recipe else ""
    group.add_argument("--data", metavar="D", help=about + shown)
    _add_fields(group, "data.", Source, recipe.data if recipe else None, without=("name",))


def train(args: Namespace) -> dict[str, Any]:
    """Plan, train or continue; then say where things are and what to type next."""
    from sfumato import training

    given = _given(args)
    if args.resume:
        return _resume(args, given)
    if args.model is None:
        raise ConfigError("sfumato train needs MODEL; sfumato list prints their names.")
    if args.dry_run:
        return _dry_run(args, given)
    machine = {"device": args.device, "devices": args.devices, "precision": args.precision}
    run = training.train(args.model, out=args.out, minutes=args.minutes, **machine, **given)
    return _report(run)


def _given(args: Namespace) -> dict[str, Any]:
    """What the user said of the recipe, as `sfumato.train` takes it."""
    said = {name: value for name, value in vars(args).items() if value is not None}
    data = {k.removeprefix("data."): v for k, v in said.items() if k.startswith("data.")}
    if args.data is not None:
        data["name"] = args.data
    config = {k.removeprefix("model."): v for k, v in said.items() if k.startswith("model.")}
    changes = {name: said[name] for name in _RECIPE if name in said}
    return {"recipe": args.recipe, "data": data or None, "config": config, **changes}


def _resume(args: Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """Continue the run in --out; whatever else was said must be what it began with."""
    from sfumato import training
    from sfumato.io.files import at_home
    from sfumato.runs import Run

    if args.out is None:
        raise ConfigError("--resume needs --out, the folder of the run to continue.")
    if args.dry_run:
        raise ConfigError("--dry-run plans a new run; leave out --resume.")
    name = args.model or Run(at_home(args.out)).recipe()[0]
    machine = {"device": args.device, "devices": args.devices, "precision": args.precision}
    words = {"out": args.out, "resume": True, "minutes": args.minutes}
    return _report(training.train(name, **words, **machine, **given))


def _dry_run(args: Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """Print the plan and write nothing."""
    from sfumato import parts, planning
    from sfumato.data.glance import glance
    from sfumato.io.files import at_home
    from sfumato.preset import Preset, choose, pick_device
    from sfumato.runs import Run
    from sfumato.training import foresee, vacant

    planning.one_length(args.minutes, args.steps)
    device = pick_device(args.device)
    recipe = planning.plan(args.model, **given)
    schema, images = glance(recipe.data)
    network = parts.outline(args.model, recipe, schema)
    # without a look at held-out images, which may be elsewhere
    planning.enough(network, args.model, replace(recipe, validate=0), args.devices or 1)
    foresee(network, args.model, recipe)
    choose(Preset(device=device), precision=args.precision, convolves=False, seconds=None)
    if args.out is not None:
        vacant(Run(at_home(args.out)), recipe.data)
    counts, memory = parts.parameters(network), parts.memory(network, recipe.batch)
    length = f"{args.minutes:g} minutes" if args.minutes else f"{recipe.steps:,} batches"
    epochs = recipe.steps * recipe.batch / images if images and not args.minutes else None
    say(f"{args.model} on {recipe.data.name}, {device}: nothing is written")
    say(f"images      {images if images is not None else 'unknown'}, {_shape(schema.shape)}")
    again = f", each image {epochs:.1f} times" if epochs else ""
    say(f"length      {length} of {recipe.batch}{again}")
    for part, count in counts.items():
        say(f"parameters  {count['total']:>12,}  {part}")
    say(f"memory      about {max(1, memory // 2**20):,} MiB a step, beside 500 MiB for PyTorch")
    for title, value in (("model", recipe.model), ("data", recipe.data), ("recipe", recipe)):
        own = {k: v for k, v in asdict(value).items() if k not in _APART}
        say(f"{title:<12}{', '.join(f'{name} {_plain(own[name])}' for name in own)}")
    plan = {"recipe": asdict(recipe), "parameters": counts, "images": images, "memory": memory}
    return {"model": args.model, "dry_run": True, "minutes": args.minutes, **plan}


def _report(run: "Run") -> dict[str, Any]:
    """Where things are, and what to type next."""
    from sfumato.callbacks.ledger import rows
    from sfumato.capabilities import tags

    name, recipe = run.recipe()
    path = quote(str(run.path))
    again = f"sfumato train {name} --out {path} --resume"
    if run.stopped:
        say(f"stopped by {run.stopped} and saved in {run.path}; to go on:\n  {again}")
    else:
        say(f"done: {recipe.steps:,} batches in {run.path}")
        told = ("card.md", "loss.png", "film.gif", "samples", "metrics.csv")
        say(f"  {', '.join(part for part in told if (run.path / part).exists())} say how it went")
        say("next:")
        for tag, words in _NEXT.items():
            if tag in tags(name):
                say(f"  sfumato {words.format(path)}")
        say(f"  sfumato evaluate {path}")
        say(f"  sfumato export {path}")
    table = rows(run.path / "metrics.csv")
    files = sorted(str(path) for path in run.path.rglob("*") if path.name[0] != ".")
    last: dict[str, float] = {}
    for row in table:
        last |= row
    report = {"model": name, "run": str(run.path), "files": files, "losses": last, "resume": again}
    return report | ({"stopped": run.stopped} if run.stopped else {})


def _add_plain(verb: ArgumentParser, recipe: "Recipe | None") -> None:
    """The options that every model has."""
    from sfumato.recipe import Recipe
    from sfumato.settings import settings

    verb.add_argument("--recipe", metavar="NAME", help="one of the model's; laptop unless said")
    verb.add_argument(
        "-o", "--out", metavar="RUN", help="the run folder (default runs/MODEL-DATA)"
    )
    verb.add_argument("--minutes", metavar="M", type=positive(), help="train as long, not --steps")
    verb.add_argument("--resume", action="store_true", help="continue the run in --out")
    verb.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
    verb.add_argument(
        "--device", choices=DEVICES, default="auto", metavar="DEVICE", help="cpu, cuda, mps, auto"
    )
    verb.add_argument("--devices", metavar="N", type=whole(1), help="processes (1)")
    verb.add_argument(
        "--precision", metavar="P", help="32 or bf16 (default: the faster, measured)"
    )
    fields = [field for field in settings(Recipe) if field.name in _RECIPE]
    group = verb.add_argument_group("the recipe")
    for field in fields:
        _add(group, "", field.name, field, recipe)


def _add_fields(
    group: Any, prefix: str, kind: type, values: Any, without: Sequence[str] = ()
) -> None:
    from sfumato.settings import settings

    for field in settings(kind):
        if field.name not in without:
            _add(group, prefix, field.name, field, values)


def _add(group: Any, prefix: str, name: str, field: Any, values: Any) -> None:
    """One option, with its meaning, its type and its default."""
    default = getattr(values, name) if values is not None else field.default
    shown = "" if default is MISSING else f"; {_plain(default)}"
    about = " ".join(field.about.split()).replace("%", "%%")
    group.add_argument(
        f"--{prefix}{name}",
        dest=f"{prefix}{name}",
        metavar=name.upper(),
        help=f"{about} ({field.kind}{shown})",
        # flags such as --data.flip need no value
        **({"nargs": "?", "const": "true"} if field.kind == "bool" else {}),
    )


def _plain(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return "none" if default is None else str(default)


def _recipe(model: str, wanted: str | None) -> "Recipe":

    from sfumato import planning

    return planning.plan(model, recipe=wanted)


def _value(words: Sequence[str], option: str) -> str | None:
    """What `words` say behind `option`."""
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    peek.add_argument(option, dest="value", nargs="?")
    return peek.parse_known_args(list(words))[0].value


def _shape(shape: tuple[int, int, int]) -> str:
    colour = "grey" if shape[0] == 1 else "colour"
    return f"{shape[2]}x{shape[1]} {colour}"
