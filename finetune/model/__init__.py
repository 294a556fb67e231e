"""From a backbone's name to a network with a fresh head, its layer groups, and a plan applied to it."""
