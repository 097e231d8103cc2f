/* What the processor can do, and what this process takes. The former is read once from CPUID (and XGETBV: the operating system must save the
 * registers). AMT_ISA=portable|avx2|avx512 in the environment caps the choice. Thread-safe.
 */
#ifndef OS_CPU_H
#define OS_CPU_H

#include <stdbool.h>
#include <stdint.h>

enum isa {
	ISA_PORTABLE, /* C only */
	ISA_AVX2,     /* AVX2 and FMA */
	ISA_AVX512    /* AVX-512 F, DQ, BW, VL */
};

/* The best instruction set that both the processor and AMT_ISA allow. */
enum isa cpu_isa(void);
/* The best the processor has, whatever AMT_ISA says (for tests that force each set in turn). */
enum isa cpu_isa_available(void);
/* Extras within ISA_AVX512; false whenever cpu_isa() is below it. */
bool cpu_has_vnni(void);
bool cpu_has_ifma(void); /* and VBMI */
bool cpu_has_vaes(void); /* AES on whole registers */
const char *isa_name(enum isa isa);
unsigned cpu_count(void); /* cores this process may run on, at least 1 */
/* The most memory this process has had resident, in bytes, mapped files included. */
uint64_t process_peak_bytes(void);

#endif
