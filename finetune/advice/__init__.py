"""Measure a data set, place it in the size x similarity square, and say which strategy to use and why."""
