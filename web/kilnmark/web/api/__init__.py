"""Pictures over HTTP, in the form that people's tools speak already."""
