#include "tfhe/kernel_inside.h"

#include "base/alloc.h"

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
			p->ks_base_log2 * p->ks_levels <= 31,
		AMT_UNSUPPORTED, "parameter set %s: key-switch decomposition (%u, %u)", p->name,
		p->ks_base_log2, p->ks_levels);
	return STATUS_OK;
}

size_t tfhe_bootstrap_key_bytes(const struct tfhe_params *params)
{
	size_t columns = params->k + 1;
	return (size_t)params->n * params->pbs_levels * columns * columns * tfhe_poly_size(params) *
	       sizeof(double);
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
	struct tfhe_bootstrap_key *key, unsigned bit, unsigned row, const uint64_t *glwe)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p), columns = p->k + 1;
	double *out = key->ggsw + ((size_t)bit * p->pbs_levels * columns + row) * columns * n;
	for (size_t c = 0; c < columns; c++)
		ring_fft_forward_u64(key->fft, out + c * n, glwe + c * n);
	if (kernel_of(ring_fft_isa(key->fft))->scaled_rows)
		for (size_t j = 0; j < columns * n; j++)
			out[j] *= tfhe_kernel_row_scale(p);
}

size_t tfhe_blind_rotate_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	return kernel_of(ring_fft_isa(key->fft))->blind_rotate_scratch(key, batch);
}

void tfhe_blind_rotate(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	kernel_of(ring_fft_isa(key->fft))->blind_rotate(key, accumulators, masks, batch, scratch);
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
	kernel_of(key->isa)->keyswitch(key, out, in, offsets, batch, scratch);
}

/* With e_i = round(a_i) - a_i the phase moves by -sum e_i s_i, of mean -sum e_i / 2 over uniform
 * bits s_i: half the sum goes to the body (Bernard, Joye, Zama: "mean compensation"). The body also
 * loses half a unit of the new modulus before it is rounded to nearest, so it is cut. */
void tfhe_modulus_switch(
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
