"""blend writes the blend, and says where."""

from PIL import Image, ImageDraw


def pictures():
    Image.new("RGB", (12, 10), (200, 30, 30)).save("source.png")
    Image.new("RGB", (30, 24), (10, 90, 160)).save("ground.png")
    mask = Image.new("L", (12, 10))
    ImageDraw.Draw(mask).ellipse((2, 2, 9, 8), fill=255)
    mask.save("mask.png")


def test_a_blend_is_written(shell):
    pictures()
    words = ["source.png", "ground.png", "--mask", "mask.png", "--at", "5,6"]
    found = shell.answer("blend", *words)
    assert found["files"] == ["ground-blended.png"]
    assert (found["method"], found["at"]) == ("poisson", [5, 6])
    with Image.open("ground-blended.png") as blended:
        assert blended.size == (30, 24)
    found = shell.answer("blend", *words, "--method", "gaussian-poisson", "-o", "mine.jpg")
    assert found["files"] == ["mine.jpg"]


def test_the_first_frame_of_a_clip_is_taken_and_that_is_said(shell):
    pictures()
    frames = [Image.new("RGB", (30, 24), (shade, 90, 160)) for shade in (10, 200)]
    frames[0].save("walk.gif", save_all=True, append_images=frames[1:], duration=100)
    words = ["source.png", "walk.gif", "--mask", "mask.png", "--at", "5,6"]
    _, out, _ = shell.run("blend", *words)
    assert out.startswith("walk.gif is a clip: its first frame is taken")


def test_what_cannot_be_blended_is_refused(shell):
    pictures()
    said = shell.refusal(
        "blend", "source.png", "ground.png", "--mask", "mask.png", "--device", "cuda"
    )
    assert said.startswith("--device cuda is not here; this machine has cpu")
    said = shell.refusal("blend", "source.png", "ground.png", "--at", "5")
    assert said.startswith("--at must be two whole numbers such as 40,25, not '5'")
    assert shell.refusal("blend", "source.png", "none.png", "--mask", "mask.png").startswith(
        "none.png does not exist"
    )
    said = shell.refusal("blend", "source.png", "ground.png", "--mask", "ground.png")
    assert said.startswith("the mask is 30x24 pixels, and the source 12x10")
