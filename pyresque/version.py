"""The package's version, as it stands in process titles."""

VERSION = "1.0.0"
