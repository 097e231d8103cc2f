/* Parameter sets, slots, and the written formats under BGV: masks from seeds, secrets from seeds. */
#include "fixture.h"

#include "crypto/sample.h"
#include "documented.h"

static uint64_t power(uint64_t a, uint64_t e, uint64_t q)
{
	uint64_t r = 1;
	for (; e > 0; e >>= 1, a = bgv_mul_mod(a, a, q))
		if ((e & 1) != 0)
			r = bgv_mul_mod(r, a, q);
	return r;
}

static void sets(void **state)
{
	(void)state;
	static const struct {
		uint16_t id;
		const char *name;
		unsigned log2n, limbs;
		double limit;
	} want[] = {{113, "B13", 13, 4, 214}, {114, "B14", 14, 10, 430}, {116, "B15", 15, 20, 868}};
	for (size_t i = 0; i < 3; i++) {
		const struct bgv_params *p = bgv_params_at(i);
		assert_ptr_equal(p, bgv_params_find(want[i].id));
		assert_ptr_equal(p, bgv_params_for(want[i].log2n));
		assert_string_equal(p->name, want[i].name);
		assert_int_equal(p->limbs, want[i].limbs);
		OK(bgv_params_check(p));
		assert_true(bgv_params_log2_qp(p) <= want[i].limit);
		for (unsigned k = 0; k <= p->limbs; k++) {
			uint64_t q = k < p->limbs ? p->q[k] : p->p;
			assert_int_equal(q % BGV_T, 1);
			assert_int_equal(q % (2ull << p->log2n), 1);
			/* Fermat, and no factor below 2^20. */
			assert_int_equal(power(3, q - 1, q), 1);
			for (uint64_t d = 3; d < 1 << 20; d += 2)
				assert_true(q % d != 0);
			assert_true(k == 0 || k == p->limbs || q < p->q[k - 1]);
		}
	}
	assert_null(bgv_params_at(3));
	assert_null(bgv_params_find(0));
	assert_null(bgv_params_find(2));   /* TFHE's */
	assert_null(bgv_params_find(115)); /* B15 of eleven primes, before 0.1 */
	assert_null(bgv_params_for(10));
}

static void refused(void **state)
{
	(void)state;
	struct bgv_params p = toy_params(10, 4);
	struct bgv_ring *ring;
	/* Toys have the shape but not the security. */
	OK(bgv_params_check_shape(&p));
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p = *bgv_params_for(14);
	p.log2n = 13;
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	const struct bgv_params good = *bgv_params_for(13);
	p = good;
	p.p = 0x3ff83ff80001 << 1; /* even */
	FAILS(AMT_UNSUPPORTED, bgv_ring_new(&ring, &p));
	p = good;
	p.p = p.q[0]; /* too small for answers */
	FAILS(AMT_UNSUPPORTED, bgv_ring_new(&ring, &p));
	p = good;
	p.q[3] = p.q[1];
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p = good;
	p.q[3] = 0x1000fffe001; /* above 2^40 */
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p = good;
	p.q[0] = (1ull << 30) * BGV_T / 65536 + 1;
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	/* 1 modulo 2 N t, in range, and composite. */
	for (uint64_t k = 400;; k++) {
		p = good;
		p.q[2] = k * 2 * BGV_T * 8192 + 1;
		if (power(2, p.q[2] - 1, p.q[2]) == 1)
			continue;
		FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
		break;
	}
	p = *bgv_params_for(15);
	p.residue_bytes = 5; /* too few for its primes */
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p.residue_bytes = 7;
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p = good;
	p.limbs = 0;
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
	p.limbs = BGV_MAX_LIMBS + 1;
	FAILS(AMT_UNSUPPORTED, bgv_params_check(&p));
}

