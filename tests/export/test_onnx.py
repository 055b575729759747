"""ONNX files: right numbers, no more nodes than the network has, names a reader knows."""

from collections import Counter

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers
from small_networks import network, pixels, randomized

import kerascnn.layers as own
from export.conversion.converter import converted
from export.conversion.onnx import to_onnx
from export.conversion.onnx_layout import CHANNELS_FIRST, CHANNELS_LAST
from export.conversion.onnx_names import WEIGHTED, layer_names
from export.conversion.tflite import to_tflite
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from kerascnn.config import Normalize
from kerascnn.errors import UserError
from kerascnn.models.graph import normalized, output_names
from tests.models.miniatures import SMALL, make

QUICK = {
    *("lenet5_1998", "inception_module", "resnet8", "resnet110_stochastic_depth"),
    *("densenet_bc100_12", "ds_cnn"),
}
zoo = pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in SMALL]
)


def lively(model):
    """Takes the moving statistics of a batch of pixels, so that deep layers still carry signal."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    model(pixels(model, 8), training=True)
    return model


def small_model(name):
    return lively(normalized(randomized(make(name)), Normalize(mean=128.0, std=64.0)))


def simulated(model):
    found = quantized_model(lively(model))
    calibrate(found, [pixels(model, 16)])
    settle_biases(found)
    return found


def session(content):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def run(content, images):
    """The outputs of a file whose batch is open, or is the number of images."""
    found = session(content)
    return found.run(None, {found.get_inputs()[0].name: images.astype("uint8")})


def nodes(content):
    return list(onnx.load_model_from_string(content).graph.node)


def constants(content):
    graph = onnx.load_model_from_string(content).graph
    return {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}


def attribute(node, name):
    return next(
        (onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), None
    )


def same(content, model, images):
    """float32 sums in another order err by parts of the largest number, here 1e-4 of it.

    A deep network that carries noise on errs by more: by what its own outputs move where every
    pixel is nudged by two roundings of float32, and by a few times that, since every sum of
    every layer is nudged so.
    """
    expected, moved = (
        [np.asarray(x) for x in keras.tree.flatten(model(x, training=False))]
        for x in (images, images.astype("float32") * (1 + 2**-22))
    )
    for made, wanted, nudged in zip(run(content, images), expected, moved, strict=True):
        assert np.ptp(wanted) > 1e-3  # else the comparison would say nothing
        noise = np.abs(nudged - wanted).max()
        limit = max(1e-4 * max(1, np.abs(wanted).max()), 8 * noise)
        assert limit < 0.01 * np.ptp(wanted)  # nor where noise were all
        np.testing.assert_allclose(made, wanted, rtol=0, atol=limit)


def strays(content):
    """What a converter should not have left: layouts changed inside, layers not fused."""
    graph = nodes(content)
    producers = {name: node for node in graph for name in node.output}
    consumers = Counter(name for node in graph for name in node.input)
    known = constants(content)
    for node in graph:
        before = producers.get(node.input[0])
        if node.op_type == "Transpose":
            perm = attribute(node, "perm")
            after = [n.op_type for n in graph if node.output[0] in n.input]
            at_the_end = perm == CHANNELS_LAST and set(after) <= {"Reshape", "QuantizeLinear"}
            first = perm == CHANNELS_FIRST and all(
                producers[x].op_type not in WEIGHTED for x in ancestors(node, producers)
            )
            if not (first or at_the_end or shuffles(perm)):
                yield f"{node.name} {perm}"
        behind_weights = before is not None and before.op_type in WEIGHTED
        alone = consumers[node.input[0]] == 1
        if node.op_type in ("Mul", "Add") and behind_weights and alone and node.input[1] in known:
            yield node.name
        if node.op_type in ("BatchNormalization", "SpaceToDepth", "StatefulPartitionedCall"):
            yield node.name


def ancestors(node, producers):
    """The names of the tensors that a node's input is computed from."""
    waiting = list(node.input)
    while waiting:
        name = waiting.pop()
        if name in producers:
            yield name
            waiting += producers[name].input


def shuffles(perm):
    return perm == [0, 2, 1, 3]


