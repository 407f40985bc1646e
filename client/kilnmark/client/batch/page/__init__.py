"""The review page: one HTML file beside the pictures, which needs no network."""
