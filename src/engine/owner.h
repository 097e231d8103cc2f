/* The owner's inside. The story: owner_session.c (connect, open or make the database, exchange
 * messages), owner_state.c (what the owner knows of its tables, sealed at the host),
 * owner_statement.c (SQL to what has to be done), owner_rows.c (values to fragments),
 * owner_question.c (a plan to a message, the answer to numbers), owner_fetch.c (fragments back to
 * values), result.c (values to text). For tables with scan columns: owner_scan_table.c (rings, keys,
 * dictionaries and tags), owner_upload.c (segments to the host and back), owner_pages.c (rows to scan
 * pages: INSERT, import), owner_repack.c, owner_scan.c (SELECT), owner_scan_change.c (UPDATE, DELETE).
 */
#ifndef ENGINE_OWNER_H
#define ENGINE_OWNER_H

#include "amaters/owner.h"
#include "engine/message.h"
#include "engine/question.h"
#include "bgv/secret.h"
#include "engine/scan_question.h"
#include "keys/key_ring.h"
#include "os/io.h"
#include "query/scan_plan.h"

#include <sys/types.h>

struct key_store;

struct amt_key {
	const struct key_ring *ring;
	struct key_ring *own;	 /* the same, if it is freed with the key */
	struct key_store *store; /* else where it goes back to */
	const struct tfhe_params *params;
	char id[2 * KEY_ID_BYTES + 1];
};
/* Takes the ring over, also on failure. */
amt_status owner_key_wrap(amt_key **out, struct key_ring *ring);
/* Takes over a ring taken from the store, also on failure. */
amt_status owner_key_wrap_stored(
	amt_key **out, struct key_store *store, const struct key_ring *ring);
/* The set of that name; NULL: the default. AMT_NOT_FOUND. */
amt_status owner_parameters(const struct tfhe_params **out, const char *name);

/* Makes the evaluation key (WIRE_EVALUATION_KEY), appended to out. */
amt_status owner_make_evaluation_key(
	const amt_key *key, amt_progress progress, void *context, struct buf *out);

enum { OWNER_FAILURES_ALLOWED = 3 };

/* A BGV ring of this session: tables, and the secret, made when first needed. key_limbs: of the
 * switching keys that the host has, 0: none (part of the owner state). */
struct owner_ring {
	const struct bgv_params *params; /* NULL: a free place */
	struct bgv_ring *ring;
	struct bgv_secret *secret;
	uint16_t key_limbs;
};
enum { OWNER_RINGS = 4 };

struct amt_session {
	const struct amt_key *key;
	const struct tfhe_params *params; /* of the key */
	struct channel channel;
	struct buf reply; /* the frame last received */
	pid_t child;	  /* a started host, 0: none */
	bool broken;	  /* the connection is no longer of use */
	unsigned failures;
	amt_fetch fetch;
	amt_scan_form scan_form;
	amt_progress progress;
	void *progress_context;
	struct io *io;
	char *memory; /* path of the local file, NULL: none */
	uint8_t database[MESSAGE_ID_BYTES];
	/* The owner state. */
	uint64_t version;
	struct relation *table;
	size_t tables;
	struct owner_ring ring[OWNER_RINGS];
	struct pool *pool;  /* for encryption; made when first needed */
	size_t batch_bytes; /* of an INSERT, about; 0: the default. For tests */
	/* Of the statement being run. */
	unsigned rounds;
	uint64_t progress_bytes; /* received as progress: not part of an answer */
};

/* ---- owner_connect.c: a started host or given descriptors. */
amt_status owner_connect(struct amt_session *s, const amt_session_options *options);
void owner_disconnect(struct amt_session *s);

/* ---- owner_session.c */

/* Sends a request. */
amt_status owner_send(struct amt_session *s, const struct message *request);
/* The next reply that is not progress, of type `expected` or `other` (0: none). REPLY_ERROR becomes
 * the status it describes. The message borrows from s->reply until the next call. */
amt_status owner_receive(
	struct amt_session *s, uint8_t expected, uint8_t other, struct message *reply);
/* Both, one round. */
amt_status owner_call(struct amt_session *s, const struct message *request, uint8_t expected,
	struct message *reply);
/* An answer that is not what was asked for: counts it; after OWNER_FAILURES_ALLOWED the session is
 * closed. Passes the status on as AMT_INTEGRITY unless it is an error of another kind. */
