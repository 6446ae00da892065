"""Everything around a served model: the server's configuration and a client."""
