#include "tfhe/kernel_inside.h"

#include "base/alloc.h"

#include <string.h>

enum { GROUP = 3, SUBSETS = (1 << GROUP) - 1 };

static const struct tfhe_kernel *kernel_of(enum isa isa)
{
#if defined(__x86_64__)
	if (isa == ISA_AVX512)
		return &tfhe_kernel_avx512;
	if (isa == ISA_AVX2)
		return &tfhe_kernel_avx2;
#endif
	(void)isa;
	return &tfhe_kernel_portable;
}

static amt_status check(const struct tfhe_params *p)
{
	ENSURE(p->k == 1, AMT_UNSUPPORTED,
		"parameter set %s: GLWE dimension %u, only 1 is supported", p->name, p->k);
	ENSURE(p->n >= 1 && p->n <= 4096, AMT_UNSUPPORTED, "parameter set %s: LWE dimension %u",
		p->name, p->n);
	ENSURE(p->pbs_base_log2 >= 1 && p->pbs_levels >= 1 &&
			p->pbs_levels <= TFHE_PBS_LEVELS_MAX &&
			p->pbs_base_log2 * p->pbs_levels <= 31,
		AMT_UNSUPPORTED, "parameter set %s: bootstrap decomposition (%u, %u)", p->name,
		p->pbs_base_log2, p->pbs_levels);
	ENSURE(p->ks_base_log2 >= 1 && p->ks_base_log2 <= 7 && p->ks_levels >= 1 &&
			p->ks_base_log2 * p->ks_levels <= 31 &&
			(tfhe_ks_word_log2(p) == 24 || tfhe_ks_word_log2(p) == 32),
		AMT_UNSUPPORTED, "parameter set %s: key-switch decomposition (%u, %u)", p->name,
		p->ks_base_log2, p->ks_levels);
	ENSURE(tfhe_group(p) == 1 ||
			(tfhe_group(p) == GROUP && p->n % GROUP == 0 && p->pbs_levels == 1 &&
				tfhe_poly_size(p) <= TFHE_GROUPED_N_MAX),
		AMT_UNSUPPORTED, "parameter set %s: grouped keys", p->name);
	return STATUS_OK;
}

size_t tfhe_bootstrap_key_bytes(const struct tfhe_params *params)
{
	size_t columns = params->k + 1;
	return (size_t)tfhe_ggsws(params) * params->pbs_levels * columns * columns *
	       tfhe_poly_size(params) * sizeof(double);
}

amt_status tfhe_bootstrap_key_place(struct tfhe_bootstrap_key *key,
	const struct tfhe_params *params, enum isa isa, void *memory)
{
	*key = (struct tfhe_bootstrap_key){.params = params, .placed = true};
	TRY(check(params));
	TRY(ring_fft_get(&key->fft, params->n_poly_log2, isa));
	key->bytes = tfhe_bootstrap_key_bytes(params);
	key->ggsw = memory;
	return STATUS_OK;
}

amt_status tfhe_bootstrap_key_alloc(
	struct tfhe_bootstrap_key *key, const struct tfhe_params *params, enum isa isa)
{
	TRY(tfhe_bootstrap_key_place(key, params, isa, NULL));
	key->placed = false;
	return mem_alloc_aligned(&key->ggsw, key->bytes);
}

void tfhe_bootstrap_key_free(struct tfhe_bootstrap_key *key)
{
	if (!key->placed)
		mem_free_aligned(key->ggsw, key->bytes);
	*key = (struct tfhe_bootstrap_key){0};
}

void tfhe_bootstrap_key_set(
	struct tfhe_bootstrap_key *key, unsigned ggsw, unsigned row, const uint64_t *glwe)
{
	const struct tfhe_params *p = key->params;
	const struct tfhe_kernel *kernel = kernel_of(ring_fft_isa(key->fft));
	size_t n = tfhe_poly_size(p), columns = p->k + 1, rows = p->pbs_levels * columns;
	bool in_order = tfhe_group(p) == 1 || !kernel->vectors;
	double *out = key->ggsw + ((size_t)ggsw * rows + row) * columns * n;
	_Alignas(64) double spectrum[TFHE_GROUPED_N_MAX];
	for (size_t c = 0; c < columns; c++) {
		double *to = in_order ? out + c * n : spectrum;
		ring_fft_forward_u64(key->fft, to, glwe + c * n);
		if (kernel->vectors)
			for (size_t j = 0; j < n; j++)
				to[j] *= tfhe_kernel_row_scale(p);
		if (in_order)
			continue;
		size_t subsets = tfhe_subsets(p), polynomials = subsets * rows;
		double *column = key->ggsw + (ggsw / subsets * columns + c) * polynomials * n;
		size_t at = ggsw % subsets * rows + row;
		for (size_t v = 0; v < n / 16; v++)
			memcpy(column + (v * polynomials + at) * 16, spectrum + 16 * v,
				16 * sizeof(double));
	}
}

