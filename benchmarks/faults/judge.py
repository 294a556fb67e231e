"""Compare what the health check said with what was planted: recall and precision of each kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from faults.plant import Truth
from finetune.data.health import HealthReport
from finetune.data.health import findings as findings_module

Pair = frozenset[str]
SPLIT_KINDS = {
    "exact": "duplicate-across-splits",
    "near": "near-duplicate-across-splits",
    "mirrored": "mirrored-across-splits",
}


@dataclass(frozen=True)
class Score:
    """Of ``planted`` things ``hit`` were found, among ``told`` that were said; those of the untouched set apart."""

    kind: str
    planted: int
    hit: int
    told: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the planted that was found."""
        return self.hit / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """Share of the said that was planted."""
        return self.right / self.told if self.told else 1.0


def name_all_examples() -> None:
    """Let findings name every image instead of ten: a judge wants all."""
    findings_module.MAX_EXAMPLES = 10**9


def judge(report: HealthReport, before: HealthReport, truth: Truth) -> list[Score]:
    """Return a score for each kind; what was said ``before``, of the untouched set, counts for neither side."""
    scores = [
        _score(kind, set(truth.images[kind]), _named(report, kind), _named(before, kind))
        for kind in truth.images
    ]
    near = {kind: _pairs(pairs) for kind, pairs in truth.pairs.items()}
    exact, mirrored = near.pop("exact"), near.pop("mirrored")
    scores.append(
        _score(
            "exact duplicates", exact, _grouped(report.exact_duplicates), _grouped(before.exact_duplicates)
        )
    )
    told = _grouped(report.near_duplicates)
    all_near = set().union(*near.values())
    scores += [_part(kind, pairs, told) for kind, pairs in near.items()]
    scores.append(_score("near-duplicates, all", all_near, told, _grouped(before.near_duplicates)))
    mirrored_told = _grouped(report.mirrored_duplicates)
    scores.append(_score("mirrored", mirrored, mirrored_told, _grouped(before.mirrored_duplicates)))
    scores += [
        _across(f"{kind} across splits", pairs, report, before, SPLIT_KINDS[kind])
        for kind, pairs in (("exact", exact), ("near", all_near), ("mirrored", mirrored))
    ]
    twins = {name for example in _examples(report, "similar-class-names") for name in [example.split(":")[0]]}
    scores.append(_score("class twin", {", ".join(truth.twin)}, twins, set()))
    return scores


def _score(kind: str, planted: set, told: set, before: set) -> Score:
    new = told - before
    return Score(kind, len(planted), len(planted & told), len(new), len(new & planted))


def _part(kind: str, planted: set[Pair], told: set[Pair]) -> Score:
    """Return the recall of one kind of near-duplicate; what was said too much is of no kind."""
    hit = len(planted & told)
    return Score(kind, len(planted), hit, hit, hit)


def _across(kind: str, pairs: set[Pair], report: HealthReport, before: HealthReport, said: str) -> Score:
    planted = {pair for pair in pairs if len({name.split("/")[0] for name in pair}) > 1}
    told, known = (_said_pairs(found, said) for found in (report, before))
    return _score(kind, planted, told, known)


def _said_pairs(report: HealthReport, kind: str) -> set[Pair]:
    found = _grouped(group for finding in report.findings if finding.kind == kind for group in finding.images)
    return {pair for pair in found if len({name.split("/")[0] for name in pair}) > 1}


def _named(report: HealthReport, kind: str) -> set[str]:
    if kind in ("unreadable", "truncated"):
        is_cut = kind == "truncated"
        return {item.name for item in report.quarantine if ("truncated" in item.reason) == is_cut}
    return {example.split(": ")[0] for example in _examples(report, kind)}


def _examples(report: HealthReport, kind: str) -> list[str]:
    return [example for finding in report.findings if finding.kind == kind for example in finding.examples]


def _pairs(pairs: Iterable[tuple[str, str]]) -> set[Pair]:
    return {frozenset(pair) for pair in pairs}


def _grouped(groups: Iterable[Iterable[str]]) -> set[Pair]:
    return {frozenset(pair) for group in groups for pair in combinations(group, 2)}
