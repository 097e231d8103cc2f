/* The transforms for AVX2 and FMA. */
#if defined(__x86_64__)

#include "ring/simd_avx2.h"

#define RING_KERNEL_NAME ring_kernel_avx2
#include "ring/fft_vector.h"

#endif
