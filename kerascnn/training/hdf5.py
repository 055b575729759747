"""Models in HDF5 files, as Keras 1 and 2 saved them and Keras 3 still can: what is in one."""

from pathlib import Path

from kerascnn.errors import UserError

HDF5 = (".h5", ".hdf5")
AS_KERAS = "open it with the Keras that wrote it and model.save('FILE.keras')"


def contents(path: Path) -> tuple[str, int]:
    """What a file holds, without reading its weights.

    Returns:
        (the JSON of the model, bytes that its arrays unpack to)

    Raises:
        UserError: not HDF5, no model in it, or arrays that stand in other files.
    """
    import h5py

    arrays = []

    def visit(_, item):
        if isinstance(item, h5py.Dataset):
            arrays.append(item)

    try:
        with h5py.File(path, "r") as file:
            architecture = file.attrs.get("model_config")
            file.visititems(visit)
            if any(array.external or array.is_virtual for array in arrays):
                raise UserError(f"{path}: its arrays stand in other files; {AS_KERAS}")
            unpacked = sum(array.size * array.dtype.itemsize for array in arrays)
    except UserError:
        raise
    except Exception as error:  # h5py raises what its C library says, as a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{path}: not an HDF5 file of a Keras model: {reason}") from None
    if isinstance(architecture, bytes):
        architecture = architecture.decode("utf-8", "replace")
    if not isinstance(architecture, str):
        raise UserError(
            f"{path}: holds no model, perhaps its weights alone; build it and load them into it, "
            "then model.save('FILE.keras')"
        )
    return architecture, unpacked
