"""Use Embedded Seamless Data: land cover, few-shot and change models trained directly on the codes."""