@zoo
def test_every_network_as_float32(name):
    model = small_model(name)
    content = to_onnx(model, batch=None)
    same(content, model, pixels(model, 3))
    assert list(strays(content)) == []
    known = layer_names(model)
    for node in nodes(content):
        if node.op_type == "Conv":  # a separable one is two: its name, and its name with _2
            assert node.name in known or node.name.removesuffix("_2") in known
    made = session(content)
    assert [x.name for x in made.get_inputs()] == ["image"]
    assert made.get_inputs()[0].type == "tensor(uint8)"
    if len(model.outputs) == 1:
        assert [x.name for x in made.get_outputs()] == output_names(model)


def negative(x):
    x = layers.ReLU(max_value=6)(layers.Conv2D(8, 3)(x))
    return layers.Rescaling(1.0, offset=-9.0)(x)


# fmt: off
LAYERS = {  # what stands in the network, on images of 12 x 12 x 3
    "grouped": lambda x: layers.Conv2D(6, 3, groups=3, padding="same")(x),
    "grouped_strided": lambda x: layers.Conv2D(6, 3, groups=3, strides=2, padding="same")(x),
    "dilated": lambda x: layers.Conv2D(6, 3, dilation_rate=2, padding="same")(x),
    "dilated_depthwise": lambda x: layers.DepthwiseConv2D(3, dilation_rate=2, padding="same")(x),
    "separable": lambda x: layers.SeparableConv2D(6, 3, padding="same")(x),
    "transposed": lambda x: layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x),
    "exact_transposed": lambda x: own.ExactConv2DTranspose(
        2, 3, 2, "same", output_size=(23, 24))(x),
    "one_axis": lambda x: layers.Conv1D(6, 3, padding="same")(layers.Reshape((36, 12))(x)),
    "one_axis_dilated": lambda x: layers.Conv1D(6, 3, dilation_rate=2, padding="same")(
        layers.Reshape((36, 12))(x)),
    "three_axes": lambda x: layers.Conv3D(6, 3, padding="same")(layers.Reshape((6, 6, 4, 3))(x)),
    "unshared": lambda x: own.UnsharedConv2D(2, 3)(x),
    "deformable": lambda x: own.DeformableConv2D(2, 3, modulated=True)(x),
    "shuffle": lambda x: layers.Conv2D(6, 3)(own.ChannelShuffle(4)(layers.Conv2D(8, 3)(x))),
    "depth_to_space": lambda x: own.DepthToSpace(2)(layers.Conv2D(8, 3)(x)),
    "lrn": lambda x: own.LocalResponseNormalization(5, alpha=0.5)(layers.Conv2D(8, 3)(x)),
    "stochastic_depth": lambda x: own.StochasticDepth(0.5)(x),
    "pyramid": lambda x: own.SpatialPyramidPooling2D()(x),
    "unpooling": lambda x: own.MaxUnpooling2D(output_size=(12, 12))(
        *own.MaxPoolingWithIndices2D(2)(x)),
    "adaptive": lambda x: layers.Conv2D(6, 1)(layers.AdaptiveAveragePooling2D((5, 4))(
        layers.Conv2D(6, 3, padding="same")(x))),
    "padded_max_pooling": lambda x: layers.MaxPooling2D(3, 2)(
        layers.ZeroPadding2D(1)(negative(x))),
    "border_as_wide_as_the_window": lambda x: layers.MaxPooling2D(2)(
        layers.ZeroPadding2D(2)(negative(x))),
    "nearest": lambda x: layers.Resizing(24, 18, interpolation="nearest")(x),
    "bilinear": lambda x: layers.Resizing(24, 18, interpolation="bilinear")(x),
    "norm_alone": lambda x: layers.Conv2D(6, 3)(layers.ReLU()(layers.BatchNormalization()(x))),
    "excited": lambda x: own.squeeze_and_excitation(layers.Conv2D(8, 3)(x), 2, name="se"),
    **{name: lambda x, name=name: layers.Activation(name)(layers.Conv2D(6, 3)(x)) for name in (
        "gelu", "hard_silu", "silu", "hard_sigmoid", "elu", "relu6", "leaky_relu", "softmax",
        "tanh", "softplus", "mish")},
}
# fmt: on


