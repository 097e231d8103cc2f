/* The key manager: which changes are legal, what survives a power cut, what tampering shows, and that
 * memory stays within its budget. */
#include "testing.h"

#include "crypto/secret.h"
#include "crypto/wire.h"
#include "keys/key_store_inside.h"
#include "os/io_memory.h"
#include "folder.h"
#include "leak_scan.h"
#include "os/io_sim.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct key_cost cheap = {1, 8192};
static const struct tfhe_params *set(void)
{
	return tfhe_params_find(TFHE_DEFAULT_PARAMS);
}

static struct key_store *open_store(struct io *io)
{
	struct key_store *s;
	OK(key_store_open(&s, io, "ks", span_str("pass"), 0));
	return s;
}

static struct key_store *new_store(struct io *io)
{
	OK(key_store_create_at(io, "ks", span_str("pass"), cheap));
	return open_store(io);
}

static struct io *memory(void)
{
	struct io *io;
	OK(io_memory_new(&io));
	return io;
}

static enum key_state state_of(struct key_store *s, const uint8_t *id)
{
	struct key_entry *entries;
	size_t count;
	enum key_state state = KEY_NONE;
	OK(key_store_entries(s, &entries, &count));
	for (size_t i = 0; i < count; i++)
		if (memcmp(entries[i].key_id, id, KEY_ID_BYTES) == 0)
			state = entries[i].state;
	mem_free(entries);
	return state;
}

static void only_these_changes_are_legal(void **state)
{
	(void)state;
	static const char *const want[KEY_STATES] = {
		/* to: none created active rotated revoked expired */
		[KEY_NONE] = "010000",
		[KEY_CREATED] = "001011",
		[KEY_ACTIVE] = "000111",
		[KEY_ROTATED] = "000011",
		[KEY_REVOKED] = "000000",
		[KEY_EXPIRED] = "000010"};
	for (unsigned from = 0; from < KEY_STATES; from++)
		for (unsigned to = 0; to < KEY_STATES; to++) {
			amt_status s = key_state_check((enum key_state)from, (enum key_state)to);
			assert_int_equal(amt_ok(s), want[from][to] == '1');
			amt_status_clear(&s);
		}
	FAILS(AMT_CONFLICT, key_state_check(KEY_STATES, KEY_CREATED));
	FAILS(AMT_CONFLICT, key_state_check(KEY_NONE, (enum key_state)99));
}

static void take_and_give(struct key_store *s, const uint8_t *id, enum key_use use)
{
	const struct key_ring *ring;
	OK(key_store_take(s, id, use, &ring));
	assert_memory_equal(key_ring_id(ring), id, KEY_ID_BYTES);
	key_store_give(s, ring);
}

