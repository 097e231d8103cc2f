/* Operations on encrypted integers over a batch of values, with the default parameter set: wall
 * time a value, bootstraps a value, and processor time a bootstrap (which other programs on the
 * machine disturb least). A table on stdout, the same figures as JSON beside the program.
 *
 *	bench_integer [values in the batch, default 32] [threads, default one a core]
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "integer/integer.h"
#include "integer/secret.h"
#include "os/clock.h"
#include "os/cpu.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum operation { ADD, SUB, EQ, LT, AND, NOT, SELECT, MASK, MIN, SUM, OPERATIONS };
static const char *const names[OPERATIONS] = {
	"add", "sub", "eq", "lt", "and", "not", "select", "mask", "min", "sum"};

static void check(amt_status st)
{
	if (amt_ok(st))
		return;
	char text[512];
	(void)amt_status_format(st, text, sizeof(text));
	fprintf(stderr, "bench_integer: %s\n", text);
	exit(1);
}

static double processor_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void run(struct int_context *c, enum operation op, const struct int_column *bit,
	const struct int_column *a, const struct int_column *b)
{
	struct int_column r = {0};
	switch (op) {
	case ADD:
		check(int_add(c, &r, a, b));
		break;
	case SUB:
		check(int_sub(c, &r, a, b));
		break;
	case EQ:
		check(int_compare(c, &r, INT_EQ, a, b));
		break;
	case LT:
		check(int_compare(c, &r, INT_LT, a, b));
		break;
	case AND:
		check(int_logic(c, &r, INT_AND, a, b));
		break;
	case NOT:
		check(int_not(c, &r, a));
		break;
	case SELECT:
		check(int_select(c, &r, bit, a, b));
		break;
	case MASK:
		check(int_mask(c, &r, bit, a));
		break;
	case MIN:
		check(int_min(c, &r, a, b));
		break;
	default:
		check(int_sum_rows(c, &r, a, a->blocks));
	}
	int_column_free(&r);
}

/* Writes the figures beside the program: build/bench/integer.json. */
static void write_json(const char *program, json_t *figures)
{
	const char *slash = strrchr(program, '/');
	struct buf path = {0};
	check(buf_printf(&path, "%.*sinteger.json", slash == NULL ? 0 : (int)(slash - program) + 1,
		program));
	check(buf_put_u8(&path, 0));
	if (json_dump_file(figures, (const char *)path.data, JSON_INDENT(1)) != 0)
		fprintf(stderr, "bench_integer: cannot write %s\n", path.data);
	buf_free(&path);
}

int main(int argc, char **argv)
{
	size_t values = argc > 1 ? strtoul(argv[1], NULL, 10) : 32;
	unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (values == 0 || values > 100000) {
		fprintf(stderr, "usage: bench_integer [values] [threads]\n");
		return 2;
	}
	struct pool *pool;
	struct tfhe_secret *secret;
	struct tfhe_evaluator *e;
	struct int_context *c;
	struct buf key = {0};
	const struct tfhe_params *p = tfhe_params_find(TFHE_DEFAULT_PARAMS);
	check(pool_new(&pool, threads));
	check(tfhe_secret_new(&secret, p));
	check(tfhe_evaluation_key_generate(secret, pool, NULL, NULL, &key));
	check(tfhe_evaluator_new(&e, buf_span(&key), pool, NULL, NULL));
	check(int_context_new(&c, e));
	printf("%s, %s, %u threads, batch of %zu values\n\n", p->name, isa_name(cpu_isa()),
		pool_threads(pool), values);
	printf("%-5s %-7s %12s %12s %14s %14s\n", "type", "op", "ms/value", "values/s",
		"bootstraps", "cpu ms/boot");

	uint64_t *x, *y, *bits;
	check(mem_array(&x, values, sizeof(*x)));
	check(mem_array(&y, values, sizeof(*y)));
	check(mem_array(&bits, values, sizeof(*bits)));
	for (size_t i = 0; i < values; i++) {
		x[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		y[i] = (i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
		bits[i] = x[i] >> 63;
	}
	json_t *figures = json_array();
	for (int t = INT_U8; t <= INT_U64; t++) {
		struct int_column a, b, bit;
		check(int_encrypt(secret, &a, (enum int_type)t, x, values));
		check(int_encrypt(secret, &b, (enum int_type)t, y, values));
		check(int_encrypt(secret, &bit, INT_BOOL, bits, values));
		for (int op = 0; op < OPERATIONS; op++) {
			uint64_t count = tfhe_evaluator_bootstraps(e), ns = clock_monotonic_ns();
			double cpu = processor_ms();
			run(c, (enum operation)op, &bit, &a, &b);
			cpu = processor_ms() - cpu;
			double ms = (double)(clock_monotonic_ns() - ns) / 1e6 / (double)values;
			double each =
				(double)(tfhe_evaluator_bootstraps(e) - count) / (double)values;
			double boot = each > 0 ? cpu / (double)values / each : 0;
			printf("%-5s %-7s %12.3f %12.1f %14.2f %14.3f\n",
				int_type_name((enum int_type)t), names[op], ms, 1e3 / ms, each,
				boot);
			fflush(stdout);
			json_array_append_new(figures,
				json_pack("{s:s, s:s, s:f, s:f, s:f, s:i, s:i}", "type",
					int_type_name((enum int_type)t), "operation", names[op],
					"ms_per_value", ms, "bootstraps_per_value", each,
					"cpu_ms_per_bootstrap", boot, "values", (int)values,
					"threads", (int)pool_threads(pool)));
		}
		int_column_free(&a);
		int_column_free(&b);
		int_column_free(&bit);
	}
	write_json(argv[0], figures);
	json_decref(figures);
	mem_free(x);
	mem_free(y);
	mem_free(bits);
	int_context_free(c);
	tfhe_evaluator_free(e);
	buf_free(&key);
	tfhe_secret_free(secret);
	pool_free(pool);
	return 0;
}
