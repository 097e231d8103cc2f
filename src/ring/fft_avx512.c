/* The transforms for AVX-512. */
#if defined(__x86_64__)

#include "ring/simd_avx512.h"

#define RING_KERNEL_NAME ring_kernel_avx512
#include "ring/fft_vector.h"

#endif
