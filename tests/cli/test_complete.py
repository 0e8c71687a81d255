"""complete writes the filled picture, and says where."""

from PIL import Image, ImageDraw


def pictures():
    Image.new("RGB", (30, 24), (10, 90, 160)).save("photo.png")
    mask = Image.new("L", (30, 24))
    ImageDraw.Draw(mask).ellipse((12, 8, 17, 14), fill=255)
    mask.save("mask.png")


def test_a_picture_is_completed(shell, runs):
    pictures()
    found = shell.answer("complete", "photo.png", "--mask", "mask.png")
    assert (found["files"], found["method"]) == (["photo-completed.png"], "biharmonic")
    assert found["size"] == [30, 24]
    words = ["--method", runs["dcgan"], "--steps", "2", "--tries", "2", "-o", "mine.jpg"]
    found = shell.answer("complete", "photo.png", "--mask", "mask.png", *words)
    assert (found["files"], found["run"]) == (["mine.jpg"], runs["dcgan"])


def test_of_a_clip_the_first_frame_is_taken_and_that_is_said(shell):
    pictures()
    frames = [Image.new("RGB", (30, 24), colour) for colour in ("red", "blue")]
    frames[0].save("film.gif", save_all=True, append_images=frames[1:])
    for words in (["complete", "film.gif", "--mask", "mask.png"], ["compress", "film.gif"]):
        code, out, _ = shell.run(*words)
        assert code == 0
        assert "film.gif is a clip: its first frame is taken" in out
    with Image.open("film-completed.png") as image:
        assert image.getpixel((0, 0))[0] > 250


def test_what_cannot_be_completed_is_refused(shell, runs):
    pictures()
    assert shell.refusal("complete", "photo.png").startswith("--mask is missing, and the picture")
    said = shell.refusal("complete", "photo.png", "--device", "cuda")
    assert said.startswith("--device cuda is not here; this machine has cpu")
    said = shell.refusal("complete", "photo.png", "--mask", "none.png")
    assert said.startswith("none.png does not exist")
    said = shell.refusal("complete", "photo.png", "--mask", "mask.png", "--method", runs["vae"])
    assert said.startswith(
        f"complete needs a Judge or a Translator, and {runs['vae']} holds a VAE"
    )
