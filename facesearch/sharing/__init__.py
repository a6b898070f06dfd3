"""What leaves a library: folders, tables, sidecars, reports, contact sheets; and names from other programs.

May import library and everything below it.
"""

from facesearch.sharing.folders import export_folders
from facesearch.sharing.names import import_names
from facesearch.sharing.sidecars import export_sidecars
from facesearch.sharing.tables import export_rows, rows_to_csv

__all__ = ["export_folders", "export_rows", "export_sidecars", "import_names", "rows_to_csv"]
