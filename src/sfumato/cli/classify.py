"""The verb classify: names of pictures, or how far names given to a data set are to be trusted."""

import csv
from argparse import Namespace, _SubParsersAction
from dataclasses import asdict, fields
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.parser import whole
from sfumato.cli.places import (
    aligned,
    bar,
    called,
    loaded,
    new_folder,
    run_of,
    say,
    takes_place,
    tested_on,
    unsaid,
    wrote,
)

if TYPE_CHECKING:
    from PIL import Image

    from sfumato.classifying import Trial
    from sfumato.metrics.score import Score

_SHOWN = 60


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "what pictures show; or, of a data set, how often and how surely that is right"
    verb = subparsers.add_parser("classify", help=about, description=f"Say {about}.")
    takes_place(verb)
    verb.add_argument("pictures", nargs="*", metavar="IMAGE", help="picture files to name")
    verb.add_argument("-k", type=whole(1), help="likeliest classes to give (3)")
    group = verb.add_argument_group("of a data set, where no IMAGE is given")
    group.add_argument("--data", metavar="D", help="images with labels; a run knows its own")
    group.add_argument("--split", metavar="PART", help="part of --data (test, where it has one)")
    group.add_argument("-n", "--count", type=whole(1), help="images (all that are held out)")
    group.add_argument("--seed", type=int, help="of the choice of -n images (0)")
    group.add_argument("-o", "--out", metavar="FOLDER", help="for three pictures")
    verb.set_defaults(run=classify)


def classify(args: Namespace) -> dict[str, Any]:
    """Name pictures, or try the classifier on a data set."""
    if args.pictures:
        why = "for a data set, and pictures are named"
        unsaid(args, why, "data", "split", "count", "seed", "out")
        return _named(args)
    return _tried(args)


def _named(args: Namespace) -> dict[str, Any]:
    """The likeliest classes of each picture."""
    from sfumato import classifying
    from sfumato.errors import DataError

    model = loaded(args.place, args.device, args.verb)
    said: list[dict[str, Any]] = []
    skipped: list[str] = []
    for path in args.pictures:
        try:
            (answer,) = classifying.classify(model, [path], k=args.k)
        except DataError as error:
            skipped.append(str(error))
            continue
        say(f"{path}  {', '.join(f'{name} {share:.1%}' for name, share in answer)}")
        classes = [{"name": name, "probability": share} for name, share in answer]
        said.append({"file": path, "classes": classes})
    if not said:
        raise DataError(skipped[0])
    for reason in skipped:
        say(f"skipped: {reason}")
    found = {"model": called(model), "run": run_of(args.place), "images": said}
    return found | ({"skipped": skipped} if skipped else {})


def _tried(args: Namespace) -> dict[str, Any]:
    """Numbers, tables and three pictures of a trial."""
    from sfumato import classifying

    args.seed = args.seed or 0
    folder = new_folder(args.out, args.place, "classified")
    model = classifying.classifier(loaded(args.place, args.device, args.verb))
    words = {"place": args.place, "count": args.count, "seed": args.seed}
    split = classifying.known(model, tested_on(args), **words)
    classifying.enough(args.k or 1, len(model.schema.classes))
    with bar("classifying", len(split.rows)) as tell:
        found = classifying.trial(model, split, tell=tell)
    k = args.k or min(classifying.USUAL, len(found.names))
    scores = found.measured(k)
    _print(found, scores)
    files = _pictures(found, folder)
    curve = found.reliability
    return {
        "model": called(model),
        "run": run_of(args.place),
        "data": found.data.name,
        "count": len(found.data),
        "seed": args.seed,
        "metrics": {name: score.to_json() for name, score in scores.items()},
        "classes": [_plain(asdict(report)) for report in found.classes],
        "confusion": {"classes": found.names, "counts": found.confusion.tolist()},
        "calibration": [
            _plain({"count": int(n), "confidence": float(said), "accuracy": float(right)})
            for n, said, right in zip(curve.count, curve.confidence, curve.accuracy, strict=True)
        ],
        "mistakes": [asdict(mistake) for mistake in found.mistakes(_SHOWN)],
        "files": files,
    }


def _print(found: "Trial", scores: "dict[str, Score]") -> None:
    """The scores, then a row for each class, then what is mixed up most."""
    from sfumato.cli.measure import table

    table({found.data.name: scores})
    rows = [["class", "images", "precision", "recall", "F1", "  most often taken for"]]
    for number, report in enumerate(found.classes):
        others = found.confusion[number].clone()
        others[number] = 0
        taken = f"{found.names[int(others.argmax())]} ({int(others.max())})"
        rows.append(
            [
                report.name,
                f"{report.count:,}",
                *(_share(part) for part in (report.precision, report.recall, report.f1)),
                f"  {taken}" if int(others.max()) else "",
            ]
        )
    say()
    say(aligned(rows))


def _pictures(found: "Trial", folder: Path) -> list[str]:
    """The confusion, the reliability diagram and the mistakes; the folder appears when all are in.

    The sheet shows the mistakes it was surest of, the table has all. Without a mistake there is
    neither.
    """
    from sfumato.classifying import Mistake
    from sfumato.io import plots
    from sfumato.io.files import atomic

    curve = found.reliability
    title = f"expected calibration error {curve.error:.3f}"
    with atomic(folder) as temporary:
        temporary.mkdir()
        axes = ("named as", "is")
        matrix = temporary / "confusion.png"
        plots.confusion_matrix(found.confusion, found.names, matrix, axes=axes)
        lines = (curve.confidence, curve.accuracy, curve.count)
        plots.reliability_diagram(*lines, temporary / "calibration.png", title=title)
        if (sheet := _mistakes(found)) is not None:
            sheet.save(temporary / "mistakes.png")
            with (temporary / "mistakes.csv").open("w", newline="", encoding="utf-8") as table:
                writer = csv.DictWriter(table, [field.name for field in fields(Mistake)])
                writer.writeheader()
                writer.writerows(map(asdict, found.mistakes()))
        names = sorted(path.name for path in temporary.iterdir())
    return wrote(*(folder / name for name in names))


def _mistakes(found: "Trial") -> "Image.Image | None":
    """The images named wrongly, those it was surest of first: what was said, and what is true."""
    import torch

    from sfumato.io.sheets import captioned

    wrong = found.mistakes(_SHOWN)
    if not wrong:
        return None
    images = found.data.batch(torch.tensor([mistake.row for mistake in wrong])).image
    words = [f"{m.said} ({m.confidence:.0%}), is {m.true}" for m in wrong]
    return captioned(images, words, 5, max(1, 96 // images.shape[3]))


def _share(part: float) -> str:
    return "–" if isnan(part) else f"{part:.3f}"


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """What JSON can carry: nothing where there is no number."""
    return {k: None if isinstance(v, float) and isnan(v) else v for k, v in facts.items()}
