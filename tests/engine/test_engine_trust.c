/* What an owner catches when a host does not answer what was asked: replayed, foreign, cut, mutated
 * and swapped messages, older states; and that the host never learns that it was caught. */
#include "engine/proxy.h"

#include "tfhe/toy_params.h"

#include <stdlib.h>

static const char create[] = "CREATE TABLE t (a u8 not null, b u16, name text)";
static const char insert[] = "INSERT INTO t VALUES (1, 100, 'one'), (2, 200, 'two'), (3, NULL, "
			     "'three'), (4, 400, 'four')";

static int setup(void **state)
{
	struct proxy *p;
	OK(mem_zalloc(&p, sizeof(*p)));
	proxy_open(p, TOY_PARAMS);
	engine_do(&p->engine, create);
	engine_do(&p->engine, insert);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	proxy_close(*state);
	mem_free(*state);
	return 0;
}

static void caught(struct proxy *p, proxy_hook hook, const char *sql, amt_code code)
{
	proxy_caught(p, hook, sql, code, "SELECT sum(a) FROM t WHERE b > 150", "6", REQUEST_QUERY);
}

/* ---- answers */

static bool keep_answer(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_ANSWER)
		proxy_keep(p, m->answer);
	return true;
}

static bool replay_answer(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_ANSWER)
		m->answer = buf_span(&p->kept);
	return true;
}

static void replayed(void **state)
{
	struct proxy *p = *state;
	char cell[64];
	proxy_hook_set(p, keep_answer);
	(void)engine_cell(&p->engine, "SELECT count(*) FROM t WHERE a = 1", cell);
	caught(p, replay_answer, "SELECT count(*) FROM t WHERE a = 1", AMT_INTEGRITY);
}

static bool flip_answer(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_ANSWER)
		m->answer = proxy_flip(p, m->answer);
	return true;
}

static void damaged(void **state)
{
	caught(*state, flip_answer, "SELECT count(*) FROM t WHERE a = 1", AMT_CORRUPTION);
}

static bool cut_answer(struct proxy *p, struct message *m)
{
	(void)p;
	if (m->type == REPLY_ANSWER)
		m->answer.size -= 5;
	return true;
}

static void cut(void **state)
{
	caught(*state, cut_answer, "SELECT count(*) FROM t WHERE a = 1", AMT_TRUNCATED);
}

static void other_key(struct wire_header *h, uint8_t *content, size_t size)
{
	(void)content;
	(void)size;
	h->key_id[3] ^= 1;
}

static bool foreign_answer(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_ANSWER)
		m->answer = proxy_rewrap(p, m->answer, WIRE_ANSWER, other_key);
	return true;
}

static void foreign(void **state)
{
	caught(*state, foreign_answer, "SELECT count(*) FROM t WHERE a = 1", AMT_WRONG_KEY);
}

/* Other ciphertexts in the packs: what they decrypt to is no answer. */
static void noise(struct wire_header *h, uint8_t *content, size_t size)
{
	(void)h;
	for (size_t i = size - 104; i < size - 4; i++) /* bodies */
		content[i] = (uint8_t)(content[i] * 73 + i);
}

static bool noisy_answer(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_ANSWER)
		m->answer = proxy_rewrap(p, m->answer, WIRE_ANSWER, noise);
	return true;
}

static void implausible(void **state)
{
	caught(*state, noisy_answer, "SELECT sum(b) FROM t", AMT_INTEGRITY);
}

static void refuses_to_go_on(void **state)
{
	proxy_refuses(*state, flip_answer, "SELECT count(*) FROM t", AMT_CORRUPTION);
}

/* ---- rows */

static bool drop_fragment(struct proxy *p, struct message *m)
{
	(void)p;
	return m->type != REPLY_FRAGMENT;
}

static void missing_rows(void **state)
{
	caught(*state, drop_fragment, "SELECT name FROM t WHERE a = 2", AMT_INTEGRITY);
}

