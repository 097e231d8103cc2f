/* Number-theoretic transforms of every kernel against definitions in 128-bit integers. */
#include "testing.h"

#include "crypto/seed.h"
#include "ring/ntt_inside.h"

#include <stdlib.h>

typedef unsigned __int128 wide;

/* The least of all, those of BGV's sizes (the second last is one of B15's), and the greatest below 2^47, 2^48 and 2^50 for N = 2^15. */
static const uint64_t primes[] = {12289, 65537, 0x1680168001, 0xff00ff0001, 0x29c029c0001,
	0x3ff83ff80001, 140737487306753, 281474976317441, 1125899904679937};
enum { PRIMES = sizeof(primes) / sizeof(primes[0]), GUARD = 8 };

static uint64_t state = 1;

static uint64_t next(void) /* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Residues, the extremes among them. */
static uint64_t *residues(size_t n, uint64_t q)
{
	uint64_t *x;
	OK(mem_alloc_aligned(&x, n * sizeof(*x)));
	for (size_t i = 0; i < n; i++) {
		uint64_t r = next();
		x[i] = r % 8 == 0 ? q - 1 : r % 8 == 1 ? 0 : next() % q;
	}
	return x;
}

static uint64_t *copy(const uint64_t *x, size_t n)
{
	uint64_t *y;
	OK(mem_alloc_aligned(&y, n * sizeof(*y)));
	memcpy(y, x, n * sizeof(*y));
	return y;
}

static void drop(uint64_t *x, size_t n)
{
	mem_free_aligned(x, n * sizeof(*x));
}

static uint64_t pow_mod(uint64_t a, uint64_t e, uint64_t q)
{
	uint64_t r = 1;
	for (; e > 0; e >>= 1, a = (uint64_t)((wide)a * a % q))
		if (e & 1)
			r = (uint64_t)((wide)r * a % q);
	return r;
}

/* Calls the test for every kernel, prime and size that go together. */
static void for_all(unsigned least, unsigned most,
	void (*test)(const struct ntt *t, const struct ntt *portable))
{
	for (const struct ntt_kernel *const *k = ntt_kernels(); *k != NULL; k++)
		for (unsigned i = 0; i < PRIMES; i++)
			for (unsigned log2n = least; log2n <= most; log2n++) {
				struct ntt *t, *p;
				if ((primes[i] - 1) % ((uint64_t)2 << log2n) != 0)
					continue;
				OK(ntt_new_with(&t, primes[i], log2n, *k));
				OK(ntt_new_with(&p, primes[i], log2n, &ntt_kernel_portable));
				test(t, p);
				ntt_free(t);
				ntt_free(p);
			}
}

static void check_points(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	size_t n = t->n;
	uint64_t q = t->q, *x = residues(n, q), *y = copy(x, n);
	assert_int_equal(pow_mod(ntt_root(t), n, q), q - 1);
	ntt_forward(t, y);
	for (unsigned k = 0; k < 20; k++) {
		size_t i = k < 8 ? k : next() % n, reversed = 0;
		for (unsigned b = 0; b < t->log2n; b++)
			reversed |= (i >> b & 1) << (t->log2n - 1 - b);
		uint64_t point = pow_mod(ntt_root(t), 2 * reversed + 1, q), value = 0;
		for (size_t j = n; j-- > 0;)
			value = (uint64_t)(((wide)value * point + x[j]) % q);
		assert_int_equal(y[i], value);
	}
	ntt_inverse(t, y);
	assert_memory_equal(x, y, n * sizeof(*x));
	drop(x, n);
	drop(y, n);
}

static void test_points(void **s)
{
	(void)s;
	for_all(10, 15, check_points);
}

/* In one pass less, the same words. */
static void check_convert_forward(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	for (unsigned i = 0; i < PRIMES; i++) {
		uint64_t *r = residues(t->n, primes[i]), *before = copy(r, t->n);
		uint64_t *x = residues(t->n, t->q), *y = residues(t->n, t->q);
		ntt_convert(t, x, r, primes[i], t->n);
		ntt_forward(t, x);
		ntt_convert_forward(t, y, r, primes[i]);
		assert_memory_equal(x, y, t->n * sizeof(*x));
		assert_memory_equal(r, before, t->n * sizeof(*r));
		drop(r, t->n);
		drop(before, t->n);
		drop(x, t->n);
		drop(y, t->n);
	}
}

static void test_convert_forward(void **s)
{
	(void)s;
	for_all(10, 15, check_convert_forward);
}

