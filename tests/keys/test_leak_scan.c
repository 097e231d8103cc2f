/* The leak scanner itself: a secret planted in a process or a file is found in each of its forms,
 * and none is found where none is. The process is this program started anew as a holder: it reads
 * the secret from a pipe, keeps it in one form and wipes the rest. */
#include "testing.h"

#include "folder.h"
#include "leak_scan.h"

#include "crypto/sample.h"
#include "crypto/secret.h"
#include "ring/fft.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_LOG2 = 9, BITS = 1 << N_LOG2, CANARY = 16 };

struct secret {
	uint8_t bits[BITS];
	uint8_t canary[CANARY];
};

static const char *const forms[] = {"bytes", "bits", "shifted", "backwards", "u16", "u32", "u64",
	"masks", "f64", "spectrum", "part", "canary", "secret memory"};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

/* Writes one form of the secret to 64-byte aligned memory of at least 8 * BITS bytes; returns its
 * size. */
static size_t put_form(uint8_t *out, const char *form, const struct secret *s)
{
	if (strcmp(form, "canary") == 0) {
		memcpy(out + 3, s->canary, CANARY);
		return 3 + CANARY;
	}
	if (strcmp(form, "bytes") == 0 || strcmp(form, "secret memory") == 0) {
		memcpy(out, s->bits, BITS);
		return BITS;
	}
	if (strcmp(form, "spectrum") == 0) {
		const struct ring_fft *fft;
		int32_t *coefficients = aligned_alloc(64, sizeof(*coefficients) * BITS);
		for (size_t i = 0; i < BITS; i++)
			coefficients[i] = s->bits[i];
		if (!amt_ok(ring_fft_get(&fft, N_LOG2, cpu_isa())))
			return 0;
		ring_fft_forward_i32(fft, (double *)out, coefficients);
		secret_wipe(coefficients, sizeof(*coefficients) * BITS);
		free(coefficients);
		return BITS * sizeof(double);
	}
	bool packed = strcmp(form, "bits") == 0, shifted = strcmp(form, "shifted") == 0;
	size_t width = strcmp(form, "u16") == 0				      ? 2
		       : strcmp(form, "u32") == 0			      ? 4
		       : strcmp(form, "u64") == 0 || strcmp(form, "f64") == 0 ? 8
									      : 1;
	double real = 1;
	for (size_t i = 0; i < BITS; i++) {
		uint8_t *at = out + i * width;
		if (packed || shifted) {
			size_t j = i + (shifted ? 5 : 0);
			out[j / 8] |= (uint8_t)(s->bits[i] << j % 8);
		} else if (strcmp(form, "backwards") == 0) {
			out[BITS - 1 - i] = s->bits[i];
		} else if (strcmp(form, "part") == 0) {
			out[i] = i >= 200 && i < 350 ? s->bits[i] : 7;
		} else if (strcmp(form, "masks") == 0) {
			out[i] = (uint8_t)-s->bits[i];
		} else if (strcmp(form, "f64") == 0) {
			if (s->bits[i])
				memcpy(at, &real, 8);
		} else {
			at[0] = s->bits[i];
		}
	}
	return packed || shifted ? (BITS + 5 + 7) / 8 : width * BITS;
}

/* The other side: no copy may stay behind but the one asked for. */
static int hold(const char *form)
{
	static struct secret s;
	void *kept = NULL;
	if (read(STDIN_FILENO, &s, sizeof(s)) != sizeof(s))
		return 1;
	if (strcmp(form, "secret memory") == 0) {
		if (!amt_ok(secret_alloc(&kept, 8 * BITS)))
			return 2;
	} else {
		kept = aligned_alloc(64, 8 * BITS);
		memset(kept, 0, 8 * BITS);
	}
	if (strcmp(form, "nothing") != 0 && put_form(kept, form, &s) == 0)
		return 3;
	secret_wipe(&s, sizeof(s));
	if (write(STDOUT_FILENO, "+", 1) != 1)
		return 4;
	char end;
	(void)!read(STDIN_FILENO, &end, 1);
	if (strcmp(form, "secret memory") == 0)
		secret_free(kept);
	else
		free(kept);
	return 0;
}

static struct secret new_secret(void)
{
	struct secret s;
	OK(sample_binary(s.bits, BITS));
	uint8_t canary[8 * CANARY];
	OK(sample_binary(canary, sizeof(canary)));
	memset(s.canary, 0, CANARY);
	for (size_t i = 0; i < sizeof(canary); i++)
		s.canary[i / 8] |= (uint8_t)(canary[i] << i % 8);
	return s;
}

static struct leak_scan *scan_for(const struct secret *s)
{
	struct leak_scan *scan = leak_scan_new();
	leak_scan_add_bits(scan, "key", s->bits, BITS);
	leak_scan_add_spectrum(scan, "key", s->bits, N_LOG2);
	leak_scan_add(scan, "canary", s->canary, CANARY);
	return scan;
}

static void every_form_is_found_in_a_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		struct secret s = new_secret();
		struct leak_scan *scan = scan_for(&s);
		if (leak_scan_holder(scan, forms[i], NULL, &s, sizeof(s)) == 0)
			fail_msg("the form %s was not found", forms[i]);
		assert_int_not_equal(strlen(leak_scan_report(scan)), 0);
		leak_scan_free(scan);
	}
}

static void nothing_is_found_where_nothing_is(void **state)
{
	(void)state;
	struct secret s = new_secret(), other = new_secret();
	struct leak_scan *scan = scan_for(&s);
	size_t hits = leak_scan_holder(scan, "nothing", NULL, &s, sizeof(s));
	for (size_t i = 0; i < FORMS; i++)
		hits += leak_scan_holder(scan, forms[i], NULL, &other, sizeof(other));
	if (hits != 0)
		fail_msg("found %zu: %s", hits, leak_scan_report(scan));
	leak_scan_free(scan);
}

static void every_form_is_found_in_files(void **state)
{
	(void)state;
	enum { ROOM = 8 * BITS, FILE_BYTES = (1 << 20) + ROOM + 64 };
	char folder[FOLDER_BYTES], inner[64], path[80];
	folder_make(folder);
	(void)snprintf(inner, sizeof(inner), "%s/inner", folder);
	(void)snprintf(path, sizeof(path), "%s/data", inner);
	assert_int_equal(mkdir(inner, 0700), 0);
	uint8_t *file = aligned_alloc(64, FILE_BYTES);
	struct secret s = new_secret();
	struct leak_scan *scan = scan_for(&s);
	for (size_t i = 0; i <= FORMS; i++) {
		memset(file, 0x33, FILE_BYTES);
		/* Across the border of two pieces of the scan. */
		uint8_t *at = file + (1 << 20) - 64;
		if (i < FORMS) {
			memset(at, 0, ROOM);
			assert_true(put_form(at, forms[i], &s) > 0);
		}
		FILE *out = fopen(path, "we");
		assert_int_equal(fwrite(file, 1, FILE_BYTES, out), FILE_BYTES);
		assert_int_equal(fclose(out), 0);
		size_t hits = leak_scan_folder(scan, folder);
		if ((hits == 0) != (i == FORMS))
			fail_msg("the form %s: %zu hits", i < FORMS ? forms[i] : "nothing", hits);
	}
	folder_remove(folder);
	free(file);
	leak_scan_free(scan);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--hold") == 0)
		return hold(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_found_in_a_process),
		cmocka_unit_test(nothing_is_found_where_nothing_is),
		cmocka_unit_test(every_form_is_found_in_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
