/* The host as its own program, which was only ever sent what an owner sends: neither its files nor its
 * memory hold the secret key in any form, a subkey or a payload. Planted leaks are found, so the search
 * works. Real parameters: the product knows no others. */
#include "engine/fixture.h"

#include "crypto/secret.h"
#include "folder.h"
#include "leak_scan.h"
#include "tfhe/secret_inside.h"

enum { ROWS = 10, CANARY = 16 };

struct leak {
	amt_key *key;
	amt_session *session;
	char folder[FOLDER_BYTES];
	char canary[ROWS][CANARY + 1];
	struct leak_scan *scan;
};

/* Key bits are kept as masks of all ones or zeros. */
static void add_bits(
	struct leak *l, const char *name, const uint32_t *masks, size_t count, bool spectrum)
{
	uint8_t *bits;
	OK(mem_alloc(&bits, count));
	for (size_t i = 0; i < count; i++)
		bits[i] = masks[i] & 1;
	if (spectrum)
		leak_scan_add_spectrum(l->scan, name, bits, l->key->params->n_poly_log2);
	else
		leak_scan_add_bits(l->scan, name, bits, count);
	mem_free(bits);
}

static void add_secrets(struct leak *l)
{
	const struct tfhe_secret *t = key_ring_tfhe(l->key->ring);
	const struct tfhe_params *p = l->key->params;
	add_bits(l, "small key", t->small, p->n, false);
	add_bits(l, "GLWE key", t->big, tfhe_big_dimension(p), false);
	for (unsigned i = 0; i < p->k; i++)
		add_bits(l, "GLWE key's spectrum", t->big + (size_t)i * tfhe_poly_size(p),
			tfhe_poly_size(p), true);
	for (unsigned i = 0; i < ROWS; i++)
		leak_scan_add(l->scan, "canary", l->canary[i], CANARY);
	uint8_t *key;
	OK(owner_table_key(l->session, SUBKEY_PAYLOAD, &l->session->table[0], &key));
	leak_scan_add(l->scan, "payload key", key, AEAD_KEY_BYTES);
	secret_free(key);
	static const enum subkey_purpose of_scans[] = {
		SUBKEY_PAYLOAD, SUBKEY_CANARY, SUBKEY_ORIGINAL_MAC};
	for (size_t i = 0; i < 3; i++) {
		OK(owner_table_key(l->session, of_scans[i], &l->session->table[1], &key));
		leak_scan_add(l->scan, "key of a scan table", key, AEAD_KEY_BYTES);
		secret_free(key);
	}
	OK(secret_alloc(&key, AEAD_KEY_BYTES));
	OK(key_ring_subkey(l->key->ring, SUBKEY_BGV, span_str("B13"), (struct span){0}, key));
	leak_scan_add(l->scan, "BGV secret", key, AEAD_KEY_BYTES);
	secret_free(key);
}

static void run(struct leak *l, const char *sql)
{
	amt_result *r;
	OK(amt_execute(l->session, sql, &r));
	amt_result_free(r);
}

/* The texts are also the dictionary of a scan column. */
static void scan_canaries(struct leak *l)
{
	struct buf sql = {0};
	run(l, "CREATE TABLE s (a u8(scan) not null check (a between 0 and 9), b text(scan, 20)) WITH "
	       "(scan_ring = 13)");
	OK(buf_printf(&sql, "INSERT INTO s VALUES "));
	for (unsigned i = 0; i < ROWS; i++)
		OK(buf_printf(&sql, "%s(%u, '%s')", i > 0 ? ", " : "", i, l->canary[i]));
	OK(buf_put_u8(&sql, 0));
	run(l, (char *)sql.data);
	buf_free(&sql);
	OK(amt_repack(l->session, "s", NULL));
	run(l, "DELETE FROM s WHERE a = 2");
}

