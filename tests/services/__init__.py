"""Real servers for the tests: started when needed, stopped by process id, nothing left behind."""
