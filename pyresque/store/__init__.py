"""The tables in Redis, the Lua scripts and the names of keys. Payloads and records are bytes here."""
