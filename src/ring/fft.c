#include "ring/kernel.h"

#include "base/alloc.h"

#include <math.h>
#include <pthread.h>

enum { N_LOG2_MIN = 8, N_LOG2_MAX = 13, SIZES = N_LOG2_MAX - N_LOG2_MIN + 1 };

static const struct ring_kernel *kernel_of(enum isa isa)
{
#if defined(__x86_64__)
	if (isa == ISA_AVX512)
		return &ring_kernel_avx512;
	if (isa == ISA_AVX2)
		return &ring_kernel_avx2;
#endif
	(void)isa;
	return &ring_kernel_portable;
}

/* r_v^power. The angle of r_v at depth t is pi (4 b + 1) / 2^(t+2), b being the bits of v below
 * the leading one in reverse order: a left child halves its parent's angle, a right one adds pi/2.
 */
static void root(double out[2], unsigned v, unsigned power)
{
	const long double pi = 3.14159265358979323846264338327950288L;
	unsigned depth = 31 - (unsigned)__builtin_clz(v);
	uint64_t numerator = 1;
	for (unsigned t = 0; t < depth; t++)
		if (v >> (depth - 1 - t) & 1)
			numerator += (uint64_t)4 << t;
	long double angle = pi * (long double)(numerator * power) / (long double)(4u << depth);
	out[0] = (double)cosl(angle);
	out[1] = (double)sinl(angle);
}

/* s, s^2 and s^3 of node v: six doubles `step` apart. */
static void twiddle(double *out, unsigned v, size_t step)
{
	for (unsigned power = 1; power <= 3; power++) {
		double value[2];
		root(value, 2 * v, power);
		out[(2 * power - 2) * step] = value[0];
		out[(2 * power - 1) * step] = value[1];
	}
}

static void fill_blocks(struct ring_fft *f)
{
	unsigned blocks = f->n / 128;
	for (unsigned b = 0; b < blocks; b++)
		for (unsigned lane = 0; lane < 8; lane++) {
			double *table = f->blocks + BLOCK_TABLE * (size_t)b + lane;
			unsigned child = 4 * (blocks + b) + lane / 2;
			twiddle(table, child, 8);
			for (unsigned h = 0; h < 2; h++)
				twiddle(table + 48 * (h + 1), 4 * child + 2 * h + lane % 2, 8);
		}
}

/* exp(2 pi i a / order), the imaginary part `step` further on. */
static void unity(double *out, size_t step, unsigned a, unsigned order)
{
	const long double pi = 3.14159265358979323846264338327950288L;
	long double angle = 2 * pi * (a % order) / order;
	out[0] = (double)cosl(angle);
	out[step] = (double)sinl(angle);
}

static void fill_monomials(struct ring_fft *f)
{
	double *lanes = f->monomials, *vectors = lanes + MONOMIAL_VECTORS;
	double *roots = lanes + MONOMIAL_ROOTS;
	for (unsigned i = 0; i < 8; i++) {
		unsigned lane = (i >> 2) + 2 * (i >> 1 & 1) + 8 * (i & 1);
		unsigned vector = (i >> 2) + 4 * (i & 1) + 8 * (i >> 1 & 1);
		for (unsigned a = 0; a < 64; a++)
			unity(&lanes[16 * a + i], 8, a * lane, 64);
		for (unsigned a = 0; a < 16; a++)
			unity(&vectors[16 * a + i], 8, a * vector, 16);
	}
	for (unsigned a = 0; a < 2 * f->n; a++)
		unity(&roots[2 * (size_t)a], 1, a, 2 * f->n);
}

static amt_status make(struct ring_fft **out, unsigned n_log2, enum isa isa)
{
	struct ring_fft *f;
	size_t n = (size_t)1 << n_log2;
	TRY(mem_zalloc(&f, sizeof(*f)));
	f->kernel = kernel_of(isa);
	f->n_log2 = n_log2;
	f->n = (unsigned)n;
	f->isa = isa;
	size_t nodes = isa == ISA_PORTABLE ? n / 4 : n / 64;
	size_t blocks = isa == ISA_PORTABLE ? 0 : n / 128;
	size_t monomials = isa == ISA_PORTABLE ? 0 : MONOMIAL_ROOTS + 4 * n;
	f->tables_bytes = (8 * nodes + BLOCK_TABLE * blocks + monomials) * sizeof(double);
	amt_status st = mem_alloc_aligned(&f->tables, f->tables_bytes);
	if (!amt_ok(st)) {
		mem_free(f);
		return st;
	}
	f->scalars = f->tables;
	f->blocks = f->tables + 8 * nodes;
	f->monomials = f->blocks + BLOCK_TABLE * blocks;
	for (unsigned v = 1; v < nodes; v++)
		twiddle(f->scalars + 8 * (size_t)v, v, 1);
	if (isa != ISA_PORTABLE) {
		fill_blocks(f);
		fill_monomials(f);
	}
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
