/* The owner's inside. The story: owner_session.c (connect, open or make the database, exchange
 * messages), owner_state.c (what the owner knows of its tables, sealed at the host),
 * owner_statement.c (SQL to what has to be done), owner_rows.c (values to fragments),
 * owner_question.c (a plan to a message, the answer to numbers), owner_fetch.c (fragments back to
 * values), result.c (values to text).
 */
#ifndef ENGINE_OWNER_H
#define ENGINE_OWNER_H

#include "amaters/owner.h"
#include "engine/message.h"
#include "engine/question.h"
#include "keys/key_ring.h"
#include "os/io.h"
#include "query/plan.h"

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

struct amt_session {
	const struct amt_key *key;
	const struct tfhe_params *params; /* of the key */
	struct channel channel;
	struct buf reply; /* the frame last received */
	pid_t child;	  /* a started host, 0: none */
	bool broken;	  /* the connection is no longer of use */
	unsigned failures;
	amt_fetch fetch;
	amt_progress progress;
	void *progress_context;
	struct io *io;
	char *memory; /* path of the local file, NULL: none */
	uint8_t database[MESSAGE_ID_BYTES];
	/* The owner state. */
	uint64_t version;
	struct relation *table;
	size_t tables;
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
	const struct value *values, size_t rows, struct buf *out);
/* Inserts rows, updating the session's table; batches of at most max_bytes. *inserted counts. */
amt_status owner_insert(struct amt_session *s, const char *table, const struct value *values,
	size_t rows, uint64_t *inserted);
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
	uint64_t *row; /* ids */
	size_t rows;
	struct value *value; /* [row][column of the schema]; text borrows from plain */
	uint8_t *valid;	     /* 0: deleted */
	struct buf *plain;   /* opened payloads */
};
amt_status owner_rows_new(
	struct owner_rows *out, const struct relation *t, const uint64_t *rows, size_t count);
void owner_rows_free(struct owner_rows *r); /* wipes */

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

/* ---- owner_statement.c */

/* A new, empty table of new->schema, which it takes over, also on failure. */
amt_status owner_create_table(struct amt_session *s, struct relation *new);

/* Statistics of a call: begins counting, and fills in what was counted since. */
struct owner_meter {
	uint64_t sent, received, progress_bytes, started_ns;
	unsigned rounds;
};
struct owner_meter owner_meter_start(const struct amt_session *s);
void owner_meter_stop(const struct amt_session *s, const struct owner_meter *m,
	const struct owner_answer *answer, amt_statistics *out);

#endif
