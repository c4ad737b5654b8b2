"""`python -m manual search|parameters`: prints a page of the documentation; `scripts/docs` writes them all."""

import sys

from manual import parameters, search

PAGES = {"search": search.page, "parameters": parameters.page}

if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
