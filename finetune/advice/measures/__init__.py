"""What is measured of a data set before training: one small function each, with its formula and its source."""
