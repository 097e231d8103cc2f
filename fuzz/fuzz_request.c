/* Requests arrive from outside. A host with a table of a toy set and one with scan pages in a toy ring, on a store in memory, answers whatever
 * comes: it may refuse, but must not break, and afterwards still answers an honest question. The first
 * byte is the type of request; where a request carries wire objects (a question, fragments), the rest
 * becomes their content under a good header, so that the fuzzer need not forge checksums. */
#include "base/alloc.h"
#include "engine/host.h"
#include "engine/owner.h"

#include "../tests/bgv/toy_rings.h"
#include "../tests/tfhe/toy_params.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct host *host;
static amt_key *key;
static int ends[2];
static uint64_t state_version;		 /* of the owner's state, as the honest owner left it */
static struct relation *table, *scanned; /* as the host has them */

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static void *serve(void *context)
{
	(void)context;
	must(host_serve(host, ends[1], ends[1]));
	return NULL;
}

/* An honest owner makes the table. */
static void prepare(void)
{
	static struct relation copy, copy_scanned;
	struct key_ring *ring;
	pthread_t thread;
	amt_session *session;
	amt_result *r;
	must(key_ring_new(&ring, tfhe_params_find(TOY_PARAMS)));
	must(owner_key_wrap(&key, ring));
	must(host_open(&host, NULL, "memory",
		&(struct store_options){.kind = STORE_IN_MEMORY, .inline_background = true}, 1));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
		pthread_create(&thread, NULL, serve, NULL) != 0)
		__builtin_trap();
	amt_session_options o = {.key = key, .use_fds = true, .in_fd = ends[0], .out_fd = ends[0]};
	must(amt_session_open(&session, &o));
	must(amt_execute(
		session, "CREATE TABLE t (a u8, b u16 not null, c text, d u8(plain))", &r));
	amt_result_free(r);
	must(amt_execute(session, "INSERT INTO t VALUES (1, 2, 'x', 3), (4, 5, 'y', NULL)", &r));
	amt_result_free(r);
	must(amt_execute(session,
		"CREATE TABLE s (a u8(scan), b bool(scan) not null) WITH (scan_ring = 10)", &r));
	amt_result_free(r);
	must(amt_execute(session, "INSERT INTO s VALUES (1, true), (2, false), (3, true)", &r));
	amt_result_free(r);
	must(amt_repack(session, "s", NULL));
	must(amt_execute(session, "INSERT INTO s VALUES (4, true)", &r));
	amt_result_free(r);
	must(relation_copy(&copy, &session->table[0]));
	must(relation_copy(&copy_scanned, &session->table[1]));
	table = &copy;
	scanned = &copy_scanned;
	state_version = session->version;
	amt_session_close(session);
	pthread_join(thread, NULL);
	int nowhere = open("/dev/null", O_RDWR);
	host->channel.in = host->channel.out = nowhere;
}

static void wrap(uint16_t type, struct span content, struct buf *out)
{
	struct wire_header header = {
		.type = type, .params = type == WIRE_SCAN_QUESTION ? TOY_RING_10 : key->params->id};
	memcpy(header.key_id, key_ring_id(key->ring), sizeof(header.key_id));
	must(wire_put(out, &header, content));
}

/* The table's id and epoch are filled in where they belong, else nothing would pass. */
static void aim(const struct relation *t, uint8_t *content, size_t size, size_t id_at)
{
	if (size >= id_at + RELATION_ID_BYTES)
		memcpy(content + id_at, t->id, RELATION_ID_BYTES);
}

static void fill_scan(struct message *m, uint8_t *content, size_t size, struct buf *made)
{
	aim(scanned, content, size, 16);
	if (size >= 44) {
		store_u64(content + 32, scanned->epoch);
		store_u32(content + 40, scanned->schema.version);
	}
	wrap(WIRE_SCAN_QUESTION, span_of(content, size), made);
	m->scan = buf_span(made);
}

/* A change of the table with scan pages: the bytes are its list of pages. */
static void fill_change(struct message *m, uint8_t *content, size_t size)
{
	memcpy(m->table, scanned->id, sizeof(m->table));
	m->epoch = scanned->epoch;
	m->first = scanned->rows;
	m->kind = size > 0 ? content[0] % 5 : 0;
	m->packed = size > 1 ? content[1] % 8 : 0;
	m->rows = size > 2 ? content[2] % 3 : 0;
	m->segments = size > 3 ? span_of(content + 3, size - 3) : (struct span){0};
	m->state = span_str("state");
}

static void fill(struct message *m, uint8_t *content, size_t size, struct buf *made)
{
	memcpy(m->table, table->id, sizeof(m->table));
	m->version = state_version;
	if (m->type == REQUEST_SCAN) {
		fill_scan(m, content, size, made);
	} else if (m->type == REQUEST_INSERT && size > 0 && content[size - 1] == 255) {
		fill_change(m, content, size - 1);
	} else if (m->type == REQUEST_QUERY) {
		aim(table, content, size, 16);
		if (size >= 44) {
			store_u64(content + 32, table->epoch);
			store_u32(content + 40, table->schema.version);
		}
		wrap(WIRE_QUERY, span_of(content, size), made);
		m->query = buf_span(made);
	} else {
		static const uint16_t types[] = {
			WIRE_SEEDED_GLWE, WIRE_GLWE, WIRE_PLAIN, WIRE_PAYLOAD};
		m->epoch = table->epoch;
		m->first = table->rows;
		m->rows = 1;
		struct buf wire = {0};
		uint16_t type = types[size > 0 ? content[size - 1] % 4 : 0];
		aim(table, content, size, 0);
		wrap(type, span_of(content, size), &wire);
		must(buf_put_span(made, buf_span(&wire)));
		buf_free(&wire);
		m->fragments = buf_span(made);
		m->state = span_str("state");
	}
}

static void answer(const struct message *m)
{
	bool done;
	amt_status s = host_answer(host, m, &done);
	amt_status_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (host == NULL)
		prepare();
	if (size == 0 || data[0] == REQUEST_CREATE_DATABASE)
		return 0;
	struct message m = {.type = data[0]};
	struct buf made = {0};
	uint8_t *content;
	must(mem_dup(&content, data + 1, size - 1));
	if (m.type == REQUEST_QUERY || m.type == REQUEST_INSERT || m.type == REQUEST_SCAN) {
		fill(&m, content, size - 1, &made);
		answer(&m);
	} else {
		amt_status s = message_get(&m, data[0], span_of(content, size - 1));
		/* Dropping the table would leave nothing to ask. */
		if (amt_ok(s) && m.type != REQUEST_DROP_TABLE && m.type != REQUEST_REPLACE_TABLE)
			answer(&m);
		amt_status_clear(&s);
	}
	mem_free(content);
	buf_free(&made);
	struct relation now;
	must(host_table(host, table->id, &now, NULL));
	relation_free(&now);
	return 0;
}
