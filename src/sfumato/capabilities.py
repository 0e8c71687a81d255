"""What a model is decides what can be done with it; this table is the only place that says so."""

import ast

from sfumato import registry
from sfumato.errors import ConfigError

VERBS = {
    "Sampler": (
        "sample",
        "interpolate",
        "animate",
        "traverse",
        "arithmetic",
        "manifold",
        "augment",
    ),
    "Judge": ("complete",),
    "Autoencoder": (
        *("reconstruct", "interpolate", "traverse"),
        *("search", "scatter", "relabel"),
    ),
    "Codec": ("compress", "decompress"),
    "Classifier": ("search", "classify"),
    "Tagger": ("search",),
    "Editor": ("edit",),
    "Translator": ("translate", "upscale", "restore", "stylize", "complete", "blend"),
}
"""Interface of `sfumato.model` to the verbs it unlocks."""
CONDITIONS = {"relabel": "label"}
"""What its models must be asked for as well, of a verb."""
ALL = ("train", "evaluate", "compare", "export")
"""Verbs that every model has."""


def tags(name: str) -> tuple[str, ...]:
    """The interfaces that model `name` signs, read from its file without importing it."""
    bases = {
        ast.unparse(base).rpartition(".")[2]
        for node in registry.tree(name).body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    return tuple(tag for tag in VERBS if tag in bases)


def conditions(name: str) -> tuple[str, ...]:
    """What model `name` can be asked for, read from its file without importing it."""
    classes = (node for node in registry.tree(name).body if isinstance(node, ast.ClassDef))
    lines = (line for node in classes for line in node.body)
    for line in lines:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0]
            if ast.unparse(target) == "conditions":
                return tuple(ast.literal_eval(line.value))
    return ()


def interfaces(model: object) -> tuple[str, ...]:
    """The interfaces that a loaded model signs and, with its config, provides."""
    from sfumato import model as contract

    lacking = getattr(model, "lacks", ())
    return tuple(
        tag for tag in VERBS if isinstance(model, getattr(contract, tag)) and tag not in lacking
    )


def demand(model: object, verb: str, place: str) -> None:
    """Raise ConfigError unless `model`, loaded from `place`, can do `verb`."""
    held = interfaces(model)
    known = {one for tag in held for one in VERBS[tag]}
    if verb in known | {*ALL}:
        return
    verbs = (
        one for tag in held for one in (translating(model) if tag == "Translator" else VERBS[tag])
    )
    able = list(dict.fromkeys([*verbs, *ALL]))
    needed = " or ".join(_a(tag) for tag, verbs in VERBS.items() if verb in verbs)
    what = " and ".join(held) or "none of the known interfaces"
    raise ConfigError(
        f"{verb} needs {needed}, and {place} holds {_a(type(model).__name__)}, which is "
        f"{what}: it can {', '.join(able[:-1])} and {able[-1]}.{_instead(verb)}"
    )


def can(name: str, verb: str) -> bool:
    """Whether model `name` signs what a verb needs, and can be asked for what it asks."""
    wanted, asked = {tag for tag in VERBS if verb in VERBS[tag]}, CONDITIONS.get(verb)
    return bool(wanted & set(tags(name))) and (asked is None or asked in conditions(name))


def translating(model: object) -> tuple[str, ...]:
    """The verbs of a Translator as it was made: by what it takes and how much it enlarges."""
    takes, scale = getattr(model, "takes", ()), getattr(model, "scale", 1)
    if takes:
        return tuple({"mask": "complete", "reference": "stylize"}[one] for one in takes)
    return ("translate", "upscale") if scale > 1 else ("translate", "restore", "stylize", "blend")


def _instead(verb: str) -> str:
    """Who can do it: of what is shipped, else of what can be trained.

    Nothing is said where a Translator is needed: which of them suits, its own verb says.
    """
    if verb in VERBS["Translator"]:
        return ""
    shipped = [name for name in registry.shipped() if can(registry.shipped_model(name), verb)]
    models = [name for name in registry.available() if can(name, verb)]
    take = f"take {', '.join(shipped)}" if shipped else f"train {', '.join(models)}"
    return f" For {verb} {take}."


def _a(name: str) -> str:
    """A name behind its article, as it is spoken: a VAE, an AAE, an SRGAN."""
    vowels = "AEFHILMNORSX" if name[:2].isupper() else "AEIO"
    return f"{'an' if name[0] in vowels else 'a'} {name}"
