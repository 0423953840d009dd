"""Moving off Ruby class by class: what the commands of ``pyresque migrate`` do."""
