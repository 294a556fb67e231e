"""What people see: the project's nouns as sentences, tables and pictures.

`ui.present` is pure text and tables; the command line shows it, and so will every other face.
"""
