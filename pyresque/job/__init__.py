"""Jobs: what they are, how they are written, who performs them, and the way they take."""
