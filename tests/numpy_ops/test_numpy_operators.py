"""What holds for the NumPy operators together."""

from kerascnn import numpy_ops


def test_every_operator_has_its_gradient():
    public = set(numpy_ops.__all__) - {"Window", "moving_average"}
    operators = {name for name in public if "_gradient" not in name}
    assert operators == {n for n in operators if public & {f"{n}_gradient", f"{n}_gradients"}}