static void a_life(void **state)
{
	(void)state;
	struct io *io = memory();
	struct key_store *s = new_store(io);
	const struct key_ring *ring;
	uint8_t a[KEY_ID_BYTES], b[KEY_ID_BYTES], other[KEY_ID_BYTES], found[KEY_ID_BYTES];
	FAILS(AMT_ALREADY_EXISTS, key_store_create_at(io, "ks", span_str("pass"), cheap));
	FAILS(AMT_NOT_FOUND, key_store_active(s, "anna", found));
	OK(key_store_new_key(s, "anna", set(), 0, a));
	OK(key_store_new_key(s, "anna", set(), 0, b));
	OK(key_store_new_key(s, "otto", set(), 0, other));
	take_and_give(s, a, KEY_PREPARE);
	FAILS(AMT_CONFLICT, key_store_take(s, a, KEY_ENCRYPT, &ring));
	FAILS(AMT_CONFLICT, key_store_take(s, a, KEY_DECRYPT, &ring));
	FAILS(AMT_CONFLICT, key_store_rotate(s, a, b, NULL)); /* not active yet */
	OK(key_store_change(s, a, KEY_ACTIVE, "first"));
	FAILS(AMT_CONFLICT, key_store_change(s, a, KEY_ACTIVE, NULL));
	FAILS(AMT_CONFLICT, key_store_change(s, b, KEY_ACTIVE, NULL)); /* a second one */
	FAILS(AMT_CONFLICT, key_store_rotate(s, a, other, NULL));
	FAILS(AMT_CONFLICT, key_store_rotate(s, a, a, NULL));
	FAILS(AMT_INVALID_ARGUMENT, key_store_change(s, a, KEY_ROTATED, NULL));
	FAILS(AMT_NOT_FOUND, key_store_change(s, (uint8_t[KEY_ID_BYTES]){1}, KEY_ACTIVE, NULL));
	OK(key_store_active(s, "anna", found));
	assert_memory_equal(found, a, KEY_ID_BYTES);
	take_and_give(s, a, KEY_ENCRYPT);
	OK(key_store_rotate(s, a, b, "yearly"));
	assert_int_equal(state_of(s, a), KEY_ROTATED);
	assert_int_equal(state_of(s, b), KEY_ACTIVE);
	take_and_give(s, a, KEY_DECRYPT);
	FAILS(AMT_CONFLICT, key_store_take(s, a, KEY_ENCRYPT, &ring));

	/* A ring that is revoked while in use is wiped when it comes back. */
	OK(key_store_take(s, b, KEY_ENCRYPT, &ring));
	OK(key_store_change(s, b, KEY_REVOKED, "lost laptop"));
	size_t before = key_store_open_bytes(s);
	key_store_give(s, ring);
	assert_true(key_store_open_bytes(s) < before);
	FAILS(AMT_CONFLICT, key_store_take(s, b, KEY_DECRYPT, &ring));
	FAILS(AMT_CONFLICT, key_store_change(s, b, KEY_ACTIVE, NULL));
	key_store_close(s);

	FAILS(AMT_WRONG_PASSPHRASE, key_store_open(&s, io, "ks", span_str("word"), 0));
	FAILS(AMT_NOT_FOUND, key_store_open(&s, io, "nowhere", span_str("pass"), 0));
	OK(key_file_change_passphrase(io, "ks/secret", span_str("pass"), span_str("word")));
	OK(key_store_open(&s, io, "ks", span_str("word"), 0));
	assert_int_equal(state_of(s, a), KEY_ROTATED);
	assert_int_equal(state_of(s, b), KEY_REVOKED);
	take_and_give(s, a, KEY_DECRYPT);
	struct key_event *events;
	size_t count;
	OK(key_store_events(s, &events, &count));
	assert_int_equal(count, 7);
	assert_string_equal(events[3].note, "first");
	assert_string_equal(events[3].client, "anna");
	assert_int_equal(events[4].to, KEY_ROTATED);
	assert_memory_equal(events[4].other, b, KEY_ID_BYTES);
	assert_memory_equal(events[5].other, a, KEY_ID_BYTES);
	mem_free(events);
	key_store_close(s);
	io_free(io);
}

static void names_are_bounded(void **state)
{
	(void)state;
	struct io *io = memory();
	struct key_store *s = new_store(io);
	uint8_t id[KEY_ID_BYTES];
	char name[KEY_TEXT_BYTES + 1];
	memset(name, 'x', sizeof(name));
	name[KEY_TEXT_BYTES] = '\0';
	FAILS(AMT_INVALID_ARGUMENT, key_store_new_key(s, name, set(), 0, id));
	FAILS(AMT_INVALID_ARGUMENT, key_store_new_key(s, "", set(), 0, id));
	FAILS(AMT_INVALID_ARGUMENT, key_store_new_key(s, "a\nb", set(), 0, id));
	name[KEY_TEXT_BYTES - 1] = '\0';
	OK(key_store_new_key(s, name, set(), 0, id));
	FAILS(AMT_INVALID_ARGUMENT, key_store_change(s, id, KEY_ACTIVE, "a\tb"));
	assert_int_equal(state_of(s, id), KEY_CREATED);
	key_store_close(s);
	io_free(io);
}

static uint64_t clock_now;
static uint64_t test_clock(void)
{
	return clock_now;
}

static void time_ends_keys(void **state)
{
	(void)state;
	struct io *io = memory();
	struct key_store *s = new_store(io), *second = open_store(io);
	const struct key_ring *ring;
	uint8_t a[KEY_ID_BYTES], b[KEY_ID_BYTES];
	clock_now = 1000;
	key_store_set_clock(s, test_clock);
	key_store_set_clock(second, test_clock);
	OK(key_store_new_key(s, "anna", set(), 2000, a));
	OK(key_store_new_key(s, "anna", set(), 0, b));
	OK(key_store_change(s, a, KEY_ACTIVE, NULL));
	clock_now = 1999;
	take_and_give(s, a, KEY_ENCRYPT);
	clock_now = 2000;
	FAILS(AMT_CONFLICT, key_store_take(second, a, KEY_ENCRYPT, &ring));
	take_and_give(s, a, KEY_DECRYPT);
	assert_int_equal(state_of(s, a), KEY_EXPIRED);
	FAILS(AMT_NOT_FOUND, key_store_active(s, "anna", a));
	struct key_event *events;
	size_t count;
	OK(key_store_events(s, &events, &count));
	assert_int_equal(count, 4);
	assert_int_equal(events[3].to, KEY_EXPIRED);
	mem_free(events);
	/* A clock that goes back does not take the trail along. */
	clock_now = 5;
	OK(key_store_change(s, b, KEY_ACTIVE, NULL));
	OK(key_store_events(second, &events, &count));
	assert_true(events[4].time_us >= 2000);
	mem_free(events);
	key_store_close(s);
	key_store_close(second);
	io_free(io);
}

