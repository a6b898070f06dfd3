"""`facesearch serve`: the library as pages in a browser, for one person on one machine.

    server.py            the socket, the browser that is opened, and a clean end
    security.py          who may ask: token, cookie, Host, Origin; the headers of every answer
    app.py               which address is which page
    site.py              what the handlers share: pages, redirects with a message, numbers in addresses
    current_library.py   the library that is shown: there may be none yet
    people.py            people, a person, faces in no cluster, review, together, completions
    photos.py            photos, one photo, and the pictures of both
    searching.py         a picture is uploaded and searched with
    indexing.py          a folder is indexed, faces are clustered; progress as server-sent events
    decisions.py         every decision, undo, and the history
    jobs.py              one long piece of work at a time
    recent.py            messages for the next page and the latest searches, in memory
    rendering.py         templates: those here, and those shared with static reports, which are in facesearch.sharing
    templates/, static/

Pages are made here and scripts only make them nicer. Nothing is decided here: each handler parses, makes one or two
calls into `facesearch.Library`, and renders. May import sharing, library and everything below.
"""

__all__: list[str] = []
