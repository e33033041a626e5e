"""The report as one HTML page without scripts: executive summary, findings, and a picture for each question."""
