/* The kernels for AVX-512. */
#if defined(__x86_64__)

#include "ring/simd_avx512.h"

#include "tfhe/rotate_vector.h"

const struct tfhe_kernel tfhe_kernel_avx512 = {true, blind_rotate_scratch, blind_rotate,
	glwe_keyswitch, tfhe_keyswitch_rows_bytes, tfhe_keyswitch_rows_set,
	tfhe_keyswitch_rows_scratch, tfhe_keyswitch_rows};

#endif
