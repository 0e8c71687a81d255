"""Rows of a frozen function, kept by what the images show."""

from copy import deepcopy

import torch

from sfumato.nn.memory import PART, Memory


class Counting:
    """Sums of the pixels, and how many images were looked at."""

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        assert len(images) == PART
        self.seen += len({bytes(image.numpy()) for image in images})
        return images.flatten(1).sum(1, keepdim=True)


def test_a_known_batch_is_remembered_in_any_order():
    images, make, memory = torch.rand(6, 1, 4, 4), Counting(), Memory()
    first = memory(make, images)
    order = torch.tensor([4, 0, 5])
    assert torch.equal(memory(make, images[order]), first[order])
    assert make.seen == 6


def test_only_unknown_images_are_made_each_once():
    images, make, memory = torch.rand(PART + 9, 1, 4, 4), Counting(), Memory()
    memory(make, images[: PART + 2])
    rows = memory(make, images[torch.tensor([0, PART + 8, PART + 8, PART + 3])])
    assert make.seen == PART + 4
    assert len(memory) == PART + 4
    assert torch.equal(rows[1], rows[2])
    assert torch.allclose(rows[3], images[PART + 3].sum())


def test_an_image_and_its_mirror_are_two():
    image, make, memory = torch.rand(1, 1, 4, 4), Counting(), Memory()
    memory(make, image)
    memory(make, image.flip(-1))
    assert len(memory) == 2


def test_what_is_returned_may_be_changed_without_harm():
    images, make, memory = torch.rand(3, 1, 4, 4), Counting(), Memory()
    first = memory(make, images)
    want = first.clone()
    first.zero_()
    assert torch.equal(memory(make, images), want)


def test_no_more_is_kept_than_the_limit():
    images, make, memory = torch.rand(4, 1, 4, 4), Counting(), Memory(limit=8)
    for _ in range(2):
        rows = memory(make, images)
    assert (len(memory), make.seen) == (2, 6)
    assert torch.equal(rows, images.flatten(1).sum(1, keepdim=True))


def test_a_copy_begins_empty():
    memory = Memory()
    memory(Counting(), torch.rand(2, 1, 4, 4))
    assert len(deepcopy(memory)) == 0


def test_nothing_flows_back_through_it():
    images = torch.rand(2, 1, 4, 4, requires_grad=True)
    assert not Memory()(lambda x: x.flatten(1), images.detach()).requires_grad
