"""Use a service of `finetune serve` from Python: hand in images, fine-tune, follow, ask, take the model home.

    from finetune.client import Client

    with Client("http://127.0.0.1:8000", token="ft_…") as client:
        dataset = client.upload("photos.zip")
        job = client.wait(client.fit(dataset.id))
        answers = client.predict(job.model, ["new.jpg"])
        client.download(job.model, "model.zip")

Every refusal raises `ApiError` with the server's sentence; a server that cannot be reached raises ResourceError.
"""

from finetune.client.client import Client
from finetune.client.nouns import ApiError, Dataset, Event, Health, Job, Model, Prediction

__all__ = ["ApiError", "Client", "Dataset", "Event", "Health", "Job", "Model", "Prediction"]
