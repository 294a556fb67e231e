"""Two data sets × two strategies, trained one after the other; call it again and it goes on where it ended.

Each training is a process of its own, so one that fails does not end the rest. The tables and the run folders are
in ``checkpoints/both``. The images are small, to be quick: leave ``image_size`` away for good results.
"""

import finetune

jobs = [
    finetune.Job(f"{data}-{strategy}", f"sample:{data}", {"strategy": strategy, "exclude": exclude, **quick})
    for data, exclude in {"fruit": [], "digits": list("3456789")}.items()
    for strategy, quick in {
        "freeze-all": {"weights": "packaged", "image_size": 32},
        "from-scratch": {"backbone": "tf_efficientnet_lite0", "image_size": 32, "epochs": 1},
    }.items()
]
for row in finetune.run_batch(jobs, out="checkpoints/both", offline=True):
    print(
        f"{row.name}: {row.state}, {row.accuracy:.1%}, {row.seconds:.0f} s"
        if row.accuracy is not None
        else row
    )
