"""What is wrong with a data set, found before anything trains on it."""

from finetune.data.health.findings import Finding, Severity
from finetune.data.health.report import HealthReport, Quarantined, inspect_source

__all__ = ["Finding", "HealthReport", "Quarantined", "Severity", "inspect_source"]