static void open_rings_stay_within_the_budget(void **state)
{
	(void)state;
	enum { KEYS = 5 };
	struct io *io = memory();
	struct key_store *s = new_store(io);
	uint8_t id[KEYS][KEY_ID_BYTES];
	const struct key_ring *ring[KEYS];
	for (unsigned i = 0; i < KEYS; i++)
		OK(key_store_new_key(s, "anna", set(), 0, id[i]));
	take_and_give(s, id[0], KEY_PREPARE);
	size_t one = key_store_open_bytes(s);
	key_store_close(s);
	OK(key_store_open(&s, io, "ks", span_str("pass"), 2 * one + 1));
	for (unsigned i = 0; i < 20; i++) {
		take_and_give(s, id[i % KEYS], KEY_PREPARE);
		assert_true(key_store_open_bytes(s) <= 2 * one);
	}
	OK(key_store_take(s, id[0], KEY_PREPARE, &ring[0]));
	OK(key_store_take(s, id[1], KEY_PREPARE, &ring[1]));
	FAILS(AMT_LIMIT, key_store_take(s, id[2], KEY_PREPARE, &ring[2]));
	OK(key_store_take(s, id[0], KEY_PREPARE, &ring[2])); /* open already */
	assert_ptr_equal(ring[0], ring[2]);
	key_store_give(s, ring[1]);
	OK(key_store_take(s, id[2], KEY_PREPARE, &ring[1]));
	for (unsigned i = 0; i < 3; i++)
		key_store_give(s, ring[i]);
	key_store_close(s);
	io_free(io);
}

/* ---- tampering */

static struct buf read_all(struct io *io, const char *path)
{
	struct buf b = {0};
	OK(io_read_file(io, path, 1 << 20, &b));
	return b;
}

/* With right checksums, as somebody who means it would. */
static void write_trail(struct io *io, struct span whole, struct span content)
{
	struct wire_header header;
	struct span old;
	struct buf out = {0};
	OK(wire_get(whole, WIRE_KEY_TRAIL, &header, &old));
	OK(wire_put(&out, &header, content));
	OK(io_write_file_atomic(io, "ks/trail", buf_span(&out), IO_PRIVATE));
	buf_free(&out);
}

static amt_status try_open(struct io *io)
{
	struct key_store *s;
	TRY(key_store_open(&s, io, "ks", span_str("pass"), 0));
	key_store_close(s);
	return STATUS_OK;
}

