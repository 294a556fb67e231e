"""What the page can ask for, without knowing the page: one object over a folder of projects and a folder of runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from finetune.errors import OptionError, ResourceError, RunError
from finetune.service.additions import Added, added_images, class_name
from finetune.service.choice import choose, choose_beside
from finetune.service.curation import Curation, in_force
from finetune.service.data_jobs import KINDS, DataJob, newest_job, start_data_job, stop_data_jobs
from finetune.service.deleting import delete_project, delete_run
from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.devices import find_devices, only
from finetune.service.engine.going_on import DISCARD
from finetune.service.engine.place import DATABASE
from finetune.service.engine.queueing import cancel_in, forget_in
from finetune.service.engine.store import JobStore
from finetune.service.jobs import prepare_process, read_job
from finetune.service.looks import look_folder, look_numbers
from finetune.service.own_corrections import corrections_of
from finetune.service.predictor import Answer, Predictor, Why
from finetune.service.projects import (
    Project,
    Training,
    data_of_run,
    find_project,
    list_projects,
    new_project,
    numbered,
    start_analysis,
    start_training,
)
from finetune.service.room import Room
from finetune.service.spare import end_spare
from finetune.service.suspects_choice import SuspectsChoice
from finetune.service.thumbnailer import Thumbnailer
from finetune.service.trainings import can_find_suspects, can_resume, ready_trainings, recipe_of
from finetune.service.trials import start_trial

PAGE = ".page"
ADDRESS = "address.txt"
Asks = Literal["nothing", "login", "token"]
"""What a page asks people and programs for before it answers."""


class Service:
    """Projects below ``root/.page``, runs in ``root`` beside those of the command line.

    What is asked for is queued there and done while the service is open; what `close` stops is gone on with by the
    next one. Only one may be open for a ``root``: RunError names the address of the other. With ``store`` the jobs
    are queued there instead, among others, and whoever has that store supervised has them done.

    ``asking`` tells who asks where a call does not name the owner; nobody sees what is another's. ``asks`` tells what
    the page asks for right now. ``room`` is what each owner may keep, None for no limit.
    """

    def __init__(
        self,
        root: Path,
        *,
        offline: bool = False,
        store: JobStore | None = None,
        asking: Callable[[], str] = lambda: "",
        asks: Callable[[], Asks] = lambda: "nothing",
        room: Room | None = None,
    ) -> None:
        self.root = root.resolve()
        self.home = self.root / PAGE
        self.home.mkdir(parents=True, exist_ok=True)
        self._offline = offline
        self._asking = asking
        self.asks = asks
        self._room = room
        self._predictor = Predictor()
        self._thumbnailer = Thumbnailer()
        self._lock = FileLock(self.home / "service.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"a page for {root} is open already at {self._address()}; use that one, or another --folder"
            ) from None
        self._store = store or JobStore(self.home / DATABASE)
        self.curation = Curation(self.home, self._store, offline=offline)
        self._supervisor = None if store is not None else BackgroundSupervisor(self.home, self._store)
        self._device = find_devices()[0]
        if self._supervisor is not None:
            self._supervisor.start()

    @property
    def uploads(self) -> Path:
        """Return the folder where files from the browser arrive."""
        return self.home / "uploads"

    def uploaded(self, path: str) -> Path | None:
        """Return what lies at ``path`` among the uploads, which a browser may name; None for anything else."""
        # Path.resolve raises on links in a circle.
        found = Path(os.path.realpath(path))
        return found if self.uploads in found.parents else None

    def announce(self, address: str) -> None:
        """Write down where the page is, for whoever tries to open a second one."""
        (self.home / ADDRESS).write_text(address, encoding="utf-8")

    def close(self) -> None:
        """Stop every job, keeping what each has to be gone on with, and the classifier's process."""
        if self._supervisor is not None:
            self._supervisor.stop()
            end_spare()
        self._predictor.close()
        self._thumbnailer.close()
        self._lock.release()

    def find(self, project_id: str, owner: str | None = None) -> Project | None:
        """Return the project with this id, None where there is none or it is another's.

        ``owner`` None is whoever asks, here and below.
        """
        found = find_project(self.home, project_id)
        return found if found is not None and found.owner == self._owner(owner) else None

    def projects(self, owner: str | None = None) -> list[Project]:
        """Return the owner's projects, the newest first."""
        return list_projects(self.home, self._owner(owner))

    def take_upload(self, upload: Path, *, backbone: str, owner: str | None = None) -> Project:
        """Make a project of an uploaded file and start to look at it; raises ResourceError as `refuse_beyond_room`.

        A file that is refused is deleted.
        """
        named = self._owner(owner)
        try:
            self.refuse_beyond_room(named, upload.stat().st_size, is_new=True)
        except ResourceError:
            upload.unlink(missing_ok=True)
            raise
        project = new_project(self.home, upload=upload, owner=named)
        start_analysis(project, self._store, backbone=backbone, offline=self._offline)
        return project

    def take_sample(self, name: str, *, backbone: str, owner: str | None = None) -> Project:
        """Make a project of a sample set and start to look at it.

        Raises OptionError for an unknown name, ResourceError as `refuse_beyond_room`.
        """
        named = self._owner(owner)
        self.refuse_beyond_room(named, 0, is_new=True)
        project = new_project(self.home, sample=name, owner=named)
        start_analysis(project, self._store, backbone=backbone, offline=self._offline)
        return project

    def begin_set(self, owner: str | None = None) -> Project:
        """Make a project without images, to add some to; raises ResourceError as `refuse_beyond_room`."""
        named = self._owner(owner)
        self.refuse_beyond_room(named, 0, is_new=True)
        return self.curation.begin(named)

    def refuse_beyond_room(self, owner: str, coming: int, *, is_new: bool = False) -> None:
        """Raise ResourceError where ``coming`` bytes more would be more than ``owner`` may keep.

        ``is_new`` says that they are to be a further project.
        """
        if self._room is not None:
            self._room.refuse_beyond(self.home, owner, coming, is_new=is_new)

    def _owner(self, named: str | None) -> str:
        return self._asking() if named is None else named

    def add_image(self, project: Project, image: Path, label: str) -> Added:
        """Add ``image`` to the project's data set as one of the class ``label``; the file is copied.

        It counts once the set is looked at again. Raises OptionError for a class's name that cannot be, ImageError
        for a file that is no image, DataError for a project with too many images added already, and ResourceError
        as `refuse_beyond_room`.
        """
        class_name(label)
        if image.is_file():
            self.refuse_beyond_room(project.owner, image.stat().st_size)
        return self.curation.add(project, image, label, self._thumbnailer.small(image))

    def leave(self, project: Project) -> None:
        """Make room for another project: one that was not looked at to the end is of no use, and goes.

        Not one with work done by hand.
        """
        by_hand = project.is_made or added_images(project) or corrections_of(project)
        if "advice" not in project.findings and not project.trainings and not by_hand:
            self.discard(project)

    def discard(self, project: Project) -> None:
        """Stop the project's work and delete its images and analysis; its runs stay."""
        jobs = [job for kind in KINDS for job in numbered(project.folder / kind)]
        jobs += [look_folder(project.folder, number) for number in look_numbers(project.folder)]
        for job in (*jobs, *(training.job for training in project.trainings)):
            forget_in(self._store, job)
        shutil.rmtree(project.folder, ignore_errors=True)

    def train(
        self,
        project: Project,
        strategy: str,
        options: Mapping[str, Any],
        *,
        suspects: SuspectsChoice | None = None,
    ) -> Training:
        """Start a training by ``strategy`` with the backbone and weights that were advised on.

        ``options`` are further fields of a `Recipe`; ``suspects`` says what becomes of probably wrong labels that
        the project's own corrections, which always count, say nothing of.
        Raises OptionError for a value that cannot be or that the strategy cannot use, DataError before the analysis
        has ended, RunError while the project trains or where no wrong labels were found to choose from.
        """
        made = recipe_of(project, strategy, {**options, **in_force(project, suspects)})
        return start_training(
            project, self._store, root=self.root, recipe=made.model_dump(), offline=self._offline
        )

    def find_suspects(self, project: Project) -> DataJob:
        """Start to look for wrong labels with the backbone that was advised on, in turn with trainings.

        Raises DataError before the analysis has ended, OptionError where there are no pretrained weights, RunError
        while it is at work.
        """
        made = recipe_of(project, "freeze-all", in_force(project))
        if not can_find_suspects(project.findings):
            raise OptionError(
                f"wrong labels are found with pretrained weights, and {project.name} was looked at without; "
                "bring the images again and choose another backbone"
            )
        request = {"recipe": made.model_dump(), "offline": self._offline}
        return start_data_job(project, self._store, "suspects", request)

    def clean(self, project: Project) -> DataJob:
        """Start to write a cleaned copy; raises RunError while one is being written."""
        name = f"{Path(project.name).stem}-cleaned"
        request = {"name": name, "offline": self._offline, "corrections": in_force(project)}
        return start_data_job(project, self._store, "clean", request)

    def preview(self, project: Project, strategy: str, options: Mapping[str, Any]) -> DataJob:
        """Start to draw what training images would look like; ``strategy``, ``options`` and errors as in `train`."""
        made = recipe_of(project, strategy, {**options, **in_force(project)})
        return start_data_job(
            project, self._store, "preview", {"recipe": made.model_dump(), "offline": self._offline}
        )

    def ask_many(self, project: Project, training: Training, brought: Sequence[Path]) -> DataJob:
        """Start to classify the files ``brought``, images and archives, which move; raises as `start_trial`."""
        bundle, model = training.run / "bundle", training.run.name
        return start_trial(project, self._store, bundle=bundle, model=model, brought=brought)

    def stop_asking(self, project: Project) -> None:
        """Stop classifying many images."""
        stop_data_jobs(project, self._store, "trial")

    def compare_backbones(self, project: Project) -> DataJob:
        """Start to rank the backbones that need no download on the images, in turn with trainings.

        Raises RunError while it is at work.
        """
        request = {"recipe": {}, "offline": self._offline}
        return start_data_job(project, self._store, "backbones", request)

    def stop_comparing(self, project: Project) -> None:
        """Stop ranking backbones."""
        stop_data_jobs(project, self._store, "backbones")

    def look_again(self, project: Project, *, backbone: str) -> None:
        """Look at the project's images anew with ``backbone``, one of those that were ranked on them.

        Raises OptionError for any other, RunError while the project is looked at or trains.
        """
        newest = newest_job(project, "backbones")
        ranked = () if newest is None else newest.result.get("backbones", ())
        if backbone not in [row["name"] for row in ranked if row["place"] is not None]:
            raise OptionError(f"{backbone} was not compared on {project.name}; compare backbones first")
        trainings, looking = project.trainings, read_job(project.looking_again or project.analysis)
        if (trainings and trainings[-1].is_running) or (looking is not None and not looking.has_ended):
            raise RunError(f"{project.name} is at work; wait until it has ended, or cancel it")
        self.curation.look(project, backbone=backbone)

    def stop_data_jobs(self, project: Project) -> None:
        """Stop looking for wrong labels and writing a copy."""
        stop_data_jobs(project, self._store, "suspects", "clean")

    def resume(self, project: Project) -> Training:
        """Continue the newest training where it was interrupted; raises RunError when there is none to go on."""
        trainings = project.trainings
        if not trainings or not can_resume(trainings[-1]):
            raise RunError(f"{project.name} has no training to go on with; start one")
        newest = trainings[-1]
        return start_training(
            project,
            self._store,
            root=self.root,
            recipe={"strategy": newest.strategy},
            offline=self._offline,
            resume=newest.run,
        )

    def cancel(self, project: Project) -> None:
        """Stop the newest training, keeping what it has."""
        trainings = project.trainings
        if trainings and trainings[-1].is_running:
            cancel_in(self._store, trainings[-1].job)

    def prepare(self) -> None:
        """Have the next job's process load its libraries, unless jobs are at work, which need the processors.

        The environment's ``FINETUNE_SPARE=0`` keeps that memory free.
        """
        if os.environ.get("FINETUNE_SPARE") == "0":
            return
        if self._supervisor is not None and not self.is_busy:
            prepare_process(only(self._device))

    @property
    def is_busy(self) -> bool:
        """Whether any job is at work or waits for its turn."""
        return bool(self._store.list(states=("queued", "running"), limit=1))

    def choose(self, project: Project, number: str) -> None:
        """Let the classifier of training ``number`` answer; one that cannot be asked changes nothing."""
        ready = ready_trainings(project)
        for training in ready:
            if training.number == number:
                choose(project, training, ready)

    def choose_beside(self, project: Project, number: str) -> None:
        """Compare the run that is shown with that of training ``number``; any other number ends comparing."""
        found = (each for each in project.trainings if each.number == number)
        choose_beside(project, next(found, None))

    def export(self, project: Project, training: Training, precision: str) -> DataJob:
        """Start to write the training's classifier as an ONNX file; raises RunError while one is being written."""
        request = {
            "run": str(training.run),
            "training": training.number,
            "precision": precision,
            "offline": self._offline,
        }
        return start_data_job(project, self._store, "export", request)

    def delete_run(self, project: Project, training: Training) -> None:
        """Delete a run from the disk, with its classifier; raises as `finetune.service.deleting.delete_run`."""
        self._predictor.close()  # it may hold this one; the next question loads what it needs
        delete_run(project, self._store, training)

    def delete_project(self, project: Project) -> None:
        """Delete the project with its images and runs; raises as `finetune.service.deleting.delete_project`."""
        self._predictor.close()
        delete_project(project, self._store)

    def thumbnail(self, project: Project, training: Training, name: str) -> bytes:
        """Return an image that judged the training, by its name below the data, as a small JPEG.

        Raises ImageError where it has gone, ResourceError where nobody answers.
        """
        return self._thumbnailer.jpeg(data_of_run(project, training.run), name)

    def discard_training(self, project: Project) -> None:
        """Stop the newest training for good and delete what it has; one that has finished, and earlier ones, stay."""
        trainings = project.trainings
        if not trainings or (trainings[-1].report and not trainings[-1].is_running):
            return
        newest = trainings[-1]
        (newest.job / DISCARD).touch()
        if newest.is_running:
            cancel_in(self._store, newest.job)
        else:
            shutil.rmtree(newest.run, ignore_errors=True)

    def warm(self, training: Training) -> None:
        """Load a classifier in the background."""
        self._predictor.warm(training.run / "bundle")

    def predict(self, training: Training, image: Path) -> Answer:
        """Classify ``image`` with the training's bundle."""
        return self._predictor.ask(training.run / "bundle", image)

    def why(self, training: Training, image: Path) -> Why:
        """Explain the answer of the training's bundle to ``image``."""
        return self._predictor.ask_why(training.run / "bundle", image)

    def _address(self) -> str:
        try:
            return (self.home / ADDRESS).read_text(encoding="utf-8")
        except OSError:
            return "an unknown address"


def address_told(project: Project) -> str:
    """Return the address that the page was announced at, where the project lies; a usual one before that."""
    try:
        return (project.folder.parent / ADDRESS).read_text(encoding="utf-8").strip()
    except OSError:
        return "http://127.0.0.1:7860"
