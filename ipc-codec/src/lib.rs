//! The one serialization layer of the multiproc family: framed, limited, with a table of handles that travel along.