amt_status owner_distrust(struct amt_session *s, amt_status why);

/* ---- owner_state.c */

/* Borrowed; AMT_NOT_FOUND. */
amt_status owner_table(struct amt_session *s, const char *name, struct relation **out);
/* Fetches and opens the state, checks it against the local memory and the host's tables. */
amt_status owner_load_state(struct amt_session *s);
/* Writes the state's version to the local memory. */
amt_status owner_remember(struct amt_session *s);
/* The next state: all tables, but for the one with `changed`'s id, which it replaces (or joins), or
 * the one of id `dropped`, which goes. Either may be NULL. Sealed, appended to out. */
amt_status owner_seal_state(struct amt_session *s, const struct relation *changed,
	const uint8_t *dropped, struct buf *out);
/* Sends a request that changes a table, with the state after, and takes the change over when the
 * host has acknowledged it. The reply is REPLY_OK or what `receive` reads. */
typedef amt_status (*owner_receiver)(struct amt_session *s, void *context);
amt_status owner_change(struct amt_session *s, struct message *request,
	const struct relation *changed, const uint8_t *dropped, owner_receiver receive,
	void *context);

/* ---- owner_rows.c */

/* Fragments of rows [first, first + rows) of a table as it will be after the insert, values in
 * schema order, appended to out as REQUEST_INSERT wants them. */
amt_status owner_encrypt_rows(struct amt_session *s, const struct relation *t, uint64_t first,
	const struct value *values, size_t rows, bool deletes, struct buf *out);
/* Inserts rows, updating the session's table; batches of at most max_bytes. *inserted counts. import:
 * many rows, which go into scan pages at once. */
amt_status owner_insert(struct amt_session *s, const char *table, const struct value *values,
	size_t rows, bool import, uint64_t *inserted);
/* Subkeys in secret memory, freed with secret_free. */
amt_status owner_table_key(struct amt_session *s, enum subkey_purpose purpose,
	const struct relation *t, uint8_t **out);
/* What a row's seal is bound to. */
amt_status owner_row_context(struct amt_session *s, const struct relation *t, uint64_t row,
	uint64_t version, struct buf *out);
/* What the MAC of an original is bound to. */
amt_status owner_original_context(struct amt_session *s, const struct relation *t, struct buf *out);
/* One row to the plain text of its payload and back. Text borrows from in. */
amt_status owner_payload_put(const struct schema *s, const struct value *row, struct buf *out);
amt_status owner_payload_get(const struct schema *s, struct span in, struct value *row);

/* ---- owner_question.c */

struct owner_answer {
	uint64_t *value; /* of ANSWER_VALUE outputs, in order */
	unsigned values;
	uint8_t *bit; /* 0 or 1 a row; NULL: none asked for */
	uint64_t rows, bootstraps, nanoseconds;
	/* Of scans, all rounds. */
	uint64_t pages, relinearisations, bytes_read, cpu_ns, prepare_ns, peak_bytes;
	unsigned levels;
	double scan_failure_log2, noise_margin_bits;
};
void owner_answer_free(struct owner_answer *a);
/* Encrypts the plan's constants, sends the question with the families to be sent along (struct
 * question), reads and decrypts the answer. On success owner_receive_rows must follow. */
amt_status owner_ask(struct amt_session *s, const struct relation *t, const struct plan *plan,
	struct span columns, struct owner_answer *out);
/* The same for a plan that writes, with everything that belongs to a change; nothing follows. */
amt_status owner_ask_change(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *out);
/* Messages of `count` coefficients of a GLWE, [0, 32) each. */
amt_status owner_decode(
	struct amt_session *s, const uint32_t *glwe, unsigned count, uint8_t *messages);
/* Reads what is left of an answer. */
amt_status owner_drain(struct amt_session *s);

/* ---- owner_fetch.c */

/* Rows as they come in fragments: those wanted, in ascending order of their ids. */
struct owner_rows {
	const struct relation *t;
	uint64_t tail; /* sealed rows from the one that holds this row on come after the families;
			  SCAN_NO_TAIL: they do not */
	uint64_t *row; /* ids */
	size_t rows;
	struct value *value; /* [row][column of the schema]; text borrows from plain */
	uint8_t *valid;	     /* 0: deleted */
	struct buf *plain;   /* opened payloads */
};
amt_status owner_rows_new(
	struct owner_rows *out, const struct relation *t, const uint64_t *rows, size_t count);
