"""Verbs that hand things on: export, copy."""

from argparse import Namespace, _SubParsersAction
from inspect import getfile
from keyword import iskeyword
from pathlib import Path
from shlex import quote
from typing import Any

from sfumato.cli.places import called, free, loaded, run_of, say, takes_place, target, wrote
from sfumato.errors import ConfigError, RunError
from sfumato.io.files import at_home, writable

_KINDS = {"bundle": ".zip", "onnx": ".onnx"}


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "a trained model as a bundle (folder or .zip), or as an ONNX graph"
    verb = subparsers.add_parser("export", help=about, description=f"Write {about}.")
    takes_place(verb)
    verb.add_argument(
        "-o", "--out", metavar="FILE", help="x.zip, x.onnx, or a folder for a bundle"
    )
    verb.add_argument(
        "--to",
        choices=tuple(_KINDS),
        metavar="KIND",
        help="bundle or onnx; told from -o if unsaid",
    )
    verb.set_defaults(run=export)
    about = "a model's file into a folder of yours, to change it"
    verb = subparsers.add_parser("copy", help=about, description=f"Copy {about}.")
    verb.add_argument("model", metavar="MODEL", help="a name that `sfumato list` prints")
    verb.add_argument("folder", metavar="FOLDER", help="where your own models live")
    verb.add_argument("--name", help="what the copy is called (default my_MODEL)")
    verb.set_defaults(run=copy)


def export(args: Namespace) -> dict[str, Any]:
    """Write a bundle, or a graph after comparing it with PyTorch."""
    from sfumato.capabilities import interfaces
    from sfumato.export import ends, to_bundle, to_onnx

    kind = args.to or ("onnx" if str(args.out).lower().endswith(".onnx") else "bundle")
    path = _target(args, kind)
    model = loaded(args.place, args.device, args.verb)
    report = {"model": called(model), "run": run_of(args.place), "to": kind}
    if kind == "onnx":
        worst = to_onnx(model, path)
        given, made = ends(model)
        say(f"a graph from {given} to {made}; largest difference from PyTorch: {worst:.2g}")
        return report | {"difference": worst, "from": given, "makes": made, "files": wrote(path)}
    to_bundle(args.place, path)
    files = wrote(path)
    first = f"sfumato sample {quote(str(path))}, or " if "Sampler" in interfaces(model) else ""
    say(f"to use it: {first}sfumato.load({str(path)!r})")
    if not type(model).__module__.startswith("sfumato."):
        say(f"its model is your own: whoever uses it needs {getfile(type(model))} as well")
    return report | {"files": files}


def _target(args: Namespace, kind: str) -> Path:
    if args.out is None:
        name = "model" if kind == "onnx" else kind
        return target(None, args.place, f"{name}{_KINDS[kind]}")
    path = at_home(args.out)
    if kind == "onnx" and path.suffix.lower() != ".onnx":
        raise ConfigError(f"-o {path} must end in .onnx for --to onnx.")
    if kind == "bundle" and path.suffix not in ("", ".zip"):
        raise ConfigError(
            f"-o {path} must end in .zip, or in .onnx for a graph, or have no ending for a folder."
        )
    if path.is_dir() and any(path.iterdir()):
        raise RunError(f"-o {path} is a folder with something in it; name a new one.")
    if path.is_file():
        say(f"{path} is there already, and is replaced once all is done")
    writable(path)
    return path


def copy(args: Namespace) -> dict[str, Any]:
    """Copy a model's file under a name of its own."""
    from sfumato import registry
    from sfumato.io.files import atomic

    source = registry.path(args.model)
    name = args.name or f"my_{args.model}"
    if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
        raise ConfigError(
            f"--name {name!r} must be letters, digits and _, such as my_{args.model}."
        )
    folder = at_home(args.folder)
    if folder.is_file():
        raise RunError(f"{folder} is a file; name a folder.")
    path = folder / f"{name}.py"
    if args.name is None:
        path = free(path).with_stem(free(path).stem.replace("-", "_"))
    if path.exists() or path.stem in registry.available():
        raise ConfigError(f"there is a model {path.stem!r} already; choose another --name.")
    with atomic(path) as temporary:
        temporary.write_bytes(source.read_bytes())
    files = wrote(path)
    say("it is a model of its own, once its folder is known:")
    say(f"  export SFUMATO_MODELS={quote(str(folder.resolve()))}")
    say(f"  sfumato train {path.stem} --recipe smoke")
    return {
        "model": args.model,
        "files": files,
        "name": path.stem,
        "folder": str(folder.resolve()),
    }
