"""Errors of embedded parts; each text names the fix.

EmbeddedError
├── FolderHeldError      another process runs its parts in this data folder
├── PortTakenError       another program listens on a part's port
├── CorruptFolderError   the data folder cannot be used as it is
├── DiskFullError        the data folder's disk has no room for the parts' data
├── RootRefusedError     the process is root, and PostgreSQL cannot run as another user here
├── OtherVersionError    the database was written by another major version of PostgreSQL
├── PartFailedError      a part did not start, or ended unexpectedly
├── OddSearchAttributesError      the namespace has search attributes of our names with other types
└── MissingSearchAttributesError  the namespace lacks search attributes, and this program may not add them
"""


class EmbeddedError(Exception):
    """An embedded part cannot be used."""


class FolderHeldError(EmbeddedError):
    """Another process runs its parts in this data folder."""


class PortTakenError(EmbeddedError):
    """Another program listens on a part's port."""


class CorruptFolderError(EmbeddedError):
    """The data folder cannot be used as it is; nothing in it was changed."""


class DiskFullError(EmbeddedError):
    """The disk of the data folder has too little room; nothing was started."""


class RootRefusedError(EmbeddedError):
    """The process is root, PostgreSQL refuses root, and no other identity can access its programs and data."""


class OtherVersionError(EmbeddedError):
    """The database was written by another major version of PostgreSQL; nothing in it was changed."""


class PartFailedError(EmbeddedError):
    """A part did not start in time, or ended unexpectedly."""


class OddSearchAttributesError(EmbeddedError):
    """Temporal's namespace has search attributes of our names with other types."""


class MissingSearchAttributesError(EmbeddedError):
    """Temporal's namespace lacks our search attributes, and the server does not let this program add them."""
