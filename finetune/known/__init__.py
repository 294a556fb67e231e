"""How far an answer can be trusted: whether the image is of a known kind, and which classes are plausible.

Pure functions on features and logits, and the files beside a bundle that hold what they were fitted to.
"""
