"""Change between years: numeric cores on arrays first, then what reads, maps and judges them.

`distances` compares the codes of two years, `population` and `noise` say what such a distance is where nothing
happened, `segments` finds every break of a series, `hidden_markov` smooths yearly classes, `matching` compares events
with reference events. `pair`, `series`, `train`, `land_cover` and `assess` are the tasks built of them.
"""
