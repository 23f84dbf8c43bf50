"""The recordings that go with a scanned page: it is found as the page worker finds it, its serial number names them."""

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import ScannedPage
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.forms.template.template import Template


class SpokenPages:
    """Finds the recordings of pages of one form in a folder."""

    def __init__(self, template: Template, recordings: Recordings, decoder: PageDecoder) -> None:
        """decoder: not the one that splits the file, whose pages it would mix up."""
        self._template, self._recordings, self._decoder = template, recordings, decoder

    def recordings_of(self, content: bytes) -> dict[str, bytes]:
        """By field, see Page.recordings. content: a page as a file of its own; none of a page that is not of the form,
        which the page worker tells.

        Raises DataError if a recording cannot be read.
        """
        scanned = next(iter(self._decoder.decode(content)), None)
        if not isinstance(scanned, ScannedPage):
            return {}
        placed = place(scanned, self._template)
        if not isinstance(placed, PlacedPage):
            return {}
        spoken = [slot.name for slot in placed.slots if slot.field.spoken != "no"]
        return self._recordings.of_page(placed.identity.serial, placed.identity.page).all_of(spoken)
