#include "ring/kernel.h"

#include "base/alloc.h"

#include <math.h>
#include <pthread.h>

enum { N_LOG2_MIN = 8, N_LOG2_MAX = 13, SIZES = N_LOG2_MAX - N_LOG2_MIN + 1 };

static const struct ring_kernel *kernel_of(enum isa isa)
{
	(void)isa;
	return &ring_kernel_portable;
}

/* The angle of node v at depth t is pi (4 b' + 1) / 2^(t+2) with b' the bits of v below the leading
 * one, reversed; it is built from the parent's, exactly, as a multiple of pi / 2^(t+2). */
static void fill_roots(double *roots, unsigned m)
{
	const long double pi = 3.14159265358979323846264338327950288L;
	roots[0] = roots[1] = 0;
	for (unsigned v = 1; v < m; v++) {
		unsigned depth = 31 - (unsigned)__builtin_clz(v);
		uint64_t numerator = 1;
		for (unsigned t = 0; t < depth; t++)
			if (v >> (depth - 1 - t) & 1)
				numerator += (uint64_t)1 << (t + 2);
		long double angle = pi * (long double)numerator / (long double)(4u << depth);
		roots[2 * v] = (double)cosl(angle);
		roots[2 * v + 1] = (double)sinl(angle);
	}
}

static amt_status make(struct ring_fft **out, unsigned n_log2, enum isa isa)
{
	struct ring_fft *f;
	unsigned n = 1u << n_log2;
	TRY(mem_zalloc(&f, sizeof(*f)));
	*f = (struct ring_fft){kernel_of(isa), n_log2, n, isa, NULL};
	amt_status st = mem_alloc_aligned(&f->roots, n * sizeof(double));
	if (!amt_ok(st)) {
		mem_free(f);
		return st;
	}
	fill_roots(f->roots, n / 2);
	*out = f;
	return STATUS_OK;
}

amt_status ring_fft_get(const struct ring_fft **out, unsigned n_log2, enum isa isa)
{
	/* A cache, not state: what it holds is a pure function of the index. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct ring_fft *plans[ISA_AVX512 + 1][SIZES];

	ENSURE(n_log2 >= N_LOG2_MIN && n_log2 <= N_LOG2_MAX, AMT_UNSUPPORTED,
		"transform of 2^%u points: 2^%d to 2^%d are supported", n_log2, N_LOG2_MIN,
		N_LOG2_MAX);
	ENSURE(isa <= cpu_isa_available(), AMT_UNSUPPORTED, "this processor lacks %s",
		isa_name(isa));
	struct ring_fft **slot = &plans[isa][n_log2 - N_LOG2_MIN];
	amt_status st = STATUS_OK;
	pthread_mutex_lock(&lock);
	if (*slot == NULL)
		st = make(slot, n_log2, isa);
	*out = *slot;
	pthread_mutex_unlock(&lock);
	return st;
}

unsigned ring_fft_n(const struct ring_fft *f)
{
	return f->n;
}

enum isa ring_fft_isa(const struct ring_fft *f)
{
	return f->isa;
}

void ring_fft_forward_i32(const struct ring_fft *f, double *frequency, const int32_t *coefficients)
{
	f->kernel->forward_i32(f, frequency, coefficients);
}

void ring_fft_forward_u32(const struct ring_fft *f, double *frequency, const uint32_t *torus)
{
	f->kernel->forward_u32(f, frequency, torus);
}

void ring_fft_forward_u64(const struct ring_fft *f, double *frequency, const uint64_t *torus)
{
	f->kernel->forward_u64(f, frequency, torus);
}

void ring_fft_inverse_add_u32(const struct ring_fft *f, uint32_t *torus, double *frequency)
{
	f->kernel->inverse_add_u32(f, torus, frequency);
}

void ring_fft_inverse_add_u64(const struct ring_fft *f, uint64_t *torus, double *frequency)
{
	f->kernel->inverse_add_u64(f, torus, frequency);
}

void ring_fft_inverse_f64(const struct ring_fft *f, double *coefficients, double *frequency)
{
	f->kernel->inverse_f64(f, coefficients, frequency);
}

void ring_fft_mul(const struct ring_fft *f, double *out, const double *a, const double *b)
{
	f->kernel->mul(f, out, a, b);
}

void ring_fft_mul_add(const struct ring_fft *f, double *out, const double *a, const double *b)
{
	f->kernel->mul_add(f, out, a, b);
}