static void tampering_shows(void **state)
{
	(void)state;
	struct io *io = memory();
	struct key_store *s = new_store(io);
	uint8_t a[KEY_ID_BYTES], b[KEY_ID_BYTES];
	OK(key_store_new_key(s, "anna", set(), 0, a));
	struct buf old = read_all(io, "ks/trail");
	OK(key_store_new_key(s, "anna", set(), 0, b));
	OK(key_store_change(s, a, KEY_ACTIVE, NULL));
	OK(key_store_change(s, a, KEY_REVOKED, NULL));
	struct buf trail = read_all(io, "ks/trail");
	struct wire_header header;
	struct span content;
	OK(wire_get(buf_span(&trail), WIRE_KEY_TRAIL, &header, &content));
	uint8_t *bad;
	OK(mem_dup(&bad, content.data, content.size));
	/* Every byte counts. */
	size_t step = light() ? 37 : 1;
	for (size_t i = 8; i < content.size; i += step) {
		bad[i] ^= 1;
		write_trail(io, buf_span(&trail), span_of(bad, content.size));
		FAILS(AMT_INTEGRITY, try_open(io));
		bad[i] ^= 1;
	}
	/* One left out from the middle; two exchanged. */
	store_u64(bad, 3);
	memcpy(bad + 8 + KEY_EVENT_BYTES, content.data + 8 + 2 * KEY_EVENT_BYTES,
		2 * KEY_EVENT_BYTES);
	write_trail(io, buf_span(&trail), span_of(bad, content.size - KEY_EVENT_BYTES));
	FAILS(AMT_INTEGRITY, try_open(io));
	memcpy(bad, content.data, content.size);
	memcpy(bad + 8, content.data + 8 + KEY_EVENT_BYTES, KEY_EVENT_BYTES);
	memcpy(bad + 8 + KEY_EVENT_BYTES, content.data + 8, KEY_EVENT_BYTES);
	write_trail(io, buf_span(&trail), span_of(bad, content.size));
	FAILS(AMT_INTEGRITY, try_open(io));
	/* Damage. */
	store_u64(bad, 5);
	write_trail(io, buf_span(&trail), span_of(bad, content.size));
	FAILS(AMT_CORRUPTION, try_open(io));
	/* An older trail is seen by who knows a later one, and lacks the head that was noted. */
	OK(io_write_file_atomic(io, "ks/trail", buf_span(&old), IO_PRIVATE));
	FAILS(AMT_INTEGRITY, key_store_change(s, b, KEY_ACTIVE, NULL));
	OK(try_open(io));
	OK(io_remove(io, "ks/trail"));
	FAILS(AMT_INTEGRITY, try_open(io));
	OK(io_write_file_atomic(io, "ks/trail", buf_span(&trail), IO_PRIVATE));
	OK(try_open(io));
	/* One key's file in place of another's. */
	char from[64] = "ks/", to[64] = "ks/";
	for (unsigned i = 0; i < KEY_ID_BYTES; i++) {
		(void)snprintf(from + 3 + 2 * i, 3, "%02x", a[i]);
		(void)snprintf(to + 3 + 2 * i, 3, "%02x", b[i]);
	}
	strcat(from, ".key");
	strcat(to, ".key");
	const struct key_ring *ring;
	OK(io_rename(io, from, to));
	FAILS(AMT_INTEGRITY, key_store_take(s, b, KEY_PREPARE, &ring));
	struct buf key = read_all(io, to);
	key.data[20] ^= 1; /* the key id in the header */
	OK(io_write_file_atomic(io, to, buf_span(&key), IO_PRIVATE));
	FAILS(AMT_CORRUPTION, key_store_take(s, b, KEY_PREPARE, &ring));
	buf_free(&key);
	mem_free(bad);
	buf_free(&old);
	buf_free(&trail);
	key_store_close(s);
	io_free(io);
}

/* ---- power cuts */

struct script {
	uint8_t a[KEY_ID_BYTES], b[KEY_ID_BYTES];
	unsigned done; /* steps acknowledged */
};

/* Each step once the one before is on disk. */
static amt_status play(struct io *io, struct script *x)
{
	struct key_store *s;
	TRY(key_store_create_at(io, "ks", span_str("pass"), cheap));
	x->done = 1;
	TRY(key_store_open(&s, io, "ks", span_str("pass"), 0));
	amt_status st = key_store_new_key(s, "anna", set(), 0, x->a);
	x->done += amt_ok(st);
	if (amt_ok(st))
		st = key_store_change(s, x->a, KEY_ACTIVE, NULL);
	x->done += amt_ok(st);
	if (amt_ok(st))
		st = key_store_new_key(s, "anna", set(), 0, x->b);
	x->done += amt_ok(st);
	if (amt_ok(st))
		st = key_store_rotate(s, x->a, x->b, NULL);
	x->done += amt_ok(st);
	key_store_close(s);
	return st;
}

static void check_after_crash(struct io *io, const struct script *x)
{
	static const size_t events[] = {0, 0, 1, 2, 3, 5};
	struct key_store *s;
	amt_status st = key_store_open(&s, io, "ks", span_str("pass"), 0);
	if (x->done == 0 && amt_status_code(st) == AMT_NOT_FOUND) {
		amt_status_clear(&st);
		OK(key_store_create_at(io, "ks", span_str("pass"), cheap));
		return;
	}
	OK(st);
	struct key_entry *entries;
	struct key_event *trail;
	size_t count;
	OK(key_store_events(s, &trail, &count));
	/* All that was acknowledged, at most one step more. */
	assert_true(count >= events[x->done]);
	assert_true(x->done == 5 || count <= events[x->done + 1]);
	assert_true(count != 4); /* a rotation is one step */
	mem_free(trail);
	OK(key_store_entries(s, &entries, &count));
	unsigned active = 0;
	for (size_t i = 0; i < count; i++) {
		take_and_give(s, entries[i].key_id,
			entries[i].state == KEY_CREATED ? KEY_PREPARE : KEY_DECRYPT);
		active += entries[i].state == KEY_ACTIVE;
	}
	assert_true(active <= 1 && (x->done < 3 || active == 1));
	mem_free(entries);
	uint8_t id[KEY_ID_BYTES];
	OK(key_store_new_key(s, "later", set(), 0, id));
	take_and_give(s, id, KEY_PREPARE);
	key_store_close(s);
}