/* Exchanges the first two sealed rows of a fragment. */
static void swap_rows(struct wire_header *h, uint8_t *content, size_t size)
{
	(void)h;
	uint8_t *records = content + 40;
	uint32_t first = load_u32(records), second = load_u32(records + 4 + first);
	assert_int_equal(first, second);
	assert_true(44 + 2 * (size_t)first + 4 <= size);
	for (uint32_t i = 0; i < first; i++) {
		uint8_t byte = records[4 + i];
		records[4 + i] = records[8 + first + i];
		records[8 + first + i] = byte;
	}
}

static bool swapped_rows(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_FRAGMENT)
		m->fragment = proxy_rewrap(p, m->fragment, WIRE_PAYLOAD, swap_rows);
	return true;
}

static void swapped(void **state)
{
	caught(*state, swapped_rows, "SELECT name FROM t WHERE a = 2", AMT_INTEGRITY);
}

static void shorten(struct wire_header *h, uint8_t *content, size_t size)
{
	(void)h;
	(void)size;
	store_u32(content + 20, load_u32(content + 20) - 1);
}

static bool fewer_rows(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_FRAGMENT)
		m->fragment = proxy_rewrap(p, m->fragment, WIRE_PAYLOAD, shorten);
	return true;
}

static void fewer(void **state)
{
	caught(*state, fewer_rows, "SELECT name FROM t WHERE a = 2", AMT_CORRUPTION);
}

/* ---- older states */

static bool keep_fragment(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_FRAGMENT && p->kept.size == 0)
		OK(buf_put(&p->kept, m->fragment.data, m->fragment.size));
	return true;
}

static bool old_fragment(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_FRAGMENT && p->kept.size > 0) {
		buf_clear(&p->made);
		OK(buf_put(&p->made, p->kept.data, p->kept.size));
		m->fragment = buf_span(&p->made);
		buf_clear(&p->kept);
	}
	return true;
}

/* The page of b before an UPDATE is authentic, and of the right rows, but of another time. */
static void rolled_back_page(void **state)
{
	struct proxy *p = *state;
	engine_do(&p->engine, "CREATE TABLE u (a u8(arith) not null)");
	engine_do(&p->engine, "INSERT INTO u VALUES (1), (2)");
	buf_clear(&p->kept);
	proxy_hook_set(p, keep_fragment);
	engine_do(&p->engine, "SELECT a FROM u");
	proxy_hook_set(p, NULL);
	engine_do(&p->engine, "UPDATE u SET a = 9 WHERE a = 1");
	caught(p, old_fragment, "SELECT a FROM u", AMT_INTEGRITY);
}

static bool keep_tables(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_TABLES)
		proxy_keep(p, m->tables);
	return true;
}

static bool old_tables(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_TABLES)
		m->tables = buf_span(&p->kept);
	return true;
}

static void rolled_back_table(void **state)
{
	struct proxy *p = *state;
	proxy_hook_set(p, keep_tables);
	proxy_disconnect(p);
	OK(proxy_connect(p, (amt_session_options){0}));
	engine_do(&p->engine, "INSERT INTO t VALUES (5, 5, 'five')");
	proxy_disconnect(p);
	proxy_hook_set(p, old_tables);
	FAILS(AMT_INTEGRITY, proxy_connect(p, (amt_session_options){0}));
	proxy_disconnect(p);
	proxy_hook_set(p, NULL);
	OK(proxy_connect(p, (amt_session_options){0}));
}

static bool keep_state(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_STATE) {
		buf_clear(&p->kept);
		OK(buf_put_u64(&p->kept, m->version));
		OK(buf_put(&p->kept, m->state.data, m->state.size));
	}
	return true;
}

static bool old_state(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_STATE) {
		m->version = load_u64(p->kept.data);
		m->state = span_of(p->kept.data + 8, p->kept.size - 8);
	}
	return true;
}

static bool relabelled_state(struct proxy *p, struct message *m)
{
	if (m->type == REPLY_STATE)
		m->state = span_of(p->kept.data + 8, p->kept.size - 8);
	return true;
}

