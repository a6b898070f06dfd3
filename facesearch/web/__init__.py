"""`facesearch serve`: the library as pages in a browser, for one person on one machine.

    server.py     the socket, the browser that is opened, and a clean end
    security.py   who may ask: token, cookie, Host, Origin; the headers of every answer
    app.py        which address is which page
    site.py       what the handlers share: pages, redirects that say something, numbers in addresses
    shelf.py      the library that is shown: there may be none yet
    people.py     people, a person, faces in no group, review, together, completions
    photos.py     photos, one photo, and the pictures of both
    searching.py  a picture is uploaded, its faces are looked for
    filling.py    a folder is indexed, faces are grouped; progress as server-sent events
    deciding.py   every decision, undo, and the history
    jobs.py       one long piece of work at a time
    kept.py       the latest searches, in memory
    notes.py      what is said on the next page: done, undone, failed
    rendering.py  templates and what they can say; needs no server (`facesearch report` uses it)
    templates/, static/

Pages are made here and scripts only make them nicer. Nothing is decided here: each handler parses, makes one or two
calls into `facesearch.Library`, and renders.
"""

__all__: list[str] = []