/* Slot r of the first row is the value at psi^(3^r), of the second at psi^(-3^r). */
static void slots(void **state)
{
	(void)state;
	struct bgv_params p = toy_params(10, 1);
	struct bgv_ring *ring;
	OK(bgv_ring_new(&ring, &p));
	size_t n = ring->n;
	uint64_t *m, psi = ntt_root(ring->t), e = 1;
	uint32_t *values = calloc(n, sizeof(*values)), *back = calloc(n, sizeof(*back));
	OK(mem_alloc_aligned(&m, n * sizeof(*m)));
	for (size_t i = 0; i < n; i++)
		m[i] = (i * i * 77 + 5) % BGV_T;
	uint64_t *copy;
	OK(mem_alloc_aligned(&copy, n * sizeof(*copy)));
	memcpy(copy, m, n * sizeof(*m));
	bgv_slots_decode(ring, values, copy);
	for (size_t r = 0; r < n / 2; r++, e = e * 3 % (2 * n))
		for (size_t row = 0; row < 2; row++) {
			uint64_t x = power(psi, row == 0 ? e : 2 * n - e, BGV_T), sum = 0;
			for (size_t i = n; i-- > 0;)
				sum = (sum * x + m[i]) % BGV_T;
			assert_int_equal(values[row * n / 2 + r], sum);
		}
	bgv_slots_encode(ring, copy, values);
	assert_memory_equal(copy, m, n * sizeof(*m));
	bgv_slots_decode(ring, back, copy);
	assert_memory_equal(back, values, n * sizeof(*back));
	free(values);
	free(back);
	mem_free_aligned(m, 0);
	mem_free_aligned(copy, 0);
	bgv_ring_free(ring);
}

/* The definition, word by word. */
static uint64_t mask_word(struct seed_expander *e, uint64_t q, unsigned limb, size_t j)
{
	uint64_t words[2048], bound = UINT64_MAX / q * q;
	for (uint64_t stream = limb;; stream += 256) {
		OK(seed_expand_u64(e, stream, words, j + 1));
		if (words[j] < bound)
			return words[j] % q;
	}
}

static void masks(void **state)
{
	(void)state;
	struct bgv_params p = toy_params(10, 3);
	struct bgv_ring *ring;
	p.p = 0x3db3e5b3a8001; /* one word in 2^14 is drawn again, one in 2^28 twice */
	OK(bgv_ring_new(&ring, &p));
	uint64_t *out;
	OK(mem_alloc_aligned(&out, ring->n * sizeof(*out)));
	unsigned redrawn = 0;
	for (uint64_t k = 0; k < 200; k++) {
		struct seed seed = {{0}};
		struct seed_expander *e;
		store_u64(seed.bytes, k);
		OK(seed_expander_new(&e, &seed));
		OK(seed_expand_u64(e, BGV_SPECIAL_LIMB, out, ring->n));
		bool again = false;
		for (size_t j = 0; j < ring->n; j++)
			again |= out[j] >= UINT64_MAX / p.p * p.p;
		redrawn += again;
		if (again || k < 2) {
			OK(bgv_mask(ring, e, BGV_SPECIAL_LIMB, 0, ring->n, out));
			for (size_t j = 0; j < ring->n; j += again ? 1 : 61)
				assert_int_equal(out[j], mask_word(e, p.p, BGV_SPECIAL_LIMB, j));
		}
		if (k < 2) { /* pieces, other limbs */
			for (unsigned limb = 0; limb < 3; limb++)
				for (size_t first = 0; first < 200; first += 72) {
					OK(bgv_mask(ring, e, limb, first, 72, out));
					for (size_t j = 0; j < 72; j++)
						assert_int_equal(out[j],
							mask_word(e, p.q[limb], limb, first + j));
				}
		}
		seed_expander_free(e);
	}
	assert_true(redrawn > 3);
	mem_free_aligned(out, 0);
	bgv_ring_free(ring);
}

static void stream_pieces(void **state)
{
	(void)state;
	struct seed seed = {{7}};
	struct seed_expander *e;
	uint64_t whole[100], piece[100];
	OK(seed_expander_new(&e, &seed));
	OK(seed_expand_u64(e, 3, whole, 100));
	for (size_t first = 0; first < 100; first++)
		for (size_t count = 0; first + count <= 100; count += 7) {
			OK(seed_expand_u64_from(e, 3, first, piece, count));
			assert_memory_equal(piece, whole + first, count * sizeof(*piece));
		}
	seed_expander_free(e);
}

