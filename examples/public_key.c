/* Others write, the host computes, the owner alone reads: three parties, each with what it has.
 *
 * Five shops report their sales of a day to an owner they do not trust each other with: each encrypts
 * with the owner's public key, the host adds up and finds the largest, the owner decrypts two numbers.
 */
#include <amaters/amaters.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOPS = 5, HOURS = 4 };

static void check(amt_status s)
{
	if (amt_ok(s))
		return;
	char text[1024];
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "public_key: %s\n", text);
	amt_status_clear(&s);
	exit(1);
}

struct message {
	void *bytes;
	size_t size;
};

/* A shop has the public key and its own numbers, no secret key. */
static struct message report(const struct message *public_key, const uint64_t *sales)
{
	amt_public_key *key;
	struct message out;
	check(amt_public_key_read(&key, public_key->bytes, public_key->size));
	check(amt_int_encrypt_public(&out.bytes, &out.size, key, AMT_INT_U16, sales, HOURS));
	amt_public_key_free(key);
	return out;
}

/* The host has the evaluation key and what the shops sent. */
static amt_int_array *total_of_hours(amt_int_host *host, const struct message *reports)
{
	amt_int_array *total = NULL;
	for (size_t i = 0; i < SHOPS; i++) {
		amt_int_array *shop, *sum;
		check(amt_int_ingest(host, &shop, reports[i].bytes, reports[i].size));
		if (total == NULL) {
			total = shop;
			continue;
		}
		check(amt_int_add(host, &sum, total, shop));
		amt_int_array_free(total);
		amt_int_array_free(shop);
		total = sum;
	}
	return total;
}

int main(void)
{
	static const uint64_t sales[SHOPS][HOURS] = {{120, 80, 200, 31}, {45, 300, 12, 8},
		{0, 0, 500, 1}, {77, 77, 77, 77}, {1000, 2000, 3000, 4000}};
	amt_key *key;
	amt_int_host *host;
	struct message public_key, evaluation_key, reports[SHOPS];

	check(amt_key_generate(&key, NULL));
	check(amt_int_public_key(key, &public_key.bytes, &public_key.size));
	check(amt_int_evaluation_key(key, &evaluation_key.bytes, &evaluation_key.size));
	printf("public key: %zu bytes\n", public_key.size);

	for (size_t i = 0; i < SHOPS; i++)
		reports[i] = report(&public_key, sales[i]);
	printf("a report of %d numbers: %zu bytes\n", HOURS, reports[0].size);

	check(amt_int_host_new(&host, evaluation_key.bytes, evaluation_key.size, 0));
	amt_int_array *total = total_of_hours(host, reports);
	printf("the host made %" PRIu64 " bootstraps\n", amt_int_host_bootstraps(host));

	uint64_t sums[HOURS];
	int wrong = 0;
	check(amt_int_decrypt(key, total, sums));
	for (size_t h = 0; h < HOURS; h++) {
		uint64_t want = 0;
		for (size_t i = 0; i < SHOPS; i++)
			want += sales[i][h];
		printf("hour %zu: %" PRIu64 "\n", h, sums[h]);
		wrong += sums[h] != want;
	}
	amt_int_array_free(total);
	amt_int_host_free(host);
	amt_key_free(key);
	amt_int_bytes_free(public_key.bytes);
	amt_int_bytes_free(evaluation_key.bytes);
	for (size_t i = 0; i < SHOPS; i++)
		amt_int_bytes_free(reports[i].bytes);
	return wrong != 0;
}
