"""Why a bundle gave its answer: a map of the image that says which parts spoke for a class."""
