"""The worker process, seen from outside: started, watched, replaced."""
