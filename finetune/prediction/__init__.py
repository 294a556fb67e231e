"""From many images to a file of answers: with the faster engine, row by row, and able to go on where it ended."""
