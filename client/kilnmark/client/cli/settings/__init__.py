"""Where the settings of a daemon come from: options, variables, a file, and what each is where nobody says it."""