void owner_rows_free(struct owner_rows *r); /* wipes */
/* The columns of a SELECT's result and its rows: of `count` numbers of rows, which it puts in another order,
 * those that are shown. (owner_statement.c) */
amt_status owner_rows_show(const struct owner_rows *rows, const struct arrangement *shown,
	const struct plan_item *item, unsigned items, size_t *row, size_t count, amt_result *out);

/* Where the values of a column are read: true: the payload; false: its own family. */
bool owner_in_payload(const struct relation *t, unsigned column);
/* Appends the families that hold a column (the payload's not) to a list as messages have it. */
amt_status owner_list_column(
	const struct amt_session *s, const struct relation *t, unsigned column, struct buf *list);
amt_status owner_list_family(unsigned column, unsigned part, struct buf *list);

/* Reads REPLY_FRAGMENTs to REPLY_END: all rows of each family of the list, then the sealed rows of
 * ids. Everything must come, in order, be of this table and authentic; wanted rows are opened into
 * r. */
amt_status owner_receive_rows(struct amt_session *s, struct span list, const uint64_t *ids,
	size_t id_count, struct owner_rows *r);
/* Asks for families and sealed rows and reads them: one round. */
amt_status owner_fetch(struct amt_session *s, struct span list, const uint64_t *ids,
	size_t id_count, struct owner_rows *r);
/* Sealed rows to ask for so that `count` ascending ids hide as the mode says; *out freed with
 * mem_free, ascending. */
amt_status owner_cover_ids(amt_fetch fetch, uint64_t table_rows, const uint64_t *ids, size_t count,
	uint64_t **out, size_t *out_count);

/* Uniform below bound > 0. */
amt_status owner_random_below(uint64_t bound, uint64_t *out);

/* ---- owner_audit.c */

/* All columns of the rows that `rows` wants, as the session's fetch mode says. */
amt_status owner_fetch_rows(struct amt_session *s, struct owner_rows *rows);

/* ---- owner_scan_table.c: what all work on a table's scan form needs */

struct owner_scan {
	struct amt_session *s;
	const struct relation *t;
	struct owner_ring *ring;
	struct scan_table table;
	uint8_t *canary_key, *mac_key, *payload_key;
	uint8_t **tag_key; /* by column, of text columns by tag */
	struct scan_texts texts;
};
/* t must outlive it. */
amt_status owner_scan_open(struct owner_scan *out, struct amt_session *s, const struct relation *t);
void owner_scan_close(struct owner_scan *x);
/* The table has changed places (the session's tables are replaced by changes). */
static inline void owner_scan_move(struct owner_scan *x, const struct relation *t)
{
	x->t = t;
}
amt_status owner_need_pool(struct amt_session *s);
void owner_rings_free(struct amt_session *s);
/* The session's place of a ring; without tables or secret if it is only named. */
amt_status owner_ring_place(
	struct amt_session *s, const struct bgv_params *params, struct owner_ring **out);
/* Sees to it that the host has the switching keys that a table of this schema needs. */
amt_status owner_need_switching_keys(struct amt_session *s, const struct schema *schema);
/* Texts of rows that are not in their dictionaries yet are added to t's. AMT_LIMIT when one is
 * full. */
amt_status owner_add_texts(struct relation *t, const struct value *values, size_t rows);
/* What a scan page's MAC is bound to, besides its bytes. */
amt_status owner_page_context(struct owner_scan *x, unsigned column, uint32_t page, uint64_t epoch,
	uint32_t rows, struct buf *out);

/* ---- owner_upload.c */

/* Sends segments one after the other, each in pieces, by a thread: work goes on while they travel and
 * the host writes. Until it is closed the session's connection must not be used otherwise. */
struct owner_upload;
amt_status owner_upload_open(struct owner_upload **out, struct amt_session *s);
/* A segment of `length` bytes begins; mac_key and context: for its MAC (mac_compute_long). */
amt_status owner_upload_begin(struct owner_upload *u, const struct relation *table, unsigned column,
	uint32_t page, uint64_t length, const uint8_t *mac_key, struct span context);
