"""Adapter files made to measure: every convention, and every defect."""
