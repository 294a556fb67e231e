"""What a process that works for the server knows and may do, and what is left of what was deleted."""

from __future__ import annotations

import time
from pathlib import Path

from api_server import picture

from attacks.stage import SECRET, V1, Stage
from attacks.web import take_photos

WORKS = {"finetune.service.answering": "classifies", "finetune.service.child": "does a job"}
LOOKED_FOR_S = 120


def all_of(stage: Stage) -> None:
    """Look at both."""
    children(stage)
    deletion(stage)


def children(stage: Stage) -> None:
    """Line 11: no secrets, no core dumps, bounded memory."""
    line = "11 child"
    stage.ann.post(f"{V1}/models/{stage.model}/predict", files={"images": picture()})
    take_photos(stage)
    waiting = dict(WORKS)
    deadline = time.monotonic() + LOOKED_FOR_S
    while waiting and time.monotonic() < deadline:
        for pid, words in processes(stage.pid):
            for module in [each for each in waiting if each in words]:
                limits = soft_limits(pid)
                # Python begins with the shell's limits and takes them away before it does anything else.
                if not limits or (limits["Max core file size"] != "0" and time.monotonic() < deadline - 5):
                    continue
                environment = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
                what = waiting.pop(module)
                names = len(environment.split("\0"))
                clean = SECRET not in environment
                told = f"{names} variables, no secret" if clean else "a secret is there"
                stage.note(
                    line, f"the environment of what {what}", "three secrets in the server's", told, held=clean
                )
                core, data = limits["Max core file size"], limits["Max data size"]
                bounded = core == "0" and (data != "unlimited" or module.endswith("child"))
                stage.note(line, f"the limits of what {what}", "", f"core {core}, data {data}", held=bounded)
        time.sleep(0.02)
    for what in waiting.values():
        stage.note(line, f"what {what}", "", "no such process was seen", held=False)


def processes(parent: int) -> list[tuple[int, str]]:
    """Return number and command line of all processes below ``parent``."""
    parents, words = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
                words[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            parents[int(folder.name)] = int(after_name[1])

    def is_below(pid: int) -> bool:
        while pid in parents and pid != parent:
            pid = parents[pid]
        return pid == parent

    return [(pid, words[pid]) for pid in words if pid != parent and is_below(pid)]


def soft_limits(pid: int) -> dict[str, str]:
    """Return the soft limits of a process by name, none where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return {}
    return {line[:25].strip(): line[25:].split()[0] for line in lines}


def deletion(stage: Stage) -> None:
    """Line 12: what is deleted is gone from the disk."""
    line = "12 privacy"
    (run,) = [path.parent for path in (stage.root / "runs").glob("*/bundle")]
    answer = stage.ann.delete(f"{V1}/models/{stage.model}")
    stage.answered(line, "deleting a model", "DELETE model", answer, 204, also=lambda _: not run.exists())
    deadline = time.monotonic() + 240
    answer = stage.ann.delete(f"{V1}/datasets/{stage.dataset}")
    while answer.status_code == 409 and time.monotonic() < deadline:
        time.sleep(1)
        answer = stage.ann.delete(f"{V1}/datasets/{stage.dataset}")
    left = [path for path in stage.root.rglob("*") if stage.dataset in path.name or stage.job in path.name]
    stage.answered(line, "deleting a data set", "DELETE dataset", answer, 204, also=lambda _: left == [])
    answer = stage.ann.get(f"{V1}/datasets/{stage.dataset}/health")
    stage.answered(line, "asking for what was deleted", "GET health", answer, 404)
    arriving = list((stage.root / "arriving").iterdir())
    stage.note(line, "what uploads left", "after all attacks", f"{len(arriving)} files", held=arriving == [])
