/* What owner and host say to each other. docs/protocol.md tells the story; this is the alphabet.
 *
 * A frame is a u32 length (of what follows), a u8 type and the fields of that type, in the order of
 * MESSAGE_TABLE. Fields are numbers, 16-byte ids or byte strings with a u32 length. The owner sends
 * one request and reads replies until the last one of that request; only REQUEST_CANCEL may
 * overtake, and one REQUEST_SEGMENT the reply to another. Every field is bounded, and nothing is left over in a frame that decodes.
 */
#ifndef ENGINE_MESSAGE_H
#define ENGINE_MESSAGE_H

#include "base/bytes.h"

enum {
	MESSAGE_PROTOCOL = 3,	     /* version of all of this */
	MESSAGE_MAX_BYTES = 1 << 28, /* of a frame */
	MESSAGE_MAX_STATE = 1 << 24,
	MESSAGE_MAX_TEXT = 1 << 16,
	MESSAGE_DATA_BYTES = 1 << 22, /* of a DATA frame, at most */
	MESSAGE_ID_BYTES = 16
};

/* name, type number (stable), fields */
#define MESSAGE_TABLE(X)                                                                         \
	X(REQUEST_HELLO, 1, PROTOCOL)                                                            \
	X(REQUEST_CREATE_DATABASE, 2, DATABASE, VERSION, STATE, KEY)                             \
	X(REQUEST_STATE, 3, FIELD_END)                                                           \
	X(REQUEST_PUT_STATE, 4, VERSION, STATE)                                                  \
	X(REQUEST_CREATE_TABLE, 5, VERSION, STATE, TABLE, SCHEMA)                                \
	X(REQUEST_DROP_TABLE, 6, VERSION, STATE, TABLE)                                          \
	X(REQUEST_INSERT, 7, VERSION, STATE, TABLE, EPOCH, KIND, FIRST, ROWS, PACKED, FRAGMENTS, \
		SEGMENTS)                                                                        \
	X(REQUEST_QUERY, 8, VERSION, STATE, QUERY)                                               \
	X(REQUEST_FETCH, 9, TABLE, EPOCH, COLUMNS, IDS)                                          \
	X(REQUEST_TABLES, 10, FIELD_END)                                                         \
	X(REQUEST_INSPECT, 11, FIELD_END)                                                        \
	X(REQUEST_CANCEL, 12, FIELD_END)                                                         \
	X(REQUEST_BYE, 13, FIELD_END)                                                            \
	X(REQUEST_SEGMENT, 14, TABLE, COLUMN, PAGE, LENGTH)                                      \
	X(REQUEST_DATA, 15, DATA)                                                                \
	X(REQUEST_BGV_KEYS, 16, VERSION, STATE, PARAMETERS, NUMBER)                              \
	X(REQUEST_SCAN, 17, SCAN)                                                                \
	X(REQUEST_PAGE, 18, TABLE, EPOCH, COLUMN, PAGE)                                          \
	X(REQUEST_REPLACE_TABLE, 19, VERSION, STATE, TABLE, OTHER)                               \
	X(REQUEST_REVOKE, 20, KEY_ID)                                                            \
	X(REPLY_OK, 64, FIELD_END)                                                               \
	X(REPLY_ERROR, 65, CODE, TEXT, HINT)                                                     \
	X(REPLY_PROGRESS, 66, CODE, DONE, TOTAL)                                                 \
	X(REPLY_HELLO, 67, PROTOCOL, EXISTS, DATABASE, KEY_ID, PARAMETERS)                       \
	X(REPLY_STATE, 68, VERSION, STATE)                                                       \
	X(REPLY_TABLES, 69, TABLES)                                                              \
	X(REPLY_ANSWER, 70, ANSWER)                                                              \
	X(REPLY_FRAGMENT, 71, FRAGMENT)                                                          \
	X(REPLY_END, 72, FIELD_END)                                                              \
	X(REPLY_INSPECT, 73, TEXT)                                                               \
	X(REPLY_SEGMENT, 74, NUMBER)                                                             \
	X(REPLY_SCAN, 75, LENGTH)                                                                \
	X(REPLY_DATA, 76, DATA)                                                                  \
	X(REPLY_PAGE, 77, LENGTH, SEGMENTS)

enum message_type {
#define MESSAGE_ENUM(name, number, ...) name = number,
	MESSAGE_TABLE(MESSAGE_ENUM)
#undef MESSAGE_ENUM
};

/* All messages in one: only the fields of its type mean anything. Byte strings are borrowed. */
struct message {
	uint8_t type;
	uint16_t protocol, parameters, code, exists, kind, column;
	uint8_t database[MESSAGE_ID_BYTES], table[MESSAGE_ID_BYTES], key_id[MESSAGE_ID_BYTES];
	uint8_t other[MESSAGE_ID_BYTES]; /* the table in whose place `table` comes */
	/* With a change: the owner state's version as the owner knows it (the change fails with
	 * AMT_CONFLICT if the host's differs) and the new state. REQUEST_QUERY without a change: 0
	 * and empty. */
	uint64_t version;
	struct span state;
	uint64_t epoch, first, rows, done, total, page, length, number, packed;
	struct span key;       /* WIRE_EVALUATION_KEY */
	struct span schema;    /* schema_put */
	struct span fragments; /* each a u32 length and a fragment (engine/fragment.h) */
	struct span fragment;  /* one */
	struct span query;     /* WIRE_QUERY (engine/question.h) */
	struct span answer;    /* WIRE_ANSWER */
	struct span columns;   /* u16 column, u8 part: families of fragments asked for */
	struct span ids;       /* u64 row ids; empty: all rows */
	struct span tables;    /* u32 length and table record (engine/relation.h) each */
	/* REQUEST_INSERT: kind and the list of scan pages that come with it, each a struct
	 * relation_segment (engine/relation.h); they were sent before, each by a REQUEST_SEGMENT that is
	 * followed by REQUEST_DATA until `length` bytes are there, and answered by its number. */
	struct span segments;
	struct span data; /* some of the bytes of a segment or of an answer */
	struct span scan; /* WIRE_SCAN_QUESTION (engine/scan_question.h) */
	struct span text, hint;
};

/* What the host is busy with: code of REPLY_PROGRESS. */
enum message_phase {
	PHASE_KEY = 1,
	PHASE_COMPUTING = 2,
	PHASE_SWITCHING_KEYS = 3,
	PHASE_SCANNING = 4
};

/* Appends the whole frame. AMT_LIMIT if a field is longer than its bound. */
amt_status message_put(struct buf *out, const struct message *m);
/* Fields of a frame of this type, borrowed from body. AMT_PROTOCOL: unknown type; AMT_TRUNCATED,
 * AMT_CORRUPTION, AMT_LIMIT: the body. */
amt_status message_get(struct message *out, uint8_t type, struct span body);
const char *message_name(uint8_t type); /* "REQUEST_HELLO"; "?" if unknown */

/* Frames over two file descriptors (pipes, sockets; they may be the same one). One thread. */
struct channel {
	int in, out;
	uint64_t sent, received;
	struct buf frame; /* of channel_send */
};
void channel_free(struct channel *c);
amt_status channel_send(struct channel *c, const struct message *m);
/* The next frame into body (cleared first) and message, which borrows from it. AMT_CLOSED: the
 * other side has ended; AMT_TRUNCATED: in the middle of a frame. */
amt_status channel_receive(struct channel *c, struct buf *body, struct message *m);
/* Whether something (a frame, or the end) can be received without waiting. */
bool channel_ready(const struct channel *c);

#endif
