#include "os/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char *isa_name(enum isa isa)
{
	static const char *const names[] = {"portable", "avx2", "avx512"};
	return names[isa];
}

enum isa cpu_isa_available(void)
{
#if defined(__x86_64__) && !defined(AMT_MSAN) /* which does not follow vector instructions */
	/* The compiler's probe includes the XGETBV check. Valgrind hides AVX-512, which then falls
	 * back here. */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("fma"))
		return ISA_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return ISA_AVX2;
#endif
	return ISA_PORTABLE;
}

enum isa cpu_isa(void)
{
	enum isa best = cpu_isa_available();
	const char *cap = getenv("AMT_ISA");
	if (cap == NULL)
		return best;
	for (enum isa isa = ISA_PORTABLE; isa <= ISA_AVX512; isa++)
		if (strcmp(cap, isa_name(isa)) == 0 && isa < best)
			return isa;
	return best;
}

bool cpu_has_vnni(void)
{
#if defined(__x86_64__)
	return cpu_isa() == ISA_AVX512 && __builtin_cpu_supports("avx512vnni");
#else
	return false;
#endif
}

bool cpu_has_ifma(void)
{
#if defined(__x86_64__)
	return cpu_isa() == ISA_AVX512 && __builtin_cpu_supports("avx512ifma") &&
	       __builtin_cpu_supports("avx512vbmi");
#else
	return false;
#endif
}

#if defined(__x86_64__)
static pthread_once_t vaes_once = PTHREAD_ONCE_INIT;
static bool vaes;

/* clang 14's __builtin_cpu_supports does not know it. Asked once: in virtual machines the instruction
 * takes as long as expanding a page of a seed. */
static void ask_for_vaes(void)
{
	unsigned a, b, c, d;
	vaes = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c & bit_VAES) != 0;
}
#endif

bool cpu_has_vaes(void)
{
#if defined(__x86_64__)
	(void)pthread_once(&vaes_once, ask_for_vaes);
	return vaes && cpu_isa() == ISA_AVX512 && __builtin_cpu_supports("aes");
#else
	return false;
#endif
}

unsigned cpu_count(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count < 1 ? 1 : (unsigned)count;
}

uint64_t process_peak_bytes(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss << 10 : 0;
}