/* AES-256-CTR of the seed 00 01 02 ... 1f from an independent implementation, tripled by hand. */
static void secrets(void **state)
{
	(void)state;
	static const int8_t want[32] = {0, -1, 0, 0, -1, 1, 0, 1, 0, 0, -1, 1, 1, 0, 1, 1, 0, 1, 0,
		0, 0, 1, 0, 0, 0, -1, 0, -1, 1, 1, 1, 0};
	static int8_t s[1 << 15];
	uint8_t seed[TERNARY_SEED_BYTES];
	for (uint8_t i = 0; i < sizeof(seed); i++)
		seed[i] = i;
	OK(sample_ternary(seed, s, sizeof(s)));
	assert_memory_equal(s, want, sizeof(want));
	int count[3] = {0};
	for (size_t i = 0; i < sizeof(s); i++)
		count[s[i] + 1]++;
	for (int i = 0; i < 3; i++) /* 6 deviations: 512 */
		assert_true(abs(count[i] - (1 << 15) / 3) < 512);
	int8_t some[70];
	OK(sample_ternary(seed, some, sizeof(some)));
	assert_memory_equal(some, s, sizeof(some));
}

/* The tables of docs/parameters.md are what the code computes. */
static void put_moduli(struct buf *table)
{
	OK(buf_printf(table,
		"| id | ring | N | limbs | log2 of the primes | log2 p | log2 QP | limit |\n"
		"|---|---|---|---|---|---|---|---|\n"));
	for (size_t i = 0; bgv_params_at(i) != NULL; i++) {
		const struct bgv_params *p = bgv_params_at(i);
		OK(buf_printf(
			table, "| %u | %s | %u | %u |", p->id, p->name, 1u << p->log2n, p->limbs));
		for (unsigned k = 0; k < p->limbs; k++)
			OK(buf_printf(table, " %.1f", log2((double)p->q[k])));
		OK(buf_printf(table, " | %.1f | %.1f | %s |\n", log2((double)p->p),
			bgv_params_log2_qp(p),
			p->log2n == 13	 ? "214"
			: p->log2n == 14 ? "430"
					 : "868"));
	}
}

/* The largest noise of one limb whose answer fits. */
static double answer_limit(const struct bgv_params *p)
{
	struct bgv_noise a = bgv_noise_mod_switch(p, 2, bgv_noise_fresh(p));
	for (a.log2_deviation = 40; !bgv_noise_answer_fits(p, a);)
		a.log2_deviation -= 0.01;
	return a.log2_deviation;
}

static void put_noise(struct buf *table)
{
	static const struct bgv_noise nothing = {-INFINITY, 0, 0, 0};
	OK(buf_printf(table,
		"| ring | fresh | key switch | modulus switch | product | scalar of 256 | "
		"its worst | limit | limit of an answer |\n"
		"|---|---|---|---|---|---|---|---|---|\n"));
	for (size_t i = 0; bgv_params_at(i) != NULL; i++) {
		const struct bgv_params *p = bgv_params_at(i);
		struct bgv_noise fresh = bgv_noise_fresh(p);
		struct bgv_noise key = bgv_noise_key_switch(p, p->limbs, nothing);
		struct bgv_noise drop = bgv_noise_mod_switch(p, p->limbs, nothing);
		struct bgv_noise product = bgv_noise_mul(p, drop, drop);
		struct bgv_noise scalar = bgv_noise_expand(p, p->limbs, 256);
		OK(buf_printf(table,
			"| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", p->name,
			fresh.log2_deviation, key.log2_deviation, drop.log2_deviation,
			product.log2_deviation, scalar.log2_deviation,
			scalar.log2_deviation + scalar.log2_peak,
			drop.log2_deviation + bgv_noise_margin(p, 1, drop), answer_limit(p)));
	}
}

static void documented(void **state)
{
	(void)state;
	struct buf table = {0};
	put_moduli(&table);
	OK(buf_printf(&table, "\n"));
	put_noise(&table);
	check_documented(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(refused),
		cmocka_unit_test(slots),
		cmocka_unit_test(masks),
		cmocka_unit_test(stream_pieces),
		cmocka_unit_test(secrets),
		cmocka_unit_test(documented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
