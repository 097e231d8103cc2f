/* Negacyclic FFT over the reals: products in R[X]/(X^N + 1) for N = 256 to 8192, f64.
 *
 * A real polynomial p folds into N/2 complex points z_j = (p_j + i p_{j+N/2}) w^j, w = exp(i pi /
 * N), and a complex DFT of size N/2 evaluates p at half of the odd powers of w. Frequency-domain
 * arrays keep real and imaginary parts in separate vectors, hold N doubles and are private to (N,
 * isa): the order of the points is whatever the kernel likes best (no bit reversal), but the same
 * for every function of one plan, and pointwise functions work on it. All arrays are 64-byte
 * aligned. Plans are immutable once made and may be shared by threads. No function allocates.
 */
#ifndef RING_FFT_H
#define RING_FFT_H

#include "base/status.h"
#include "os/cpu.h"

#include <stdint.h>

struct ring_fft;

/* The shared plan for N = 2^n_log2 (8 to 13), made at first use and kept until the process ends;
 * thread-safe. isa must not exceed cpu_isa_available(). */
amt_status ring_fft_get(const struct ring_fft **out, unsigned n_log2, enum isa isa);
unsigned ring_fft_n(const struct ring_fft *f);
enum isa ring_fft_isa(const struct ring_fft *f);

/* Forward transforms: of small integers, and of torus elements (u64 read as signed, scaled by
 * 2^-64; u32 by 2^-32). */
void ring_fft_forward_i32(const struct ring_fft *f, double *frequency, const int32_t *coefficients);
void ring_fft_forward_u32(const struct ring_fft *f, double *frequency, const uint32_t *torus);
void ring_fft_forward_u64(const struct ring_fft *f, double *frequency, const uint64_t *torus);

/* Inverse transforms. The real result x is reduced modulo 1 and rounded to the torus:
 * out += round(x * 2^32), out += round(x * 2^64). `frequency` is used as scratch and destroyed. */
void ring_fft_inverse_add_u32(const struct ring_fft *f, uint32_t *torus, double *frequency);
void ring_fft_inverse_add_u64(const struct ring_fft *f, uint64_t *torus, double *frequency);
/* Inverse to plain reals (tests, error measurements). */
void ring_fft_inverse_f64(const struct ring_fft *f, double *coefficients, double *frequency);

/* Pointwise: out = a * b, out += a * b. out may alias neither. */
void ring_fft_mul(const struct ring_fft *f, double *out, const double *a, const double *b);
void ring_fft_mul_add(const struct ring_fft *f, double *out, const double *a, const double *b);

#endif
