"""Readers, checks and splits of a labelled image set; nothing here loads torch but `loading` and `transforms`."""