static void insert_canaries(struct leak *l)
{
	struct buf sql = {0};
	amt_result *r;
	OK(buf_printf(&sql, "INSERT INTO t VALUES "));
	for (unsigned i = 0; i < ROWS; i++) {
		for (unsigned k = 0; k < CANARY; k++)
			l->canary[i][k] = (char)('a' + rand() % 26);
		OK(buf_printf(&sql, "%s(%u, '%s')", i > 0 ? ", " : "", i, l->canary[i]));
	}
	OK(buf_put_u8(&sql, 0));
	OK(amt_execute(l->session, (char *)sql.data, &r));
	amt_result_free(r);
	buf_free(&sql);
}

static int setup(void **state)
{
	struct leak *l;
	amt_result *r;
	OK(mem_zalloc(&l, sizeof(*l)));
	folder_make(l->folder);
	l->key = engine_key(TFHE_DEFAULT_PARAMS);
	amt_session_options o = {.key = l->key, .database = l->folder, .host_threads = 2};
	OK(amt_session_open(&l->session, &o));
	OK(amt_execute(l->session, "CREATE TABLE t (a u8 not null, b text)", &r));
	amt_result_free(r);
	insert_canaries(l);
	scan_canaries(l);
	l->scan = leak_scan_new();
	add_secrets(l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct leak *l = *state;
	amt_session_close(l->session);
	leak_scan_free(l->scan);
	folder_remove(l->folder);
	amt_key_free(l->key);
	mem_free(l);
	return 0;
}

static void nothing_leaks(void **state)
{
	struct leak *l = *state;
	amt_result *r;
	OK(amt_execute(l->session, "SELECT b FROM t WHERE a = 7", &r));
	assert_int_equal(amt_result_rows(r), 1);
	assert_string_equal(amt_result_cell(r, 0, 0), l->canary[7]);
	amt_result_free(r);
	if (!light()) {
		OK(amt_execute(l->session, "UPDATE t SET a = 100 WHERE a = 8", &r));
		amt_result_free(r);
	}
	struct buf sql = {0};
	OK(buf_printf(&sql, "SELECT count(*) FROM s WHERE b = '%s'%c", l->canary[4], 0));
	OK(amt_execute(l->session, (char *)sql.data, &r));
	assert_string_equal(amt_result_cell(r, 0, 0), "1");
	amt_result_free(r);
	buf_free(&sql);
	uint64_t bytes;
	size_t found = leak_scan_folder(l->scan, l->folder);
	found += leak_scan_process(l->scan, l->session->child, &bytes);
	if (found > 0)
		fail_msg("%s", leak_scan_report(l->scan));
	/* The evaluation key is expanded there, so this was no empty process. */
	assert_true(bytes > 60 * 1000 * 1000);
}

/* The host stores what it is told to: here, something it should never be told. */
static void plant(struct leak *l, const void *bytes, size_t size)
{
	struct message m = {.type = REQUEST_PUT_STATE,
		.version = l->session->version,
		.state = span_of(bytes, size)};
	struct message reply;
	OK(owner_call(l->session, &m, REPLY_OK, &reply));
	l->session->version++;
}

static void planted_leaks_are_found(void **state)
{
	struct leak *l = *state;
	size_t raw_bytes = tfhe_secret_bytes(l->key->params);
	uint8_t *raw;
	OK(secret_alloc(&raw, raw_bytes));
	OK(tfhe_secret_export(key_ring_tfhe(l->key->ring), raw, raw_bytes));
	assert_int_equal(leak_scan_folder(l->scan, l->folder), 0);
	plant(l, l->canary[3], CANARY);
	size_t canaries = leak_scan_folder(l->scan, l->folder);
	assert_true(canaries > 0);
	plant(l, raw, raw_bytes);
	assert_true(leak_scan_folder(l->scan, l->folder) > canaries);
	assert_true(leak_scan_process(l->scan, l->session->child, NULL) > 0);
	secret_free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaks),
		cmocka_unit_test(planted_leaks_are_found),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
