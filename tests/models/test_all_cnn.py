"""All-CNN-C, arXiv:1412.6806."""

from keras import layers


def test_nothing_pools_but_the_last_average(build):
    model = build("all_cnn_c")
    pools = (layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D)
    assert [x.name for x in model.layers if isinstance(x, pools)] == ["head_logits"]


def test_3x3_convolutions_stride_where_others_pool(build):
    model = build("all_cnn_c")
    for name, size, filters in (("stage1_3", 16, 96), ("stage2_3", 8, 192)):
        conv = model.get_layer(f"{name}_conv")
        assert (conv.kernel_size, conv.strides) == ((3, 3), (2, 2))
        assert model.get_layer(f"{name}_relu").output.shape[1:] == (size, size, filters)


def test_the_average_is_over_6x6_maps_of_the_classes(build):
    """Table 1: global averaging over 6 x 6 spatial dimensions."""
    assert build("all_cnn_c").get_layer("head_logits").input.shape[1:] == (6, 6, 10)


def test_dropout_takes_a_fifth_of_the_image_and_half_behind_each_stride(build):
    model = build("all_cnn_c")
    rates = [x.rate for x in model.layers if isinstance(x, layers.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
