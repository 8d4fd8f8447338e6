"""The calls of the kernel, by part of the kernel; `Recorder` has them all."""
