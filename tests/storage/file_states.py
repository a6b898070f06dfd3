"""What a library of before has not noted of its files."""

from facesearch.storage import Store

__all__ = ["forget_file_states"]


def forget_file_states(store: Store) -> None:
    """As before format 9: neither ctime nor inode of any file is known."""
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE paths SET ctime_ns = NULL, inode = NULL")