static size_t reversed(size_t i, unsigned bits)
{
	size_t r = 0;
	for (unsigned b = 0; b < bits; b++)
		r |= (i >> b & 1) << (bits - 1 - b);
	return r;
}

/* X -> X^element on coefficients, and on values. */
static void check_permute(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	size_t n = t->n;
	for (unsigned round = 0; round < 3; round++) {
		uint64_t *x = residues(n, t->q), *y = residues(n, t->q), *values = copy(x, n);
		size_t element = round == 0 ? n + 1 : next() % n * 2 + 1;
		uint32_t *permutation = malloc((n + 1) * sizeof(*permutation));
		assert_non_null(permutation);
		for (size_t i = 0; i < n; i++) {
			size_t exponent = (2 * reversed(i, t->log2n) + 1) * element % (2 * n);
			permutation[i] = (uint32_t)reversed(exponent / 2, t->log2n);
			size_t to = i * element % (2 * n);
			y[to % n] = to < n || x[i] == 0 ? x[i] : t->q - x[i];
		}
		ntt_forward(t, values);
		ntt_forward(t, y);
		ntt_permute(t, x, values, permutation, n);
		assert_memory_equal(x, y, n * sizeof(*x));
		ntt_permute(t, x + 8, values, permutation + 8, n / 2);
		assert_memory_equal(x, y, n * sizeof(*x));
		free(permutation);
		drop(x, n);
		drop(y, n);
		drop(values, n);
	}
}

static void test_permute(void **s)
{
	(void)s;
	for_all(10, 15, check_permute);
}

static void check_product(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	size_t n = t->n;
	uint64_t q = t->q, *a = residues(n, q), *b = residues(n, q), *x = copy(a, n);
	uint64_t *y = copy(b, n), *expected = residues(n, q);
	for (size_t k = 0; k < n; k++) {
		wide sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += (wide)a[i] * (i <= k ? b[k - i] : q - b[n + k - i]) % q;
		expected[k] = (uint64_t)(sum % q);
	}
	ntt_forward(t, x);
	ntt_forward(t, y);
	ntt_mul(t, x, x, y, n);
	ntt_inverse(t, x);
	assert_memory_equal(x, expected, n * sizeof(*x));
	drop(a, n);
	drop(b, n);
	drop(x, n);
	drop(y, n);
	drop(expected, n);
}

static void test_product(void **s)
{
	(void)s;
	for_all(10, 10, check_product);
}

static void check_elements(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	enum { N = 1032 };
	uint64_t q = t->q, *a = residues(N, q), *b = residues(N, q), *out = residues(N, q);
	uint64_t *old = copy(out, N), c = next() % q;
	ntt_add(t, out, a, b, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (a[i] + b[i]) % q);
	ntt_sub(t, out, a, b, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (a[i] + q - b[i]) % q);
	ntt_neg(t, out, a, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (q - a[i]) % q);
	ntt_mul(t, out, a, b, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (uint64_t)((wide)a[i] * b[i] % q));
	memcpy(out, old, N * sizeof(*out));
	ntt_mul_add(t, out, a, b, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (uint64_t)(((wide)a[i] * b[i] + old[i]) % q));
	memcpy(out, old, N * sizeof(*out));
	ntt_mul_sub(t, out, a, b, N);
	for (size_t i = 0; i < N; i++) {
		uint64_t product = (uint64_t)((wide)a[i] * b[i] % q);
		assert_int_equal(out[i], (old[i] + q - product) % q);
	}
	ntt_scale(t, out, a, c, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (uint64_t)((wide)a[i] * c % q));
	memcpy(out, old, N * sizeof(*out));
	ntt_scale_add(t, out, a, c, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (uint64_t)(((wide)a[i] * c + old[i]) % q));
	ntt_shift(t, out, a, c, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], (a[i] + c) % q);
	for (unsigned i = 0; i < PRIMES; i++) {
		uint64_t p = primes[i], *r = residues(N, p);
		ntt_convert(t, out, r, p, N);
		for (size_t k = 0; k < N; k++) {
			__int128 v = r[k] > p / 2 ? (__int128)r[k] - p : (__int128)r[k];
			assert_int_equal(out[k], (uint64_t)((v % (__int128)q + q) % q));
		}
		drop(r, N);
	}
	for (size_t i = 0; i < N; i++)
		old[i] = i % 2 == 0 ? a[i] : -a[i];
	ntt_lift(t, out, (const int64_t *)old, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], i % 2 == 0 ? a[i] : (q - a[i]) % q);
	drop(a, N);
	drop(b, N);
	drop(out, N);
	drop(old, N);
}

static void test_elements(void **s)
{
	(void)s;
	for_all(10, 10, check_elements);
}

