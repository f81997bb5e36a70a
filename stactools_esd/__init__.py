"""Make and describe Embedded Seamless Data: encoder, codes COGs, STAC items, collections and catalogues."""
