"""The commands of `esd-tasks`, one a module: parse, call once, print."""
