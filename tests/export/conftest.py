"""What tests of files that other tools wrote share: one network, and what converters made of it."""

import pytest


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """(the folder of what `foreign_files.write_all` wrote, the network). For reading only."""
    from foreign_files import network, write_all

    folder, model = tmp_path_factory.mktemp("foreign"), network()
    write_all(folder, model)
    return folder, model
