"""The layers as .tflite files: builtin operators only, and the ones the docstrings promise."""

import keras
import numpy as np
import pytest

import kerascnn.layers as own

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the converter reads TensorFlow graphs", allow_module_level=True)


def convert(call, shape, images=None):
    """The .tflite bytes of `call` on images of `shape`; wholly int8 where `images` are given."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = keras.Input(shape)
    model = keras.Model(image, call(image))
    signature = tf.TensorSpec((1, *shape), tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return model, converter.convert()


def run(content, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    operators = [op["op_name"] for op in interpreter._get_ops_details()]
    interpreter.allocate_tensors()
    results = []
    for x in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
        interpreter.invoke()
        results.append(
            [interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details()]
        )
    return results, operators


# fmt: off
FLOAT = {  # call, shape, operators it must have
    "lrn": (own.LocalResponseNormalization(5, alpha=0.5), (5, 6, 8), {"CONV_2D"}),
    "shuffle": (own.ChannelShuffle(4), (5, 6, 8), {"TRANSPOSE"}),
    "squeeze": (lambda x: own.squeeze_and_excitation(x, 2, name="se"), (5, 6, 8), {"LOGISTIC"}),
    "ceil_pool": (own.CeilMaxPooling2D(3), (5, 7, 2), {"MAX_POOL_2D"}),
    "depth_to_space": (own.DepthToSpace(2), (3, 4, 8), {"DEPTH_TO_SPACE"}),
    "nearest": (own.NearestUnpooling2D(2), (3, 4, 2), {"RESIZE_NEAREST_NEIGHBOR"}),
    "pyramid": (own.SpatialPyramidPooling2D(), (7, 9, 2), {"REDUCE_MAX"}),
    "transposed": (own.ExactConv2DTranspose(2, 3, 2, "same", output_size=(9, 8)), (5, 4, 3),
                   {"TRANSPOSE_CONV"}),
    "separable": (own.SpatiallySeparableConv2D(2, 3), (5, 6, 3), {"CONV_2D"}),
    "deformable": (own.DeformableConv2D(2, 3, modulated=True), (5, 6, 3), {"GATHER"}),
    "unshared": (own.UnsharedConv2D(2, 3), (5, 6, 3), {"BATCH_MATMUL"}),
    "unpooling": (lambda x: own.MaxUnpooling2D(output_size=(5, 6))(
        *own.MaxPoolingWithIndices2D(2)(x)), (5, 6, 2), {"SCATTER_ND"}),
    "stochastic_depth": (own.StochasticDepth(0.5), (3, 3, 2), {"MUL"}),
    "join": (lambda x: own.FractalJoin()([x, x * 2], own.FractalColumn(2)(x)), (3, 3, 2), {"ADD"}),
}
# fmt: on


@pytest.mark.parametrize("name", FLOAT)
def test_float_files_give_the_same(name, rng):
    call, shape, expected = FLOAT[name]
    model, content = convert(call, shape)
    images = rng.normal(size=(2, *shape)).astype("float32")
    results, operators = run(content, images)
    assert expected <= set(operators)
    for x, (result,) in zip(images, results, strict=True):
        # float32: other kernels sum in another order
        np.testing.assert_allclose(result, model(x[None]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lrn", "shuffle", "ceil_pool", "depth_to_space", "nearest"])
def test_int8_files_have_no_float_inside(name, rng):
    call, shape, _ = FLOAT[name]
    images = rng.uniform(-2, 2, size=(64, *shape)).astype("float32")
    model, content = convert(call, shape, images)
    results, operators = run(content, images)
    assert operators.count("QUANTIZE") >= 1
    assert operators.count("DEQUANTIZE") == 1
    expected = np.asarray(model(images))
    # The output's 255 steps cover its range. Layers that move values err by half a step at input
    # and output; normalization passes through four tables more, and gets a step for each.
    steps = 5 if name == "lrn" else 1
    error = np.abs(np.concatenate([result[0] for result in results]) - expected).max()
    assert error <= steps * np.ptp(expected) / 255 + 1e-6
