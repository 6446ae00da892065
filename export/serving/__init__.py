"""Configuration of a server and a client for it."""
