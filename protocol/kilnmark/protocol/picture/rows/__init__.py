"""The rows of the catalog, a family a module: facts that daemon, worker, client and keymaps go by, and no code."""