static void check_words(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	enum { N = 256 };
	uint64_t q = t->q, *words = residues(N, q), *out = residues(N, q);
	uint64_t bound = ntt_uniform_bound(t);
	assert_true(bound % q == 0 && UINT64_MAX - bound < q);
	for (size_t i = 0; i < N; i++)
		words[i] = i % 4 == 0 ? bound - 1 : next() % bound;
	assert_false(ntt_reduce_uniform(t, out, words, N));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], words[i] % q);
	words[77] = UINT64_MAX;
	assert_true(ntt_reduce_uniform(t, out, words, N));
	ntt_reduce(t, out, words, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(out[i], words[i] % q);
	drop(words, N);
	drop(out, N);
}

/* Reducing while expanding is reducing after it, where groups of words begin and elsewhere. */
static void check_masks(const struct ntt *t, const struct ntt *portable)
{
	enum { N = 1024 };
	static const size_t firsts[] = {0, 64, 1024, 192 + 62, 7, 1ull << 33},
			    counts[] = {1024, 64, 640, 8, 1000};
	uint64_t *words = residues(N, t->q), *out = residues(N, t->q);
	struct seed seed;
	struct seed_expander *e;
	OK(seed_new(&seed));
	OK(seed_expander_new(&e, &seed));
	for (unsigned i = 0; i < 30; i++) {
		size_t first = firsts[i % 6], n = counts[i / 6];
		bool beyond, expected;
		OK(seed_expand_u64_from(e, i, first, words, n));
		expected = ntt_reduce_uniform(portable, words, words, n);
		OK(ntt_expand_uniform(t, out, e, i, first, n, &beyond));
		assert_int_equal(beyond, expected);
		assert_memory_equal(out, words, n * sizeof(*out));
	}
	seed_expander_free(e);
	drop(words, N);
	drop(out, N);
}

static void test_masks(void **s)
{
	(void)s;
	for_all(10, 10, check_masks);
}

static void test_words(void **s)
{
	(void)s;
	for_all(10, 10, check_words);
}

static void check_sums(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	enum { N = 24, TIMES = 9 };
	uint64_t q = t->q, *acc[3], *out = residues(N, q);
	wide expected[3][N] = {0};
	for (unsigned p = 0; p < 3; p++) {
		OK(mem_alloc_aligned(&acc[p], 2 * N * sizeof(uint64_t)));
		memset(acc[p], 0, 2 * N * sizeof(uint64_t));
	}
	for (unsigned k = 0; k < TIMES; k++) {
		uint64_t *a0 = residues(N, q), *a1 = residues(N, q), *b0 = residues(N, q),
			 *b1 = residues(N, q);
		ntt_acc_tensor(t, acc[0], acc[1], acc[2], a0, a1, b0, b1, N);
		ntt_acc(t, acc[0], a1, b1, N);
		for (unsigned i = 0; i < N; i++) {
			expected[0][i] += (wide)a0[i] * b0[i] + (wide)a1[i] * b1[i];
			expected[1][i] += (wide)a0[i] * b1[i] + (wide)a1[i] * b0[i];
			expected[2][i] += (wide)a1[i] * b1[i];
		}
		drop(a0, N);
		drop(a1, N);
		drop(b0, N);
		drop(b1, N);
	}
	for (unsigned p = 0; p < 3; p++) {
		ntt_acc_reduce(t, out, acc[p], N);
		for (unsigned i = 0; i < N; i++)
			assert_int_equal(out[i], (uint64_t)(expected[p][i] % q));
		mem_free_aligned(acc[p], 2 * N * sizeof(uint64_t));
	}
	drop(out, N);
}

static void test_sums(void **s)
{
	(void)s;
	for_all(10, 10, check_sums);
}

/* As many of the greatest products as an accumulator holds. */
static void check_limit(const struct ntt *t, const struct ntt *portable)
{
	(void)portable;
	enum { N = 16 };
	uint64_t q = t->q, *acc, *a = residues(N, q), *out = residues(N, q);
	OK(mem_alloc_aligned(&acc, 2 * N * sizeof(uint64_t)));
	memset(acc, 0, 2 * N * sizeof(uint64_t));
	for (unsigned i = 0; i < N; i++)
		a[i] = q - 1 - i;
	for (unsigned k = 0; k < NTT_MAX_PRODUCTS; k++)
		ntt_acc(t, acc, a, a, N);
	ntt_acc_reduce(t, out, acc, N);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(out[i], (uint64_t)((wide)a[i] * a[i] % q * NTT_MAX_PRODUCTS % q));
	mem_free_aligned(acc, 2 * N * sizeof(uint64_t));
	drop(a, N);
	drop(out, N);
}

