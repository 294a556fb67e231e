"""What a tab says while there is nothing on it: what will appear, and why it is not there yet."""

from finetune.words import noted

NO_ADVICE = noted(
    "Here will stand which layers to freeze and why, as soon as your images have been looked at."
)
NO_DATA = noted(
    "Here you will choose among four strategies and train. It opens when your images have been looked at: "
    "bring some on the tab Data."
)
NO_TRAINING = noted(
    "Here will stand how well your classifier does: its score with an interval, what it takes for what, and "
    "earlier trainings beside it. It opens when a training has ended."
)
NO_CLASSIFIER = noted(
    "Here you will drop images and see what your classifier says. It opens when a training has ended."
)
NOTHING_TO_USE = noted("Here you will take your classifier with you. It opens when a training has ended.")