# Not images between 2D convolutions: each of these is transposed to what ONNX has, and back.
OTHER_LAYOUTS = ("one_axis", "one_axis_dilated", "three_axes", "unshared", "deformable")


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_as_float32(name):
    model = lively(network(LAYERS[name]))
    content = to_onnx(model, batch=None)
    same(content, model, pixels(model, 3))
    found = nodes(content)
    if name not in OTHER_LAYOUTS:
        assert list(strays(content)) == []
    convolutions = [n for n in found if n.op_type == "Conv"]
    if "dilated" in name:
        assert max(attribute(convolutions[0], "dilations")) == 2
    if name in ("grouped", "grouped_strided", "dilated_depthwise"):
        assert attribute(convolutions[0], "group") == 3


@pytest.fixture(scope="module")
def tiny():
    """A network with a grouped, a depthwise and a dilated convolution, each normalized."""

    def body(x):
        x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
        x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
        y = layers.Conv2D(8, 3, groups=4, padding="same", use_bias=False, name="grouped")(x)
        y = layers.ReLU(name="grouped_relu")(layers.BatchNormalization(name="grouped_bn")(y))
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(y)
        y = layers.BatchNormalization(name="depthwise_bn")(y)
        x = layers.ReLU(name="out")(layers.Add(name="sum")([x, y]))
        return layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="dilated")(x)

    return lively(network(body))


@pytest.fixture(scope="module")
def rounded(tiny):
    return simulated(tiny)


def test_names_are_those_of_the_layers(tiny):
    found = nodes(to_onnx(tiny))
    assert [n.name for n in found if n.op_type in WEIGHTED] == [
        "stem",
        "grouped",
        "depthwise",
        "dilated",
        "logits",
    ]
    assert list(found[-1].output) == ["logits"]
    by_name = {n.name: n for n in found}
    assert by_name["grouped"].input[1:] == ["grouped/kernel", "grouped/bias"]
    assert list(by_name["out/Relu"].output) == ["out/Relu"]


@pytest.mark.parametrize(
    ("kind", "opset"), [("tiny", 17), ("tiny", 18), ("tiny", 25), ("rounded", 25)]
)
def test_opsets(tiny, request, kind, opset):
    model = request.getfixturevalue(kind)
    content = to_onnx(model, opset=opset, batch=None)
    found = onnx.load_model_from_string(content)
    assert {o.domain: o.version for o in found.opset_import}[""] == opset
    images = pixels(tiny, 3)
    older = run(to_onnx(model, batch=None), images)[0]
    np.testing.assert_allclose(run(content, images)[0], older, rtol=0, atol=1e-6)


def test_float16(tiny):
    content, float32 = to_onnx(tiny, precision="float16", batch=None), to_onnx(tiny, batch=None)
    assert {v.dtype.name for v in constants(content).values()} <= {"float16", "int32", "int64"}
    kernels = [v for n, v in constants(content).items() if n.endswith("/kernel")]
    assert len(kernels) == 5 and all(k.dtype == np.float16 for k in kernels)
    made = session(content)
    assert made.get_inputs()[0].type == "tensor(uint8)"
    assert made.get_outputs()[0].type == "tensor(float)"
    images = pixels(tiny, 16)
    expected, found = (run(c, images)[0] for c in (float32, content))
    # Ten bits of mantissa: each of some dozen roundings errs by 2^-11 of the largest number.
    assert 0 < np.abs(found - expected).max() <= 12 * 2**-11 * np.abs(expected).max()


@pytest.mark.parametrize("batch", [1, None])
def test_int8_gives_the_integers_of_the_tflite_file(tiny, rounded, batch):
    from ai_edge_litert.interpreter import Interpreter

    model = rounded
    content = to_onnx(model, batch=batch)
    assert list(strays(content)) == []
    lite = Interpreter(model_content=to_tflite(model, batch=1))
    lite.allocate_tensors()
    steps = []
    for image in pixels(tiny, 16).astype("uint8"):
        lite.set_tensor(lite.get_input_details()[0]["index"], image[None])
        lite.invoke()
        wanted = lite.get_tensor(lite.get_output_details()[0]["index"]).astype(int)
        steps.append(np.abs(run(content, image[None])[0].astype(int) - wanted))
    assert np.max(steps) <= 1  # halves are rounded each runtime's own way
    if batch is None:
        assert run(content, pixels(tiny, 5))[0].shape == (5, 5)


