"""Loading models: safe by default, complete or refused."""
