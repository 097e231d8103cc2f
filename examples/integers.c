/* Encrypted integers: what two people earn and spend, computed by someone who cannot read it.
 * The two roles talk through bytes only; here both live in one program.
 *
 *	cc integers.c -lamaters_owner -lamaters_host ...      (meson builds it as build/examples/integers)
 */
#include <amaters/amaters.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEOPLE = 4 };

/* Ends the program with the error's message if there is one. */
static void check(amt_status status)
{
	char text[512];
	if (amt_ok(status))
		return;
	(void)amt_status_format(status, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
	amt_status_clear(&status);
	exit(1);
}

struct message {
	void *bytes;
	size_t size;
};

/* ---- the host: sees bytes only ---------------------------------------------------------------- */

/* Savings of each, those of the poor raised to a floor, their sum, and what each may spend a week of
 * a year: savings * 12 / 52. */
static void compute(amt_int_host *host, const struct message *income, const struct message *spent,
	struct message *savings, struct message *total, struct message *weekly)
{
	amt_int_array *in, *out, *saved, *floor, *poor, *raised, *sum, *wide, *months, *weeks,
		*year, *week;
	check(amt_int_read(&in, income->bytes, income->size));
	check(amt_int_read(&out, spent->bytes, spent->size));

	check(amt_int_sub(host, &saved, in, out));
	check(amt_int_constant(host, &floor, AMT_INT_I16, 100));
	check(amt_int_compare(host, &poor, AMT_INT_LT, saved, floor));
	check(amt_int_select(host, &raised, poor, floor, saved));
	check(amt_int_sum(host, &sum, raised));
	check(amt_int_cast(host, &wide, AMT_INT_I32, raised));
	check(amt_int_constant(host, &months, AMT_INT_I32, 12));
	check(amt_int_constant(host, &weeks, AMT_INT_I32, 52));
	check(amt_int_mul(host, &year, wide, months));
	check(amt_int_divide(host, &week, NULL, year, weeks));

	check(amt_int_write(week, &weekly->bytes, &weekly->size));
	check(amt_int_write(raised, &savings->bytes, &savings->size));
	check(amt_int_write(sum, &total->bytes, &total->size));
	amt_int_array *all[] = {
		in, out, saved, floor, poor, raised, sum, wide, months, weeks, year, week};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		amt_int_array_free(all[i]);
}

/* ---- the owner -------------------------------------------------------------------------------- */

static struct message encrypt(const amt_key *key, const int64_t *values)
{
	struct message m;
	amt_int_array *array;
	uint64_t bits[PEOPLE];
	for (size_t i = 0; i < PEOPLE; i++)
		bits[i] = (uint64_t)values[i];
	check(amt_int_encrypt(&array, key, AMT_INT_I16, bits, PEOPLE));
	check(amt_int_write(array, &m.bytes, &m.size));
	amt_int_array_free(array);
	return m;
}

static void decrypt(const amt_key *key, const struct message *m, int64_t *values)
{
	amt_int_array *array;
	uint64_t bits[PEOPLE];
	check(amt_int_read(&array, m->bytes, m->size));
	check(amt_int_decrypt(key, array, bits));
	for (size_t i = 0; i < amt_int_array_count(array); i++)
		values[i] = (int64_t)bits[i];
	amt_int_array_free(array);
}

int main(void)
{
	static const int64_t income[PEOPLE] = {3100, 1800, 2500, 4200};
	static const int64_t spent[PEOPLE] = {2000, 2150, 2450, 3333};
	int64_t savings[PEOPLE], weekly[PEOPLE], total = 0, want, want_total = 0;
	amt_key *key;
	amt_int_host *host;
	struct message evaluation_key, a, b, c, d, e;

	check(amt_key_generate(&key, NULL));
	check(amt_int_evaluation_key(key, &evaluation_key.bytes, &evaluation_key.size));
	a = encrypt(key, income);
	b = encrypt(key, spent);
	printf("evaluation key %zu bytes, encrypted values %zu bytes\n", evaluation_key.size,
		a.size + b.size);

	check(amt_int_host_new(&host, evaluation_key.bytes, evaluation_key.size, 0));
	compute(host, &a, &b, &c, &d, &e);
	printf("%" PRIu64 " bootstraps\n", amt_int_host_bootstraps(host));

	decrypt(key, &c, savings);
	decrypt(key, &d, &total);
	decrypt(key, &e, weekly);
	int wrong = 0;
	for (size_t i = 0; i < PEOPLE; i++) {
		want = income[i] - spent[i] < 100 ? 100 : income[i] - spent[i];
		want_total += want;
		wrong += savings[i] != want || weekly[i] != want * 12 / 52;
		printf("savings of %zu: %" PRId64 ", %" PRId64 " a week\n", i, savings[i],
			weekly[i]);
	}
	wrong += total != want_total;
	printf("total: %" PRId64 "\n", total);

	struct message *messages[] = {&evaluation_key, &a, &b, &c, &d, &e};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		amt_int_bytes_free(messages[i]->bytes);
	amt_int_host_free(host);
	amt_key_free(key);
	return wrong != 0;
}