def quantized_kernels(content):
    """layer -> (integers with the output channels first, scales, axis) of an ONNX file."""
    graph, known = nodes(content), constants(content)
    producers = {name: node for node in graph for name in node.output}
    found = {}
    for node in graph:
        if node.op_type in WEIGHTED:
            pair = producers[node.input[1]]
            while pair.op_type == "Transpose":
                pair = producers[pair.input[0]]
            assert pair.op_type == "DequantizeLinear", node.name
            found[node.name] = (*(known[x] for x in pair.input[:2]), attribute(pair, "axis"))
    return found


def test_int8_weights_and_scales_are_those_of_the_tflite_file_node_by_node(rounded):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = rounded
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # which leaves weights where they are
    content = to_tflite(model, batch=1)
    lite = Interpreter(model_content=content, experimental_op_resolver_type=plain)
    expected = {}
    lite.allocate_tensors()
    for tensor in lite.get_tensor_details():
        scales = tensor["quantization_parameters"]["scales"]
        if tensor["dtype"] is np.int8 and "FakeQuant" in tensor["name"] and len(scales):
            axis = tensor["quantization_parameters"]["quantized_dimension"]
            value = lite.get_tensor(tensor["index"])
            expected[tuple(np.sort(scales))] = (value, scales, axis)
    found = quantized_kernels(to_onnx(model))
    assert set(found) == {"stem", "grouped", "depthwise", "dilated", "logits"}
    for layer, (integers, scales, axis) in found.items():
        value, wanted, dimension = expected[tuple(np.sort(np.atleast_1d(scales)))]
        np.testing.assert_array_equal(np.atleast_1d(scales), wanted, err_msg=layer)
        assert integers.dtype == np.int8
        if np.size(scales) > 1:
            assert integers.shape[axis] == value.shape[dimension] == np.size(scales)
        # the same integers in each channel, wherever the layouts put them
        first, second = (
            np.moveaxis(v, a, 0).reshape(v.shape[a], -1)
            for v, a in ((integers, axis or 0), (value, dimension))
        )
        if np.size(scales) == 1:
            first, second = first.reshape(1, -1), second.reshape(1, -1)
        np.testing.assert_array_equal(np.sort(first), np.sort(second), err_msg=layer)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"opset": 16}, "opset: expected 17 to 25, got 16"),
        ({"precision": "float61"}, "unknown precision 'float61'; did you mean 'float16'?"),
    ],
)
def test_options_that_are_none(tiny, options, line):
    with pytest.raises(UserError, match=line):
        to_onnx(tiny, **options)


def test_int8_has_no_float16_file(rounded):
    with pytest.raises(UserError, match="simulates int8: it has no float16 file"):
        to_onnx(rounded, precision="float16")


def test_an_operation_that_onnx_has_not_is_named():
    class Inverse(layers.Layer):
        def call(self, x):
            return keras.ops.erfinv(keras.ops.tanh(x))

    model = network(lambda x: Inverse(name="inverse")(x))
    with pytest.raises(UserError, match="ONNX has no operation for Erfinv in inverse"):
        to_onnx(model)


def test_an_optimizer_of_the_converter_that_fails_is_left_out(tiny, monkeypatch):
    from tf2onnx.optimizer import IdentityOptimizer

    def fail(self, graph):
        raise ValueError("unforeseen")

    monkeypatch.setattr(IdentityOptimizer, "_optimize", fail)
    same(to_onnx(tiny, batch=None), tiny, pixels(tiny, 3))


def test_a_network_that_cannot_be_converted_is_tried_once():
    tries = []

    def convert(option):
        tries.append(option)
        raise ValueError("no such operation")

    with pytest.raises(ValueError, match="no such operation"):
        converted(convert, 7)
    assert tries == [7]
