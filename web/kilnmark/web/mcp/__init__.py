"""The same for agents, by the Model Context Protocol."""
