"""The polyhedral compiler: from a primitive in index notation to plain C.

Pure: values in, values out; no file, process, clock or network below this package.
"""