static void power_cuts_lose_nothing_acknowledged(void **state)
{
	(void)state;
	for (uint64_t k = 1;; k += light() ? 5 : 1) {
		bool finished = false;
		for (uint64_t seed = 0; seed < (light() ? 1 : 4); seed++) {
			struct io *io;
			struct script x = {0};
			OK(io_sim_new(&io, 31 * k + seed));
			io_sim_kill_at(io, k);
			amt_status st = play(io, &x);
			finished = amt_ok(st);
			amt_status_clear(&st);
			OK(io_sim_crash(io));
			check_after_crash(io, &x);
			io_free(io);
		}
		if (finished)
			return;
	}
}

static void single_failures_leave_the_store_usable(void **state)
{
	(void)state;
	for (uint64_t k = 1;; k += light() ? 7 : 1) {
		struct io *io;
		uint8_t a[KEY_ID_BYTES];
		OK(io_sim_new(&io, k));
		struct key_store *s = new_store(io);
		OK(key_store_new_key(s, "anna", set(), 0, a));
		io_sim_fail_at(io, k);
		amt_status st = key_store_change(s, a, KEY_ACTIVE, NULL);
		bool done = amt_ok(st), struck = io_sim_calls(io) >= k;
		amt_status_clear(&st);
		io_sim_fail_at(io, 0);
		enum key_state now = state_of(s, a);
		assert_true(now == KEY_ACTIVE || (!done && now == KEY_CREATED));
		OK(key_store_change(s, a, now == KEY_ACTIVE ? KEY_REVOKED : KEY_ACTIVE, NULL));
		key_store_close(s);
		io_free(io);
		if (!struck)
			return;
	}
}

static void allocation_failures_leak_nothing(void **state)
{
	(void)state;
	struct io *io = memory();
	struct key_store *s = new_store(io), *t;
	uint8_t a[KEY_ID_BYTES];
	OK(key_store_new_key(s, "anna", set(), 0, a));
	key_store_close(s);
	for (size_t n = 1;; n++) {
		mem_fail_nth(n);
		const struct key_ring *ring;
		amt_status st = key_store_open(&t, io, "ks", span_str("pass"), 0);
		if (amt_ok(st)) {
			st = key_store_take(t, a, KEY_PREPARE, &ring);
			if (amt_ok(st))
				key_store_give(t, ring);
			key_store_close(t);
		}
		bool done = amt_ok(st);
		amt_status_clear(&st);
		mem_fail_nth(0);
		if (done)
			break;
		assert_true(n < 1000);
	}
	io_free(io);
}

/* ---- what stays in memory. Another process, this program started anew, opens keys of a store in a
 * folder and waits to be looked at. */

/* Ends when its input does. */
static int hold(char *const *argument)
{
	struct io *io;
	struct key_store *s;
	const struct key_ring *ring;
	uint8_t id[2][KEY_ID_BYTES];
	bool evict = strcmp(argument[1], "evicted") == 0,
	     close = strcmp(argument[1], "closed") == 0;
	if (read(STDIN_FILENO, id, sizeof(id)) != sizeof(id) || !amt_ok(io_posix_new(&io)) ||
		!amt_ok(key_store_open(&s, io, argument[0], span_str("pass"), 40000)) ||
		!amt_ok(key_store_take(s, id[0], KEY_PREPARE, &ring)))
		return 1;
	key_store_give(s, ring);
	if (evict && !amt_ok(key_store_take(s, id[1], KEY_PREPARE, &ring)))
		return 2;
	if (close)
		key_store_close(s);
	char end;
	if (write(STDOUT_FILENO, "+", 1) != 1)
		return 3;
	(void)!read(STDIN_FILENO, &end, 1);
	if (evict)
		key_store_give(s, ring);
	if (!close)
		key_store_close(s);
	io_free(io);
	return 0;
}

