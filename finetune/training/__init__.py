"""From a recipe and images to a trained network in a run folder."""
