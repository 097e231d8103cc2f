/* Operations on encrypted integers: over a batch of values (wall time a value, on all threads) and,
 * where the name ends in _latency, on one value alone; bootstraps a value, and processor time a
 * bootstrap (which other programs on the machine disturb least). Rounds alternate with the peer's. A
 * table on stdout, the figures in integer.json beside the program.
 *
 *	bench_integer [--set id] [--threads n] [--peer program] [metric...]
 *
 * Defaults: the default parameter set, one thread a core, all metrics.
 */
#include "compare.h"

#include "base/alloc.h"
#include "integer/integer.h"
#include "integer/secret.h"
#include "os/cpu.h"

#include <stdlib.h>
#include <string.h>

enum { SUMMED = 10, MOST_VALUES = 256 };

struct columns {
	struct int_column a, b, bit, summands[SUMMED];
};

struct operation {
	const char *metric;
	enum int_type type;
	size_t values; /* a batch that occupies two cores for a second or more */
	amt_status (*run)(
		struct int_context *c, struct int_column *out, const struct columns *columns);
};

#define LOGIC(name, which)                                                              \
	static amt_status run_##name(                                                   \
		struct int_context *c, struct int_column *out, const struct columns *x) \
	{                                                                               \
		return int_logic(c, out, which, &x->a, &x->b);                          \
	}
#define COMPARISON(name, which)                                                         \
	static amt_status run_##name(                                                   \
		struct int_context *c, struct int_column *out, const struct columns *x) \
	{                                                                               \
		return int_compare(c, out, which, &x->a, &x->b);                        \
	}
#define BINARY(name)                                                                    \
	static amt_status run_##name(                                                   \
		struct int_context *c, struct int_column *out, const struct columns *x) \
	{                                                                               \
		return int_##name(c, out, &x->a, &x->b);                                \
	}
LOGIC(and, INT_AND)
LOGIC(or, INT_OR)
LOGIC(xor, INT_XOR)
COMPARISON(eq, INT_EQ)
COMPARISON(lt, INT_LT)
BINARY(add)
BINARY(sub)
BINARY(min)
BINARY(max)
BINARY(mul)

static amt_status run_select(struct int_context *c, struct int_column *out, const struct columns *x)
{
	return int_select(c, out, &x->bit, &x->a, &x->b);
}

static amt_status run_sum(struct int_context *c, struct int_column *out, const struct columns *x)
{
	const struct int_column *summands[SUMMED];
	for (unsigned i = 0; i < SUMMED; i++)
		summands[i] = &x->summands[i];
	return int_sum(c, out, summands, SUMMED);
}

/* Amounts count modulo the width, so that any value is one. */
static amt_status run_shl(struct int_context *c, struct int_column *out, const struct columns *x)
{
	return int_shift(c, out, INT_SHL, &x->a, &x->b);
}

static amt_status run_div(struct int_context *c, struct int_column *out, const struct columns *x)
{
	return int_divide(c, out, NULL, &x->a, &x->b);
}

static const struct operation operations[] = {
	{"u64_and", INT_U64, 32, run_and},
	{"u64_or", INT_U64, 32, run_or},
	{"u64_xor", INT_U64, 32, run_xor},
	{"u64_add", INT_U64, 32, run_add},
	{"u64_sub", INT_U64, 32, run_sub},
	{"u64_eq", INT_U64, 32, run_eq},
	{"u64_lt", INT_U64, 32, run_lt},
	{"u64_select", INT_U64, 32, run_select},
	{"u64_min", INT_U64, 32, run_min},
	{"u64_max", INT_U64, 32, run_max},
	{"u64_mul", INT_U64, 2, run_mul},
	{"u64_div", INT_U64, 4, run_div},
	{"u64_shl", INT_U64, 16, run_shl},
	{"u64_sum10", INT_U64, 8, run_sum},
	{"u8_eq", INT_U8, 128, run_eq},
	{"u8_lt", INT_U8, 128, run_lt},
	{"u8_add", INT_U8, 128, run_add},
	{"u8_mul", INT_U8, 32, run_mul},
	{"u64_add_latency", INT_U64, 1, run_add},
	{"u64_eq_latency", INT_U64, 1, run_eq},
	{"u64_lt_latency", INT_U64, 1, run_lt},
	{"u64_select_latency", INT_U64, 1, run_select},
};

struct timed {
	struct int_context *c;
	const struct operation *op;
	const struct columns *columns;
};

static void run(void *context)
{
	const struct timed *t = context;
	struct int_column out = {0};
	compare_check(t->op->run(t->c, &out, t->columns));
	int_column_free(&out);
}

