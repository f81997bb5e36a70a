# Decode codes in R: 72 bands of vector values, six a step, NA where there are no data.
#
# Rscript examples/decode.R CODES.tif VECTORS.tif
#
# Needs the package terra (Debian: r-cran-terra). Band 13, the count of clear observations, is no code.

suppressPackageStartupMessages(library(terra))

levels <- c(8, 8, 8, 5, 5, 5)
basis <- c(1, 8, 64, 512, 2560, 12800)
half <- levels %/% 2

# codes: matrix of pixels x 12; gives pixels x 72.
decode <- function(codes) {
  step <- function(k) sapply(1:6, function(d) list((codes[, k] %/% basis[d] %% levels[d] - half[d]) / half[d]))
  vectors <- do.call(cbind, unlist(lapply(1:12, step), recursive = FALSE))
  vectors[rowSums(codes) == 0, ] <- NA
  vectors
}

paths <- commandArgs(trailingOnly = TRUE)
if (length(paths) == 2) {
  codes <- rast(paths[1])[[1:12]]
  vectors <- rast(codes, nlyrs = 72)
  values(vectors) <- decode(values(codes))
  names(vectors) <- paste0(rep(names(codes), each = 6), "_", 1:6)
  writeRaster(vectors, paths[2], datatype = "FLT4S", overwrite = TRUE)
}
