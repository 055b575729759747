"""What holds for the NumPy operators together."""

from kerascnn import numpy_ops


def test_every_operator_has_its_gradient():
    forms = {"conv_fft", "toeplitz_matrix", "shared_dense_weights", "ungrouped"}  # of conv
    of_kernels = {"composed_kernel", "kernel_rank", "separable_approximation", "Separated"}
    images = {"filtered", "canny"}
    others = {"Window", "moving_average"} | forms | of_kernels | images
    public = set(numpy_ops.__all__) - others
    operators = {name for name in public if "_gradient" not in name}
    assert operators == {n for n in operators if public & {f"{n}_gradient", f"{n}_gradients"}}
