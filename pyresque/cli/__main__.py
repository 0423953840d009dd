"""``python -m pyresque.cli``: run the command line with this interpreter."""

from pyresque.cli.main import main

if __name__ == "__main__":
    main()
