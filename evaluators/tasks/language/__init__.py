"""Tasks on text that need the packages of ``actsearch[language]`` and files that nobody downloads for you."""
