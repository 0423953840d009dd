"""How Ruby writes things: JSON, dates, constants and file patterns; pure, and held to recordings of Ruby."""