size_t tfhe_blind_rotate_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	const struct tfhe_kernel *kernel = kernel_of(ring_fft_isa(key->fft));
	size_t bytes =
		kernel->blind_rotate_scratch(key, batch); /* glwe_keyswitch needs that of 1 */
	if (tfhe_group(key->params) == 1)
		return bytes;
	size_t grouped = kernel->grouped_scratch(key, batch);
	return grouped > bytes ? grouped : bytes;
}

void tfhe_blind_rotate(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	const struct tfhe_kernel *kernel = kernel_of(ring_fft_isa(key->fft));
	if (tfhe_group(key->params) == 1)
		kernel->blind_rotate(key, accumulators, masks, batch, scratch);
	else
		kernel->blind_rotate_grouped(key, accumulators, masks, batch, scratch);
}

size_t tfhe_half_shared(const struct tfhe_bootstrap_key *key)
{
	const struct tfhe_kernel *kernel = kernel_of(ring_fft_isa(key->fft));
	return kernel->vectors && tfhe_group(key->params) > 1 ? kernel->half_shared(key) : 0;
}

void tfhe_blind_rotate_half(const struct tfhe_bootstrap_key *key, uint32_t *accumulator,
	const uint16_t *masks, struct spin_pair *pair, unsigned half, void *shared, void *scratch)
{
	kernel_of(ring_fft_isa(key->fft))
		->blind_rotate_half(key, accumulator, masks, pair, half, shared, scratch);
}

void tfhe_glwe_keyswitch(const struct tfhe_bootstrap_key *like, const double *rows, uint32_t *glwe,
	const uint32_t *a, void *scratch)
{
	kernel_of(ring_fft_isa(like->fft))->glwe_keyswitch(like, rows, glwe, a, scratch);
}

size_t tfhe_keyswitch_key_bytes(const struct tfhe_params *params, enum isa isa)
{
	return kernel_of(isa)->keyswitch_bytes(params);
}

amt_status tfhe_keyswitch_key_place(struct tfhe_keyswitch_key *key,
	const struct tfhe_params *params, enum isa isa, void *memory)
{
	*key = (struct tfhe_keyswitch_key){.params = params, .isa = isa, .placed = true};
	TRY(check(params));
	ENSURE(isa <= cpu_isa_available(), AMT_UNSUPPORTED, "this processor lacks %s",
		isa_name(isa));
	key->bytes = tfhe_keyswitch_key_bytes(params, isa);
	key->data = memory;
	return STATUS_OK;
}

amt_status tfhe_keyswitch_key_alloc(
	struct tfhe_keyswitch_key *key, const struct tfhe_params *params, enum isa isa)
{
	TRY(tfhe_keyswitch_key_place(key, params, isa, NULL));
	key->placed = false;
	return mem_alloc_aligned(&key->data, key->bytes);
}

void tfhe_keyswitch_key_free(struct tfhe_keyswitch_key *key)
{
	if (!key->placed)
		mem_free_aligned(key->data, key->bytes);
	*key = (struct tfhe_keyswitch_key){0};
}

void tfhe_keyswitch_key_set(
	struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level, const uint32_t *lwe)
{
	kernel_of(key->isa)->keyswitch_set(key, coefficient, level, lwe);
}

size_t tfhe_keyswitch_scratch(const struct tfhe_keyswitch_key *key, size_t batch)
{
	return kernel_of(key->isa)->keyswitch_scratch(key, batch);
}

void tfhe_keyswitch(const struct tfhe_keyswitch_key *key, uint32_t *out, const uint32_t *const *in,
	const uint32_t *offsets, size_t batch, void *scratch)
{
	tfhe_keyswitch_part(key, out, in, offsets, batch, 0, 1, scratch);
}

