"""No artifact is called good before it has been run and compared with its model."""