static void make_columns(
	const struct tfhe_secret *secret, const struct operation *op, struct columns *columns)
{
	uint64_t a[MOST_VALUES], b[MOST_VALUES], bit[MOST_VALUES];
	for (size_t i = 0; i < op->values; i++) {
		a[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		b[i] = (i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
		bit[i] = a[i] >> 63;
	}
	compare_check(int_encrypt(secret, &columns->a, op->type, a, op->values));
	compare_check(int_encrypt(secret, &columns->b, op->type, b, op->values));
	compare_check(int_encrypt(secret, &columns->bit, INT_BOOL, bit, op->values));
	for (unsigned i = 0; i < SUMMED; i++)
		compare_check(int_encrypt(secret, &columns->summands[i], op->type, a, op->values));
}

static void free_columns(struct columns *columns)
{
	int_column_free(&columns->a);
	int_column_free(&columns->b);
	int_column_free(&columns->bit);
	for (unsigned i = 0; i < SUMMED; i++)
		int_column_free(&columns->summands[i]);
}

static bool wanted(const char *metric, char **metrics, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(metric, metrics[i]) == 0)
			return true;
	return count == 0;
}

static void bench(struct compare *compare, struct tfhe_secret *secret, struct tfhe_evaluator *e,
	struct int_context *c, const struct operation *op)
{
	struct columns columns;
	make_columns(secret, op, &columns);
	struct timed t = {c, op, &columns};
	uint64_t before = tfhe_evaluator_bootstraps(e);
	run(&t);
	double bootstraps = (double)(tfhe_evaluator_bootstraps(e) - before) / (double)op->values;
	struct comparison r = compare_run(compare, op->metric, op->values, run, &t);
	compare_put(compare, op->metric, r.ours.wall, r.peer.wall, "ms");
	printf("%-20s %7zu %11.2f %9.3f %11.3f", op->metric, op->values, bootstraps,
		bootstraps > 0 ? r.ours.cpu / bootstraps : 0, r.ours.wall);
	if (r.both)
		printf(" %11.3f %8.2f %8.2f", r.peer.wall, r.peer.wall / r.ours.wall,
			r.peer.cpu / r.ours.cpu);
	printf("\n");
	fflush(stdout);
	free_columns(&columns);
}

int main(int count, char **arguments)
{
	const char *peer = NULL;
	int id = TFHE_DEFAULT_PARAMS, i = 1;
	unsigned threads = 0;
	for (; i + 1 < count && arguments[i][0] == '-'; i += 2)
		if (strcmp(arguments[i], "--set") == 0)
			id = atoi(arguments[i + 1]);
		else if (strcmp(arguments[i], "--threads") == 0)
			threads = (unsigned)atoi(arguments[i + 1]);
		else if (strcmp(arguments[i], "--peer") == 0)
			peer = arguments[i + 1];
	const struct tfhe_params *p = tfhe_params_find((uint16_t)id);
	if (p == NULL)
		compare_check(ERROR(AMT_FOREIGN_PARAMETERS, "unknown parameter set %d", id));
	struct compare compare;
	struct pool *pool;
	struct tfhe_secret *secret;
	struct tfhe_evaluator *e;
	struct int_context *c;
	struct buf key = {0};
	compare_check(pool_new(&pool, threads));
	compare_open(&compare, peer, pool_threads(pool));
	compare_check(tfhe_secret_new(&secret, p));
	compare_check(tfhe_evaluation_key_generate(secret, pool, NULL, NULL, &key));
	compare_check(tfhe_evaluator_new(&e, buf_span(&key), pool, NULL, NULL));
	compare_check(int_context_new(&c, e));
	printf("integers, parameter set %s, kernels %s, %u threads; ms a value, wall time\n\n",
		p->name, isa_name(cpu_isa()), pool_threads(pool));
	printf("%-20s %7s %11s %9s %11s", "metric", "batch", "bootstraps", "cpu each", "ours");
	if (peer != NULL)
		printf(" %11s %8s %8s", "TFHE-rs", "ratio", "cpu");
	printf("\n");
	for (size_t o = 0; o < sizeof(operations) / sizeof(operations[0]); o++)
		if (wanted(operations[o].metric, arguments + i, count - i))
			bench(&compare, secret, e, c, &operations[o]);
	compare_close(&compare, arguments[0], "integer");
	int_context_free(c);
	tfhe_evaluator_free(e);
	buf_free(&key);
	tfhe_secret_free(secret);
	pool_free(pool);
	return 0;
}
