/* The kernels for AVX2 and FMA. */
#if defined(__x86_64__)

#include "ring/simd_avx2.h"

#include "tfhe/rotate_vector.h"

const struct tfhe_kernel tfhe_kernel_avx2 = {true, blind_rotate_scratch, blind_rotate,
	glwe_keyswitch, tfhe_keyswitch_rows_bytes, tfhe_keyswitch_rows_set,
	tfhe_keyswitch_rows_scratch, tfhe_keyswitch_rows};

#endif
