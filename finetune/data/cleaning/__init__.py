"""Write a cleaned copy of a data set, or a manifest of what is sound in it; the original is never touched."""
