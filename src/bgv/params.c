#include "bgv/bgv.h"

#include <math.h>

/* q_i are the primes 1 mod 2 N t below 2^40, of which there are 67, 29 and 11. B13 takes the
 * largest. B14's ten must come to 430 bits with p: the five largest, and of those above 2^36 the
 * five smallest, which a whole query then uses last. B15 has 868 bits, more than the eleven have, so its
 * residues are of 6 bytes: twenty is the most that fit (the twenty-one smallest above 2^36 come to 879
 * bits with p), and of the twenties that follow each other the largest that fits leaves every level the
 * same room. p is the largest such prime below 2^46: the
 * noise of a key switch is then a fraction of its rounding (bgv/noise.c). */
static const struct bgv_params sets[] = {
	{.id = 113,
		.name = "B13",
		.log2n = 13,
		.limbs = 4,
		.q = {0xff00ff0001, 0xfcc0fcc001, 0xf080f08001, 0xeac0eac001},
		.p = 0x3ff83ff80001,
		.residue_bytes = 5},
	{.id = 114,
		.name = "B14",
		.log2n = 14,
		.limbs = 10,
		.q = {0xff00ff0001, 0xf080f08001, 0xea00ea0001, 0xe880e88001, 0xe280e28001,
			0x3980398001, 0x1c801c8001, 0x1b801b8001, 0x1700170001, 0x1680168001},
		.p = 0x3ff83ff80001,
		.residue_bytes = 5},
	/* 115 was eleven primes below 2^40. */
	{.id = 116,
		.name = "B15",
		.log2n = 15,
		.limbs = 20,
		.q = {0x29c029c0001, 0x29702970001, 0x27602760001, 0x26a026a0001, 0x24f024f0001,
			0x24e024e0001, 0x24802480001, 0x24502450001, 0x24302430001, 0x23a023a0001,
			0x22702270001, 0x22202220001, 0x21f021f0001, 0x1e001e00001, 0x1d101d10001,
			0x1cb01cb0001, 0x1be01be0001, 0x1bc01bc0001, 0x1af01af0001, 0x18c018c0001},
		.p = 0x3ff83ff80001,
		.residue_bytes = 6},
};

const struct bgv_params *bgv_params_at(size_t index)
{
	return index < sizeof(sets) / sizeof(sets[0]) ? &sets[index] : NULL;
}

__attribute__((weak)) const struct bgv_params *bgv_params_toy(size_t index)
{
	(void)index;
	return NULL;
}

const struct bgv_params *bgv_params_find(uint16_t id)
{
	const struct bgv_params *p;
	for (size_t i = 0; (p = bgv_params_at(i)) != NULL; i++)
		if (p->id == id)
			return p;
	for (size_t i = 0; (p = bgv_params_toy(i)) != NULL; i++)
		if (p->id == id)
			return p;
	return NULL;
}

const struct bgv_params *bgv_params_for(unsigned log2n)
{
	const struct bgv_params *p;
	for (size_t i = 0; (p = bgv_params_at(i)) != NULL; i++)
		if (p->log2n == log2n)
			return p;
	for (size_t i = 0; (p = bgv_params_toy(i)) != NULL; i++)
		if (p->log2n == log2n)
			return p;
	return NULL;
}

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t q)
{
	return (uint64_t)((unsigned __int128)a * b % q);
}

static uint64_t pow_mod(uint64_t a, uint64_t e, uint64_t q)
{
	uint64_t r = 1;
	for (; e > 0; e >>= 1, a = mul_mod(a, a, q))
		if ((e & 1) != 0)
			r = mul_mod(r, a, q);
	return r;
}

/* Miller and Rabin with the first twelve primes decides below 3.3 * 10^24 (Sorenson and Webster
 * 2015). */
static bool is_prime(uint64_t q)
{
	static const uint8_t bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
	unsigned twos = (unsigned)__builtin_ctzll(q - 1);
	for (size_t i = 0; i < sizeof(bases); i++) {
		uint64_t x = pow_mod(bases[i], (q - 1) >> twos, q);
		bool composite = x != 1;
		for (unsigned k = 0; k < twos && composite; k++, x = mul_mod(x, x, q))
			composite = x != q - 1;
		if (composite)
			return false;
	}
	return true;
}

/* Largest log2 QP for 128 bits against ternary secrets, by the lattice estimator with the cost
 * model of MATZOV (docs/parameters.md). 0: none. */
static double security_limit(unsigned log2n)
{
	return log2n == 13 ? 214 : log2n == 14 ? 430 : log2n == 15 ? 868 : 0;
}

double bgv_params_log2_qp(const struct bgv_params *p)
{
	double sum = log2((double)p->p);
	for (unsigned i = 0; i < p->limbs; i++)
		sum += log2((double)p->q[i]);
	return sum;
}

static amt_status check_prime(
	const struct bgv_params *p, uint64_t q, uint64_t above, uint64_t below)
{
	ENSURE(q > above && q < below && q % (2ull * BGV_T << p->log2n) == 1 && is_prime(q),
		AMT_UNSUPPORTED, "parameter set %s: modulus %llu", p->name, (unsigned long long)q);
	return STATUS_OK;
}

amt_status bgv_params_check_shape(const struct bgv_params *p)
{
	ENSURE(p->log2n >= 10 && p->log2n <= 15 && p->limbs >= 1 && p->limbs <= BGV_MAX_LIMBS,
		AMT_UNSUPPORTED, "parameter set %s: dimensions", p->name);
	ENSURE(p->residue_bytes >= NTT_PACKED_LEAST && p->residue_bytes <= NTT_PACKED_MOST,
		AMT_UNSUPPORTED, "parameter set %s: residues of %u bytes", p->name,
		p->residue_bytes);
	/* The answer's modulus must be the smaller one. */
	for (unsigned i = 0; i < p->limbs; i++) {
		TRY(check_prime(
			p, p->q[i], 1ull << (BGV_ANSWER_BITS + 2), 1ull << 8 * p->residue_bytes));
		for (unsigned k = 0; k < i; k++)
			ENSURE(p->q[k] != p->q[i], AMT_UNSUPPORTED,
				"parameter set %s: a modulus twice", p->name);
	}
	/* Answers are decrypted modulo p: N 2^BGV_ANSWER_BITS must fit. */
	return check_prime(p, p->p, 1ull << (BGV_ANSWER_BITS + p->log2n), 1ull << 50);
}

amt_status bgv_params_check(const struct bgv_params *p)
{
	TRY(bgv_params_check_shape(p));
	double limit = security_limit(p->log2n), size = bgv_params_log2_qp(p);
	ENSURE(size <= limit, AMT_UNSUPPORTED,
		"parameter set %s is below 128 bits of security: log2 QP is %.1f, at most %.0f",
		p->name, size, limit);
	return STATUS_OK;
}