static void test_limit(void **s)
{
	(void)s;
	for_all(10, 10, check_limit);
}

static void check_packed_in(const struct ntt *t, const struct ntt *portable, unsigned bytes)
{
	enum { N = 64 + 40, VECTORS = 5, BYTES = NTT_PACKED_MOST * N + 64 };
	uint64_t q = t->q, *acc[3], *other[3], *out = residues(N, q), *b[3][VECTORS];
	uint8_t packed[VECTORS][BYTES] = {0};
	const uint8_t *c0[VECTORS];
	if (q >> 8 * bytes != 0)
		goto done;
	for (unsigned v = 0; v < VECTORS; v++) {
		uint64_t *plain = residues(N, q);
		for (unsigned k = 0; k < 3; k++)
			b[k][v] = residues(N, q);
		ntt_pack(t, bytes, packed[v], plain, N);
		assert_true(ntt_check(t, bytes, packed[v], N));
		ntt_unpack(t, bytes, out, packed[v], N);
		assert_memory_equal(out, plain, N * sizeof(*out));
		c0[v] = packed[v];
		drop(plain, N);
	}
	for (unsigned p = 0; p < 3; p++) {
		OK(mem_alloc_aligned(&acc[p], 2 * N * sizeof(uint64_t)));
		OK(mem_alloc_aligned(&other[p], 2 * N * sizeof(uint64_t)));
		memset(acc[p], 0, 2 * N * sizeof(uint64_t));
		memset(other[p], 0, 2 * N * sizeof(uint64_t));
	}
	ntt_acc_leaf(t, bytes, acc[0], acc[1], acc[2], c0, (const uint64_t *const *)b[0],
		(const uint64_t *const *)b[1], (const uint64_t *const *)b[2], VECTORS, N);
	ntt_acc_leaf(portable, bytes, other[0], other[1], other[2], c0,
		(const uint64_t *const *)b[0], (const uint64_t *const *)b[1],
		(const uint64_t *const *)b[2], VECTORS, N);
	for (unsigned p = 0; p < 3; p++) {
		uint64_t same[N];
		ntt_acc_reduce(t, out, acc[p], N);
		ntt_acc_reduce(portable, same, other[p], N);
		assert_memory_equal(out, same, sizeof(same));
		mem_free_aligned(acc[p], 2 * N * sizeof(uint64_t));
		mem_free_aligned(other[p], 2 * N * sizeof(uint64_t));
	}
	/* Exact at q and at q - 1, wherever it stands, and nothing is read or written beyond. */
	for (unsigned i = 0; i < N; i++) {
		uint8_t *exact = malloc(bytes * (size_t)N);
		assert_non_null(exact);
		memset(out, 0, N * sizeof(*out));
		out[i] = q - 1;
		ntt_pack(t, bytes, exact, out, N);
		assert_true(ntt_check(t, bytes, exact, N));
		for (unsigned k = 0; k < bytes; k++)
			exact[bytes * i + k] = (uint8_t)(q >> 8 * k);
		assert_false(ntt_check(t, bytes, exact, N));
		free(exact);
	}
	for (unsigned v = 0; v < VECTORS; v++)
		for (unsigned k = 0; k < 3; k++)
			drop(b[k][v], N);
done:
	drop(out, N);
}

static void check_packed(const struct ntt *t, const struct ntt *portable)
{
	for (unsigned bytes = NTT_PACKED_LEAST; bytes <= NTT_PACKED_MOST; bytes++)
		check_packed_in(t, portable, bytes);
}

static void test_packed(void **s)
{
	(void)s;
	for_all(10, 10, check_packed);
}

static void test_refusals(void **s)
{
	(void)s;
	struct ntt *t;
	FAILS(AMT_INVALID_ARGUMENT, ntt_new(&t, 65537, 9));
	FAILS(AMT_INVALID_ARGUMENT, ntt_new(&t, 65537, 16));
	FAILS(AMT_INVALID_ARGUMENT, ntt_new(&t, 65539, 12));
	FAILS(AMT_INVALID_ARGUMENT, ntt_new(&t, ((uint64_t)1 << 50) + 1, 10));
	/* 2^32 + 1 = 641 * 6700417 is 1 modulo 2^16 and no prime. */
	FAILS(AMT_INVALID_ARGUMENT, ntt_new(&t, 0x100000001, 15));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_convert_forward),
		cmocka_unit_test(test_permute),
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests_name("ntt", tests, NULL, NULL);
}
