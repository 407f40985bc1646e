"""The command line. The library never imports it."""
