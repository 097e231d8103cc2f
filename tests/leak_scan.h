/* Looks for secrets in files and in the memory of another process (tests only).
 *
 * A scan holds patterns; each leak_scan_* of a place returns how often any of them was found there.
 * A secret key is sought as packed bits (both orders, any bit offset), as a byte, u16, u32, u64,
 * f32 or f64 a bit, as masks of all ones, forwards and backwards, and its polynomials as the
 * spectra of every kernel of ring/fft.h. Each form is cut into runs, so that a part of the key is
 * found too. A failure of the scan itself (no such file, no permission) fails
 * the test. Not thread-safe.
 */
#ifndef TESTS_LEAK_SCAN_H
#define TESTS_LEAK_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct leak_scan;

struct leak_scan *leak_scan_new(void);
void leak_scan_free(struct leak_scan *s);

/* A run of at least 16 bytes: a canary, a subkey, a passphrase. name is kept, not copied. */
void leak_scan_add(struct leak_scan *s, const char *name, const void *bytes, size_t size);
/* count >= 256 random bits, one a byte. */
void leak_scan_add_bits(struct leak_scan *s, const char *name, const uint8_t *bits, size_t count);
/* Doubles, sought to 8 digits at multiples of 8 bytes: transforms differ between kernels. */
void leak_scan_add_reals(struct leak_scan *s, const char *name, const double *values, size_t count);
/* The spectrum of a polynomial with these 2^n_log2 bits as coefficients. */
void leak_scan_add_spectrum(
	struct leak_scan *s, const char *name, const uint8_t *bits, unsigned n_log2);

size_t leak_scan_memory(
	struct leak_scan *s, const void *memory, size_t size, const char *where, uint64_t offset);
size_t leak_scan_file(struct leak_scan *s, const char *path);
/* All files below a folder. */
size_t leak_scan_folder(struct leak_scan *s, const char *path);
/* All readable memory of a child process, best one that waits. Bytes looked at are in *bytes
 * (unless NULL): a scan of nothing proves nothing. */
size_t leak_scan_process(struct leak_scan *s, pid_t pid, uint64_t *bytes);

/* In the memory of this program, started anew as `holder --hold first [second]`. That reads the input,
 * writes a byte when it is to be looked at, and ends well when its input ends. */
size_t leak_scan_holder(
	struct leak_scan *s, const char *first, const char *second, const void *input, size_t size);

/* The first places found, a line each; "" if there are none. */
const char *leak_scan_report(const struct leak_scan *s);

#endif