/* The next bytes of it: they are taken out of the buffer, which is empty then, and another one. */
amt_status owner_upload_put(struct owner_upload *u, struct buf *bytes);
/* All of it has been put. It joins the list for the INSERT by a later owner_upload_end or by
 * owner_upload_finish, in order. */
amt_status owner_upload_end(struct owner_upload *u, struct buf *segments);
amt_status owner_upload_finish(struct owner_upload *u, struct buf *segments);
/* Leaves the connection in order whatever was begun. Accepts NULL. */
void owner_upload_close(struct owner_upload *u);
/* One segment, at once. table NULL: switching keys, column is the ring. */
amt_status owner_upload_all(struct amt_session *s, const struct relation *table, unsigned column,
	uint64_t page, struct span bytes, uint64_t *number);
/* Bytes in DATA frames to `length`, appended. What does not come so is an integrity failure, but all
 * is read up to the reply after. */
amt_status owner_receive_data(struct amt_session *s, uint64_t length, struct buf *out);
/* A scan page as the host has it, with its MAC checked against epoch and rows. */
amt_status owner_fetch_page(struct owner_scan *x, unsigned column, uint32_t page, struct buf *out);

/* ---- owner_pages.c */

/* Rows [0, packed) after `rows` rows are there of which t->packed are in pages already. */
uint64_t owner_packed_rows(const struct relation *t, uint64_t rows, bool import);
/* A change of a table with scan columns, put together and sent. */
struct owner_change_of_rows {
	unsigned kind;		    /* enum relation_change_kind */
	const struct value *values; /* rows that are appended */
	size_t rows;
	size_t dead;	 /* the last of them are not there: padding */
	uint64_t packed; /* rows in pages after it */
	/* CHANGE_DELETES: rows to be deleted, ascending, and for each page whether its validity is
	 * made anew (NULL: all are). */
	const uint64_t *removed;
	size_t removed_rows;
	const uint8_t *touched;
};
amt_status owner_change_rows(
	struct amt_session *s, const char *table, const struct owner_change_of_rows *c);

/* ---- owner_key_store.c: an id from its 32 digits. */
amt_status owner_key_id_of(uint8_t out[KEY_ID_BYTES], const char *text);

/* ---- owner_repack.c */

/* With what an interrupted repacking left beside it. */
amt_status owner_drop_table(struct amt_session *s, const char *table);
/* The tail goes into pages if it is longer than a page. */
amt_status owner_settle_tail(struct amt_session *s, const char *table);

/* ---- owner_scan.c */

amt_status owner_scan_select(struct amt_session *s, const struct relation *t, struct scan_plan *p,
	struct owner_answer *a, amt_result *out);
/* Rows that a plan selects: hit[i] tells of rows.row[i]. Columns not in `wanted` may be missing. */
struct owner_selection {
	struct owner_rows rows;
	uint8_t *hit;
	size_t hits;
};
amt_status owner_scan_rows(struct owner_scan *x, struct scan_plan *p, const bool *wanted,
	struct owner_answer *a, struct owner_selection *out);
void owner_selection_free(struct owner_selection *sel);

/* ---- owner_scan_audit.c: every scan page; sealed: all rows of the table, as their payloads say. */
amt_status owner_scan_audit(
	struct amt_session *s, const struct relation *t, const struct owner_rows *sealed);

/* ---- owner_scan_change.c: UPDATE and DELETE of a table with scan columns */
amt_status owner_scan_change(struct amt_session *s, const struct relation *t, struct scan_plan *p,
	struct owner_answer *a, amt_result *out);

/* ---- owner_statement.c */

/* A new, empty table of new->schema, which it takes over, also on failure. */
amt_status owner_create_table(struct amt_session *s, struct relation *new);
/* An empty table with the columns of t, perhaps of another session, under this name. */
amt_status owner_create_alike(struct amt_session *s, const struct relation *t, const char *name);

/* Statistics of a call: begins counting, and fills in what was counted since. */
struct owner_meter {
	uint64_t sent, received, progress_bytes, started_ns;
	unsigned rounds;
};
struct owner_meter owner_meter_start(const struct amt_session *s);
void owner_meter_stop(const struct amt_session *s, const struct owner_meter *m,
	const struct owner_answer *answer, amt_statistics *out);

#endif