void tfhe_keyswitch_part(const struct tfhe_keyswitch_key *key, uint32_t *out,
	const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
	unsigned parts, void *scratch)
{
	kernel_of(key->isa)->keyswitch(key, out, in, offsets, batch, part, parts, scratch);
}

/* With e_i = round(a_i) - a_i the phase moves by -sum e_i s_i, of mean -sum e_i / 2 over uniform
 * bits s_i: half the sum goes to the body (Bernard, Joye, Zama: "mean compensation"). The body also
 * loses half a unit of the new modulus before it is rounded to nearest, so it is cut. */
static void switch_single_bits(
	const struct tfhe_params *params, uint16_t *mask, uint16_t *body, const uint32_t *lwe)
{
	unsigned shift = 31 - params->n_poly_log2;
	uint32_t half = 1u << (shift - 1);
	int64_t errors = 0;
	for (unsigned i = 0; i < params->n; i++) {
		uint32_t rounded = lwe[i] + half;
		mask[i] = (uint16_t)(rounded >> shift);
		errors += (int64_t)half - (int64_t)(rounded & (2 * half - 1));
	}
	uint64_t doubled = 2 * (uint64_t)lwe[params->n] + (uint64_t)errors;
	*body = (uint16_t)(doubled >> (shift + 1) & ((2u << params->n_poly_log2) - 1));
}

/* One group: the masks of its subsets; returns the sum of the errors of all, the empty one too.
 *
 * The sums t of the mask words over the subsets, modulo the unit of the new modulus, are points on a
 * circle. Cutting it open at one of them and taking all that follow back to it leaves errors between
 * 0 and -1 unit besides what the cut itself takes; their mean is public and goes to the body, so
 * only their variance counts, and the cut chosen is the one that leaves the least. The exponents
 * are relative to the empty subset's, which is then 0. */
static int64_t switch_group(uint16_t masks[SUBSETS], const uint32_t *lwe, unsigned shift)
{
	uint32_t unit = 1u << shift, t[SUBSETS + 1] = {0};
	for (unsigned subset = 1; subset <= SUBSETS; subset++)
		t[subset] = t[subset & (subset - 1)] + lwe[__builtin_ctz(subset)];
	unsigned coarse = shift > 12 ? shift - 12 : 0, best = 0;
	uint32_t least = UINT32_MAX;
	for (unsigned cut = 0; cut <= SUBSETS; cut++) {
		uint32_t sum = 0, squares = 0;
		for (unsigned j = 0; j <= SUBSETS; j++) {
			uint32_t x = ((t[j] - t[cut]) & (unit - 1)) >> coarse;
			sum += x;
			squares += x * x;
		}
		uint32_t variance = squares - (sum * (uint64_t)sum >> GROUP);
		if (variance < least) {
			least = variance;
			best = cut;
		}
	}
	uint32_t point = t[best] & (unit - 1), none = (0 - t[best]) & (unit - 1);
	int64_t errors = 0;
	for (unsigned j = 0; j <= SUBSETS; j++) {
		uint32_t x = (t[j] - t[best]) & (unit - 1);
		/* The multiple of the unit that t becomes, less the one that 0 becomes. */
		uint32_t multiple = (t[j] - x - point) + (none + point);
		errors += (int64_t)(none + point) - x - point;
		if (j > 0)
			masks[j - 1] = (uint16_t)(multiple >> shift);
	}
	return errors;
}

void tfhe_modulus_switch(
	const struct tfhe_params *params, uint16_t *mask, uint16_t *body, const uint32_t *lwe)
{
	if (tfhe_group(params) == 1) {
		switch_single_bits(params, mask, body, lwe);
		return;
	}
	unsigned shift = 31 - params->n_poly_log2;
	int64_t errors = 0;
	for (unsigned step = 0; step < tfhe_steps(params); step++)
		errors += switch_group(mask + step * SUBSETS, lwe + step * GROUP, shift);
	uint64_t sum = (uint64_t)lwe[params->n] * (SUBSETS + 1) + (uint64_t)errors;
	*body = (uint16_t)(sum >> (shift + GROUP) & ((2u << params->n_poly_log2) - 1));
}
