"""The best kernels of a campaign as a C library that needs nothing but a C compiler."""