static void closed_keys_are_gone_from_memory(void **state)
{
	(void)state;
	char folder[FOLDER_BYTES];
	uint8_t id[2][KEY_ID_BYTES], raw[1024], bits[2048];
	struct io *io;
	struct key_store *s;
	const struct key_ring *ring;
	folder_make(folder);
	OK(io_posix_new(&io));
	OK(key_store_create_at(io, folder, span_str("pass"), cheap));
	OK(key_store_open(&s, io, folder, span_str("pass"), 0));
	for (unsigned i = 0; i < 2; i++)
		OK(key_store_new_key(s, "anna", set(), 0, id[i]));
	OK(key_store_take(s, id[0], KEY_PREPARE, &ring));
	OK(tfhe_secret_export(key_ring_tfhe(ring), raw, tfhe_secret_bytes(set())));
	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = raw[18 + (set()->n + i) / 8] >> ((set()->n + i) % 8) & 1;
	key_store_give(s, ring);
	key_store_close(s);
	io_free(io);
	static const char *const modes[] = {"open", "evicted", "closed"};
	struct leak_scan *scan = NULL;
	for (size_t i = 0; i < 3; i++) {
		leak_scan_free(scan);
		scan = leak_scan_new();
		leak_scan_add_bits(scan, "key", bits, sizeof(bits));
		leak_scan_add_spectrum(scan, "key", bits, 11);
		size_t hits = leak_scan_holder(scan, folder, modes[i], id, sizeof(id));
		if ((hits > 0) != (i == 0))
			fail_msg("%s: %s", modes[i], leak_scan_report(scan));
	}
	/* Nor does the folder hold it in the clear. */
	assert_int_equal(leak_scan_folder(scan, folder), 0);
	leak_scan_free(scan);
	folder_remove(folder);
}

/* ---- known answers: a store as it was first released (tests/data/keys). AMT_WRITE_KNOWN=1 makes it
 * anew: only for a new version, beside the old one. */

static void known_files_open(void **state)
{
	(void)state;
	struct io *io;
	struct key_store *s;
	const char *folder = TEST_DATA "/keys/store";
	OK(io_posix_new(&io));
	if (getenv("AMT_WRITE_KNOWN") != NULL) {
		uint8_t a[KEY_ID_BYTES], b[KEY_ID_BYTES];
		OK(key_store_create_at(io, folder, span_str("known"), cheap));
		OK(key_store_open(&s, io, folder, span_str("known"), 0));
		OK(key_store_new_key(s, "anna", set(), 0, a));
		OK(key_store_new_key(s, "anna", set(), UINT64_MAX, b));
		OK(key_store_change(s, a, KEY_ACTIVE, "a note"));
		OK(key_store_rotate(s, a, b, NULL));
		key_store_close(s);
	}
	struct io *copy = memory();
	struct io_names names;
	OK(io_list(io, folder, &names));
	OK(io_make_folder(copy, "ks"));
	for (size_t i = 0; i < names.count; i++) {
		char *from, *to;
		struct buf bytes = {0};
		OK(io_path(&from, folder, names.names[i]));
		OK(io_path(&to, "ks", names.names[i]));
		OK(io_read_file(io, from, 1 << 20, &bytes));
		OK(io_write_file_atomic(copy, to, buf_span(&bytes), 0));
		buf_free(&bytes);
		mem_free(from);
		mem_free(to);
	}
	io_names_free(&names);
	OK(key_store_open(&s, copy, "ks", span_str("known"), 0));
	struct key_entry *e;
	size_t count;
	OK(key_store_entries(s, &e, &count));
	assert_int_equal(count, 2);
	assert_int_equal(e[0].state, KEY_ROTATED);
	assert_int_equal(e[1].state, KEY_ACTIVE);
	assert_int_equal(e[1].params, 2);
	assert_true(e[1].expires_us == UINT64_MAX);
	assert_string_equal(e[0].client, "anna");
	take_and_give(s, e[0].key_id, KEY_DECRYPT);
	take_and_give(s, e[1].key_id, KEY_ENCRYPT);
	mem_free(e);
	key_store_close(s);
	io_free(copy);
	io_free(io);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--hold") == 0)
		return hold(argv + 2);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_these_changes_are_legal),
		cmocka_unit_test(a_life),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(time_ends_keys),
		cmocka_unit_test(open_rings_stay_within_the_budget),
		cmocka_unit_test(tampering_shows),
		cmocka_unit_test(power_cuts_lose_nothing_acknowledged),
		cmocka_unit_test(single_failures_leave_the_store_usable),
		cmocka_unit_test(allocation_failures_leak_nothing),
		cmocka_unit_test(closed_keys_are_gone_from_memory),
		cmocka_unit_test(known_files_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
