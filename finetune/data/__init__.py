"""Readers, checks and splits of a labelled image set.

Nothing here loads torch but `loading`, `transforms` and the sets of torchvision.
"""
