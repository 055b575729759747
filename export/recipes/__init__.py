"""What a recipe says: its stages, and the name that decodes."""
