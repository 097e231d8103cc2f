/* A revoked key at the host: its evaluation keys are in no file any more, also after a crash on the
 * way, and the host computes nothing; what is stored can be read. Toy parameters. */
#include "engine/fixture.h"

#include "bgv/toy_rings.h"
#include "folder.h"
#include "tfhe/toy_params.h"

static const char cache[] = "cache", store[] = "db";
static uint8_t piece[2][48]; /* out of the middle of each evaluation key */
static bool seen[2];

static int look(const char *path, const struct stat *about, int flag, struct FTW *where)
{
	(void)where;
	struct io *io;
	struct buf content = {0};
	if (flag != FTW_F || about->st_size == 0)
		return 0;
	OK(io_posix_new(&io));
	OK(io_read_file(io, path, 1 << 30, &content));
	for (unsigned i = 0; i < 2; i++)
		seen[i] |= memmem(content.data, content.size, piece[i], sizeof(piece[i])) != NULL;
	buf_free(&content);
	io_free(io);
	return 0;
}

static void look_for_keys(bool there)
{
	seen[0] = seen[1] = false;
	assert_int_equal(nftw(".", look, 16, FTW_PHYS), 0);
	assert_true(seen[0] == there && seen[1] == there);
}

static void start_host(struct engine *e)
{
	OK(host_open(&e->host, e->io, store, &(struct store_options){0}, 2));
	e->host->key_cache = cache;
}

static void open_host(struct engine *e)
{
	start_host(e);
	OK(engine_connect(e, (amt_session_options){0}));
}

static void close_host(struct engine *e)
{
	engine_disconnect(e);
	OK(host_close(e->host));
}

/* Middles of the stored keys, and that there is an expanded one. */
static void note_keys(struct engine *e)
{
	struct buf key = {0};
	OK(store_get(e->host->store, NULL, span_str(HOST_EVALUATION_KEY), &key));
	assert_true(key.size > 1000);
	memcpy(piece[0], key.data + key.size / 2, sizeof(piece[0]));
	buf_clear(&key);
	OK(host_load_keys(e->host, TOY_RING_10, &key));
	memcpy(piece[1], key.data + key.size / 2, sizeof(piece[1]));
	buf_free(&key);
	look_for_keys(true);
}

static unsigned files_of(const char *folder)
{
	struct io *io;
	struct io_names names;
	unsigned keys = 0;
	OK(io_posix_new(&io));
	OK(io_list(io, folder, &names));
	for (size_t i = 0; i < names.count; i++)
		keys += strstr(names.names[i], ".expanded") != NULL;
	io_names_free(&names);
	io_free(io);
	return keys;
}

/* Without a session; the host is open before and after. */
static amt_status tell(struct engine *e, const char *id)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, e->ends), 0);
	assert_int_equal(pthread_create(&e->thread, NULL, engine_thread, e), 0);
	amt_session_options o = {.use_fds = true, .in_fd = e->ends[0], .out_fd = e->ends[0]};
	amt_status s = amt_host_revoke(&o, id);
	(void)pthread_join(e->thread, NULL);
	(void)close(e->ends[0]);
	(void)close(e->ends[1]);
	return s;
}

static void check_refused(struct engine *e)
{
	static const char *const work[] = {"SELECT count(*) FROM t WHERE a > 3",
		"UPDATE t SET a = a + 1", "INSERT INTO t VALUES (9, 9)", "SELECT sum(a) FROM s",
		"CREATE TABLE u (a u8)"};
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		amt_result *r = NULL;
		amt_status s = amt_execute(e->session, work[i], &r);
		amt_result_free(r);
		if (amt_status_code(s) != AMT_NOT_FOUND ||
			strstr(amt_status_message(s), "is revoked") == NULL)
			fail_msg("%s: %s", work[i], amt_status_message(s));
		amt_status_clear(&s);
	}
	amt_result *r = engine_run(e, "SELECT a, b FROM t");
	assert_int_equal(amt_result_rows(r), 2);
	amt_result_free(r);
	r = engine_run(e, "SELECT a FROM s");
	assert_int_equal(amt_result_rows(r), 1);
	amt_result_free(r);
	uint64_t rows;
	OK(amt_audit(e->session, "t", &rows));
}

static char folder[FOLDER_BYTES];

static int enter(void **state)
{
	(void)state;
	folder_make(folder);
	return chdir(folder);
}

static int leave(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	folder_remove(folder);
	return 0;
}

static void revoked(void **state)
{
	(void)state;
	char cell[64];
	struct engine e = {.key = engine_key(TOY_PARAMS)};
	OK(io_posix_new(&e.io));
	open_host(&e);
	engine_do(&e, "CREATE TABLE t (a u8, b u8)");
	engine_do(&e, "CREATE TABLE s (a u8(scan)) WITH (scan_ring = 10)");
	engine_do(&e, "INSERT INTO t VALUES (1, 2), (5, 6)");
	engine_do(&e, "INSERT INTO s VALUES (7)");
	assert_string_equal(engine_cell(&e, "SELECT count(*) FROM t WHERE a > 3", cell), "1");
	assert_string_equal(engine_cell(&e, "SELECT sum(a) FROM s", cell), "7");
	note_keys(&e);
	assert_int_equal(files_of(cache), 1);
	close_host(&e);

	/* Of another key: refused, and nothing happens. */
	amt_key *other = engine_key(TOY_PARAMS);
	start_host(&e);
	FAILS(AMT_WRONG_KEY, tell(&e, amt_key_id(other)));
	amt_key_free(other);
	OK(engine_connect(&e, (amt_session_options){0}));
	assert_string_equal(engine_cell(&e, "SELECT count(*) FROM t WHERE a > 3", cell), "1");
	engine_disconnect(&e);

	for (unsigned again = 0; again < 2; again++) {
		OK(tell(&e, amt_key_id(e.key)));
		look_for_keys(false);
		assert_int_equal(files_of(cache), 0);
		for (unsigned reopened = 0; reopened < 2; reopened++) {
			OK(engine_connect(&e, (amt_session_options){0}));
			check_refused(&e);
			close_host(&e);
			look_for_keys(false);
			start_host(&e);
		}
	}
	OK(host_close(e.host));
	amt_key_free(e.key);
	io_free(e.io);
}

/* The keys are deleted, but their bytes are not gone yet: the next start sees to it. */
static void interrupted(void **state)
{
	(void)state;
	struct engine e = {.key = engine_key(TOY_PARAMS)};
	struct store *s;
	struct store_batch *batch;
	OK(io_posix_new(&e.io));
	open_host(&e);
	engine_do(&e, "CREATE TABLE s (a u8(scan)) WITH (scan_ring = 10)");
	note_keys(&e);
	close_host(&e);
	OK(store_open(&s, e.io, store, &(struct store_options){0}));
	OK(store_batch_new(&batch));
	OK(store_batch_put(batch, span_str("R"), span_str("\x01")));
	OK(store_batch_delete(batch, span_str(HOST_EVALUATION_KEY)));
	OK(store_batch_delete(batch, span_of("B\xfe\x10", 3)));
	OK(store_write(s, batch));
	store_batch_free(batch);
	OK(store_close(s));
	look_for_keys(true);
	start_host(&e);
	look_for_keys(false);
	OK(host_close(e.host));
	amt_key_free(e.key);
	io_free(e.io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(revoked, enter, leave),
		cmocka_unit_test_setup_teardown(interrupted, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
