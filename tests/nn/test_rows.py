import torch

from sfumato.nn.rows import ToMaps, ToRows


def test_a_row_lists_the_channels_of_the_first_pixel_first():
    maps = torch.arange(12.0).reshape(1, 3, 2, 2)
    assert ToRows()(maps)[0].tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


def test_there_and_back():
    maps = torch.randn(2, 5, 3, 3)
    assert torch.equal(ToMaps(5, 3)(ToRows()(maps)), maps)


def test_nothing_is_copied_where_channels_lie_innermost():
    maps = torch.randn(2, 5, 3, 3).to(memory_format=torch.channels_last)
    rows = ToRows()(maps)
    assert rows.data_ptr() == maps.data_ptr()
    back = ToMaps(5, 3)(rows)
    assert back.is_contiguous(memory_format=torch.channels_last)
    assert back.data_ptr() == maps.data_ptr()
