"""Verbs that look around: list, show."""

from argparse import Namespace, _SubParsersAction
from dataclasses import MISSING, asdict
from typing import Any

from sfumato.cli.places import called, say


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "every model there is, what it does, and which weights are shipped"
    verb = subparsers.add_parser("list", help=about, description=f"List {about}.")
    verb.set_defaults(run=list_models)
    about = "a model's file, settings, recipes and numbers of parameters"
    verb = subparsers.add_parser("show", help=about, description=f"Show {about}.")
    verb.add_argument(
        "model", metavar="MODEL", help="a name that `sfumato list` prints, a run or a bundle"
    )
    verb.set_defaults(run=show)


def list_models(args: Namespace) -> dict[str, Any]:
    """Print name, summary and interfaces of every model, read from their files."""
    from sfumato import registry
    from sfumato.capabilities import conditions, tags

    models = {
        name: {
            "summary": registry.summary(name),
            "interfaces": list(tags(name)),
            "conditions": list(conditions(name)),
        }
        for name in registry.available()
    }
    wide = max(map(len, models), default=0)
    for name, facts in models.items():
        asked = f"; asked for {', '.join(facts['conditions'])}" if facts["conditions"] else ""
        can = f"  [{', '.join(facts['interfaces'])}{asked}]" if facts["interfaces"] else ""
        say(f"{name:<{wide}}  {facts['summary']}{can}")
    zoo = registry.shipped()
    say("\nShipped weights, which a verb takes by name:")
    wide = max(map(len, zoo))
    for name, about in zoo.items():
        say(f"{name:<{wide}}  {about}")
    return {"models": models, "zoo": zoo}


def show(args: Namespace) -> dict[str, Any]:
    """Print what a model's file says of it."""
    from inspect import getdoc

    from sfumato import parts, registry
    from sfumato.capabilities import conditions, tags
    from sfumato.settings import settings

    if args.model not in registry.available() and _is_place(args.model):
        return _of_place(args.model)
    module, name = registry.module(args.model), args.model
    kind = registry.model_class(name)
    facts = {
        "model": name,
        "summary": registry.summary(name),
        "file": str(registry.path(name)),
        "doc": getdoc(module),
        "interfaces": list(tags(name)),
        "needs": list(kind.needs),
        "conditions": list(conditions(name)),
        "config": [
            {
                "name": field.name,
                "type": field.kind,
                "default": None if field.default is MISSING else field.default,
                "about": " ".join(field.about.split()),
            }
            for field in settings(module.Config)
        ],
        "recipes": {label: asdict(recipe) for label, recipe in module.RECIPES.items()},
        "parameters": parts.of_recipes(name),
    }
    _print(facts)
    return facts


def _is_place(name: str) -> bool:
    from sfumato import registry
    from sfumato.io.files import at_home

    return name in registry.shipped() or "/" in name or at_home(name).exists()


def _of_place(place: str) -> dict[str, Any]:
    """What a run, a bundle or shipped weights were trained to do, and its card."""
    from sfumato import parts
    from sfumato.capabilities import interfaces
    from sfumato.runs import bundle_folder, load

    model = load(place)
    with bundle_folder(place) as folder:
        card = folder / "card.md"
        text = card.read_text("utf-8") if card.exists() else ""
    schema = model.schema
    conditions, held = model.conditions, interfaces(model)
    asked = {
        one.name: list(one.values) or [f"{one.low:g}", f"{one.high:g}"]
        for one in (schema.attributes if "attributes" in conditions else ())
    }
    say(f"model       {called(model)}")
    say(f"interfaces  {', '.join(held) or 'none'}")
    channels, high, wide = schema.shape
    say(f"images      {wide}x{high}, {'grey' if channels == 1 else 'colour'}")
    if schema.classes:
        say(f"classes     {', '.join(schema.classes)}")
    say(f"asked for   {', '.join(conditions) or 'nothing'}")
    for name, values in asked.items():
        say(f"  {name}: {', '.join(values)}")
    config, counts = asdict(model.config), parts.parameters(model)
    say("\nsettings")
    for name, value in config.items():
        say(f"  --model.{name} {value}")
    sizes = (f"{part} {count['total']:,}" for part, count in counts.items())
    say(f"\nparameters  {', '.join(sizes)}")
    say(f"\n{text.strip()}" if text else "\nIt has no card.")
    return {
        "place": place,
        "config": config,
        "parameters": counts,
        "model": called(model),
        "interfaces": list(held),
        "shape": list(schema.shape),
        "classes": list(schema.classes),
        "conditions": list(conditions),
        "attributes": asked,
        "card": text,
    }


def _print(facts: dict[str, Any]) -> None:
    say(facts["doc"])
    say(f"\nfile        {facts['file']}")
    say(f"interfaces  {', '.join(facts['interfaces']) or 'none'}")
    say(f"needs       {', '.join(facts['needs'])}")
    say(f"asked for   {', '.join(facts['conditions']) or 'nothing'}")
    say("\nsettings")
    for field in facts["config"]:
        say(f"  --model.{field['name']} {field['default']}  ({field['type']})")
        say(f"      {field['about']}")
    say("\nrecipes")
    for label, recipe in facts["recipes"].items():
        length = f"{recipe['steps']:,} batches of {recipe['batch']}"
        say(f"  {label}: {_changed(recipe['data'], 'name', 'split', 'seed')}; {length}")
        say(f"      {_unlike(recipe['model'], facts['config']) or 'every setting at its default'}")
        counts = facts["parameters"][label] or {}
        parts = ", ".join(f"{part} {count['total']:,}" for part, count in counts.items())
        say(f"      parameters: {parts or 'unknown until its data is here'}")


def _changed(source: dict[str, Any], *always: str) -> str:
    """A source in a few words: its name, and what is set."""
    own = [f"{k} {v}" for k, v in source.items() if k not in always and v not in (None, (), False)]
    return ", ".join([source["name"], *own])


def _unlike(values: dict[str, Any], fields: list[dict[str, Any]]) -> str:
    """The settings of a recipe that differ from the defaults."""
    defaults = {field["name"]: field["default"] for field in fields}
    return " ".join(f"--model.{k} {v}" for k, v in values.items() if v != defaults[k])
