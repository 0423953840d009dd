"""``python -m pyresque``: the command line of the very interpreter that runs it."""

from pyresque.cli.main import main

if __name__ == "__main__":
    main()
