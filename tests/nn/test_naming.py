import torch

from sfumato.nn.naming import Naming


def test_a_group_is_called_by_the_class_it_met_most():
    naming = Naming(3, 2)
    groups = torch.tensor([0, 0, 0, 1, 1, 2])
    naming.look(groups, torch.tensor([1, 1, 0, 0, 0, 1]))
    assert naming.met.tolist() == [[1, 2], [2, 0], [0, 1]]
    sure = 50 * torch.eye(3)
    assert naming(sure).argmax(1).tolist() == [1, 0, 1]
    torch.testing.assert_close(naming(sure).exp().sum(1), torch.ones(3))
    torch.testing.assert_close(naming(sure)[0].exp(), torch.tensor([1.001, 2.001]) / 3.002)


def test_classes_add_up_over_the_groups_that_mean_them():
    naming = Naming(4, 2)
    naming.look(torch.tensor([0, 1, 2, 3] * 1000), torch.tensor([0, 1, 1, 1] * 1000))
    even = naming(torch.zeros(1, 4)).exp()
    torch.testing.assert_close(even, torch.tensor([[0.25, 0.75]]), atol=1e-3, rtol=0)


def test_unknown_labels_do_not_count_and_old_ones_fade():
    naming = Naming(2, 2)
    naming.look(torch.tensor([0, 1]), torch.tensor([-1, 1]))
    assert naming.met.tolist() == [[0, 0], [0, 1]]
    naming.look(torch.tensor([1]), torch.tensor([0]))
    torch.testing.assert_close(naming.met, torch.tensor([[0, 0], [1, 0.99]]))


def test_before_anything_is_seen_all_classes_are_alike_and_without_classes_groups_speak():
    assert Naming(3, 4)(torch.randn(2, 3)).exp().sub(0.25).abs().max() < 1e-6
    scores = torch.randn(2, 3)
    torch.testing.assert_close(Naming(3, 0)(scores), scores.log_softmax(1))
    Naming(3, 0).look(torch.tensor([1]), torch.tensor([-1]))