static void rolled_back_database(void **state)
{
	struct proxy *p = *state;
	char memory[] = "/tmp/amaters-memory-XXXXXX";
	int fd = mkstemp(memory);
	assert_true(fd >= 0);
	(void)close(fd);
	amt_session_options o = {.memory = memory};
	proxy_disconnect(p);
	proxy_hook_set(p, keep_state);
	OK(proxy_connect(p, o));
	engine_do(&p->engine, "INSERT INTO t VALUES (6, 6, 'six')");
	proxy_disconnect(p);
	proxy_hook_set(p, old_state);
	FAILS(AMT_INTEGRITY, proxy_connect(p, o));
	proxy_disconnect(p);
	proxy_hook_set(p, relabelled_state);
	FAILS(AMT_INTEGRITY, proxy_connect(p, (amt_session_options){0}));
	proxy_disconnect(p);
	proxy_hook_set(p, NULL);
	OK(proxy_connect(p, o));
	(void)unlink(memory);
}

/* ---- shapes */

static void same_shape_same_length(void **state)
{
	struct proxy *p = *state;
	static const char *const shapes[][3] = {
		{"SELECT count(*) FROM t WHERE a < 3", "SELECT count(*) FROM t WHERE a < 255",
			"SELECT count(*) FROM t WHERE a < -7"},
		{"SELECT sum(b) FROM t WHERE b BETWEEN 1 AND 2 OR a IN (1, 2)",
			"SELECT sum(b) FROM t WHERE b BETWEEN 9 AND 60000 OR a IN (250, 99999)",
			"SELECT sum(b) FROM t WHERE b BETWEEN -5 AND -1 OR a IN (0, 0)"},
		{"SELECT name FROM t WHERE a = 1", "SELECT name FROM t WHERE a = 77",
			"SELECT name FROM t WHERE a = 1000"},
		{"UPDATE t SET b = 1 WHERE a = 201", "UPDATE t SET b = 65535 WHERE a = 202",
			"UPDATE t SET b = 0 WHERE a = 100000"},
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		amt_statistics first = engine_statistics(&p->engine, shapes[i][0]);
		for (size_t k = 1; k < 3; k++) {
			amt_statistics s = engine_statistics(&p->engine, shapes[i][k]);
			assert_int_equal(s.query_bytes, first.query_bytes);
			assert_int_equal(s.answer_bytes, first.answer_bytes);
			assert_int_equal(s.rounds, first.rounds);
		}
	}
}

static void aggregates_do_not_grow(void **state)
{
	struct proxy *p = *state;
	const char *sql = "SELECT count(*), sum(b), avg(b), min(a), max(b) FROM t WHERE a > 1";
	amt_statistics few = engine_statistics(&p->engine, sql);
	struct buf csv = {0};
	for (int i = 0; i < 600; i++)
		OK(buf_printf(&csv, "%d,%d,x\n", i % 250, i));
	OK(buf_put_u8(&csv, 0));
	OK(engine_import(&p->engine, "t", (char *)csv.data, NULL, NULL));
	buf_free(&csv);
	amt_statistics many = engine_statistics(&p->engine, sql);
	assert_true(many.rows >= few.rows + 600);
	assert_int_equal(many.answer_bytes, few.answer_bytes);
	assert_int_equal(many.query_bytes, few.query_bytes);
}

/* ---- keys */

static void wrong_key(void **state)
{
	struct proxy *p = *state;
	amt_key *other = engine_key(TOY_PARAMS);
	proxy_disconnect(p);
	FAILS(AMT_WRONG_KEY, proxy_connect(p, (amt_session_options){.key = other}));
	proxy_disconnect(p);
	amt_key_free(other);
	FAILS(AMT_ALREADY_EXISTS, proxy_connect(p, (amt_session_options){.must_not_exist = true}));
	proxy_disconnect(p);
	OK(proxy_connect(p, (amt_session_options){.must_exist = true}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replayed, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(cut, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(implausible, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_to_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(swapped, setup, teardown),
		cmocka_unit_test_setup_teardown(fewer, setup, teardown),
		cmocka_unit_test_setup_teardown(rolled_back_page, setup, teardown),
		cmocka_unit_test_setup_teardown(rolled_back_table, setup, teardown),
		cmocka_unit_test_setup_teardown(rolled_back_database, setup, teardown),
		cmocka_unit_test_setup_teardown(same_shape_same_length, setup, teardown),
		cmocka_unit_test_setup_teardown(aggregates_do_not_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_key, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
