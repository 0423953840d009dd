"""How Ruby writes JSON, dates, names of constants and file patterns: pure functions, tested against recordings of Ruby."""
