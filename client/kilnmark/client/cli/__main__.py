"""`python -m kilnmark.client.cli`: the command line by its interpreter, wherever the script `kilnmark` may be."""

from kilnmark.client.cli.main import main

if __name__ == "__main__":
    main()
