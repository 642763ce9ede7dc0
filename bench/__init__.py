"""The same load against any Kubernetes API, with the raw limits of what it is made of measured in the same run.

Reading order: ``target`` (whom we measure), ``wire`` (the client), ``load`` (closed loops), ``suites`` (what is
measured), ``report`` (the file and the table).
"""
