"""The operators of a convolutional network and their gradients in plain NumPy.

Written to be read, and to be right: the layers are tested against them. Channels come last,
(batch, *size, channels) with one, two or three axes of size; kernels are laid out as Keras lays
them out. The gradient of an operator takes `dy`, the gradient of the loss with respect to the
operator's output, and returns that with respect to its inputs and weights. `kernels` holds kernels
that people designed.
"""

from kerascnn.numpy_ops.convolution import (
    conv,
    conv_gradients,
    conv_input_gradient,
    conv_kernel_gradient,
    depthwise_conv,
    depthwise_conv_gradients,
)
from kerascnn.numpy_ops.convolution_forms import (
    conv_fft,
    shared_dense_weights,
    toeplitz_matrix,
    ungrouped,
)
from kerascnn.numpy_ops.convolution_loops import conv_loops, conv_loops_gradients
from kerascnn.numpy_ops.cross_entropy import (
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
)
from kerascnn.numpy_ops.dropout import dropout, dropout_gradient
from kerascnn.numpy_ops.edges import canny, filtered
from kerascnn.numpy_ops.global_pooling import (
    global_average_pool,
    global_average_pool_gradient,
    global_max_pool,
    global_max_pool_gradient,
)
from kerascnn.numpy_ops.kernel_algebra import (
    Separated,
    composed_kernel,
    kernel_rank,
    separable_approximation,
)
from kerascnn.numpy_ops.local_response import local_response_norm, local_response_norm_gradient
from kerascnn.numpy_ops.normalization import (
    batch_norm_test,
    batch_norm_test_gradients,
    batch_norm_train,
    batch_norm_train_gradients,
    moving_average,
)
from kerascnn.numpy_ops.pooling import (
    average_pool,
    average_pool_gradient,
    max_pool,
    max_pool_gradient,
    max_unpool,
    max_unpool_gradient,
    min_pool,
    min_pool_gradient,
    nearest_unpool,
    nearest_unpool_gradient,
)
from kerascnn.numpy_ops.transposed import conv_transpose, conv_transpose_gradients
from kerascnn.numpy_ops.window import Window

__all__ = [
    # Convolution
    "conv",
    "conv_gradients",
    "conv_input_gradient",
    "conv_kernel_gradient",
    "conv_loops",
    "conv_loops_gradients",
    "depthwise_conv",
    "depthwise_conv_gradients",
    "conv_transpose",
    "conv_transpose_gradients",
    # Other forms of convolution, and what kernels are
    "conv_fft",
    "toeplitz_matrix",
    "shared_dense_weights",
    "ungrouped",
    "composed_kernel",
    "kernel_rank",
    "separable_approximation",
    "Separated",
    "filtered",
    "canny",
    # Pooling
    "max_pool",
    "max_pool_gradient",
    "min_pool",
    "min_pool_gradient",
    "average_pool",
    "average_pool_gradient",
    "max_unpool",
    "max_unpool_gradient",
    "nearest_unpool",
    "nearest_unpool_gradient",
    "global_average_pool",
    "global_average_pool_gradient",
    "global_max_pool",
    "global_max_pool_gradient",
    # Normalization, dropout and loss
    "dropout",
    "dropout_gradient",
    "local_response_norm",
    "local_response_norm_gradient",
    "batch_norm_train",
    "batch_norm_train_gradients",
    "moving_average",
    "batch_norm_test",
    "batch_norm_test_gradients",
    "softmax_cross_entropy",
    "softmax_cross_entropy_gradient",
    # What convolution and pooling share
    "Window",
]
