#!/usr/bin/env python3
"""Prints the table of src/crypto/gaussian_table.h (needs python3-mpmath).

Entry i is floor(2^63 * P(|X| <= i)) for X discrete Gaussian on the integers of standard deviation
27/2, computed with 60 digits. The last entry is the last one below 2^63 - 1/2.
"""
from mpmath import mp, mpf, exp, floor

mp.dps = 60
sigma = mpf(27) / 2
rho = [exp(-(mpf(i) ** 2) / (2 * sigma**2)) for i in range(400)]
total = rho[0] + 2 * sum(rho[1:])
cumulative, entries = rho[0], []
for i in range(400):
    value = int(floor(cumulative / total * 2**63))
    if value >= 2**63 - 1:
        break
    entries.append(value)
    cumulative += 2 * rho[i + 1]
print("/* Made by tools/gaussian-table.py: entry i is floor(2^63 * P(|X| <= i)), X discrete Gaussian of")
print(" * standard deviation 13.5 on the integers. Beyond the table lies a probability below 2^-62. */")
print(f"enum {{ GAUSSIAN_ENTRIES = {len(entries)} }};")
print("static const uint64_t gaussian_cumulative[GAUSSIAN_ENTRIES] = {")
for i in range(0, len(entries), 4):
    print("\t" + " ".join(f"{v:#018x}," for v in entries[i : i + 4]))
print("};")
