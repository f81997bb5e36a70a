"""Where items of codes come from: catalogues, APIs, parquet indices, folders and single files."""
