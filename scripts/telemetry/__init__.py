"""Telemetry in real stores: programs, rules, dashboards, and what a run must show in them."""
