"""A trained classifier on disk: weights, class names and preprocessing in one folder, and its use."""
