"""Building scenarios. What users need of it is exported by ``ringfence``."""
