"""The gate: one adapter verified, against thresholds that are data."""
