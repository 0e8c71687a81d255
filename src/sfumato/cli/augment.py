"""The verb augment: a labelled data set, and as many painted pictures as are asked for."""

from argparse import Namespace, _SubParsersAction
from dataclasses import replace
from typing import Any

from sfumato.cli.parser import positive, whole
from sfumato.cli.places import bar, called, loaded, new_folder, run_of, say, takes_place


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "a folder of real pictures and painted ones, each with its label"
    verb = subparsers.add_parser("augment", help=about, description=f"Write {about}.")
    takes_place(verb)
    verb.add_argument(
        "--data", metavar="D", help="real pictures; a run knows what it learned from"
    )
    verb.add_argument("--labels", type=whole(1), help="of the real ones, keep so many with labels")
    verb.add_argument("--ratio", type=positive(100), default=1.0, help="painted for each real (1)")
    verb.add_argument("--only-made", action="store_true", help="leave the real ones out")
    verb.add_argument(
        "--named-by", metavar="PLACE", help="the classifier that names what cannot be asked for"
    )
    verb.add_argument(
        "--sure", type=float, default=0.0, metavar="P",
        help="keep what it names with at least this probability (0)",
    )  # fmt: skip
    verb.add_argument(
        "--seed", type=int, default=0, help="of what is painted, and with --data of --labels"
    )
    verb.add_argument("-o", "--out", metavar="FOLDER", help="a new folder")
    verb.set_defaults(run=augment)


def augment(args: Namespace) -> dict[str, Any]:
    """Write the folder."""
    from sfumato import augmenting
    from sfumato.evaluation import source_of
    from sfumato.sampling import sampler

    folder = new_folder(args.out, args.place, "augmented")
    model = sampler(loaded(args.place, args.device, args.verb), args.verb)
    # every mistake is found before the data are read
    namer = augmenting.named_by(model, args.named_by, args.sure, args.device)
    source = source_of(args.place, args.data)
    if args.labels is not None:
        # its seed also says which pictures a run holds out, and those stay out
        seed = source.seed if source.holdout or args.data is None else args.seed
        source = replace(source, labels=args.labels, seed=seed)
    data = augmenting.known(model, source)
    keep = not args.only_made
    total = round(args.ratio * len(data)) + keep * len(data)
    with bar("writing", total) as tell:
        found = augmenting.augment(
            model,
            folder,
            data,
            ratio=args.ratio,
            keep=keep,
            seed=args.seed,
            namer=namer,
            sure=args.sure,
            tell=tell,
        )
    real, made = sum(found.real.values()), sum(found.made.values())
    say(f"wrote {folder}: {real:,} real pictures and {made:,} painted ones")
    say(f"to learn from {'both' if keep else 'them'}: sfumato train lenet5 --data {folder}")
    return {
        "model": called(model),
        "run": run_of(args.place),
        "files": [str(folder)],
        "data": data.name,
        "ratio": args.ratio,
        "seed": args.seed,
        "real": found.real,
        "made": found.made,
    }
