"""What verbs that draw can be asked for: a label, attributes, truncated codes."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _ActionsContainer
from typing import Any

from sfumato.cli.parser import positive, several


def takes_conditions(verb: ArgumentParser) -> None:
    """Give a verb its --label and its --attribute."""
    group = verb.add_argument_group("of a conditional model")
    group.add_argument(
        "--label",
        type=several,
        action="extend",
        metavar="L",
        help="a class's name or number; several (3,5,8) go round, a column for each",
    )
    takes_attributes(group, "what an image shall have; may be said again for other attributes")


def takes_attributes(parser: _ActionsContainer, about: str) -> None:
    """Give a verb its --attribute."""
    parser.add_argument(
        "--attribute",
        type=_assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=about,
    )


def takes_truncation(verb: ArgumentParser) -> None:
    """Give a verb its --truncation."""
    verb.add_argument(
        "--truncation",
        type=positive(),
        metavar="T",
        help="draw coordinates of the codes beyond T again: below 1 more typical, less varied",
    )


def asked(args: Namespace) -> dict[str, Any]:
    """What was asked, as `Sampler.condition` takes it; nothing is there that was not said."""
    found: dict[str, Any] = {"label": args.label} if args.label else {}
    return found | ({"attributes": wished(args)} if args.attribute else {})


def wished(args: Namespace) -> dict[str, list[str]]:
    """Attribute to what was asked of it."""
    found: dict[str, list[str]] = {}
    for name, values in args.attribute:
        found.setdefault(name, []).extend(values)
    return found


def _assignment(text: str) -> tuple[str, list[str]]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise ArgumentTypeError(f"must be NAME=VALUE such as hair=blonde, not {text!r}")
    return name, several(value)
