"""What a reconciler is given: the identity of an object, never what happened to it."""

from bascule.vocabulary import objects

Request = objects.Key
"""`Request(cluster, namespace, name)`."""
